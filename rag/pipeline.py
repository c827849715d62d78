"""The order of the steps, from a question to its Answer. The one hub: everything else is called from here."""

from __future__ import annotations

import threading
import time
from collections.abc import Generator, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from rag import grounding, prompts
from rag.config import Settings, load_settings
from rag.corpus import load_corpus
from rag.embedding import SentenceTransformerEmbedder
from rag.errors import QuestionError
from rag.index import Index, Progress, open_index
from rag.models import embedding_model, reader_model
from rag.reader import LlamaReader
from rag.retriever import Retrieved, retrieve
from rag.text import clean
from rag.types import Answer, Article, Embedder, Event, Reader

LONGEST_QUESTION = 2000
SENTENCES_READ = 3
"""Sentences of one article in a prompt; a small model does worse with more."""
PASSAGES_SHOWN = 10

History = Sequence[Mapping[str, str]]


class Assistant:
    """Answers questions from one corpus. Models and index load on first use and are shared by every thread."""

    def __init__(
        self,
        corpus: str | Path | None = None,
        model: str | None = None,
        *,
        settings: Settings | None = None,
        embedder: Embedder | None = None,
        reader: Reader | None = None,
    ) -> None:
        """Choose a corpus folder and a model (a GGUF's path or its name in `models/`); None takes the settings'.

        `settings` replaces those of the environment; `embedder` and `reader` replace the models themselves.
        """
        chosen = load_settings() if settings is None else settings
        self.settings = chosen.with_overrides(corpus=str(corpus) if corpus is not None else None, model=model)
        self._embedder = embedder
        self._reader = reader
        self._index: Index | None = None
        self._lock = threading.Lock()

    def answer(self, question: str, history: History | None = None) -> Answer:
        """Return the answer to a question, whose every claim cites the articles, or a refusal.

        `history` is the conversation so far, as `{"role": "user" | "assistant", "content": text}`, oldest first.

        Raises:
            QuestionError: the question or the history is not of its type, is empty, or is too long.
            RagError: the corpus, the index or a model cannot be used; the message says what to do.
        """
        *_, last = self.stream(question, history)
        assert last.answer is not None
        return last.answer

    def stream(self, question: str, history: History | None = None) -> Iterator[Event]:
        """Yield the steps of an answer: what is being done, each claim that has passed, and the Answer last.

        "read" comes again with every token the model writes, so closing the iterator stops the model within one token.
        Raises as `answer` does, before the first event.
        """
        asked = clean_question(question)
        earlier = user_turns(history)
        return self._steps(asked, earlier)

    def prepare(self, progress: Progress | None = None) -> Index:
        """Load or build the index and return it; `progress` is called with (done, total) texts while embedding."""
        with self._lock:
            if self._index is None:
                articles = load_corpus(self.settings.corpus_path)
                self._index = open_index(articles, self._ensure_embedder(), self.settings.index_path, progress)
            return self._index

    def warm_up(self, progress: Progress | None = None) -> None:
        """Prepare the index and load both models now, so that the first question need not wait. Raises as `answer` does."""
        self.prepare(progress)
        self._ensure_embedder().encode(["warm-up"])
        if isinstance(self.reader, LlamaReader):
            self.reader.load()

    @property
    def reader(self) -> Reader:
        """The model that reads, found and verified but not loaded before it is needed."""
        if self._reader is None:
            model = reader_model(self.settings.model)
            self._reader = LlamaReader(model, threads=self.settings.cpu_threads, context=self.settings.context)
        return self._reader

    def _ensure_embedder(self) -> Embedder:
        if self._embedder is None:
            model = embedding_model(self.settings.embedding_model)
            self._embedder = SentenceTransformerEmbedder(model, threads=self.settings.cpu_threads)
        return self._embedder

    def _steps(self, question: str, earlier: Sequence[str]) -> Iterator[Event]:
        clock = _Clock()
        yield Event("search", elapsed=clock.elapsed)
        index, reader = self.prepare(), self.reader
        clock.lap("load")
        found = retrieve(index, self._ensure_embedder(), question, earlier)
        clock.lap("search")
        drafts = []
        if grounding.answerable(found.question, found.evidence):
            for article_id in found.article_ids:
                drafts.append((yield from _read(reader, found, index.articles[article_id], clock)))
            clock.lap("read")
        yield Event("check", elapsed=clock.elapsed)
        groups, disagreement = grounding.reconcile(drafts)
        claims = grounding.cite(groups, index.articles)
        clock.lap("check")
        for claim in claims:
            yield Event("claim", claim=claim, elapsed=clock.elapsed)
        text = grounding.answer_text(claims, index.articles, disagreement=disagreement) if claims else prompts.REFUSAL
        answer = Answer(
            text=text, question=found.question, claims=claims, refused=not claims, disagreement=disagreement,
            passages=found.passages[:PASSAGES_SHOWN], evidence=found.evidence[:PASSAGES_SHOWN],
            timings=clock.timings(), model=reader.name,
        )  # fmt: skip
        yield Event("done", answer=answer, elapsed=clock.elapsed)


def _read(reader: Reader, found: Retrieved, article: Article, clock: _Clock) -> Generator[Event, None, grounding.Draft]:
    """Return one article's answer: the reader points and phrases, the verifier decides. Yields before every token."""
    yield Event("read", article.name, elapsed=clock.elapsed)
    evidence = found.of_article(article.id)[:SENTENCES_READ]
    sentences = [e.sentence.text for e in evidence]
    reply = ""
    for piece in reader.generate(
        prompts.read_messages(found.question, sentences),
        grammar=prompts.read_grammar(len(sentences)),
        max_tokens=prompts.MAX_ANSWER_TOKENS,
    ):
        reply += piece
        yield Event("read", article.name, elapsed=clock.elapsed)
    reading = prompts.parse_reading(reply, len(sentences))
    return grounding.draft(found.question, reading.text, [evidence[i] for i in reading.pointed], evidence[0])


def clean_question(question: object) -> str:
    """Return a question on one line without control characters.

    Raises:
        QuestionError: it is no text, has no word in it, or is longer than LONGEST_QUESTION characters.
    """
    if not isinstance(question, str):
        raise QuestionError(f"A question must be text, not {type(question).__name__}. Ask it as a string.")
    if len(question) > LONGEST_QUESTION:
        raise QuestionError(f"The question has {len(question):,} characters; {LONGEST_QUESTION:,} is the limit. Ask it shorter.")
    text = clean(question)
    if not any(c.isalnum() for c in text):
        raise QuestionError("There is no question to answer. Ask one in words, such as: Who is in the first article?")
    return text


def user_turns(history: object) -> list[str]:
    """Return the user's questions of a history, oldest first.

    Raises:
        QuestionError: it is not a list of {"role": "user" | "assistant", "content": text}.
    """
    if history is None:
        return []
    form = 'History must be a list of {"role": "user" or "assistant", "content": text}'
    if not isinstance(history, list | tuple):
        raise QuestionError(f"{form}, not {type(history).__name__}.")
    turns = []
    for number, turn in enumerate(history, start=1):
        if not isinstance(turn, Mapping) or turn.get("role") not in ("user", "assistant") or not isinstance(turn.get("content"), str):
            raise QuestionError(f"{form}; turn {number} is not.")
        if turn["role"] == "user" and (text := clean(turn["content"][:LONGEST_QUESTION])):
            turns.append(text)
    return turns


class _Clock:
    """Seconds since the question, and seconds by step."""

    def __init__(self) -> None:
        self._start = self._last = time.perf_counter()
        self._laps: dict[str, float] = {}

    @property
    def elapsed(self) -> float:
        return time.perf_counter() - self._start

    def lap(self, step: str) -> None:
        now = time.perf_counter()
        self._laps[step] = round(now - self._last, 4)
        self._last = now

    def timings(self) -> dict[str, Any]:
        return {**self._laps, "total": round(self.elapsed, 4)}
