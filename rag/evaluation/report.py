"""A run to one HTML file that needs nothing else: styles, charts and a small script are inside, and no host is asked.

Every text goes through one escaping template and loses its control characters; a policy in the page keeps anything
but its own style and script from being used.
"""

from __future__ import annotations

import base64
import hashlib
import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timezone
from importlib.resources import files
from typing import Any

import numpy as np
from jinja2 import Environment, StrictUndefined
from markupsafe import Markup, escape

from rag.evaluation import charts
from rag.evaluation.metrics import BY_NAME, CAUSES
from rag.evaluation.questions import Question, Quote
from rag.evaluation.ranking import HasSpan, overlaps
from rag.evaluation.run import Result, Run
from rag.evaluation.statistics import Difference, Estimate
from rag.evaluation.summary import (
    ALL,
    CALIBRATION_DEFINITION,
    CALIBRATION_ERROR,
    Comparison,
    Summary,
    refusing,
    reliability,
    types,
    verdicts,
)
from rag.text import printable

TILES = (
    "answer correctness",
    "questions right",
    "refusal recall",
    "wrong refusals",
    "sentence recall@5",
    "citation precision (evidence)",
    "exact quotes",
    "ROUGE-L F1",
    "seconds to the first claim p50",
    "source coverage",
)
MOST_TILES = 8
GROUPS = {"answers": "Answers", "refusals": "Refusals", "retrieval": "Retrieval", "citations": "Citations", "cost": "Cost", "time": "Time"}
KS = (1, 3, 5, 10)
DEFINITIONS = {**{name: metric.definition for name, metric in BY_NAME.items()}, CALIBRATION_ERROR: CALIBRATION_DEFINITION}


@dataclass(frozen=True, slots=True)
class Chart:
    """A drawing with what it shows in words; `keys` name its lines in the order of their colours."""

    title: str
    caption: str
    svg: Markup
    keys: tuple[str, ...] = ()


def to_html(run: Run, summary: Summary, about: Mapping[str, Any], comparison: Comparison | None, failures: Sequence[str]) -> str:
    """Return the report of a run as a complete page."""
    script, style = _asset("report.js"), _asset("report.css")
    page = _environment().from_string(_asset("report.html"))
    return page.render(
        run=run, summary=summary, about=about, comparison=comparison, failures=failures,
        script=Markup(script), script_hash=_hash(script), style=Markup(style), style_hash=_hash(style),  # noqa: S704 - our own files
        tiles=[(name, _unit(name)) for name in TILES if ALL in summary.get(name, {})][:MOST_TILES],
        charts=list(_charts(run.results, summary)), groups=_groups(summary), definitions=DEFINITIONS,
        results=failures_first(run.results), types=types(run.results),
        outcomes=_outcomes(run.results), phrased="supported" in verdicts(run.results),
        finished=datetime.now(timezone.utc).strftime("%Y-%m-%d %H:%M UTC"),
    )  # fmt: skip


def _asset(name: str) -> str:
    return files("rag.evaluation").joinpath(name).read_text(encoding="utf-8")


def _hash(text: str) -> str:
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()


def _environment() -> Environment:
    environment = Environment(autoescape=True, undefined=StrictUndefined, finalize=_shown)
    functions: dict[str, Callable[..., Any]] = {
        "coded": coded, "breakable": breakable, "value": value, "interval": interval, "track": charts.track,
        "outcome": outcome, "hit": hit, "reached": reached,
    }  # fmt: skip
    environment.globals.update(functions)
    return environment


def _shown(item: object) -> object:
    """Return text without control characters and reversals of direction; anything else, and our own markup, as it is."""
    return printable(item) if isinstance(item, str) and not isinstance(item, Markup) else item


def coded(text: str) -> Markup:
    """Return text with what stands between backticks set as code."""
    return Markup(re.sub(r"`([^`]+)`", r"<code>\1</code>", str(escape(text))))  # noqa: S704 - escaped first


def breakable(name: str) -> Markup:
    """Return a name that a narrow column may break after its underscores."""
    return Markup(str(escape(printable(name))).replace("_", "_<wbr>"))  # noqa: S704 - escaped first


def value(estimate: Estimate, unit: str) -> str:
    """Return an estimate as people read it: a share in per cent, anything else with its unit."""
    return f"{estimate.value:.1f} {unit}" if unit else charts.percent(estimate.value)


def interval(estimate: Estimate | Difference, unit: str, digits: int = 1) -> str:
    """Return a 95 % interval in the form of its value, "" where there is none."""
    if estimate.low is None or estimate.high is None:
        return ""
    if unit or isinstance(estimate, Difference):
        return f"{estimate.low:.{digits}f} – {estimate.high:.{digits}f}"
    return f"{100 * estimate.low:.0f} – {100 * estimate.high:.0f} %"


def outcome(result: Result) -> str:
    """Return "right", "wrong", or "unjudged" where the question tells neither."""
    return "unjudged" if result.right is None else "right" if result.right else "wrong"


def hit(span: HasSpan, question: Question) -> str:
    """Return "hit" for a span that overlaps the evidence of a question, else ""."""
    return "hit" if any(overlaps(span, quote) for quote in question.evidence) else ""


def reached(quote: Quote, result: Result) -> tuple[str, str]:
    """Return whether an evidence quote was cited ("hit") or not ("miss"), and how far it got in words."""
    if any(overlaps(citation, quote) for citation in result.answer.citations):
        return "hit", "cited"
    ranks = [rank for rank, e in enumerate(result.answer.evidence, start=1) if overlaps(e.sentence, quote)]
    return "miss", f"retrieved at {ranks[0]}, not cited" if ranks else "not retrieved"


def failures_first(results: Sequence[Result]) -> list[Result]:
    """Return results in the order of what deserves a look: wrong ones by cause, then the unjudged, then the right ones."""
    order = {cause: i for i, cause in enumerate(CAUSES)}
    return sorted(results, key=lambda r: (order.get(r.cause, len(order)), r.right is True))


def _outcomes(results: Sequence[Result]) -> list[str]:
    found = {outcome(result) for result in results} | {result.cause for result in results}
    return [name for name in ("wrong", "right", "unjudged", *CAUSES) if name in found]


def _unit(name: str) -> str:
    return BY_NAME[name].unit if name in BY_NAME else ""


def _groups(summary: Summary) -> dict[str, list[str]]:
    groups: dict[str, list[str]] = {title: [] for title in GROUPS.values()}
    for name in summary:
        groups[GROUPS[BY_NAME[name].group if name in BY_NAME else "citations"]].append(name)
    return {title: names for title, names in groups.items() if names}


def _charts(results: Sequence[Result], summary: Summary) -> Iterator[Chart]:
    """Yield the charts that there is something to draw for."""
    if by_type := {name: e for name, e in summary.get("questions right", {}).items() if name != ALL}:
        yield Chart("Questions right, by type", "With 95 % intervals and the number of questions.", charts.rates(by_type, "by type"))
    if causes := Counter(result.cause for result in results if result.cause):
        yield _where_it_goes_wrong(causes, len(results))
    if recall := _recall(summary):
        caption = "Questions whose evidence is among the first k."
        yield Chart("Retrieval: recall@k", caption, charts.recall_curve(recall, "recall at k"), tuple(recall))
    if curves := {name: curve for name, curve in refusing(results).items() if len(curve.risk) > 1}:  # one point is no curve
        yield _refusing(curves)
    if bins := reliability(results):
        shown = ", ".join(f"{count} {verdict}" for verdict, count in verdicts(results).items())
        caption = f"Claims that cite the evidence, by support; dashed: if it were exact. Claims: {shown}."
        yield Chart("Support: is it calibrated?", caption, charts.reliability_curve(bins, "reliability curve"))
    if steps := _steps(results):
        caption = "Seconds a question: median, and whiskers to the 95th percentile."
        yield Chart("Time by step", caption, charts.bars(steps, "seconds by step"))


def _where_it_goes_wrong(causes: Counter[str], total: int) -> Chart:
    rows = {name: (float(causes[name]), 0.0, f"{causes[name]}, {charts.percent(causes[name] / total)}") for name in CAUSES if causes[name]}
    caption = f"The first step that failed {causes.total()} questions; shares of all."
    return Chart("Where it goes wrong", caption, charts.bars(rows, "where it goes wrong"))


def _recall(summary: Summary) -> dict[str, dict[int, Estimate]]:
    views = {"sentences": "sentence", "passages": "passage"}
    known = {title: view for title, view in views.items() if f"{view} recall@1" in summary}
    return {title: {k: summary[f"{view} recall@{k}"][ALL] for k in KS} for title, view in known.items()}


def _refusing(curves: Mapping[str, Any]) -> Chart:
    areas = ", ".join(f"{curve.area:.2f}" for curve in curves.values())
    caption = f"Share wrong if only the surest answers were given; AURC {areas} (less is better)."
    return Chart("Risk and coverage of refusing", caption, charts.risk_coverage_curve(curves, "risk and coverage"), tuple(curves))


def _steps(results: Sequence[Result]) -> dict[str, tuple[float, float, str]]:
    seconds: dict[str, list[float]] = {}
    for result in results:
        for step, time in result.answer.timings.items():
            seconds.setdefault(step, []).append(float(time))
    quantiles = {step: (float(np.median(times)), float(np.quantile(times, 0.95))) for step, times in seconds.items()}
    return {step: (p50, p95, f"{p50:.2f} / {p95:.2f} s") for step, (p50, p95) in quantiles.items()}
