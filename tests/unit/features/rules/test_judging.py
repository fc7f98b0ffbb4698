"""Cut-off, quiet hours, caps and gaps together: which messages leave, wait or are skipped."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import pytest

from clarion.features.rules import Effective, HeldBy, Rules, merged
from clarion.features.rules.judging import Hold, Matter, Subject, admitted, judge
from clarion.features.rules.limits import Cap, Diary, Excess, Gap, Newcomer, Then
from clarion.features.rules.quiet import QuietHours

pytestmark = pytest.mark.anyio

NIGHT = datetime(2026, 1, 15, 23, tzinfo=UTC)
MORNING = datetime(2026, 1, 16, 8, tzinfo=UTC)
QUIET = QuietHours("22:00", "08:00")
NOTHING = Rules()


class FakeBooks:
    """Two devices at home, one in New York, and what they got."""

    def __init__(self) -> None:
        self.diary = Diary([])

    async def subjects(self, app_id: int, device_ids: Sequence[int]) -> Sequence[Subject]:
        assert app_id == 7
        known = [
            Subject(1, "", "UTC", -1),
            Subject(2, "0", "Asia/Tokyo", -1),
            Subject(3, "America/New_York", "UTC", None),
        ]
        return [subject for subject in known if subject.device_id in device_ids]

    async def admit(self, matter: Matter, newcomers: Sequence[Newcomer], effective: Effective) -> dict[int, Excess]:
        assert matter.app_id == 7
        return admitted(self.diary, newcomers, effective.limits, urgent=effective.urgent)[1]


async def held(
    books: FakeBooks, rules: Rules, *, now: datetime = NIGHT, due: datetime = NIGHT, send: int = 1
) -> tuple[dict[int, Hold], dict[int, HeldBy]]:
    """Who waits and who is skipped under a scheduler's rules."""
    effective = merged(account=NOTHING, app=NOTHING, scheduler=rules)
    found = await judge(books, Matter(1, 7, 5, send), effective, {1: due, 2: due, 3: due}, now=now)
    assert [device for device in (1, 2, 3) if found.may_leave(device)] == [
        device for device in (1, 2, 3) if device not in found.held and device not in found.skipped
    ]
    return found.held, found.skipped


async def test_who_sleeps_waits_and_is_not_counted_as_contacted() -> None:
    books = FakeBooks()
    waiting, skipped = await held(books, Rules(quiet_hours=QUIET, gap=Gap(60, then=Then.SKIP)))
    assert waiting == {1: Hold(HeldBy.QUIET_HOURS, MORNING), 2: Hold(HeldBy.QUIET_HOURS, MORNING)}
    assert skipped == {}
    waiting, skipped = await held(books, Rules(gap=Gap(60, then=Then.SKIP)), send=2)
    assert (waiting, skipped) == ({}, {3: HeldBy.GAP})


async def test_the_end_of_a_gap_is_moved_behind_quiet_hours() -> None:
    books = FakeBooks()
    evening = NIGHT - timedelta(hours=1, minutes=30)
    rules = Rules(quiet_hours=QUIET, gap=Gap(60))
    await held(books, rules, now=evening)
    waiting, _ = await held(books, rules, now=evening + timedelta(minutes=10), send=2)
    assert waiting[1] == Hold(HeldBy.GAP, MORNING)
    assert waiting[3] == Hold(HeldBy.GAP, evening + timedelta(hours=1))


async def test_urgent_messages_pass_and_count() -> None:
    books = FakeBooks()
    rules = Rules(quiet_hours=QUIET, caps=[Cap(1, 24, then=Then.SKIP)], urgent=True)
    for send in (1, 2):
        assert await held(books, rules, send=send) == ({}, {})


async def test_what_would_wait_beyond_the_cut_off_or_is_beyond_it_is_skipped() -> None:
    assert await held(FakeBooks(), Rules(quiet_hours=QUIET, too_late_minutes=60)) == (
        {}, {1: HeldBy.TOO_LATE, 2: HeldBy.TOO_LATE},
    )  # fmt: skip
    late = await held(FakeBooks(), Rules(too_late_minutes=60), now=NIGHT + timedelta(minutes=61))
    assert late == ({}, dict.fromkeys((1, 2, 3), HeldBy.TOO_LATE))


async def test_a_week_is_the_longest_wait() -> None:
    books = FakeBooks()
    rules = Rules(caps=[Cap(1, 24 * 31)])
    await held(books, rules)
    waiting, skipped = await held(books, rules, now=NIGHT + timedelta(days=1), due=NIGHT + timedelta(days=1), send=2)
    assert (waiting, set(skipped.values())) == ({}, {HeldBy.TOO_LATE})
