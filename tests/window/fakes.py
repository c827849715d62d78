"""An assistant that says what a test tells it to, over real articles, and the web server that shows it."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import SimpleNamespace

import uvicorn

from rag.config import Settings
from rag.errors import RagError
from rag.fetch import fetch as fetch_page
from rag.index import Index, Progress
from rag.library import Fetch
from rag.pipeline import Assistant
from rag.types import Answer, Article, Citation, Claim, Event, Evidence, Verdict
from rag.window.page import Page
from rag.window.serve import Door, application, listen
from rag.window.shelf import Rights
from tests.conftest import QueueReader, WordEmbedder


class ScriptedAssistant:
    """Answers each question with the claims it was given for it, cited to real spans; any other question it refuses.

    A question that holds "slowly" is read, token after token, until the stream is closed (one that also holds "hold", until
    `release` is set); one that holds "claim by claim" waits for `release` after its first claim; one that holds "fail" raises.
    """

    def __init__(self, corpus: Path, index_dir: Path) -> None:
        self.settings = Settings(corpus=str(corpus), index_dir=str(index_dir))
        self.reader = SimpleNamespace(name="scripted", fluent=True)
        self.script: dict[str, tuple[bool, list[tuple[str, Verdict, list[tuple[str, str]]]]]] = {}
        self.asked: list[tuple[str, list[Mapping[str, str]]]] = []
        self.tokens = 0
        self.at_once = self.most_at_once = 0
        self.release = threading.Event()
        self.closed = threading.Event()
        self.ready = threading.Event()
        self.ready.set()
        self.problem = ""
        self._real = Assistant(settings=self.settings, embedder=WordEmbedder(), reader=QueueReader())

    def says(self, question: str, *claims: tuple[str, Verdict, list[tuple[str, str]]], differ: bool = False) -> None:
        """Answer a question with claims, each (text, verdict, [(article id, quote), ...])."""
        self.script[question] = (differ, list(claims))

    def prepare(self, progress: Progress | None = None) -> Index:
        if progress:
            progress(3, 10)
        self.ready.wait()
        if self.problem:
            raise RagError(self.problem)
        return self._real.prepare()

    def refresh(self, progress: Progress | None = None) -> Index:
        return self._real.refresh(progress)

    def warm_up(self, progress: Progress | None = None) -> None:
        self.prepare(progress)

    def answer(self, question: str, history: list[Mapping[str, str]] | None = None) -> Answer:
        *_, last = self.stream(question, history)
        return last.answer

    def stream(self, question: str, history: list[Mapping[str, str]] | None = None) -> Iterator[Event]:
        self.asked.append((question, list(history or [])))
        index = self._real.prepare()
        self.at_once += 1
        self.most_at_once = max(self.at_once, self.most_at_once)
        try:
            yield Event("search", elapsed=0.1)
            if "fail" in question:
                raise RagError("The model <b>broke</b>. Ask again.")
            for article in index.articles.values():
                yield Event("read", article.name, elapsed=0.2)
            while "slowly" in question and not ("hold" in question and self.release.is_set()):
                self.tokens += 1
                time.sleep(0.02)
                yield Event("read", next(iter(index.articles.values())).name, elapsed=0.3)
            yield Event("check", elapsed=0.4)
            answer = self._answer(question, index)
            for claim in answer.claims:
                yield Event("claim", claim=claim, elapsed=0.5)
                while "claim by claim" in question and not self.release.wait(0.02):
                    yield Event("check", elapsed=0.5)
            yield Event("done", answer=answer, elapsed=0.6)
        finally:
            self.at_once -= 1
            self.closed.set()

    def _answer(self, question: str, index: Index) -> Answer:
        differ, script = self.script.get(question, (False, []))
        claims, number = [], 0
        for text, verdict, cited in script:
            citations = []
            for article_id, quote in cited:
                number += 1
                citations.append(_citation(index.articles[article_id], quote, number))
            claims.append(Claim(text, tuple(citations), 0.9, verdict))
        text = (
            "\n\n".join(f"{c.text} {''.join(f'[{x.number}]' for x in c.citations)}" for c in claims) or "The articles do not answer this."
        )
        evidence = tuple(Evidence(sentence, 0.8 - i / 10, {"sentence": 0.5}) for i, sentence in enumerate(index.sentences[:5]))
        return Answer(
            text=text, question=question, claims=tuple(claims), refused=not claims, disagreement=differ, passages=index.passages[:3],
            evidence=evidence, timings={"load": 0.1, "search": 0.2, "read": 1.5, "check": 0.1, "total": 1.9}, model="scripted",
        )  # fmt: skip


def _citation(article: Article, quote: str, number: int) -> Citation:
    start = article.text.index(quote)
    return Citation(
        number, article.id, article.title, start, start + len(quote), quote, article.url, article.publisher, article.date, article.edition
    )


class Served:
    """A page over an assistant on a free port of this machine, served from a thread until it is closed.

    All of it is made on that thread's event loop, since Gradio leaves loops of its own behind where it finds none.
    """

    def __init__(
        self, assistant: object, feedback_file: Path, *, rights: Rights | None = None, fetch: Fetch = fetch_page, **door: object
    ) -> None:
        self._assistant, self._options = assistant, {"feedback_file": feedback_file, "rights": rights, "fetch": fetch}
        self._door = Door(port=0, **door)
        self._socket = listen(self._door)
        self.url = f"http://127.0.0.1:{self._socket.getsockname()[1]}"
        self.page: Page | None = None
        self._server: uvicorn.Server | None = None
        self._thread = threading.Thread(target=lambda: asyncio.run(self._serve()), daemon=True)
        self._thread.start()
        while not (self._server and self._server.started):
            assert self._thread.is_alive(), "the server has ended before it was ready"
            time.sleep(0.01)

    async def _serve(self) -> None:
        self.page = Page(self._assistant, **self._options)
        self.page.startup.start()
        config = uvicorn.Config(application(self.page, self._door), log_level="error", access_log=False, timeout_graceful_shutdown=1)
        self._server = uvicorn.Server(config)
        await self._server.serve(sockets=[self._socket])

    def close(self) -> None:
        self._server.should_exit = True
        self._thread.join(10)
        self._socket.close()
