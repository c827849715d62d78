"""Loading behind a page that is already there: index, embedding model and reader, with progress or the reason it failed."""

from __future__ import annotations

import logging
import threading
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Literal

from rag.corpus import load_corpus
from rag.errors import EmptyCorpusError, RagError
from rag.index import Index, Progress
from rag.pipeline import Assistant
from rag.types import Article, Reader
from rag.window.answering import UNEXPECTED

logger = logging.getLogger(__name__)

State = Literal["waiting", "indexing", "loading", "ready", "failed"]


@dataclass(frozen=True, slots=True)
class Status:
    """What a person sees of the corpus and the models. `done` of `total` texts are embedded while indexing.

    `phrases` is False where answers quote the articles and the model, too small to phrase, is not asked.
    """

    state: State = "waiting"
    done: int = 0
    total: int = 0
    articles: int = 0
    passages: int = 0
    model: str = ""
    phrases: bool = True
    problem: str = ""

    @property
    def settled(self) -> bool:
        """Tell whether nothing more will happen by itself."""
        return self.state in ("ready", "failed")


class Startup:
    """Warms an assistant up on a thread of its own, and tells how far that is and what there is to read."""

    def __init__(self, assistant: Assistant) -> None:
        self._assistant = assistant
        self._status = Status()
        self._articles: Mapping[str, Article] = {}
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None

    @property
    def status(self) -> Status:
        """How far it is; the counts are those of the index in force."""
        if self._status.state == "ready" and (index := self._index()):
            return replace(self._status, articles=len(index.articles), passages=len(index.passages))
        return self._status

    @property
    def articles(self) -> Mapping[str, Article]:
        """The articles by id: those of the index in force, and until there is one those of the corpus folder."""
        index = self._index() if self._status.state == "ready" else None
        return index.articles if index else self._articles

    def start(self) -> None:
        """Begin, or begin again after a failure; does nothing while it runs or when all is ready."""
        with self._lock:
            if self._status.state == "ready" or (self._thread and self._thread.is_alive()):
                return
            self._status = Status("indexing")
            self._thread = threading.Thread(target=self._run, name="footnote-startup", daemon=True)
            self._thread.start()

    def follow(self, progress: Progress | None = None) -> None:
        """Bring the index up to date with a corpus that was changed from the page; begin again where there was none.

        Raises:
            RagError: the index could not follow. Where no article is left, that is the status instead.
        """
        if self._thread:
            self._thread.join()
        if self._status.state != "ready":
            self.start()
            return
        try:
            self._assistant.refresh(progress)
        except EmptyCorpusError as error:
            self._articles = {}
            self._status = Status("failed", problem=str(error))

    def _run(self) -> None:
        try:
            self._articles = {article.id: article for article in load_corpus(self._assistant.settings.corpus_path)}
            self._status = replace(self._status, articles=len(self._articles))
            index, reader = self._assistant.prepare(self._progress), self._assistant.reader
            self._status = Status(
                "loading", articles=len(index.articles), passages=len(index.passages), model=reader.name, phrases=self._phrases(reader)
            )
            self._assistant.warm_up()
            self._status = replace(self._status, state="ready")
        except RagError as error:
            self._status = replace(self._status, state="failed", problem=str(error))
        except Exception:
            logger.exception("Footnote could not start.")
            self._status = replace(self._status, state="failed", problem=UNEXPECTED)

    def _phrases(self, reader: Reader) -> bool:
        wish = self._assistant.settings.phrase
        return wish == "always" or (wish == "auto" and reader.fluent)

    def _progress(self, done: int, total: int) -> None:
        self._status = replace(self._status, done=done, total=total)

    def _index(self) -> Index | None:
        """Return the index in force, which follows the corpus; None where the corpus has become unusable."""
        try:
            return self._assistant.prepare()
        except RagError:
            return None
