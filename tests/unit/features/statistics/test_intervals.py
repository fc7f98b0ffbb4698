"""Confidence intervals of rates."""

import pytest

from clarion.features.statistics.intervals import wilson


@pytest.mark.parametrize(
    ("successes", "trials", "low", "high"),
    [
        # Published values: Newcombe, "Two-sided confidence intervals for the single proportion", 1998, method 3.
        (81, 263, 0.2553, 0.3662),
        (15, 148, 0.0624, 0.1605),
        (0, 20, 0.0, 0.1611),
        (1, 29, 0.0061, 0.1718),
    ],
)
def test_intervals_agree_with_published_ones(successes: int, trials: int, low: float, high: float) -> None:
    rate = wilson(successes, trials)
    assert rate is not None
    assert rate.value == pytest.approx(successes / trials, abs=1e-6)
    assert (rate.low, rate.high) == (pytest.approx(low, abs=1e-4), pytest.approx(high, abs=1e-4))


def test_without_trials_there_is_no_rate_and_no_rate_is_above_one() -> None:
    assert wilson(0, 0) is None
    rate = wilson(7, 5)
    assert rate is not None
    assert (rate.value, rate.high) == (1.0, 1.0)
    assert 0 < rate.low < 1
