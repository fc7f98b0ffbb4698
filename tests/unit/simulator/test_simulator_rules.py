"""Fault rules strike exactly the requests they name."""

import pytest

from clarion.simulator.faults import Action, FaultBook, Manner, Rule, Target

ACTION = Action(status=503)
SEND = Target("fcm", "send", "project-a", "token-1")


def hits(book: FaultBook, number: int, target: Target = SEND) -> list[int]:
    """Which of so many requests are hit, counted from 1."""
    return [count for count in range(1, number + 1) if book.strike(target) is not None]


@pytest.mark.parametrize(
    ("rule", "expected"),
    [
        (Rule(action=ACTION), [1, 2, 3, 4, 5, 6]),
        (Rule(action=ACTION, times=2), [1, 2]),
        (Rule(action=ACTION, skip=3), [4, 5, 6]),
        (Rule(action=ACTION, every=2), [2, 4, 6]),
        (Rule(action=ACTION, skip=1, every=2, times=1), [3]),
        (Rule(action=ACTION, share=0.0), []),
    ],
)
def test_counting_rules(rule: Rule, expected: list[int]) -> None:
    book = FaultBook(seed=1)
    book.add(rule)
    assert hits(book, 6) == expected


@pytest.mark.parametrize(
    ("rule", "struck"),
    [
        (Rule(action=ACTION, provider="fcm"), True),
        (Rule(action=ACTION, provider="apns"), False),
        (Rule(action=ACTION, endpoint="token"), False),
        (Rule(action=ACTION, project="project-a"), True),
        (Rule(action=ACTION, project="project-b"), False),
        (Rule(action=ACTION, token_prefix="token-"), True),
        (Rule(action=ACTION, token_prefix="other-"), False),
    ],
)
def test_scoped_rules(rule: Rule, *, struck: bool) -> None:
    book = FaultBook(seed=1)
    book.add(rule)
    assert (book.strike(SEND) is not None) is struck


def test_rules_end_by_the_clock() -> None:
    now = 100.0
    book = FaultBook(1, lambda: now)
    book.add(Rule(action=ACTION, seconds=10))
    assert book.strike(SEND) is ACTION
    now += 10
    assert book.strike(SEND) is None
    assert not book


def test_chance_is_decided_by_the_seed() -> None:
    def drawn(seed: int) -> list[int]:
        book = FaultBook(seed)
        book.add(Rule(action=ACTION, share=0.5))
        return hits(book, 200)

    assert drawn(1) == drawn(1) != drawn(2)
    assert 60 < len(drawn(1)) < 140


def test_the_oldest_matching_rule_wins_and_can_be_removed() -> None:
    book = FaultBook(seed=1)
    other = Action(status=500)
    first = book.add(ACTION)
    book.add(other)
    assert book.strike(SEND) is ACTION
    assert book.remove(first)
    assert not book.remove(first)
    assert book.strike(SEND) is other


def test_early_drops_strike_on_the_header_block_only() -> None:
    book = FaultBook(seed=1)
    early = Action(manner=Manner.DROP_EARLY)
    number = book.add(early)
    assert book.early
    assert book.strike(SEND) is None
    assert book.strike(SEND, early=True) is early
    book.remove(number)
    assert not book.early


def test_retry_after_is_seconds_or_a_date() -> None:
    assert Action(retry_after=30).extra_headers(0) == (("retry-after", "30"),)
    assert Action(retry_after=30, retry_after_date=True).extra_headers(0) == (
        ("retry-after", "Thu, 01 Jan 1970 00:00:30 GMT"),
    )
