"""The corpus changed from the page: articles in and out, and originals for retellings, with progress and what came of it."""

from __future__ import annotations

import base64
import binascii
import logging
import tempfile
import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path, PurePath
from typing import Literal

from rag import library
from rag.corpus import ORIGINALS, RETELLING
from rag.errors import CorpusError, RagError
from rag.fetch import fetch as fetch_page
from rag.library import Fetch
from rag.window.answering import UNEXPECTED
from rag.window.startup import Startup

logger = logging.getLogger(__name__)

TAKEN = "Tick “Replace” to put it in its place."
_POLL = 0.2
"""Seconds between two looks at how far a change is."""


@dataclass(frozen=True, slots=True)
class Rights:
    """What a page may change: `originals` for retellings and back, and with `articles` everything that is in the corpus."""

    originals: bool = False
    articles: bool = False


@dataclass(frozen=True, slots=True)
class Dropped:
    """A file as the browser sends it: its name, and its bytes in base64."""

    name: str
    data: str


@dataclass(frozen=True, slots=True)
class Note:
    """What is being done to the corpus, or what came of it.

    `done` of `total` texts are embedded, where there is anything to embed; `article` is what to show afterwards, "" for the
    list of articles.
    """

    state: Literal["", "busy", "done", "failed"] = ""
    text: str = ""
    article: str = ""
    done: int = 0
    total: int = 0


class Shelf:
    """Changes the corpus one request at a time; the index follows before a change is told to be done."""

    def __init__(self, startup: Startup, folder: Path, *, fetch: Fetch = fetch_page) -> None:
        self._startup = startup
        self._folder = folder
        self._fetch = fetch
        self._lock = threading.Lock()
        self._counted = (0, 0)

    def is_original(self, id_: str) -> bool:
        """Tell whether an article of the corpus stands in its retelling's place."""
        article = self._startup.articles.get(id_)
        return article is not None and article.edition != RETELLING and (self._folder / ORIGINALS / f"{id_}.md").is_file()

    def drop(self, files: Sequence[Dropped], *, replaces: bool = False) -> Iterator[Note]:
        """Add files; yield notes, the last one settled."""

        def change() -> Note:
            with tempfile.TemporaryDirectory(prefix="footnote-") as folder:
                return self._added(_unpack(files, Path(folder)), replaces=replaces)

        return self._run(f"Reading {_count(len(files), 'file')}", change)

    def fetch(self, url: str, *, replaces: bool = False) -> Iterator[Note]:
        """Add the article at a web address; yield notes, the last one settled."""
        address = url.strip()
        if not address.lower().startswith(("http://", "https://")):
            return iter([Note("failed", "A web address begins with https:// or http://")])
        return self._run(f"Fetching {address}", lambda: self._added([address], replaces=replaces))

    def remove(self, id_: str) -> Iterator[Note]:
        """Take an article out; yield notes, the last one settled."""

        def change() -> Note:
            entry = library.remove([id_], self._folder)[0]
            kept = " Its retelling is kept: python -m rag originals --restore" if _has_retelling(entry) else ""
            return Note("done", f"“{entry.article.title}” is out of the corpus.{kept}")

        return self._run("Taking the article out", change)

    def load_original(self, id_: str) -> Iterator[Note]:
        """Fetch the original of a retelling from its publisher and put it in its place; yield notes, the last one settled."""

        def change() -> Note:
            report = library.originals(self._folder, [id_], fetch=self._fetch)
            if report.skipped:
                raise CorpusError(f"{report.skipped[0].reason} The retelling stays.")
            return Note("done", f"The original of “{report.added[0].article.title}” stands in its retelling's place now.", id_)

        article = self._startup.articles.get(id_)
        return self._run(f"Loading the original from {article.name if article else 'its publisher'}", change)

    def restore(self, id_: str) -> Iterator[Note]:
        """Put a retelling back in its original's place; yield notes, the last one settled."""

        def change() -> Note:
            library.restore(self._folder, [id_])
            return Note("done", "The retelling is back, and the original is removed from this machine.", id_)

        return self._run("Putting the retelling back", change)

    def _added(self, sources: Sequence[str | Path], *, replaces: bool) -> Note:
        try:
            report = library.add(sources, self._folder, replaces=replaces, fetch=self._fetch)
        except CorpusError as error:
            raise CorpusError(_for_page(str(error))) from error
        titles = ", ".join(f"“{added.article.title}”" for added in report.added)
        left_out = "".join(f" Left out: {_for_page(skipped.reason)}" for skipped in report.skipped)
        alone = report.added[0].article.id if len(report.added) == 1 else ""
        return Note("done", f"Added {titles}.{left_out}", alone)

    def _run(self, doing: str, change: Callable[[], Note]) -> Iterator[Note]:
        """Yield what is being done while a change runs on a thread of its own, which ends even where the page has gone."""
        if not self._lock.acquire(blocking=False):
            yield Note("failed", "Another change is being made. Try again when it is done.")
            return
        outcome = [Note("failed", UNEXPECTED)]
        self._counted = (0, 0)

        def work() -> None:
            try:
                outcome[0] = self._followed(change())
            except RagError as error:
                outcome[0] = Note("failed", str(error))
            except Exception:
                logger.exception("The corpus could not be changed.")
            finally:
                self._lock.release()

        thread = threading.Thread(target=work, name="footnote-shelf", daemon=True)
        thread.start()
        while thread.is_alive():
            done, total = self._counted
            yield Note("busy", doing, done=done, total=total)
            thread.join(_POLL)
        yield outcome[0]

    def _followed(self, note: Note) -> Note:
        """Bring the index up to date with a change, and return its note, which says where that failed."""
        try:
            self._startup.follow(self._report)
        except RagError as error:
            return replace(note, state="failed", text=f"{note.text} But the index could not follow: {error}")
        return note

    def _report(self, done: int, total: int) -> None:
        self._counted = (done, total)


def _unpack(files: Sequence[Dropped], folder: Path) -> list[str | Path]:
    """Write files to a folder under the last part of their names, and return where they are."""
    paths: list[str | Path] = []
    for number, file in enumerate(files):
        path = folder / str(number) / (PurePath(file.name.replace("\\", "/")).name or "article")
        path.parent.mkdir()
        try:
            path.write_bytes(base64.b64decode(file.data, validate=True))
        except (binascii.Error, OSError, ValueError) as error:
            raise CorpusError(f"{path.name[:100]} did not arrive whole. Drop it again, under a shorter name perhaps.") from error
        paths.append(path)
    return paths


def _for_page(reason: str) -> str:
    """Return the library's advice for the shell as advice for the page."""
    return reason.replace(library.TAKEN, TAKEN)


def _has_retelling(entry: library.Entry) -> bool:
    return entry.is_original or entry.article.edition == RETELLING


def _count(number: int, what: str) -> str:
    return f"{number} {what}{'' if number == 1 else 's'}"
