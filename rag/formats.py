"""Documents to Articles: plain text, Markdown, saved web pages, PDF and DOCX, each read by the library made for it.

The libraries are imported when a document of their kind is read.
"""

from __future__ import annotations

import io
import re
import zipfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from itertools import pairwise
from pathlib import PurePath
from typing import Any

from rag.corpus import LONGEST_TITLE, article_from_text, decode_text, title_from_id
from rag.errors import CorpusError
from rag.types import Article

MOST_PAGES = 2_000
"""Pages of a PDF that are read at most."""
MOST_UNPACKED = 200 * 1024 * 1024
"""Bytes that a DOCX may unpack to."""
KINDS = {
    ".txt": "text",
    ".md": "text",
    ".markdown": "text",
    ".html": "page",
    ".htm": "page",
    ".xhtml": "page",
    ".pdf": "pdf",
    ".docx": "docx",
}
CONTENT_TYPES = {
    "text/html": "page", "application/xhtml+xml": "page", "application/pdf": "pdf", "text/plain": "text", "text/markdown": "text",
    "application/vnd.openxmlformats-officedocument.wordprocessingml.document": "docx",
}  # fmt: skip
READABLE = "text (.txt, .md), web pages (.html), PDF and DOCX"

CAPTION = "Caption: "
"""What a caption begins with, so that it is not taken for a sentence of the article."""

_SHORTEST_ARTICLE = 50
"""Characters; of a page with less in its article, trafilatura would give everything, navigation too (it has 250)."""
_HYPHENATED = re.compile(r"(?<=[a-z])-\s*\n(?=[a-z])")
_PAGE_NUMBER = re.compile(r"(?:page )?\d+(?: (?:of|/) \d+)?", re.IGNORECASE)
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff]")
_LARGER = 1.15
"""A line of a PDF so many times as high as most, or as far from the one above, begins something else."""
_PDF_DATE = re.compile(r"D:(\d{4})(\d{2})(\d{2})")
_TEMPLATE_MADE = "2013-12-23"  # of python-docx's own template: no date of the document


def read_document(data: bytes, name: str, *, id_: str, content_type: str = "", url: str = "") -> Article:
    """Return a document's text as an Article, with the title, date, publisher and address that the document gives.

    `name` is the file's name or the address's path; what the bytes are is told by their beginning, then by
    `content_type`, then by the name. `url` is where they were fetched from.

    Raises:
        CorpusError: the kind is unknown, the document is damaged, too large when unpacked, or holds no text.
    """
    kind = _kind(data, name, content_type)
    try:
        article = _READERS[kind](data, name, id_)
    except CorpusError:
        raise
    except Exception as error:  # these libraries raise errors of many kinds on damaged documents
        raise CorpusError(f"{name} cannot be read as {kind}: {_one_line(error)}. Save it as .txt or .md and add that.") from error
    if not any(c.isalnum() for c in article.text):
        hint = " A scanned PDF needs text recognition first." if kind == "pdf" else ""
        raise CorpusError(f"{name} holds no text (read as {kind}).{hint} Save its text as .txt or .md and add that.")
    return replace(article, title=_one_line(article.title)[:LONGEST_TITLE], url=article.url or url)


def _kind(data: bytes, name: str, content_type: str) -> str:
    if data[:1024].lstrip().startswith(b"%PDF-"):
        return "pdf"
    if data.startswith(b"PK\x03\x04") and b"word/" in data:
        return "docx"
    declared = CONTENT_TYPES.get(content_type.partition(";")[0].strip().lower())
    kind = declared or KINDS.get(PurePath(name).suffix.lower())
    if kind in (None, "pdf", "docx"):
        what = content_type or PurePath(name).suffix or "no ending"
        raise CorpusError(f"{name} is no document that can be read ({what}). Readable are {READABLE}.")
    return str(kind)


def _read_text(data: bytes, name: str, id_: str) -> Article:
    return article_from_text(decode_text(data, name), name, id_)


def _read_page(data: bytes, name: str, id_: str) -> Article:
    import trafilatura
    from trafilatura.settings import use_config

    config = use_config()
    config.set("DEFAULT", "MIN_EXTRACTED_SIZE", str(_SHORTEST_ARTICLE))
    config.set("DEFAULT", "EXTENSIVE_DATE_SEARCH", "off")  # or any date in the text may become the article's
    page = _with_captions(trafilatura.load_html(_decode_page(data, name)))
    document: Any = trafilatura.bare_extraction(page, with_metadata=True, include_comments=False, include_links=False, config=config)
    if document is None or document.body is None:
        raise CorpusError(f"{name} holds no article that could be told from the rest of the page. Save its text as .txt and add that.")
    title = _one_line(document.title or "")
    blocks = [block for block in _page_blocks(document.body) if block.lstrip("# ") != title]
    fields = {"title": title, "publisher": document.sitename, "date": document.date, "url": document.url}
    return _article(id_, "\n\n".join(blocks), **fields)


def _with_captions(page: Any) -> Any:
    """Return a page's tree with its captions as paragraphs after their figures, which trafilatura drops whole."""
    for caption in list(page.iter("figcaption")) if page is not None else ():
        if (text := _one_line(caption.text_content())) and (figure := next(caption.iterancestors("figure"), None)) is not None:
            paragraph = figure.makeelement("p")
            paragraph.text = f"{CAPTION}{text}"
            figure.addnext(paragraph)
    return page


def _decode_page(data: bytes, name: str) -> str:
    """Return a page's text: as UTF-8 where it is, else as trafilatura detects it."""
    from trafilatura.utils import decode_file

    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        text = str(decode_file(data))
        if "\ufffd" in text:
            raise CorpusError(f"{name} is in no character set that could be told. Save it as UTF-8 and add that.") from None
        return text


def _page_blocks(body: Any) -> Iterator[str]:
    """Yield the paragraphs, headings, list items and table rows of trafilatura's tree as Markdown blocks."""
    for element in body:
        if element.tag == "list":
            yield "\n".join(f"- {text}" for item in element.iter("item") if (text := _one_line(" ".join(item.itertext()))))
        elif element.tag == "table":
            rows = ([_one_line(" ".join(cell.itertext())) for cell in row.iter("cell")] for row in element.iter("row"))
            yield "\n".join(" | ".join(row) for row in rows)
        elif text := _one_line("".join(element.itertext())):
            yield f"## {text}" if element.tag == "head" else text


def _read_pdf(data: bytes, name: str, id_: str) -> Article:
    meta, blocks = _pdf_metadata(data), list(_joined(_pdf_blocks(data)))
    heading = blocks[0].removeprefix("## ") if blocks and blocks[0].startswith("## ") else ""
    title = meta["title"] or heading
    return _article(id_, "\n\n".join(blocks[1:] if heading == title else blocks), title=title, date=meta["date"])


def _pdf_blocks(data: bytes) -> Iterator[str]:
    """Yield the paragraphs of a PDF in reading order.

    pdfminer finds columns and their lines. A paragraph ends where the step to the next line is wider than usual, or where
    the letters change their height; what is set larger than most of the text is a heading.
    """
    from pdfminer.high_level import extract_pages
    from pdfminer.layout import LAParams, LTTextBox

    pages = extract_pages(io.BytesIO(data), maxpages=MOST_PAGES, laparams=LAParams(line_margin=1.0))
    boxes = [list(box) for page in pages for box in page if isinstance(box, LTTextBox)]
    usual_height = _median([line.height for box in boxes for line in box for _ in line.get_text()])  # one a character
    usual_step = _median([above.y0 - below.y0 for box in boxes for above, below in pairwise(box)])
    for box in boxes:
        blocks = [[box[0]]]
        for above, line in pairwise(box):
            same_kind = (above.height > usual_height * _LARGER) == (line.height > usual_height * _LARGER)
            if same_kind and above.y0 - line.y0 <= usual_step * _LARGER:
                blocks[-1].append(line)
            else:
                blocks.append([line])
        for block in blocks:
            text = _one_line(_HYPHENATED.sub("", "".join(line.get_text() for line in block)))
            heading = block[0].height > usual_height * _LARGER and len(text) <= LONGEST_TITLE
            if text and not _PAGE_NUMBER.fullmatch(text):
                yield f"## {text}" if heading else text


def _median(values: Sequence[float]) -> float:
    return sorted(values)[len(values) // 2] if values else 0.0


def _pdf_metadata(data: bytes) -> dict[str, str]:
    from pdfminer.pdfdocument import PDFDocument
    from pdfminer.pdfparser import PDFParser
    from pdfminer.utils import decode_text as decode_pdf_text

    info = {key: value for entry in PDFDocument(PDFParser(io.BytesIO(data))).info for key, value in entry.items()}
    title, made = (decode_pdf_text(info[key]) if isinstance(info.get(key), bytes) else "" for key in ("Title", "CreationDate"))
    date = _PDF_DATE.match(made)
    return {"title": _one_line(title), "date": "-".join(date.groups()) if date else ""}


def _joined(blocks: Iterable[str]) -> Iterator[str]:
    """Yield the blocks with those put together again that a page or column break had cut in a sentence."""
    held = ""
    for block in blocks:
        if held and not held.startswith("## ") and not block.startswith("## ") and block[0].islower() and held[-1] not in ".!?:”\"'":
            held = f"{held} {block}"
            continue
        if held:
            yield held
        held = block
    if held:
        yield held


def _read_docx(data: bytes, name: str, id_: str) -> Article:
    import docx
    from docx.table import Table

    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        if (size := sum(entry.file_size for entry in archive.infolist())) > MOST_UNPACKED:
            raise CorpusError(f"{name} unpacks to {size:,} bytes; {MOST_UNPACKED:,} is the limit. Save its text as .txt and add that.")
    document = docx.Document(io.BytesIO(data))
    title, blocks = _one_line(document.core_properties.title or ""), []
    for item in document.iter_inner_content():
        if isinstance(item, Table):
            blocks.append("\n".join(" | ".join(_one_line(cell.text) for cell in row.cells) for row in item.rows))
            continue
        text, style = _one_line(item.text), (item.style.name if item.style and item.style.name else "")
        if style == "Title":
            title = title or text
        elif text:
            blocks.append(f"## {text}" if style.startswith("Heading") else f"- {text}" if style.startswith("List") else text)
    made = document.core_properties.created
    date = f"{made:%Y-%m-%d}" if made else ""
    return _article(id_, "\n\n".join(blocks), title=title, date=date if date != _TEMPLATE_MADE else "")


_READERS: dict[str, Callable[[bytes, str, str], Article]] = {"text": _read_text, "page": _read_page, "pdf": _read_pdf, "docx": _read_docx}


def _article(id_: str, text: str, **fields: str | None) -> Article:
    """Return an Article whose title, where the document has none, is its id in words."""
    known = {name: _one_line(value) for name, value in fields.items() if value}
    known["title"] = known.get("title") or title_from_id(id_)
    return Article(id=id_, text=_CONTROL.sub("", text).strip() + "\n", **known)


def _one_line(text: object) -> str:
    return " ".join(_CONTROL.sub(" ", str(text)).split())
