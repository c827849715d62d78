"""Files to Articles: Markdown with front matter, and plain text."""

from __future__ import annotations

import logging
import re
from pathlib import Path

import yaml

from rag.errors import CorpusError
from rag.types import Article

logger = logging.getLogger(__name__)

SUFFIXES = (".md", ".txt")
FIELDS = ("title", "publisher", "date", "url", "edition")
MAX_BYTES = 50 * 1024 * 1024
LONGEST_TITLE = 200

_FRONT_MATTER = re.compile(r"\A---[ \t]*\n(.*?)^---[ \t]*(?:\n|\Z)", re.DOTALL | re.MULTILINE)
_LEADING_DATE = re.compile(r"\A\s*date:?\s+(\d{4}-\d{2}-\d{2})\b[ \t]*", re.IGNORECASE)
_MARKDOWN_TITLE = re.compile(r"\A\s*#[ \t]+(.+?)[ \t]*#*[ \t]*(?:\n|\Z)")


def load_corpus(path: str | Path) -> tuple[Article, ...]:
    """Return the articles of a folder (or of one file), ordered by id.

    An article is a `.md` or `.txt` file; its id is the file's stem. Hidden files and files about the folder, named in
    capitals such as README.md, are left out. Empty files are left out with a warning.

    Raises:
        CorpusError: no such folder, no articles in it, an unreadable file, or two files of the same stem.
    """
    path = Path(path)
    articles: dict[str, Article] = {}
    origin: dict[str, Path] = {}
    for file in _article_files(path):
        article = load_article(file)
        if not article.text.strip():
            logger.warning("%s is empty and was left out.", file.name)
            continue
        key = article.id.casefold()
        if key in origin:
            raise CorpusError(f"{origin[key].name} and {file.name} would both be article {article.id!r}. Rename one of them.")
        articles[article.id], origin[key] = article, file
    if not articles:
        raise CorpusError(f"No articles in {path} (looked for *.md and *.txt with text in them). Put one there and ask again.")
    return tuple(articles[id_] for id_ in sorted(articles))


def _article_files(path: Path) -> list[Path]:
    if path.is_file():
        return [path]
    if not path.is_dir():
        raise CorpusError(f"No corpus folder at {path}. Create it and put .md or .txt articles there, or name another folder.")
    return sorted(file for file in path.iterdir() if _is_article(file))


def _is_article(file: Path) -> bool:
    about_the_folder = file.stem.isupper() and file.stem.isalpha()
    return file.suffix.lower() in SUFFIXES and not file.name.startswith(".") and not about_the_folder and file.is_file()


def load_article(file: Path) -> Article:
    """Return one file as an Article; its text is the file's own, without Markdown front matter.

    Raises:
        CorpusError: the file is too large, cannot be read, is not UTF-8 text, or has front matter that cannot be used.
    """
    text = _read_text(file)
    meta: dict[str, str] = {}
    if match := _FRONT_MATTER.match(text):
        meta, text = _front_matter(match.group(1), file), text[match.end() :]
    if date := _LEADING_DATE.match(text):
        meta.setdefault("date", date.group(1))
    title = meta.pop("title", "") or _title_in(text) or file.stem.replace("-", " ").replace("_", " ").capitalize()
    return Article(id=file.stem, title=title, text=text, **meta)


def _read_text(file: Path) -> str:
    """Return the file's text with line feeds as line ends and no byte order mark."""
    try:
        if (size := file.stat().st_size) > MAX_BYTES:
            raise CorpusError(f"{file.name} is {size:,} bytes; an article may have {MAX_BYTES:,}. Split it into several files.")
        text = file.read_bytes().decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise CorpusError(f"{file.name} is not UTF-8 text (byte {error.start}). Save it as UTF-8 and ask again.") from None
    except OSError as error:
        raise CorpusError(f"Cannot read {file}: {error.strerror}. Check the file and its permissions.") from error
    if "\0" in text:
        raise CorpusError(f"{file.name} holds a NUL character at {text.index(chr(0))}; it is not plain text.")
    return text.replace("\r\n", "\n").replace("\r", "\n")


def _front_matter(block: str, file: Path) -> dict[str, str]:
    """Return the known fields of a YAML block as text; every value must be a plain scalar."""
    try:
        values = yaml.load(block, Loader=yaml.BaseLoader) or {}  # noqa: S506 - strings only, it builds no objects
    except yaml.YAMLError as error:
        line = getattr(getattr(error, "problem_mark", None), "line", 0) + 2
        raise CorpusError(f"{file.name}, line {line}: the front matter is not YAML. Put values with a colon in quotes.") from None
    if not isinstance(values, dict):
        raise CorpusError(f"{file.name}: the front matter must be lines of `name: value`.")
    for name in FIELDS:
        if not isinstance(values.get(name, ""), str):
            raise CorpusError(f"{file.name}: `{name}` in the front matter must be one line of text.")
    return {name: " ".join(values[name].split()) for name in FIELDS if values.get(name)}


def _title_in(text: str) -> str:
    """Return a Markdown `# title`, or the first line where it stands alone and reads like one, else ""."""
    if match := _MARKDOWN_TITLE.match(text):
        return match.group(1)
    first, _, rest = text.lstrip().partition("\n")
    alone = rest.startswith("\n") or not rest
    reads_like_one = len(first) <= LONGEST_TITLE and not first.rstrip().endswith((".", ":", ";", ",")) and not _LEADING_DATE.match(text)
    return first.strip() if alone and rest.strip() and reads_like_one else ""
