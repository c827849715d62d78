"""Score the answers of any corpus on any question file, offline, and say how sure the scores are.

python -m rag.evaluate                                        the bundled corpus and its questions: a table
python -m rag.evaluate --corpus DIR --questions FILE.jsonl    any other
python -m rag.evaluate --json NEW.json --html NEW.html        everything, for machines and for people
python -m rag.evaluate --compare OLD.json                     what a change won and lost
python -m rag.evaluate --fail-under answer-correctness=0.6    a bar for CI
"""

from __future__ import annotations

import argparse
import hashlib
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table

from rag.corpus import load_corpus
from rag.errors import EvaluationError, RagError
from rag.evaluation.questions import Question, load_questions
from rag.evaluation.report import to_html
from rag.evaluation.run import Result, Run, SilentReader, evaluate
from rag.evaluation.statistics import RESAMPLES, SEED, Difference, Estimate
from rag.evaluation.summary import (
    ALL,
    Comparison,
    Summary,
    compare,
    load_run,
    parse_bar,
    summarise,
    to_json,
    types,
    versions,
)
from rag.pipeline import Assistant
from rag.text import clean

DEFAULT_QUESTIONS = "questions.jsonl"
FAILED, INTERRUPTED, UNDER_BAR = 1, 130, 3
LOG_WIDTH = 150
"""Columns of a table that no terminal asks for: wide enough to cut nothing."""
BY_TYPE = {
    "questions right": "right",
    "wrong refusals": "wrongly refused",
    "sentence recall@5": "recall@5",
    "sentence MRR": "MRR",
    "citation precision (evidence)": "citation precision",
    "source coverage": "source coverage",
    "ROUGE-L F1": "ROUGE-L",
    "answer words p50": "words",
}
"""Metrics of the table by type, and their headings."""


def main(arguments: Sequence[str] | None = None, *, make: Callable[..., Assistant] = Assistant) -> int:
    """Run an evaluation from the command line; `make` turns a corpus folder, a model's name and a reader into an Assistant.

    Returns the exit status: 0 done, 1 an error, 2 a wrong command line, 3 a bar not met, 130 stopped by Ctrl-C with the
    finished part reported.
    """
    options = _parser().parse_args(arguments)
    try:
        return _main(options, make)
    except RagError as error:
        print(f"error: {error}", file=sys.stderr)
        return FAILED
    except KeyboardInterrupt:
        print("Stopped before the first question.", file=sys.stderr)
        return INTERRUPTED


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m rag evaluate",
        description="Score the answers of a corpus on a question file, offline. The same scores come out every time.",
        epilog="A question file holds one JSON object a line: id, type, question, answerable, and as far as known history, answer, "
        "must_include, must_not_include, evidence ({article, quote}), sources_required, source_any.",
    )
    parser.add_argument("--corpus", metavar="DIR", help="folder of articles (default: corpus/)")
    parser.add_argument("--questions", metavar="FILE", type=Path, help="question file (default: questions.jsonl in the corpus)")
    parser.add_argument("--model", help="a GGUF's path or its name in models/ (default: the bundled model)")
    parser.add_argument("--no-reader", action="store_true", help="ask without a language model: retrieval and quoting alone, in seconds")
    parser.add_argument("--json", metavar="FILE", type=Path, help="write everything to this file")
    parser.add_argument("--html", metavar="FILE", type=Path, help="write a report to this file, complete in itself")
    parser.add_argument("--limit", metavar="N", type=int, help="ask the first N questions only")
    parser.add_argument("--type", metavar="TYPE", action="append", default=[], help="ask this type of question only; may be repeated")
    parser.add_argument("--compare", metavar="OLD.json", type=Path, help="tell what changed since an older run's --json")
    parser.add_argument(
        "--fail-under", metavar="METRIC=VALUE", action="append", default=[],
        help="exit with 3 where a metric is worse than this, such as answer-correctness=0.6 or wrong-refusals=0.1; may be repeated",
    )  # fmt: skip
    return parser


@dataclass(frozen=True, slots=True)
class Found:
    """A run with all that is told of it."""

    run: Run
    summary: Summary
    about: Mapping[str, Any]
    comparison: Comparison | None = None
    failures: tuple[str, ...] = ()


def _main(options: argparse.Namespace, make: Callable[..., Assistant]) -> int:
    outputs = [path for path in (options.json, options.html) if path]
    bars = [parse_bar(text) for text in options.fail_under]
    old = load_run(options.compare) if options.compare else None
    assistant = make(options.corpus, options.model, reader=SilentReader() if options.no_reader else None)
    articles = {article.id: article for article in load_corpus(assistant.settings.corpus_path)}
    file = options.questions or assistant.settings.corpus_path / DEFAULT_QUESTIONS
    questions = choose(load_questions(file, articles), options.type, options.limit)
    check_outputs(outputs, inputs=[file, *([options.compare] if options.compare else [])])

    run = _with_progress(assistant, questions)
    if not run.results:
        print("Stopped before the first answer; nothing was written.", file=sys.stderr)
        return INTERRUPTED
    summary = summarise(run.results)
    failures = tuple(reason for bar in bars if run.complete and (reason := bar.judge(summary)))
    details = {**about(assistant, run, file), "types": options.type, "limit": options.limit, "bars": {b.metric: b.value for b in bars}}
    found = Found(run, summary, details, compare(old, run.results) if old else None, failures)
    write(found, options.json, options.html)
    show(found, outputs)
    if not run.complete:
        return INTERRUPTED if run.interrupted else FAILED
    return UNDER_BAR if failures else 0


def choose(questions: Sequence[Question], wanted: Sequence[str], limit: int | None) -> list[Question]:
    """Return the questions of the wanted types (all, where none is named), at most the first `limit`.

    Raises:
        EvaluationError: there is no question of a type, or the limit is below 1.
    """
    known = list(dict.fromkeys(question.type for question in questions))
    if unknown := [type_ for type_ in wanted if type_ not in known]:
        raise EvaluationError(f"--type {unknown[0]}: there is no question of this type. There are: {', '.join(known)}.")
    if limit is not None and limit < 1:
        raise EvaluationError(f"--limit is {limit}; it counts the questions to ask: 1 or more.")
    return [question for question in questions if not wanted or question.type in wanted][:limit]


def check_outputs(outputs: Sequence[Path], inputs: Sequence[Path]) -> None:
    """Make sure, before any work, that every output can be written and overwrites nothing that is read.

    Raises:
        EvaluationError: an output's folder is missing, it cannot be written, or it is an input or another output.
    """
    taken = {path.resolve() for path in inputs}
    for path in outputs:
        if not path.parent.is_dir():
            raise EvaluationError(f"There is no folder {path.parent} to write {path.name} to. Create it and run again.")
        if path.resolve() in taken:
            raise EvaluationError(f"{path} is already used by another option; it would be overwritten. Name another file.")
        taken.add(path.resolve())
        new = not path.exists()
        try:
            path.open("ab").close()
        except OSError as error:
            raise EvaluationError(f"Cannot write to {path} ({error.strerror or error}). Name another file.") from error
        if new:
            path.unlink()


def _with_progress(assistant: Assistant, questions: Sequence[Question]) -> Run:
    columns = [
        TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TextColumn("{task.fields[score]}"), TimeRemainingColumn(),
    ]  # fmt: skip
    with Progress(*columns, console=Console(stderr=True)) as progress:
        task = progress.add_task("questions", total=len(questions), score="")
        return evaluate(assistant, questions, _show_score(progress, task))


def _show_score(progress: Progress, task: Any) -> Callable[[Result], None]:
    verdicts: list[bool] = []

    def seen(result: Result) -> None:
        if result.right is not None:
            verdicts.append(result.right)
        score = f"{100 * sum(verdicts) / len(verdicts):.0f} % right" if verdicts else ""
        progress.update(task, advance=1, score=score)

    return seen


def about(assistant: Assistant, run: Run, questions: Path) -> dict[str, Any]:
    """Return what a run ran on: everything that its scores depend on."""
    return {
        "model": assistant.reader.name,
        "questions": questions.name,
        "questions sha256": hashlib.sha256(questions.read_bytes()).hexdigest(),
        "articles": {a.id: hashlib.sha256(a.text.encode("utf-8", "replace")).hexdigest() for a in run.articles.values()},
        "settings": {f.name: getattr(assistant.settings, f.name) for f in fields(assistant.settings) if f.repr},  # no key or token
        "bootstrap": {"resamples": RESAMPLES, "seed": SEED},
        "versions": versions(),
    }


def write(found: Found, json: Path | None, html: Path | None) -> None:
    """Write the files asked for; a lone surrogate, which no file can hold, becomes a question mark."""
    for path, render in ((json, to_json), (html, to_html)):
        if path:
            page = render(found.run, found.summary, found.about, found.comparison, found.failures)
            path.write_text(page, encoding="utf-8", errors="replace")


def show(found: Found, outputs: Sequence[Path]) -> None:
    """Print what was found as tables, and where it was written."""
    console = Console(width=None if sys.stdout.isatty() else LOG_WIDTH)
    console.print(_overall(found), _by_type(found.summary, found.run.results))
    if found.comparison:
        console.print(_changes(found.comparison))
    if not found.run.complete:
        console.print(f"[bold red]PARTIAL[/]: {_title(found.run)}", highlight=False)
    for reason in found.failures:
        console.print(f"[bold red]Bar not met:[/] {escape(reason)}", highlight=False)
    for path in outputs:
        console.print(f"Written to {escape(clean(str(path)))}", highlight=False, soft_wrap=True)


def _title(run: Run) -> str:
    if run.complete:
        return f"{len(run.results)} questions in {run.seconds:.0f} s"
    return f"{len(run.results)} of {run.asked} questions, {escape(clean(run.stopped))}"


def _overall(found: Found) -> Table:
    table = Table(title=_title(found.run), title_justify="left")
    table.add_column("metric", no_wrap=True)
    for column in ("value", "95 % interval", "n"):
        table.add_column(column, justify="right", no_wrap=True)
    for metric, groups in found.summary.items():
        estimate = groups[ALL]
        table.add_row(metric, f"{estimate.value:.3f}", interval(estimate), str(estimate.n))
    return table


def interval(estimate: Estimate | Difference) -> str:
    """Return an interval as people write it, "" where there is none."""
    return "" if estimate.low is None or estimate.high is None else f"{estimate.low:.2f} – {estimate.high:.2f}"


def _by_type(summary: Summary, results: Sequence[Result]) -> Table:
    table = Table(title="by type", title_justify="left")
    table.add_column("type", no_wrap=True)
    for heading in ("n", *BY_TYPE.values()):
        table.add_column(heading, justify="right")
    for type_ in types(results):
        groups = [summary.get(metric, {}).get(type_) for metric in BY_TYPE]
        count = sum(1 for result in results if result.question.type == type_)
        table.add_row(escape(clean(type_)), str(count), *(f"{group.value:.2f}" if group else "" for group in groups))
    return table


def _changes(comparison: Comparison) -> Table:
    table = Table(title=f"against the older run, {comparison.questions} questions of both", title_justify="left")
    table.add_column("metric", no_wrap=True)
    for column in ("old", "new", "change", "95 % interval", "won", "lost", "McNemar p"):
        table.add_column(column, justify="right", no_wrap=True)
    for metric, change in comparison.changes.items():
        p = "" if change.p is None else f"{change.p:.3f}"
        values = f"{change.old:.3f}", f"{change.new:.3f}", f"{change.change:+.3f}"
        table.add_row(metric, *values, interval(change), str(change.won), str(change.lost), p)
    return table


if __name__ == "__main__":
    sys.exit(main())
