"""The articles of a corpus folder: add, remove, list, originals. Plain functions that shell and window call.

They change files only; the index follows by itself with the next question, or at once by `Assistant.refresh`.
"""

from __future__ import annotations

import hashlib
import os
import re
import unicodedata
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path, PurePosixPath
from urllib.parse import unquote, urlsplit

from filelock import FileLock, Timeout
from platformdirs import user_cache_path

from rag import corpus as files
from rag.corpus import ORIGINALS, REMOVED, RETELLING
from rag.disk import Disk
from rag.errors import CorpusError
from rag.fetch import Page
from rag.fetch import fetch as fetch_page
from rag.formats import KINDS, read_document
from rag.text import content_stems, fold, names
from rag.types import Article

LONGEST_ID = 80
LOCK_SECONDS = 120.0
"""Seconds to wait for another process that changes the same articles; it may be fetching pages."""
TITLE_SHARED = 0.5
"""Share of the words of a retelling's title that the original's title must have."""
NAMES_SHARED = 0.6
"""Share of a retelling's names that the original's text must have."""
LENGTH_SHARED = 0.3
"""An original shorter than this share of its retelling is a teaser or a notice, not the article."""

TAKEN = "Use --replace, or another --id."
"""What to do where an id is taken, in the shell's words."""

_ID = re.compile(r"[^\W_][\w-]*")
_RESERVED = re.compile(r"(con|prn|aux|nul|com\d|lpt\d)", re.IGNORECASE)
_WEB = ("http://", "https://")

Fetch = Callable[[str], Page]


@dataclass(frozen=True, slots=True)
class Added:
    """An article that is in the corpus now: where it came from, its file, and whether it took another's place."""

    article: Article
    source: str
    file: Path
    replaced: bool = False


@dataclass(frozen=True, slots=True)
class Skipped:
    """What was left out, and why."""

    source: str
    reason: str


@dataclass(frozen=True, slots=True)
class Report:
    """What came of adding: one entry a document."""

    added: tuple[Added, ...] = ()
    skipped: tuple[Skipped, ...] = ()


@dataclass(frozen=True, slots=True)
class Entry:
    """An article of the corpus: the file it is read from, and the file in the folder itself, which a retelling keeps."""

    article: Article
    file: Path
    base: Path

    @property
    def is_original(self) -> bool:
        """True where it stands in a retelling's place."""
        return self.file != self.base


def entries(folder: Path) -> tuple[Entry, ...]:
    """Return the articles of a corpus folder with their files, ordered by id; none where the folder is empty or missing.

    Raises:
        CorpusError: an article cannot be read.
    """
    found = []
    for file in files.article_files(folder) if folder.is_dir() else ():
        article = files.load_article(file)
        original = files.original_file(folder, article)
        found.append(Entry(files.load_article(original) if original else article, original or file, file))
    return tuple(sorted(found, key=lambda entry: entry.article.id))


def add(
    sources: Sequence[str | Path],
    folder: Path,
    *,
    id_: str = "",
    replaces: bool = False,
    fetch: Fetch = fetch_page,
    disk: Disk | None = None,
) -> Report:
    """Add documents to a corpus folder: files, the documents of folders (not of their subfolders), and web addresses.

    Each becomes `ID.md` with front matter. The id is `id_`, else it is made from the file's or the address's name. With
    `replaces`, an article of the same id is replaced; a retelling is kept and comes back by `restore`. A document is left
    out, with the reason, where it cannot be read, where its id is taken, or where the corpus has its text already.

    Raises:
        CorpusError: nothing could be added, `id_` is not safe or given for more than one document, or the corpus folder
            cannot be read or written.
    """
    documents = list(_documents(sources))
    if id_ and len(documents) != 1:
        raise CorpusError(f"--id names one article, but {len(documents)} documents were given. Add them one by one.")
    with _changing(folder, disk or Disk()) as at:
        present = {files.same_id(entry.article.id): entry for entry in entries(folder)}
        texts = {_same_text(entry.article.text): entry.article.id for entry in present.values()}

        def put(source: str | Path) -> Added:
            return _put(_read(source, id_, fetch), str(source), at, present, texts, replaces=replaces)

        report = _report([(str(source), partial(put, source)) for source in documents])
    if not report.added:
        reasons = "\n".join(entry.reason for entry in report.skipped)
        raise CorpusError(reasons or f"Nothing to add in {', '.join(map(str, sources))} (looked for {', '.join(KINDS)}).")
    return report


def remove(ids: Sequence[str], folder: Path, *, disk: Disk | None = None) -> tuple[Entry, ...]:
    """Remove articles from a corpus folder and return them; a retelling is kept aside and comes back by `restore`.

    Raises:
        CorpusError: there is no such article (then nothing is removed), or the folder cannot be written.
    """
    with _changing(folder, disk or Disk()) as at:
        present = {entry.article.id: entry for entry in entries(folder)}
        if unknown := [id_ for id_ in ids if id_ not in present]:
            raise CorpusError(f"No article {', '.join(unknown)} in {folder}. There are: {', '.join(present) or 'none'}.")
        removed = tuple(present[id_] for id_ in dict.fromkeys(ids))
        try:
            for entry in removed:
                _take_out(entry, at)
        except OSError as error:
            raise CorpusError(f"Cannot remove from {folder}: {error.strerror}. Check the folder's permissions.") from error
    return removed


def originals(folder: Path, ids: Sequence[str] = (), *, fetch: Fetch = fetch_page) -> Report:
    """Fetch the originals of retellings from their publishers' pages and put them in the retellings' place.

    `ids` chooses some; all by default. What is fetched must be that article: its title and enough of its names. A page
    that cannot be fetched or is another article is reported as skipped, and the retelling stays.

    Raises:
        CorpusError: an id is no retelling with an address.
    """
    loaded = [files.load_article(file) for file in files.article_files(folder)]
    retellings = {article.id: article for article in loaded if article.edition == RETELLING}
    if unknown := [id_ for id_ in ids if id_ not in retellings]:
        raise CorpusError(f"No retelling {', '.join(unknown)} in {folder}. There are: {', '.join(sorted(retellings)) or 'none'}.")

    with _changing(folder, Disk()) as at:

        def put(retelling: Article) -> Added:
            original = _original(retelling, fetch)
            return Added(original, retelling.url, _save_original(original, at), replaced=True)

        return _report([(retellings[id_].url or id_, partial(put, retellings[id_])) for id_ in ids or sorted(retellings)])


def restore(folder: Path, ids: Sequence[str] = (), *, disk: Disk | None = None) -> tuple[str, ...]:
    """Put retellings back in their places, removing originals and undoing removals; return the ids that changed.

    `ids` chooses some; all by default.

    Raises:
        CorpusError: the folder cannot be written.
    """
    changed = set()
    with _changing(folder, disk or Disk()) as at:
        try:
            for kept in sorted(file for file in (folder / REMOVED).glob("*") if file.suffix in files.SUFFIXES):
                if not (folder / kept.name).exists() and (not ids or kept.stem in ids):
                    at.disk.replace(kept, folder / kept.name)
                    changed.add(kept.stem)
            at.disk.settled(folder)
            for file in files.article_files(folder):
                original = files.original_file(folder, files.load_article(file)) if not ids or file.stem in ids else None
                if original:
                    at.disk.remove(original)
                    changed.add(file.stem)
            for leftover in (folder / ORIGINALS, folder / REMOVED):
                with suppress(OSError):  # not empty, or not there
                    leftover.rmdir()
        except OSError as error:
            raise CorpusError(f"Cannot restore in {folder}: {error.strerror}. Check the folder's permissions.") from error
    return tuple(sorted(changed))


def checked_id(id_: str) -> str:
    """Return an id that is safe as a file's name on every system.

    Raises:
        CorpusError: it has other characters than letters, digits, - and _, begins with one of these two, is too long, is
            a name that a system reserves, or would be taken for a file about the folder.
    """
    id_ = unicodedata.normalize("NFC", id_)
    problem = ""
    if not _ID.fullmatch(id_) or len(id_.encode()) > 2 * LONGEST_ID or len(id_) > LONGEST_ID:
        problem = f"an id is 1 to {LONGEST_ID} letters, digits, - and _, and begins with a letter or digit"
    elif _RESERVED.fullmatch(id_):
        problem = "some systems reserve that name"
    elif id_.isupper() and id_.isalpha():
        problem = "a name all in capitals is kept for files about the folder, such as README.md"
    if problem:
        raise CorpusError(f"{id_[:LONGEST_ID]!r} cannot be an article's id: {problem}. Choose another with --id.")
    return id_


@dataclass(frozen=True, slots=True)
class _Place:
    """A corpus folder and the disk it is changed by."""

    folder: Path
    disk: Disk


@contextmanager
def _changing(folder: Path, disk: Disk) -> Iterator[_Place]:
    """Hold the lock on a corpus folder, so that two changes at once cannot overwrite each other's article.

    It lies beside the index, not among the articles. What a change that died left behind is removed.
    """
    lock = user_cache_path("footnote", appauthor=False) / "locks" / hashlib.sha256(os.fsencode(folder.resolve())).hexdigest()[:12]
    try:
        lock.parent.mkdir(parents=True, exist_ok=True)
        with FileLock(lock, timeout=LOCK_SECONDS):
            for leftover in [*folder.glob(files.TEMPORARY.format("*")), *(folder / ORIGINALS).glob(files.TEMPORARY.format("*"))]:
                disk.remove(leftover)
            yield _Place(folder, disk)
    except Timeout:
        raise CorpusError(f"Another process has been changing {folder} for {LOCK_SECONDS:.0f} s. Wait for it, or end it.") from None
    except OSError as error:
        raise CorpusError(f"Cannot change {folder}: {error.strerror or error}. Check it and the folder {lock.parent}.") from error


def _documents(sources: Sequence[str | Path]) -> list[str | Path]:
    """Return the files and addresses that the sources stand for."""
    documents: list[str | Path] = []
    for source in sources:
        if isinstance(source, str) and source.lower().startswith(_WEB):
            documents.append(source)
        elif (path := Path(source).expanduser()).is_dir():
            documents += sorted(file for file in path.iterdir() if file.suffix.lower() in KINDS and files.is_document(file))
        else:
            documents.append(path)
    return documents


def _read(source: str | Path, id_: str, fetch: Fetch) -> Article:
    """Return a document as an Article under a safe id."""
    if isinstance(source, str):
        name = PurePosixPath(unquote(urlsplit(source).path)).name or str(urlsplit(source).hostname)
        id_ = checked_id(id_ or _slug(PurePosixPath(name).stem))
        page = fetch(source)
        return read_document(page.data, name, id_=id_, content_type=page.content_type, url=page.url)
    if not source.is_file():
        raise CorpusError(f"No document at {source}. Give a file, a folder, or an address that begins with https://")
    id_ = checked_id(id_ or _slug(source.stem))
    return read_document(files.read_bytes(source), source.name, id_=id_)


def _slug(name: str) -> str:
    """Return a name as an id: its letters and digits, folded, with single dashes between."""
    return "-".join(re.findall(r"[^\W_]+", fold(name)))[:LONGEST_ID].strip("-") or "article"


def _put(article: Article, source: str, at: _Place, present: dict[str, Entry], texts: dict[str, str], *, replaces: bool) -> Added:
    """Write an article to the corpus and note it as present."""
    key, text = files.same_id(article.id), _same_text(article.text)
    old = present.get(key)
    if texts.get(text, article.id) != article.id or (old and _same_text(old.article.text) == text and not replaces):
        raise CorpusError(f"{source} has the same text as the article {texts[text]!r}, which is there already.")
    if old and not replaces:
        raise CorpusError(f"There is an article {old.article.id!r} already ({old.article.title}). {TAKEN}")
    base = old.base if old else at.folder / f"{article.id}.md"
    article = replace(article, id=base.stem)
    below = files.load_article(base) if old else None
    if below and below.edition == RETELLING and article.edition != RETELLING:
        article = _in_place_of(below, article)
        file = _save_original(article, at)
    else:
        file = files.save_article(base, article, disk=at.disk)
    if old:
        texts.pop(_same_text(old.article.text), None)
    present[key] = Entry(article, file, base)
    texts[text] = article.id
    return Added(article, source, file, replaced=old is not None)


def _save_original(original: Article, at: _Place) -> Path:
    return files.save_article(at.folder / ORIGINALS / f"{original.id}.md", original, disk=at.disk)


def _report(attempts: Sequence[tuple[str, Callable[[], Added]]]) -> Report:
    """Make every attempt and return what came of them."""
    outcomes = [_outcome(source, attempt) for source, attempt in attempts]
    added = tuple(outcome for outcome in outcomes if isinstance(outcome, Added))
    return Report(added, tuple(outcome for outcome in outcomes if isinstance(outcome, Skipped)))


def _outcome(source: str, attempt: Callable[[], Added]) -> Added | Skipped:
    try:
        return attempt()
    except CorpusError as error:
        return Skipped(source, str(error))


def _take_out(entry: Entry, at: _Place) -> None:
    if entry.is_original or entry.article.edition == RETELLING:
        at.disk.make_folder(at.folder / REMOVED)
        at.disk.replace(entry.base, at.folder / REMOVED / entry.base.name)  # first: an original has no place without its retelling
        at.disk.settled(at.folder / REMOVED)
    at.disk.remove(entry.file)
    at.disk.settled(at.folder)


def _original(retelling: Article, fetch: Fetch) -> Article:
    """Return the article behind a retelling's address."""
    if not retelling.url:
        raise CorpusError(f"{retelling.id!r} names no address in its front matter.")
    page = fetch(retelling.url)
    article = read_document(page.data, retelling.url, id_=retelling.id, content_type=page.content_type or "text/html", url=page.url)
    return _in_place_of(retelling, _verified(article, retelling))


def _verified(article: Article, retelling: Article) -> Article:
    """Return the article if it is the one that was retold, judged by title, names and length.

    Raises:
        CorpusError: it is another.
    """
    title = set(content_stems(retelling.title))
    shared_title = len(title & set(content_stems(article.title))) / max(1, len(title))
    known, text = names(retelling.text), f" {fold(article.text)} "
    shared_names = sum(1 for name in known if name in text) / max(1, len(known))
    if shared_title < TITLE_SHARED or shared_names < NAMES_SHARED or len(article.text) < LENGTH_SHARED * len(retelling.text):
        raise CorpusError(
            f"{retelling.url} no longer shows the article that was retold: its title is {article.title[:100]!r}, with "
            f"{shared_title:.0%} of the title's words and {shared_names:.0%} of the names. Add the article from a file: "
            f"python -m rag add FILE --id {retelling.id} --replace"
        )
    return article


def _in_place_of(retelling: Article, article: Article) -> Article:
    """Return an original with what only its retelling knows of title, publisher, date and address."""
    return replace(
        article,
        title=retelling.title if article.title == files.title_from_id(article.id) else article.title,
        publisher=retelling.publisher or article.publisher,
        date=retelling.date or article.date,
        url=retelling.url or article.url,
        edition="",
    )


def _same_text(text: str) -> str:
    return " ".join(text.split())
