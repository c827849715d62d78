"""Estimates, calibration, risk and coverage, and differences, against hand-worked cases and plain NumPy."""

from __future__ import annotations

from math import comb

import numpy as np
import pytest

from rag.evaluation.statistics import (
    calibration,
    calibration_error,
    difference,
    mcnemar,
    quantile,
    ratio,
    risk_coverage,
)


def test_a_ratio_weighs_questions_by_their_weight() -> None:
    assert ratio([1, 0, 3], [1, 2, 3]).value == pytest.approx(4 / 6)


def test_a_ratios_interval_is_that_of_a_plain_bootstrap() -> None:
    rng = np.random.default_rng(5)
    totals, weights = rng.integers(0, 3, 80), np.full(80, 2)
    estimate = ratio(totals, weights)
    rows = rng.integers(80, size=(20000, 80))
    low, high = np.percentile(totals[rows].sum(axis=1) / weights[rows].sum(axis=1), [2.5, 97.5])
    assert (estimate.low, estimate.high) == pytest.approx((low, high), abs=0.01)


def test_the_same_scores_give_the_same_interval() -> None:
    assert ratio([1, 0, 1, 1], [1, 1, 1, 1]) == ratio([1, 0, 1, 1], [1, 1, 1, 1])


def test_where_every_question_is_right_the_interval_still_shows_doubt() -> None:
    """Wilson's interval for 5 of 5 is 0.566 to 1."""
    estimate = ratio([1] * 5, [1] * 5)
    assert (estimate.low, estimate.high) == pytest.approx((0.5655, 1.0), abs=1e-3)


def test_one_question_of_half_a_score_has_no_interval() -> None:
    assert (ratio([1], [2]).low, ratio([1], [2]).high) == (None, None)


def test_a_quantile_interpolates_as_numpy_does_and_lies_in_its_interval() -> None:
    estimate = quantile([1, 2, 3, 4, 10], 0.5)
    assert estimate.value == 3
    assert estimate.low is not None
    assert estimate.high is not None
    assert 1 <= estimate.low <= 3 <= estimate.high <= 10


@pytest.mark.parametrize(("won", "lost"), [(0, 0), (1, 0), (5, 0), (8, 2), (2, 8), (6, 6)])
def test_mcnemar_is_the_exact_binomial_test_of_the_discordant_pairs(won: int, lost: int) -> None:
    n = won + lost
    tail = sum(comb(n, k) for k in range(min(won, lost) + 1)) / 2**n
    assert mcnemar(won, lost) == pytest.approx(min(1.0, 2 * tail))


def test_a_difference_counts_wins_and_losses_and_tests_them() -> None:
    change = difference(([1, 0, 0, 0, 1], [1] * 5), ([0, 1, 1, 1, 1], [1] * 5))
    assert (change.won, change.lost, change.n, change.p) == (3, 1, 5, pytest.approx(0.625))
    assert (change.old, change.new, change.change) == pytest.approx((0.4, 0.8, 0.4))


def test_where_less_is_better_a_question_is_won_by_falling() -> None:
    change = difference(([1, 1, 0], [1] * 3), ([0, 0, 0], [1] * 3), higher_is_better=False)
    assert (change.won, change.lost) == (2, 0)


def test_a_question_scored_in_one_run_only_counts_in_its_value_and_in_no_win() -> None:
    change = difference(([1, 0], [1, 0]), ([2, 1], [2, 1]))
    assert (change.n, change.won, change.lost, change.p) == (1, 0, 0, None)
    assert (change.old, change.new) == (1.0, 1.0)


def test_rates_between_0_and_1_have_no_mcnemar_test() -> None:
    assert difference(([1, 1], [2, 2]), ([2, 1], [2, 2])).p is None


def test_calibration_error_is_the_mean_gap_of_the_bins_weighted_by_their_claims() -> None:
    """Bin 0.5-0.6: two claims of 0.5, one right, gap 0. Bin 0.9-1: 0.9 right, 1.0 wrong; gap 0.95 - 0.5. Mean 0.225."""
    support, right = [0.5, 0.5, 0.9, 1.0], [True, False, True, False]
    assert calibration_error(support, right).value == pytest.approx(0.225)
    bins = calibration(support, right)
    assert [(b.low, b.n, b.support, b.right) for b in bins] == [(0.5, 2, 0.5, 0.5), (0.9, 2, pytest.approx(0.95), 0.5)]


def test_perfect_calibration_has_no_error() -> None:
    assert calibration_error([1.0, 1.0, 0.0], [True, True, False]).value == 0


def test_risk_and_coverage_of_a_hand_worked_case() -> None:
    """Of four questions three are answered: sure and right, sure and right, unsure and wrong."""
    curve = risk_coverage([0.9, 0.2, 0.8], [False, True, False], 4)
    assert curve.coverage == (0.25, 0.5, 0.75)
    assert curve.risk == pytest.approx((0, 0, 1 / 3))
    assert curve.area == pytest.approx(1 / 9)


def test_equally_sure_answers_are_given_together() -> None:
    curve = risk_coverage([1, 1], [True, False], 2)
    assert (curve.coverage, curve.risk, curve.area) == ((1.0,), (0.5,), 0.5)
