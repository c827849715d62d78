"""A folder of files to Articles, and an Article to its file: Markdown with front matter, and plain text.

corpus/ID.md            an article; corpus/ID.txt is one too
corpus/originals/ID.md  the original of a retelling: it is read in the retelling's place
corpus/.removed/ID.md   a retelling that was removed; it can be restored
"""

from __future__ import annotations

import logging
import os
import re
import unicodedata
from contextlib import suppress
from pathlib import Path

import yaml

from rag.disk import Disk
from rag.errors import CorpusError, EmptyCorpusError
from rag.types import Article

logger = logging.getLogger(__name__)

SUFFIXES = (".md", ".txt")
FIELDS = ("title", "publisher", "date", "url", "edition")
MAX_BYTES = 50 * 1024 * 1024
LONGEST_TITLE = 200
LONGEST_URL = 2000
LONGEST_FRONT_MATTER = 64 * 1024
RETELLING = "retelling"
ORIGINALS = "originals"
REMOVED = ".removed"
TEMPORARY = ".{}.footnote.tmp"
"""An article while it is written."""

_FRONT_MATTER = re.compile(r"\A---[ \t]*\n(.*?)^---[ \t]*(?:\n|\Z)", re.DOTALL | re.MULTILINE)
_LEADING_DATE = re.compile(r"\A\s*date:?\s+(\d{4}-\d{2}-\d{2})\b[ \t]*", re.IGNORECASE)
_MARKDOWN_TITLE = re.compile(r"\A\s*#[ \t]+(.+?)[ \t]*#*[ \t]*(?:\n|\Z)")


def load_corpus(path: str | Path) -> tuple[Article, ...]:
    """Return the articles of a folder (or of one file), ordered by id.

    An article is a `.md` or `.txt` file; its id is the file's stem. Hidden files, links that lead out of the folder, and
    files about the folder, named in capitals such as README.md, are left out; empty files are left out with a warning.
    Where `originals/` holds an article of the same id as a retelling, it takes its place.

    Raises:
        EmptyCorpusError: no articles in the folder.
        CorpusError: no such folder, an unreadable file, or two files of the same stem.
    """
    path = Path(path)
    articles: dict[str, Article] = {}
    origin: dict[str, Path] = {}
    for file in _article_files(path):
        try:
            article = load_article(file)
        except CorpusError as error:
            if isinstance(error.__cause__, FileNotFoundError):
                continue  # removed since the folder was listed
            raise
        if not article.text.strip():
            logger.warning("%s is empty and was left out.", file.name)
            continue
        if (key := same_id(article.id)) in origin:
            raise CorpusError(f"{origin[key].name} and {file.name} would both be article {article.id!r}. Rename one of them.")
        origin[key] = file
        original = original_file(path, article)
        articles[article.id] = load_article(original) if original else article
    if not articles:
        raise EmptyCorpusError(f"No articles in {path} (looked for *.md and *.txt with text in them). Put one there and ask again.")
    return tuple(articles[id_] for id_ in sorted(articles))


def _article_files(path: Path) -> list[Path]:
    if path.is_file():
        return [path]
    if not path.is_dir():
        raise CorpusError(f"No corpus folder at {path}. Create it and put .md or .txt articles there, or name another folder.")
    return article_files(path)


def article_files(folder: Path) -> list[Path]:
    """Return the files of a folder that are articles, ordered by name."""
    return sorted(file for file in folder.iterdir() if file.suffix.lower() in SUFFIXES and is_document(file))


def is_document(file: Path) -> bool:
    """Tell a file that may be an article from hidden files, files about the folder, links out of it, pipes and devices."""
    about_the_folder = file.stem.isupper() and file.stem.isalpha()
    if file.name.startswith(".") or about_the_folder or not file.is_file():
        return False
    if file.resolve().parent != file.parent.resolve():
        logger.warning("%s is a link that leads out of its folder and was left out.", file.name)
        return False
    return True


def original_file(folder: Path, article: Article) -> Path | None:
    """Return the file of the original that takes a retelling's place, if there is one."""
    file = folder / ORIGINALS / f"{article.id}.md"
    return file if article.edition == RETELLING and is_document(file) else None


def same_id(id_: str) -> str:
    """Return what two ids have in common that some disk would keep as one file: case and composed letters do not count."""
    return unicodedata.normalize("NFC", id_).casefold()


def load_article(file: Path) -> Article:
    """Return one file as an Article; its text is the file's own, without front matter.

    Raises:
        CorpusError: the file is too large, cannot be read, is not UTF-8 text, has a name that is not, or has front matter that
            cannot be used.
    """
    try:
        file.name.encode()
    except UnicodeEncodeError:
        raise CorpusError(f"The name of the file {os.fsencode(file.name)!r} is not UTF-8. Rename the file.") from None
    return article_from_text(decode_text(read_bytes(file), file.name), file.name, file.stem)


def article_from_text(text: str, name: str, id_: str) -> Article:
    """Return text as an Article, with what its front matter, a leading date and a title line give; `name` is for errors.

    Raises:
        CorpusError: the front matter cannot be used.
    """
    meta: dict[str, str] = {}
    if match := _FRONT_MATTER.match(text):
        meta, text = _front_matter(match.group(1), name), text[match.end() :]
    if date := _LEADING_DATE.match(text):
        meta.setdefault("date", date.group(1))
    title = meta.pop("title", "") or _title_in(text) or title_from_id(id_)
    return Article(id=id_, title=title[:LONGEST_TITLE], text=text, **meta)


def title_from_id(id_: str) -> str:
    """Return the title of an article that has none: its id in words."""
    return id_.replace("-", " ").replace("_", " ").capitalize()


def read_bytes(file: Path) -> bytes:
    """Return a file's bytes.

    Raises:
        CorpusError: it is larger than MAX_BYTES or cannot be read.
    """
    try:
        if (size := file.stat().st_size) > MAX_BYTES:
            raise CorpusError(f"{file.name} is {size:,} bytes; an article may have {MAX_BYTES:,}. Split it into several files.")
        return file.read_bytes()
    except OSError as error:
        raise CorpusError(f"Cannot read {file}: {error.strerror}. Check the file and its permissions.") from error


def decode_text(data: bytes, name: str) -> str:
    """Return UTF-8 text with line feeds as line ends and no byte order mark.

    Raises:
        CorpusError: it is not UTF-8, or holds a NUL.
    """
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise CorpusError(f"{name} is not UTF-8 text (byte {error.start}). Save it as UTF-8 and ask again.") from None
    if "\0" in text:
        raise CorpusError(f"{name} holds a NUL character at {text.index(chr(0))}; it is not plain text.")
    return text.replace("\r\n", "\n").replace("\r", "\n")


def save_article(file: Path, article: Article, *, disk: Disk | None = None) -> Path:
    """Write an article with front matter, whole or not at all, and return its file, whose stem is the article's id.

    Raises:
        CorpusError: the folder cannot be written.
    """
    folder, disk = file.parent, disk or Disk()
    fields = {name: value for name in FIELDS if (value := getattr(article, name))}
    front_matter = yaml.safe_dump(fields, allow_unicode=True, sort_keys=False, width=1_000_000)
    temporary = folder / TEMPORARY.format(article.id)
    try:
        disk.make_folder(folder)
        disk.write(temporary, f"---\n{front_matter}---\n{article.text}".encode())
        disk.replace(temporary, file)
    except OSError as error:
        with suppress(OSError):
            disk.remove(temporary)
        raise CorpusError(f"Cannot write {file}: {error.strerror}. Check the folder and the space there.") from error
    disk.settled(folder)
    return file


def _front_matter(block: str, name: str) -> dict[str, str]:
    """Return the known fields of a YAML block as text; every value must be a plain scalar."""
    if len(block) > LONGEST_FRONT_MATTER:
        raise CorpusError(f"{name}: the front matter has {len(block):,} characters; {LONGEST_FRONT_MATTER:,} is the limit.")
    try:
        values = yaml.load(block, Loader=yaml.BaseLoader) or {}  # noqa: S506 - strings only, it builds no objects
    except (yaml.YAMLError, RecursionError) as error:
        line = getattr(getattr(error, "problem_mark", None), "line", 0) + 2
        raise CorpusError(f"{name}, line {line}: the front matter is not YAML. Put values with a colon in quotes.") from None
    if not isinstance(values, dict):
        raise CorpusError(f"{name}: the front matter must be lines of `name: value`.")
    for field in FIELDS:
        if not isinstance(values.get(field, ""), str):
            raise CorpusError(f"{name}: `{field}` in the front matter must be one line of text.")
    known = {field: " ".join(values[field].split()) for field in FIELDS if values.get(field)}
    known = {field: text if field == "url" else text[:LONGEST_TITLE] for field, text in known.items()}
    if not (url := known.get("url", "https://")).lower().startswith(("https://", "http://")) or len(url) > LONGEST_URL:
        logger.warning("%s: `url` in the front matter is no web address and was left out.", name)
        del known["url"]
    return known


def _title_in(text: str) -> str:
    """Return a Markdown `# title`, or the first line where it stands alone and reads like one, else ""."""
    if match := _MARKDOWN_TITLE.match(text):
        return match.group(1)
    first, _, rest = text.lstrip().partition("\n")
    alone = rest.startswith("\n") or not rest
    reads_like_one = len(first) <= LONGEST_TITLE and not first.rstrip().endswith((".", ":", ";", ",")) and not _LEADING_DATE.match(text)
    return first.strip() if alone and rest.strip() and reads_like_one else ""
