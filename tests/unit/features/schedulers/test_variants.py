"""How the better of several pushes is found."""

from datetime import UTC, datetime, timedelta

import pytest

from clarion.features.schedulers.variants import (
    Comparison,
    ComparisonBody,
    Contest,
    Phase,
    Variant,
    Verdict,
    checked_body,
    verdict,
)
from clarion.features.statistics import Counts
from clarion.foundation.errors import InvalidInput

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
CONTEST = Contest(sample_percent=20, after_minutes=60, minimum_delivered=100)


def comparison(contest: Contest = CONTEST, *, left: timedelta = timedelta()) -> Comparison:
    return Comparison(71, 1, {1: 1, 2: 1, 3: 1}, contest, Phase.SAMPLING, sample_send_id=9, decide_at=NOW + left)


def counts(**told: tuple[int, int]) -> dict[int, Counts]:
    return {int(name[1:]): Counts(sent=5000, delivered=one, clicked=two) for name, (one, two) in told.items()}


def winner(found: Verdict | None) -> int | None:
    assert found is not None
    return found.winner_id


def test_the_best_click_rate_wins_and_not_the_most_clicks() -> None:
    told = counts(p1=(1000, 50), p2=(200, 20), p3=(1000, 49))
    assert winner(verdict(comparison(), told, push_ids=[1, 2, 3], now=NOW)) == 2


def test_too_few_confirmed_messages_are_not_compared() -> None:
    told = counts(p1=(99, 99), p2=(100, 1), p3=(100, 2))
    assert winner(verdict(comparison(), told, push_ids=[1, 2, 3], now=NOW)) == 3
    none = verdict(comparison(), counts(p1=(1000, 50), p2=(99, 5)), push_ids=[1, 2, 3], now=NOW)
    assert none == Verdict(None, "fewer than two pushes have 100 confirmed messages")


def test_a_push_that_is_not_active_any_more_cannot_win() -> None:
    told = counts(p1=(1000, 500), p2=(1000, 10), p3=(1000, 20))
    assert winner(verdict(comparison(), told, push_ids=[2, 3], now=NOW)) == 3


def test_it_is_decided_at_its_time_or_when_the_sample_is_large_enough() -> None:
    told = counts(p1=(150, 9), p2=(150, 8), p3=(150, 7))
    early = comparison(left=timedelta(minutes=1))
    assert verdict(early, told, push_ids=[1, 2, 3], now=NOW) is None
    hasty = Contest(sample_percent=20, after_minutes=60, enough_delivered=150)
    assert winner(verdict(comparison(hasty, left=timedelta(minutes=1)), told, push_ids=[1, 2, 3], now=NOW)) == 1
    patient = Contest(sample_percent=20, after_minutes=60, enough_delivered=151)
    assert verdict(comparison(patient, left=timedelta(minutes=1)), told, push_ids=[1, 2, 3], now=NOW) is None


def test_of_equal_pushes_the_first_wins() -> None:
    told = counts(p1=(100, 5), p2=(200, 10))
    assert winner(verdict(comparison(), told, push_ids=[1, 2], now=NOW)) == 1


def test_a_push_stands_once_in_a_comparison() -> None:
    with pytest.raises(InvalidInput):
        checked_body(ComparisonBody([Variant(1), Variant(1, 5)]))
