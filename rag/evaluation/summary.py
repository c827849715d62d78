"""Results to a summary by metric and type, a comparison with an older run, bars to pass, and the JSON that holds them."""

from __future__ import annotations

import json
import platform
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

from rag.errors import EvaluationError
from rag.evaluation.metrics import BY_NAME, METRICS, Metric, Score
from rag.evaluation.run import Result, Run
from rag.evaluation.statistics import (
    Bin,
    Difference,
    Estimate,
    RiskCoverage,
    calibration,
    calibration_error,
    difference,
    quantile,
    ratio,
    risk_coverage,
)

ALL = "all"
CALIBRATION_ERROR = "support calibration error"
CALIBRATION_DEFINITION = (
    "Expected calibration error of the support shown with claims: the mean gap, over ten equal bins weighted by their claims, between "
    "mean support and the share of claims with a citation that overlaps an evidence quote. (Guo 2017.) Its n counts claims."
)
LOWER_IS_BETTER = {CALIBRATION_ERROR, *(metric.name for metric in METRICS if metric.better == "lower")}
NAMES = (*BY_NAME, CALIBRATION_ERROR)
PACKAGES = ("bm25s", "faiss-cpu", "ir-measures", "llama-cpp-python", "numpy", "scipy", "sentence-transformers", "torch")

Summary = dict[str, dict[str, Estimate]]


def summarise(results: Sequence[Result]) -> Summary:
    """Return metric → {"all": estimate, type: estimate, …}, in the order of METRICS; what applies nowhere is left out."""
    groups = {ALL: results, **{t: [r for r in results if r.question.type == t] for t in types(results)}}
    summary: Summary = {}
    for metric in METRICS:
        found = {group: _estimate(metric, members) for group, members in groups.items()}
        if any(found.values()):
            summary[metric.name] = {group: estimate for group, estimate in found.items() if estimate}
    if pairs := [pair for result in results for pair in result.outcomes]:
        summary[CALIBRATION_ERROR] = {ALL: calibration_error(*zip(*pairs, strict=True))}
    return summary


def types(results: Sequence[Result]) -> list[str]:
    """Return the types of questions, in the order in which they first come."""
    return list(dict.fromkeys(result.question.type for result in results))


def _estimate(metric: Metric, results: Sequence[Result]) -> Estimate | None:
    found = [result.scores[metric.name] for result in results if metric.name in result.scores]
    if not found:
        return None
    if metric.statistic == "ratio":
        return ratio([score.total for score in found], [score.weight for score in found])
    return quantile([score.value for score in found], metric.statistic)


def reliability(results: Sequence[Result]) -> tuple[Bin, ...]:
    """Return the reliability curve of the support of all claims."""
    pairs = [pair for result in results for pair in result.outcomes]
    return calibration([support for support, _ in pairs], [hit for _, hit in pairs])


def verdicts(results: Sequence[Result]) -> dict[str, int]:
    """Return how many claims were shown with each verdict."""
    return dict(sorted(Counter(claim.verdict for result in results for claim in result.answer.claims).items()))


def _best_score(result: Result) -> float:
    return result.answer.evidence[0].score if result.answer.evidence else 0.0


def _weakest_support(result: Result) -> float:
    return min((claim.support for claim in result.answer.claims), default=0.0)


CONFIDENCES = {"best sentence's score": _best_score, "weakest claim's support": _weakest_support}
"""What could decide between answering and refusing: signals that are there before an answer is shown."""


def refusing(results: Sequence[Result]) -> dict[str, RiskCoverage]:
    """Return, for each of CONFIDENCES, the risk–coverage curve of the questions that can be judged."""
    judged = [result for result in results if result.right is not None]
    answered = [result for result in judged if not result.answer.refused]
    wrong = [not result.right for result in answered]
    return {name: risk_coverage([signal(r) for r in answered], wrong, len(judged)) for name, signal in CONFIDENCES.items() if answered}


# Comparing with an older run


@dataclass(frozen=True, slots=True)
class Comparison:
    """What changed since an older run: a Difference a metric, and the ids of the questions now right, or wrong, that were not.

    `missing` counts the questions of either run that the other lacks, or asks in other words; they are left out.
    """

    changes: Mapping[str, Difference]
    now_right: tuple[str, ...]
    now_wrong: tuple[str, ...]
    questions: int
    missing: int


def load_run(path: Path) -> dict[str, Any]:
    """Return an older run from the JSON it was written to.

    Raises:
        EvaluationError: the file cannot be read or is no run of this evaluation.
    """
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
        for record in found["questions"]:
            _ = record["id"], record["question"], record["right"], dict(record["scores"]), dict(record["weights"])
    except OSError as error:
        raise EvaluationError(f"Cannot read the older run {path} ({error.strerror or error}). Name a file written by --json.") from error
    except (ValueError, KeyError, TypeError) as error:
        raise EvaluationError(f"{path} is no run of this evaluation ({error!r}). Name a file written by --json.") from None
    return dict(found)


def compare(old: Mapping[str, Any], results: Sequence[Result]) -> Comparison:
    """Return what changed since an older run, on the questions of both."""
    before = {record["id"]: record for record in old["questions"]}
    pairs = [
        (before[r.question.id], r) for r in results if r.question.id in before and before[r.question.id]["question"] == r.question.question
    ]
    changes = {m.name: change for m in METRICS if m.statistic == "ratio" and (change := _change(m, pairs))}
    turned = [(record["right"], r.right, r.question.id) for record, r in pairs if None not in (record["right"], r.right)]
    return Comparison(
        changes,
        tuple(id_ for was, now, id_ in turned if now and not was),
        tuple(id_ for was, now, id_ in turned if was and not now),
        len(pairs),
        len(before) + len(results) - 2 * len(pairs),
    )


def _change(metric: Metric, pairs: Sequence[tuple[Mapping[str, Any], Result]]) -> Difference | None:
    rows = []
    for record, result in pairs:
        score, value = result.scores.get(metric.name, Score(0.0, 0.0)), record["scores"].get(metric.name)
        weight = 0.0 if value is None else float(record["weights"].get(metric.name, 1.0))
        now = _plain(score.value) if score.weight else 0.0  # as it is written, or rounding would look like a change
        rows.append(((value or 0.0) * weight, weight, now * score.weight, score.weight))
    kept = [row for row in rows if row[1] or row[3]]
    if not any(row[1] for row in kept) or not any(row[3] for row in kept):
        return None
    old_totals, old_weights, new_totals, new_weights = zip(*kept, strict=True)
    return difference((old_totals, old_weights), (new_totals, new_weights), higher_is_better=metric.better == "higher")


# Bars


@dataclass(frozen=True, slots=True)
class Bar:
    """The worst value of a metric that passes: the least, or the most where less is better."""

    metric: str
    value: float

    def judge(self, summary: Summary) -> str:
        """Return "" where the bar is met, else why it is not."""
        estimate = summary.get(self.metric, {}).get(ALL)
        if estimate is None:
            return f"{self.metric} was not measured: no question asks for it"
        lower = self.metric in LOWER_IS_BETTER
        met = estimate.value <= self.value if lower else estimate.value >= self.value
        return "" if met else f"{self.metric} is {estimate.value:.4f}, {'over' if lower else 'under'} the bar of {self.value:g}"


def parse_bar(text: str) -> Bar:
    """Return a bar from METRIC=VALUE; a metric's name may be written with hyphens, in any case, without brackets.

    Raises:
        EvaluationError: there is no such metric, or the value is no number.
    """
    name, _, value = text.rpartition("=")
    known = {_slug(metric): metric for metric in NAMES}
    if _slug(name) not in known:
        raise EvaluationError(f"--fail-under {text}: there is no metric {name!r}. There are: {', '.join(known)}.")
    try:
        return Bar(known[_slug(name)], float(value))
    except ValueError:
        raise EvaluationError(f"--fail-under {text}: {value!r} is no number. Write, for example, {_slug(name)}=0.5.") from None


def _slug(name: str) -> str:
    return re.sub(r"[^a-z0-9@]+", "-", name.casefold()).strip("-")


# JSON


def to_json(run: Run, summary: Summary, about: Mapping[str, Any], comparison: Comparison | None, failures: Sequence[str]) -> str:
    """Return a run as JSON, made to be compared by eye: one line an estimate, and everything that is time at the end.

    Two runs of one version on one machine differ in nothing but "time".
    """
    timed = {metric.name for metric in METRICS if metric.group == "time"}
    parts = {
        "complete": run.complete,
        "stopped": run.stopped,
        "asked": run.asked,
        "answered": len(run.results),
        "about": about,
        "summary": {name: _plain(groups) for name, groups in summary.items() if name not in timed},
        "verdicts": verdicts(run.results),
        "reliability": [_plain(asdict(b)) for b in reliability(run.results)],
        "refusing": {name: {"area": _plain(curve.area), "points": len(curve.risk)} for name, curve in refusing(run.results).items()},
        "bars failed": list(failures),
        "comparison": _plain(asdict(comparison)) if comparison else None,
        "questions": [_record(result, timed) for result in run.results],
        "time": {
            "seconds": _plain(run.seconds),
            "summary": {name: _plain(groups) for name, groups in summary.items() if name in timed},
            "questions": {r.question.id: _plain({**_timed(r, timed), **r.answer.timings}) for r in run.results},
        },
    }
    return _dump(parts) + "\n"


def versions() -> dict[str, str]:
    """Return the versions that scores may depend on."""
    return {"python": platform.python_version(), **{package: version(package) for package in PACKAGES}}


def _timed(result: Result, timed: set[str]) -> dict[str, float]:
    return {name: score.value for name, score in result.scores.items() if name in timed}


def _record(result: Result, timed: set[str]) -> dict[str, Any]:
    kept = {name: score for name, score in result.scores.items() if name not in timed}
    answer = result.answer
    return {
        **_plain(asdict(result.question)),
        "right": result.right,
        "cause": result.cause,
        "scores": _plain({name: score.value for name, score in kept.items()}),
        "weights": {name: score.weight for name, score in kept.items() if score.weight != 1},
        "searched for": answer.question,
        "text": answer.text,
        "refused": answer.refused,
        "disagreement": answer.disagreement,
        "claims": [_plain(asdict(claim)) for claim in answer.claims],
        "sentences": [[e.sentence.article_id, e.sentence.start, e.sentence.end, _plain(e.score)] for e in answer.evidence],
        "passages": [[p.article_id, p.start, p.end, _plain(p.score)] for p in answer.passages],
    }


def _plain(value: Any) -> Any:
    """Return a value as JSON knows it, floats at four decimals."""
    if isinstance(value, float):
        return round(value, 4)
    if isinstance(value, Estimate | Difference):
        return _plain(asdict(value))
    if isinstance(value, Mapping):
        return {key: _plain(item) for key, item in value.items()}
    return [_plain(item) for item in value] if isinstance(value, list | tuple) else value


def _dump(value: Any, depth: int = 0) -> str:
    """Return JSON indented as far as it stays readable: what holds no further lists or objects takes one line."""
    items = value.values() if isinstance(value, Mapping) else value if isinstance(value, list) else ()
    if not any(isinstance(item, Mapping | list) for item in items):
        return json.dumps(value, ensure_ascii=False)
    pad = " " * (depth + 1)
    if isinstance(value, Mapping):
        lines = [f"{pad}{json.dumps(key, ensure_ascii=False)}: {_dump(item, depth + 1)}" for key, item in value.items()]
        return "{\n" + ",\n".join(lines) + "\n" + " " * depth + "}"
    return "[\n" + ",\n".join(f"{pad}{_dump(item, depth + 1)}" for item in value) + "\n" + " " * depth + "]"
