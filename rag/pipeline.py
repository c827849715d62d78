"""The order of the steps, from a question to its Answer. The one hub: everything else is called from here."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Generator, Iterator, Mapping, Sequence
from functools import cached_property
from itertools import islice
from pathlib import Path
from typing import Any

from rag import grounding, prompts
from rag.config import Settings, load_settings
from rag.corpus import load_corpus
from rag.embedding import local_embedder
from rag.errors import ContextError, EmptyCorpusError, IndexStoreError, QuestionError
from rag.index import Index, IndexStore, Progress
from rag.models import embedding_model, reader_model
from rag.reader import LlamaReader
from rag.remote import RemoteReader, is_remote
from rag.retriever import Retriever
from rag.text import clean
from rag.types import Answer, Article, Embedder, Event, Evidence, Reader, VectorEngine
from rag.vectors import vector_engine

logger = logging.getLogger(__name__)

LONGEST_QUESTION = 2000
TURNS_REMEMBERED = 50
"""Questions of a history that are looked at, the last ones."""
MOST_PIECES = 8 * prompts.MAX_ANSWER_TOKENS
"""Pieces of a reply that are read: a reader that goes on without end is left."""
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
        self._retriever: Retriever | None = None
        self._stamp: object = None
        self._lock = threading.Lock()
        self._refreshing = threading.Lock()

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
        return self._ready(progress).index

    def refresh(self, progress: Progress | None = None, *, rebuild: bool = False) -> Index:
        """Pick up a corpus that has changed and return its index; cheap where nothing has, unless `rebuild` is set.

        Questions being answered meanwhile finish with the index they began with. Where no article is left, the index is
        removed from memory and disk. Raises as `prepare` does.
        """
        with self._refreshing:
            store, old = self._store(), self._retriever
            try:
                articles = load_corpus(self.settings.corpus_path)
            except EmptyCorpusError:
                self._retriever = None
                store.clear()
                raise
            current = old.index if old else None
            index = store.rebuild(articles, progress) if rebuild else store.open(articles, progress, current=current)
            if old is None or index is not old.index:
                self._retriever = Retriever(index, self._ensure_embedder())
            return index

    def _ready(self, progress: Progress | None = None) -> Retriever:
        with self._lock:
            store, old = self._store(), self._retriever
            if old is None or self._stamp != (stamp := store.stamp()):  # another process put another index in force
                current = old.index if old else None
                try:
                    index = store.open(load_corpus(self.settings.corpus_path), progress, wait=False, current=current)
                except IndexStoreError as error:
                    if current is None:
                        raise
                    logger.warning("The index before is searched on: %s", error)
                    index = current
                self._stamp = stamp if old else store.stamp()
                if old is None or index is not current:
                    self._retriever = Retriever(index, self._ensure_embedder())
            assert self._retriever is not None
            return self._retriever

    def warm_up(self, progress: Progress | None = None) -> None:
        """Prepare the index and load both models now, so that the first question need not wait. Raises as `answer` does."""
        self._ready(progress).warm_up()
        self._ensure_embedder().encode(["warm-up"])
        if isinstance(voice := self._voice, LlamaReader):
            voice.load()

    @property
    def reader(self) -> Reader:
        """The model that reads, local or on a server; not loaded, or asked anything, before it is needed."""
        if self._reader is None:
            if is_remote(self.settings.model):
                self._reader = RemoteReader(self.settings.model, api_key=self.settings.api_key)
            else:
                model = reader_model(self.settings.model)
                self._reader = LlamaReader(model, threads=self.settings.cpu_threads, context=self.settings.context)
        return self._reader

    @cached_property
    def _engine(self) -> VectorEngine:
        return vector_engine(self.settings.index, self.settings.index_path, token=self.settings.index_token)

    def _store(self) -> IndexStore:
        return IndexStore(self.settings.index_path, self._ensure_embedder(), self._engine)

    @property
    def _voice(self) -> Reader | None:
        """The reader where it may phrase, else None."""
        allowed = self.settings.phrase == "always" or (self.settings.phrase == "auto" and self.reader.fluent)
        return self.reader if allowed else None

    def _ensure_embedder(self) -> Embedder:
        if self._embedder is None:
            model = embedding_model(self.settings.embedding_model)
            self._embedder = local_embedder(model, threads=self.settings.cpu_threads)
        return self._embedder

    def _steps(self, question: str, earlier: Sequence[str]) -> Iterator[Event]:
        clock = _Clock()
        yield Event("search", elapsed=clock.elapsed)
        retriever, reader = self._ready(), self.reader
        index = retriever.index
        clock.lap("load")
        found = retriever.retrieve(question, earlier)
        clock.lap("search")
        groups: list[list[Evidence]] = []
        drafts = []
        if grounding.answerable(found.asked, found.evidence, index.vocabulary, found.deed):
            belongs, stands = retriever.second_step(found)
            groups = grounding.select(found.asked, found.evidence, belongs=belongs, stands=stands)
            for group in groups:
                article = index.articles[group[0].sentence.article_id]
                drafts.append((yield from _read(self._voice, found.question, group, article, clock)))
            clock.lap("read")
        yield Event("check", elapsed=clock.elapsed)
        differ = grounding.disagreement(found.asked, groups)
        claims = grounding.cite(drafts, index.articles)
        clock.lap("check")
        for claim in claims:
            yield Event("claim", claim=claim, elapsed=clock.elapsed)
        text = grounding.answer_text(claims, index.articles, differ=differ) if claims else prompts.REFUSAL
        answer = Answer(
            text=text, question=found.question, claims=claims, refused=not claims, disagreement=differ,
            passages=found.passages[:PASSAGES_SHOWN], evidence=found.evidence[:PASSAGES_SHOWN],
            timings=clock.timings(), model=reader.name,
        )  # fmt: skip
        yield Event("done", answer=answer, elapsed=clock.elapsed)


def _read(
    reader: Reader | None, question: str, group: Sequence[Evidence], article: Article, clock: _Clock
) -> Generator[Event, None, grounding.Draft]:
    """Return one claim: the reader points and phrases from one article's sentence, the verifier decides.

    Without a reader the sentence is quoted, and so is one that its context cannot hold. Yields before every token, so that
    closing the stream stops the model.
    """
    yield Event("read", article.name, elapsed=clock.elapsed)
    if reader is None:
        return grounding.draft(question, group, "", ())
    sentences = [group[0].sentence.text]
    reply = ""
    try:
        pieces = reader.generate(
            prompts.read_messages(question, sentences),
            grammar=prompts.read_grammar(len(sentences)),
            max_tokens=prompts.MAX_ANSWER_TOKENS,
        )
        for piece in islice(pieces, MOST_PIECES):
            reply += piece
            yield Event("read", article.name, elapsed=clock.elapsed)
    except ContextError:
        reply = ""
    reading = prompts.parse_reading(reply, len(sentences))
    return grounding.draft(question, group, reading.text, [group[i] for i in reading.pointed])


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
        if turn["role"] == "user":
            turns.append(turn["content"][:LONGEST_QUESTION])
    return [text for turn in turns[-TURNS_REMEMBERED:] if (text := clean(turn))]


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
