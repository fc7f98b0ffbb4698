"""Caps and gaps: who gets no more for now, and until when."""

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from clarion.features.rules.limits import (
    By,
    Cap,
    Contact,
    Diary,
    Gap,
    HeldBy,
    Level,
    Limit,
    Newcomer,
    Then,
    cap_limit,
    gap_limit,
)

NOON = datetime(2026, 5, 1, 12, tzinfo=UTC)
TWO_A_DAY = cap_limit(Cap(2, 24), Level.ACCOUNT)
HOURLY = gap_limit(Gap(60), Level.ACCOUNT)


def hours(count: float) -> timedelta:
    return timedelta(hours=count)


def one(
    at: datetime, *, send: int, device: int = 1, user: int | None = None, app: int = 1, scheduler: int = 1
) -> Newcomer:
    return Newcomer(Contact(at, app, scheduler, send, device), user)


def until(diary: Diary, newcomer: Newcomer, *limits: Limit) -> datetime | None:
    """When it may go; its own moment if now, None if it is skipped."""
    found = diary.admit(newcomer, limits)
    return newcomer.contact.at if found is None else found.until


def test_the_message_that_is_one_too_many_waits_until_the_oldest_counts_no_more() -> None:
    diary = Diary([])
    assert until(diary, one(NOON, send=1), TWO_A_DAY) == NOON
    assert until(diary, one(NOON + hours(5), send=2), TWO_A_DAY) == NOON + hours(5)
    assert until(diary, one(NOON + hours(6), send=3), TWO_A_DAY) == NOON + hours(24)
    assert until(diary, one(NOON + hours(24), send=3), TWO_A_DAY) == NOON + hours(24)


def test_a_gap_is_counted_from_the_last_message() -> None:
    diary = Diary([])
    assert until(diary, one(NOON, send=1), HOURLY) == NOON
    found = diary.admit(one(NOON + hours(0.5), send=2), [HOURLY])
    assert found is not None
    assert (found.held_by, found.until) == (HeldBy.GAP, NOON + hours(1))


def test_a_limit_that_skips_outweighs_one_that_defers() -> None:
    skipping = cap_limit(Cap(1, 1, then=Then.SKIP), Level.ACCOUNT)
    diary = Diary([(1, Contact(NOON, 1, 1, 1, 1))])
    assert until(diary, one(NOON, send=2), TWO_A_DAY, HOURLY, skipping) is None


def test_each_level_counts_its_own_messages() -> None:
    diary = Diary([(1, Contact(NOON, 1, 1, 1, 1))])
    of_app, of_scheduler = (cap_limit(Cap(1, 24), level) for level in (Level.APP, Level.SCHEDULER))
    assert until(diary, one(NOON, send=2, app=2), of_app) == NOON
    assert until(diary, one(NOON, send=3, app=1), of_app) == NOON + hours(24)
    assert until(diary, one(NOON, send=4, scheduler=2), of_scheduler) == NOON
    assert until(diary, one(NOON, send=5, scheduler=1), of_scheduler) == NOON + hours(24)


def test_all_devices_of_a_user_count_together_and_a_device_without_one_by_itself() -> None:
    by_user = cap_limit(Cap(1, 24, By.USER), Level.ACCOUNT)
    diary = Diary([])
    assert until(diary, one(NOON, send=1, device=1, user=-7), by_user) == NOON
    assert until(diary, one(NOON, send=1, device=2, user=-7), by_user) == NOON + hours(24)
    assert until(diary, one(NOON, send=1, device=3), by_user) == NOON


def test_a_message_that_was_let_go_before_is_not_held_back_by_itself() -> None:
    diary = Diary([])
    assert until(diary, one(NOON, send=1), HOURLY) == NOON
    assert until(diary, one(NOON + timedelta(minutes=1), send=1), HOURLY) == NOON + timedelta(minutes=1)


@given(
    moments=st.lists(st.integers(0, 10_000), min_size=1, max_size=60).map(sorted),
    cap=st.integers(1, 5),
    period=st.integers(1, 48),
)
def test_no_period_ever_holds_more_than_the_cap(moments: list[int], cap: int, period: int) -> None:
    limit, diary = cap_limit(Cap(cap, period), Level.ACCOUNT), Diary([])
    went = []
    for send, minute in enumerate(moments):
        at = NOON + timedelta(minutes=minute)
        if until(diary, one(at, send=send), limit) == at:
            went.append(at)
    for at in went:
        assert sum(at <= other < at + hours(period) for other in went) <= cap
