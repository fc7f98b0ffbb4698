"""The retry budget: a fifth of the last minute's first attempts, and ten a second."""

import pytest

from clarion.providers.limits import RetryBudget


def retries(budget: RetryBudget, start: float, seconds: float) -> int:
    return sum(budget.take(1000, start + step / 10) for step in range(round(seconds * 10)))


def test_without_first_attempts_ten_retries_a_second_pass() -> None:
    assert retries(RetryBudget(), 0, 60) == pytest.approx(600, rel=0.02)


def test_a_fifth_of_the_first_attempts_may_be_retried() -> None:
    budget = RetryBudget()
    budget.first(10_000, 0)
    assert budget.take(5000, 1) == pytest.approx(2000, abs=10)
    assert budget.take(5000, 1) == 0
    budget.first(1000, 2)
    assert budget.take(5000, 2) == pytest.approx(200, abs=10)


def test_retries_of_an_outage_stay_below_a_fifth_and_the_floor() -> None:
    budget, granted = RetryBudget(), 0
    for second in range(600):
        budget.first(500, second)
        granted += retries(budget, second, 1)
    assert granted <= 0.2 * 500 * 600 + 10 * 600 + 10


def test_what_lies_more_than_a_minute_back_gives_nothing() -> None:
    budget = RetryBudget()
    budget.first(10_000, 0)
    assert budget.take(5000, 61) <= 10


def test_workers_share_the_floor() -> None:
    budget = RetryBudget()
    budget.set_share(1 / 4)
    assert retries(budget, 0, 60) == pytest.approx(150, rel=0.05)


def test_next_in_names_the_moment_of_the_next_retry() -> None:
    budget = RetryBudget()
    budget.take(1000, 0)
    wait = budget.next_in(0)
    assert 0 < wait <= 0.1
    assert budget.take(1, wait + 1e-6) == 1
    budget.first(100, 1)
    assert budget.next_in(1) == 0


def test_the_operator_says_how_many_may_be_retried() -> None:
    budget = RetryBudget(0.5)
    budget.first(10_000, 0)
    assert budget.take(9000, 1) == pytest.approx(5000, abs=10)
    assert retries(RetryBudget(0.0), 0, 60) == pytest.approx(600, rel=0.02), "the floor stays"
