"""Scores of many questions to estimates with 95 % intervals, calibration, risk and coverage, and tests of a difference.

The only import of scipy. Everything is seeded: the same scores give the same intervals.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.stats import binomtest, bootstrap

SEED = 0
RESAMPLES = 2000
CONFIDENCE = 0.95
BINS = 10

Column = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Estimate:
    """A metric over `n` questions with its 95 % interval; `low` and `high` are None where one question gives no interval."""

    value: float
    low: float | None
    high: float | None
    n: int


def ratio(totals: Sequence[float], weights: Sequence[float]) -> Estimate:
    """Return sum of totals over sum of weights, one pair a question, with a percentile bootstrap over questions (Efron 1979).

    Where every question scores the same in 0..1, resampling can show no doubt; the Wilson interval (1927) stands in.
    """
    values = np.array(totals) / np.array(weights)
    value = float(np.sum(totals) / np.sum(weights))
    if (values == values[0]).all() and value in (0.0, 1.0):
        interval = binomtest(round(value * len(values)), len(values)).proportion_ci(CONFIDENCE, method="wilson")
        return Estimate(value, float(interval.low), float(interval.high), len(values))
    return Estimate(value, *interval_of(_ratio, totals, weights), len(values))


def quantile(values: Sequence[float], q: float) -> Estimate:
    """Return a quantile (q in 0..1, linear interpolation) with its percentile bootstrap interval."""

    def statistic(sample: Column, axis: int = -1) -> Any:
        return np.quantile(sample, q, axis=axis)

    return Estimate(float(np.quantile(values, q)), *interval_of(statistic, values), len(values))


def interval_of(statistic: Callable[..., Any], *columns: Sequence[float] | Column) -> tuple[float | None, float | None]:
    """Return the percentile bootstrap interval of a vectorised statistic of paired columns, None for a single row."""
    data = [np.asarray(column, dtype=np.float64) for column in columns]
    if len(data[0]) < 2:
        return None, None
    found = bootstrap(
        data, statistic, n_resamples=RESAMPLES, paired=True, vectorized=True, confidence_level=CONFIDENCE,
        method="percentile", batch=500, rng=np.random.default_rng(SEED),
    ).confidence_interval  # fmt: skip
    return float(found.low), float(found.high)


def _ratio(totals: Column, weights: Column, axis: int = -1) -> Any:
    below = weights.sum(axis=axis)
    return np.divide(totals.sum(axis=axis), below, out=np.zeros_like(below), where=below > 0)


# Two runs


@dataclass(frozen=True, slots=True)
class Difference:
    """A metric in two runs on the same questions: values, new minus old with its 95 % interval, and questions won and lost.

    `p` is McNemar's exact two-sided p-value where every question scores 0 or 1, else None.
    """

    old: float
    new: float
    change: float
    low: float | None
    high: float | None
    won: int
    lost: int
    n: int
    p: float | None


def difference(
    old: tuple[Sequence[float], Sequence[float]], new: tuple[Sequence[float], Sequence[float]], *, higher_is_better: bool = True
) -> Difference:
    """Return how a ratio changed from old to new totals and weights, the questions of both in the same order.

    A question is won or lost where it has a weight in both runs and its own ratio moved. The interval is a paired
    bootstrap over questions; the test is McNemar's (1947), exact by the binomial distribution.
    """
    (old_totals, old_weights), (new_totals, new_weights) = ([np.asarray(column, dtype=np.float64) for column in run] for run in (old, new))
    both = (old_weights > 0) & (new_weights > 0)
    before, after = old_totals[both] / old_weights[both], new_totals[both] / new_weights[both]
    up, down = int((after > before + 1e-9).sum()), int((after < before - 1e-9).sum())
    won, lost = (up, down) if higher_is_better else (down, up)
    binary = bool(np.isin(np.concatenate([before, after]), (0.0, 1.0)).all()) and bool(both.all())

    def statistic(ot: Column, ow: Column, nt: Column, nw: Column, axis: int = -1) -> Any:
        return _ratio(nt, nw, axis) - _ratio(ot, ow, axis)

    low, high = interval_of(statistic, old_totals, old_weights, new_totals, new_weights)
    old_value, new_value = float(_ratio(old_totals, old_weights)), float(_ratio(new_totals, new_weights))
    p = mcnemar(won, lost) if binary else None
    return Difference(old_value, new_value, new_value - old_value, low, high, won, lost, int(both.sum()), p)


def mcnemar(won: int, lost: int) -> float:
    """Return the exact two-sided p-value of McNemar's test for so many discordant pairs; 1.0 where there are none."""
    return float(binomtest(won, won + lost, 0.5).pvalue) if won + lost else 1.0


# Calibration


@dataclass(frozen=True, slots=True)
class Bin:
    """Claims whose support lies in low..high: how many, their mean support, and the share that was right."""

    low: float
    high: float
    n: int
    support: float
    right: float


def calibration(support: Sequence[float], right: Sequence[bool]) -> tuple[Bin, ...]:
    """Return the non-empty ones of ten equal bins of support: the points of a reliability curve (DeGroot 1983)."""
    values, hits = np.asarray(support, dtype=np.float64), np.asarray(right, dtype=np.float64)
    which = _bins(values)
    return tuple(
        Bin(b / BINS, (b + 1) / BINS, int((which == b).sum()), float(values[which == b].mean()), float(hits[which == b].mean()))
        for b in range(BINS)
        if (which == b).any()
    )


def calibration_error(support: Sequence[float], right: Sequence[bool]) -> Estimate:
    """Return the expected calibration error over ten equal bins of support (Guo 2017), bootstrapped over claims."""
    hits = [float(r) for r in right]
    value = float(_calibration_error(np.asarray(support, dtype=np.float64), np.asarray(hits)))
    return Estimate(value, *interval_of(_calibration_error, support, hits), len(hits))


def _bins(support: Column) -> npt.NDArray[np.int64]:
    return np.minimum((support * BINS).astype(np.int64), BINS - 1)  # support 1.0 belongs to the last bin


def _calibration_error(support: Column, right: Column, axis: int = -1) -> Any:
    which = _bins(support)
    gaps = [np.abs(((support - right) * (which == b)).sum(axis=axis)) for b in range(BINS)]
    return sum(gaps) / support.shape[axis]


# Refusing


@dataclass(frozen=True, slots=True)
class RiskCoverage:
    """Share of questions answered and share of those answers that is wrong, as the least confidence asked for falls.

    `area` is the mean risk over all answered questions, AURC (Geifman 2019); less is better.
    """

    coverage: tuple[float, ...]
    risk: tuple[float, ...]
    area: float


def risk_coverage(confidence: Sequence[float], wrong: Sequence[bool], total: int) -> RiskCoverage:
    """Return the risk–coverage curve (El-Yaniv 2010) of answered questions among `total`; equal confidence moves together."""
    order = np.argsort(-np.asarray(confidence, dtype=np.float64), kind="stable")
    values, errors = np.asarray(confidence, dtype=np.float64)[order], np.asarray(wrong, dtype=np.float64)[order]
    risks = np.cumsum(errors) / np.arange(1, len(errors) + 1)
    ends = [i for i in range(len(values)) if i + 1 == len(values) or values[i + 1] != values[i]]
    steps = np.diff([-1, *ends])
    area = float(np.average(risks[ends], weights=steps)) if ends else 0.0
    return RiskCoverage(tuple((i + 1) / total for i in ends), tuple(float(risks[i]) for i in ends), area)
