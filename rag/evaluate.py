"""Questions to metrics: runs the same `Assistant.answer` that people call, and scores what it says and cites.

python -m rag.evaluate --corpus DIR --questions FILE.jsonl [--json OUT.json]
"""

from __future__ import annotations

import argparse
import json
import platform
import re
import sys
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from importlib.metadata import version
from pathlib import Path
from statistics import mean, median
from typing import Any, Protocol

import numpy as np
from rich.console import Console
from rich.progress import Progress, TimeRemainingColumn
from rich.table import Table

from rag.corpus import load_corpus
from rag.errors import EvaluationError, RagError
from rag.pipeline import Assistant
from rag.text import fold
from rag.types import Answer, Article

DEFAULT_QUESTIONS = "questions.jsonl"
KS = (1, 3, 5, 10)
OVERLAP = 0.6
"""Share of an evidence quote that a span must cover to count as overlapping it."""
_MARK = re.compile(r"\s*\[\d+\]")


@dataclass(frozen=True, slots=True)
class Span:
    """A stretch of one article."""

    article_id: str
    start: int
    end: int


class HasSpan(Protocol):
    """A passage, a sentence or a citation."""

    @property
    def article_id(self) -> str: ...  # noqa: D102
    @property
    def start(self) -> int: ...  # noqa: D102
    @property
    def end(self) -> int: ...  # noqa: D102


@dataclass(frozen=True, slots=True)
class Question:
    """One line of a question file; `evidence` as spans of the articles."""

    id: str
    type: str
    question: str
    history: tuple[dict[str, str], ...]
    answerable: bool
    reference: str
    must_include: tuple[tuple[str, ...], ...]
    must_not_include: tuple[str, ...]
    evidence: tuple[Span, ...]
    sources_required: tuple[str, ...]
    source_any: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Result:
    """One question's answer and its scores; a score is None where it does not apply."""

    id: str
    type: str
    question: str
    reference: str
    answer: dict[str, Any]
    scores: dict[str, float | None]


def load_questions(path: Path, articles: Mapping[str, Article]) -> list[Question]:
    """Return the questions of a JSONL file.

    Raises:
        EvaluationError: naming the file and line of a record that is no JSON, lacks a field, repeats an id, or quotes
            what its article does not hold.
    """
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise EvaluationError(f"Cannot read the questions in {path}: {error}. Name a JSONL file with --questions.") from error
    questions: dict[str, Question] = {}
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        try:
            question = _question(json.loads(line), articles)
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            reason = f"field {error} is missing" if isinstance(error, KeyError) else str(error)
            raise EvaluationError(f"{path}, line {number}: {reason}. Mend the line and run again.") from None
        if question.id in questions:
            raise EvaluationError(f"{path}, line {number}: id {question.id!r} is there twice. Give every question its own.")
        questions[question.id] = question
    if not questions:
        raise EvaluationError(f"{path} holds no questions. It needs one JSON object a line.")
    return list(questions.values())


def _question(record: dict[str, Any], articles: Mapping[str, Article]) -> Question:
    return Question(
        id=record["id"],
        type=record["type"],
        question=record["question"],
        history=tuple(record.get("history") or ()),
        answerable=bool(record["answerable"]),
        reference=record.get("answer", ""),
        must_include=tuple(tuple(group) for group in record.get("must_include", ())),
        must_not_include=tuple(record.get("must_not_include", ())),
        evidence=tuple(_locate(item, articles) for item in record.get("evidence", ())),
        sources_required=tuple(record.get("sources_required", ())),
        source_any=tuple(record.get("source_any", ())),
    )


def _locate(item: dict[str, str], articles: Mapping[str, Article]) -> Span:
    if item["article"] not in articles:
        raise ValueError(f"there is no article {item['article']!r}; the corpus has {', '.join(articles)}")
    start = articles[item["article"]].text.find(item["quote"])
    if start < 0:
        raise ValueError(f"article {item['article']!r} does not hold the quote {item['quote'][:60]!r}")
    return Span(item["article"], start, start + len(item["quote"]))


def contains(text: str, wanted: str) -> bool:
    """Tell whether a string is found in a text: compared without case, accents and citation marks, at word edges."""
    return re.search(rf"(?<!\w){re.escape(fold(wanted))}(?!\w)", fold(_MARK.sub("", text))) is not None


def overlaps(span: HasSpan, quote: Span) -> bool:
    """Tell whether a span covers at least OVERLAP of an evidence quote of the same article."""
    shared = min(span.end, quote.end) - max(span.start, quote.start)
    return span.article_id == quote.article_id and shared >= OVERLAP * (quote.end - quote.start)


def score(question: Question, answer: Answer) -> dict[str, float | None]:
    """Return every score of one answer, 0 or 1 or a rate in 0..1; None where a score does not apply."""
    met = all(any(contains(answer.text, option) for option in group) for group in question.must_include)
    wrong = any(contains(answer.text, text) for text in question.must_not_include)
    cited = [any(overlaps(citation, quote) for quote in question.evidence) for citation in answer.citations]
    scores: dict[str, float | None] = {
        "answer correctness": None,
        "wrong refusal": None,
        "right refusal": None,
        "citation precision": mean(cited) if cited else None,
        "citation recall": mean(bool(claim.citations) for claim in answer.claims) if answer.claims else None,
        "source coverage": None,
        "disagreement shown": float(answer.disagreement) if question.type == "conflict" else None,
        "words": float(len(_MARK.sub("", answer.text).split())) if not answer.refused else None,
    }
    if not question.answerable:
        return {**scores, "right refusal": float(answer.refused and not wrong)}
    sources = {citation.article_id for citation in answer.citations}
    covered = set(question.sources_required) <= sources and (not question.source_any or bool(sources & set(question.source_any)))
    scores |= {
        "answer correctness": float(met and not wrong and not answer.refused),
        "wrong refusal": float(answer.refused),
        "source coverage": float(covered),
        **_retrieval("sentence", [e.sentence for e in answer.evidence], question.evidence),
        **_retrieval("passage", answer.passages, question.evidence),
    }
    return scores


def _retrieval(name: str, spans: Sequence[HasSpan], quotes: Sequence[Span]) -> dict[str, float]:
    """Return recall@k (is a span that overlaps a quote among the first k), reciprocal rank, and the quotes reached in 10."""
    ranks = [rank for rank, span in enumerate(spans, start=1) if any(overlaps(span, quote) for quote in quotes)]
    reached = [any(overlaps(span, quote) for span in spans[:10]) for quote in quotes]
    recall = {f"{name} recall@{k}": float(bool(ranks) and ranks[0] <= k) for k in KS}
    return {**recall, f"{name} MRR": 1 / ranks[0] if ranks else 0.0, f"{name} quotes@10": mean(reached) if reached else 0.0}


def evaluate(assistant: Assistant, questions: Iterable[Question], seen: Callable[[Result], None] | None = None) -> list[Result]:
    """Return one result a question; `seen` is called with each as it is ready."""
    results = []
    for question in questions:
        start = time.perf_counter()
        first = None
        answer = None
        for event in assistant.stream(question.question, list(question.history)):
            if event.stage == "claim" and first is None:
                first = time.perf_counter() - start
            answer = event.answer or answer
        assert answer is not None
        scores = {**score(question, answer), "seconds": time.perf_counter() - start, "seconds to first claim": first}
        results.append(Result(question.id, question.type, question.question, question.reference, answer.to_dict(), scores))
        if seen:
            seen(results[-1])
    return results


def summarise(results: Sequence[Result]) -> dict[str, dict[str, float]]:
    """Return metric → {"all": mean, "n": count, type: mean, …}; words and seconds are medians, with 95 % in "p95"."""
    summary: dict[str, dict[str, float]] = {}
    types = list(dict.fromkeys(result.type for result in results))
    for metric in dict.fromkeys(name for result in results for name in result.scores):
        values = {t: [v for r in results if r.type == t and (v := r.scores.get(metric)) is not None] for t in types}
        everything = [v for per_type in values.values() for v in per_type]
        if not everything:
            continue
        centre = median if metric in ("words",) or metric.startswith("seconds") else mean
        summary[metric] = {"all": centre(everything), "n": len(everything)}
        if centre is median:
            summary[metric] |= {"p90": float(np.percentile(everything, 90)), "p95": float(np.percentile(everything, 95))}
        summary[metric] |= {t: centre(v) for t, v in values.items() if v}
    return summary


BY_TYPE = {
    "answer correctness": "correct",
    "wrong refusal": "wrongly refused",
    "right refusal": "rightly refused",
    "sentence recall@5": "recall@5",
    "sentence MRR": "MRR",
    "citation precision": "citation precision",
    "source coverage": "source coverage",
    "words": "words",
    "seconds": "seconds",
}
"""Metrics of the table by type, and their headings."""


def print_table(summary: Mapping[str, Mapping[str, float]], results: Sequence[Result], console: Console) -> None:
    """Print every metric over all questions, then the main ones by type of question."""
    overall = Table(title=f"{len(results)} questions", title_justify="left")
    for column in ("metric", "value", "n", "p90", "p95"):
        overall.add_column(column, justify="left" if column == "metric" else "right", no_wrap=True)
    for metric, row in summary.items():
        tail = [f"{row[p]:.2f}" if p in row else "" for p in ("p90", "p95")]
        overall.add_row(f"{metric} (median)" if "p90" in row else metric, f"{row['all']:.3f}", f"{row['n']:.0f}", *tail)
    by_type = Table(title="by type", title_justify="left")
    by_type.add_column("type", no_wrap=True)
    for heading in ("n", *BY_TYPE.values()):
        by_type.add_column(heading, justify="right")
    for type_ in dict.fromkeys(result.type for result in results):
        cells = [f"{summary[m][type_]:.2f}" if type_ in summary.get(m, {}) else "" for m in BY_TYPE]
        by_type.add_row(type_, str(sum(1 for r in results if r.type == type_)), *cells)
    console.print(overall, by_type)


def report(results: Sequence[Result], assistant: Assistant) -> dict[str, Any]:
    """Return everything a run found, with what it ran on, ready for JSON."""
    packages = ("sentence-transformers", "faiss-cpu", "llama-cpp-python", "bm25s", "torch")
    return {
        "summary": summarise(results),
        "settings": asdict(assistant.settings),
        "model": assistant.reader.name,
        "versions": {"python": platform.python_version(), **{package: version(package) for package in packages}},
        "questions": [asdict(result) for result in results],
    }


def main(arguments: Sequence[str] | None = None) -> int:
    """Run an evaluation from the command line; return the exit status."""
    parser = argparse.ArgumentParser(prog="python -m rag.evaluate", description="Score answers on a question file, offline.")
    parser.add_argument("--corpus", metavar="DIR", help="folder of articles (default: corpus/)")
    parser.add_argument("--questions", metavar="FILE", help="questions, one JSON object a line (default: the corpus' own)")
    parser.add_argument("--model", help="a GGUF's path or its name in models/")
    parser.add_argument("--json", metavar="FILE", help="write everything to this file")
    options = parser.parse_args(arguments)
    try:
        return _run(options)
    except RagError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1


def _run(options: argparse.Namespace) -> int:
    assistant = Assistant(options.corpus, options.model)
    articles = {article.id: article for article in load_corpus(assistant.settings.corpus_path)}
    questions = load_questions(Path(options.questions or assistant.settings.corpus_path / DEFAULT_QUESTIONS), articles)
    out = Path(options.json) if options.json else None
    if out and not out.parent.is_dir():
        raise EvaluationError(f"There is no folder {out.parent} to write {out.name} to. Create it and run again.")
    console = Console()
    with Progress(*Progress.get_default_columns()[:3], TimeRemainingColumn(), console=Console(stderr=True)) as progress:
        task = progress.add_task("questions", total=len(questions))
        results = evaluate(assistant, questions, lambda _: progress.advance(task))
    found = report(results, assistant)
    print_table(found["summary"], results, console)
    if out:
        out.write_text(json.dumps(found, indent=1, ensure_ascii=False), encoding="utf-8")
        console.print(f"Written to {out}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
