"""Loading behind a page that is already there: index, embedding model and reader, with progress or the reason it failed."""

from __future__ import annotations

import logging
import threading
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Literal

from rag.corpus import load_corpus
from rag.errors import RagError
from rag.pipeline import Assistant
from rag.types import Article
from rag.window.answering import UNEXPECTED

logger = logging.getLogger(__name__)

State = Literal["waiting", "indexing", "loading", "ready", "failed"]


@dataclass(frozen=True, slots=True)
class Status:
    """What a person sees of the corpus and the models. `done` of `total` texts are embedded while indexing."""

    state: State = "waiting"
    done: int = 0
    total: int = 0
    articles: int = 0
    passages: int = 0
    model: str = ""
    problem: str = ""

    @property
    def settled(self) -> bool:
        """Tell whether nothing more will happen by itself."""
        return self.state in ("ready", "failed")


class Startup:
    """Warms an assistant up on a thread of its own and tells how far that is."""

    def __init__(self, assistant: Assistant) -> None:
        self.status = Status()
        self.articles: Mapping[str, Article] = {}
        self._assistant = assistant
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Begin, or begin again after a failure; does nothing while it runs or when all is ready."""
        with self._lock:
            if self.status.state == "ready" or (self._thread and self._thread.is_alive()):
                return
            self.status = Status("indexing")
            self._thread = threading.Thread(target=self._run, name="footnote-startup", daemon=True)
            self._thread.start()

    def wait(self, seconds: float | None = None) -> Status:
        """Return the status once it is settled, or after some seconds."""
        if self._thread:
            self._thread.join(seconds)
        return self.status

    def _run(self) -> None:
        try:
            self.articles = {article.id: article for article in load_corpus(self._assistant.settings.corpus_path)}
            self.status = replace(self.status, articles=len(self.articles))
            index = self._assistant.prepare(self._progress)
            self.articles = index.articles
            self.status = Status("loading", articles=len(index.articles), passages=len(index.passages), model=self._assistant.reader.name)
            self._assistant.warm_up()
            self.status = replace(self.status, state="ready")
        except RagError as error:
            self.status = replace(self.status, state="failed", problem=str(error))
        except Exception:
            logger.exception("Footnote could not start.")
            self.status = replace(self.status, state="failed", problem=UNEXPECTED)

    def _progress(self, done: int, total: int) -> None:
        self.status = replace(self.status, done=done, total=total)
