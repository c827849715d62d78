"""Questions to Results, by the same `Assistant.stream` that people use."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from rag.errors import RagError
from rag.evaluation.metrics import Case, Score, cause, outcomes, right, scores
from rag.evaluation.questions import Question
from rag.pipeline import Assistant
from rag.types import Answer, Article, Reader, Sentence, Usage

CTRL_C = "stopped by Ctrl-C"


@dataclass(frozen=True, slots=True)
class Result:
    """One question, its answer, and its scores; `right`, `cause` and `outcomes` as in `metrics`."""

    question: Question
    answer: Answer
    scores: Mapping[str, Score]
    right: bool | None
    cause: str
    outcomes: tuple[tuple[float, bool], ...]


@dataclass(frozen=True, slots=True)
class Run:
    """The results of a run; `stopped` says why where it ended before its last question, and is "" where it did not."""

    results: tuple[Result, ...]
    articles: Mapping[str, Article]
    asked: int
    stopped: str = ""
    seconds: float = 0.0

    @property
    def interrupted(self) -> bool:
        """Whether a person stopped it."""
        return self.stopped == CTRL_C

    @property
    def complete(self) -> bool:
        """Whether every question was asked."""
        return not self.stopped


class SilentReader:
    """A Reader that says nothing, so that every answer is the best sentence of its article, verbatim.

    It measures retrieval, and what a language model adds to quoting.
    """

    name = "no language model"
    fluent = False

    def generate(self, messages: Sequence[Mapping[str, str]], /, *, grammar: str, max_tokens: int) -> Iterator[str]:
        """Yield nothing."""
        return iter(())


class Bench:
    """An Assistant with what scoring needs beside it: the articles, and the sentences behind citations."""

    def __init__(self, assistant: Assistant) -> None:
        index = assistant.prepare()
        self.assistant = assistant
        self.articles: Mapping[str, Article] = index.articles
        self._sentences: Mapping[tuple[str, int, int], Sentence] = {(s.article_id, s.start, s.end): s for s in index.sentences}

    def ask(self, question: Question) -> Result:
        """Return the answer to one question, scored and timed."""
        before, start = usage(self.assistant.reader), time.perf_counter()
        first, answer = None, None
        for event in self.assistant.stream(question.question, list(question.history)):
            if event.stage == "claim" and first is None:
                first = time.perf_counter() - start
            answer = event.answer or answer
        seconds = time.perf_counter() - start
        assert answer is not None
        used = _spent(before, usage(self.assistant.reader))
        case = Case(question, answer, self.articles, self._sentences, seconds, first, used)
        return Result(question, answer, scores(case), right(case), cause(case), outcomes(case))


def evaluate(assistant: Assistant, questions: Sequence[Question], seen: Callable[[Result], None] | None = None) -> Run:
    """Return the run of an assistant on questions; `seen` is called with each result as it is ready.

    The first question is asked once before, unscored, so that no time counts the loading of models. Ctrl-C, or an error
    after the first question, ends the run early with what is finished.

    Raises:
        RagError: the very first question cannot be asked.
    """
    start = time.perf_counter()
    results: list[Result] = []
    stopped = ""
    bench = Bench(assistant)
    try:
        bench.ask(questions[0])
        for question in questions:
            results.append(bench.ask(question))
            if seen:
                seen(results[-1])
    except KeyboardInterrupt:
        stopped = CTRL_C
    except RagError as error:
        if not results:
            raise
        stopped = f"stopped by an error: {error}"
    return Run(tuple(results), bench.articles, len(questions), stopped, time.perf_counter() - start)


def usage(reader: Reader) -> Usage | None:
    """Return the tokens a reader has used so far, None where it does not count them."""
    found = getattr(reader, "usage", None)
    return found if isinstance(found, Usage) else None


def _spent(before: Usage | None, after: Usage | None) -> Usage | None:
    return Usage(after.read - before.read, after.written - before.written) if before and after else None
