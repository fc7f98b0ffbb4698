"""From what people write (date, time, offset) to an instant (management-api.md §7.2, reliability.md TM-8). Pure."""

import re
from collections.abc import Sequence
from datetime import UTC, date, datetime, time, timedelta

import msgspec

from clarion.features.schedulers.calendar import (
    EAST,
    LATEST,
    FixedCalendar,
    Late,
    LocalCalendar,
    Slots,
    as_utc,
)
from clarion.foundation.errors import InvalidInput

FARTHEST = timedelta(days=5 * 365 + 2)
"""No scheduler is due later than about five years from now."""
TIMES_LIMIT = 96
"""Times of day that a weekly scheduler may have."""
FIRST_YEAR, LAST_YEAR = 2, 9998
"""So that a zone further on or back never falls off the calendar."""
EVERY_DAY = frozenset(range(1, 8))
EARLIEST = date(2000, 1, 1)
"""A weekly scheduler without a first date has begun."""

_DATE = re.compile(r"([0-9]{4})-([0-9]{2})-([0-9]{2})")
_TIME = re.compile(r"([0-9]{2})[:-]([0-9]{2})")
_OFFSET = re.compile(r"([+-])([0-9]{2}):([0-9]{2})")
_WIDEST = timedelta(hours=14)


class OnesendTiming(msgspec.Struct, frozen=True):
    """When a onesend is due: `YYYY-MM-DD`, `HH:MM` and `±HH:MM` (None = by local time), as stored and answered."""

    date: str
    time: str
    timezone: str | None

    def slots(self) -> Slots:
        """Its only slot."""
        day = date.fromisoformat(self.date)
        return Slots(EVERY_DAY, (time.fromisoformat(self.time),), day, day)


class WeeklyTiming(msgspec.Struct, frozen=True):
    """When a weekly scheduler is due, as stored and answered; days from 1 (Monday) to 7, each list in order."""

    days: list[int]
    times: list[str]
    timezone: str | None
    first_date: str | None = None
    last_date: str | None = None

    def slots(self) -> Slots:
        """All its slots."""
        first = date.fromisoformat(self.first_date) if self.first_date else EARLIEST
        last = date.fromisoformat(self.last_date) if self.last_date else None
        return Slots(frozenset(self.days), tuple(map(time.fromisoformat, self.times)), first, last)


Timing = OnesendTiming | WeeklyTiming


def parse_onesend(*, date: str, time: str, zone: str | None) -> OnesendTiming:
    """The timing in its canonical form. Raises nothing but `InvalidInput`."""
    if zone is not None:
        parse_offset(zone)
    return OnesendTiming(parse_date("date", date), parse_time("time", time), zone)


def parse_weekly(
    *, days: Sequence[int], times: Sequence[str], zone: str | None, first: str | None, last: str | None
) -> WeeklyTiming:
    """The timing in its canonical form: each day and time once. Raises nothing but `InvalidInput`."""
    if not days or not all(1 <= day <= 7 for day in days):
        raise InvalidInput("days must be a list of numbers from 1 (Monday) to 7 (Sunday)")
    if not times:
        raise InvalidInput("time is required")
    if len(set(times)) > TIMES_LIMIT:
        raise InvalidInput(f"more than {TIMES_LIMIT} times")
    if zone is not None:
        parse_offset(zone)
    shown = sorted({parse_time("time", text) for text in times})
    begin = None if first is None else parse_date("first_date", first)
    end = None if last is None else parse_date("last_date", last)
    if begin and end and end < begin:
        raise InvalidInput("last_date is before first_date")
    return WeeklyTiming(sorted(set(days)), shown, zone, begin, end)


def parse_date(name: str, text: str) -> str:
    """A day of the calendar as `YYYY-MM-DD`."""
    parts = _parts(_DATE, text, f"{name} must be YYYY-MM-DD")
    try:
        day = date(*map(int, parts))
    except ValueError:
        raise InvalidInput(f"{name} does not exist in the calendar") from None
    if not FIRST_YEAR <= day.year <= LAST_YEAR:
        raise InvalidInput(f"{name} is too far away for the calendar")
    return text


def parse_time(name: str, text: str) -> str:
    """A time of day as `HH:MM`; a dash may stand for the colon."""
    hour, minute = _parts(_TIME, text, f"{name} must be HH:MM")
    try:
        return f"{time(int(hour), int(minute)):%H:%M}"
    except ValueError:
        raise InvalidInput(f"{name} does not exist in the calendar") from None


def parse_offset(zone: str) -> timedelta:
    """The offset that `±HH:MM` names, at most 14 hours; `InvalidInput` for anything else."""
    sign, hours, minutes = _parts(_OFFSET, zone, "timezone must be ±HH:MM, as in +03:00")
    offset = timedelta(hours=int(hours), minutes=int(minutes))
    if int(minutes) > 59 or offset > _WIDEST:
        raise InvalidInput("timezone must be from -14:00 to +14:00")
    return -offset if sign == "-" else offset


class Arming(msgspec.Struct, frozen=True):
    """How a scheduler begins to wait."""

    planned_until: datetime | None
    """Moments up to here are none of its business."""
    next_due_at: datetime | None


def arm(timing: Timing, *, late: Late, now: datetime) -> Arming:
    """What a scheduler made or edited now waits for first. `InvalidInput` when nothing of it is ahead, or only what is
    more than five years ahead, or when `late` does not go with the timing.
    """
    if timing.timezone is not None:
        return _arm_fixed(timing, parse_offset(timing.timezone), now)
    if late is Late.NEXT_DAY and isinstance(timing, WeeklyTiming):
        raise InvalidInput("late: next_day is for one-time sendings; a weekly one has its next slot anyway")
    return _arm_local(timing, late, now)


def _arm_fixed(timing: Timing, offset: timedelta, now: datetime) -> Arming:
    following = FixedCalendar(timing.slots(), offset).following(now - timedelta.resolution)
    return Arming(now, _require_ahead(timing, following, now))


def _arm_local(timing: Timing, late: Late, now: datetime) -> Arming:
    slots, wall = timing.slots(), now.astimezone(UTC).replace(tzinfo=None)
    until = now - LATEST if late is Late.AT_ONCE else now - timedelta.resolution
    last_zone = timedelta(hours=12)
    slot = slots.following(wall - last_zone - timedelta.resolution)
    first = None if slot is None else as_utc(slot) - EAST
    return Arming(until, max(_require_ahead(timing, first, now), now))


def _require_ahead(timing: Timing, moment: datetime | None, now: datetime) -> datetime:
    if moment is None:
        past = "date and time are" if isinstance(timing, OnesendTiming) else "every slot is"
        raise InvalidInput(f"{past} in the past")
    if moment - now > FARTHEST:
        raise InvalidInput("date is more than five years ahead")
    return moment


def timing_at(instant: datetime) -> OnesendTiming:
    """The timing of a onesend that was given as an instant; seconds are not shown."""
    utc = instant.astimezone(UTC)
    return OnesendTiming(f"{utc:%Y-%m-%d}", f"{utc:%H:%M}", "+00:00")


def calendar(timing: Timing, *, late: Late, armed_at: datetime) -> LocalCalendar | FixedCalendar:
    """The calendar of a timing."""
    if timing.timezone is None:
        return LocalCalendar(timing.slots(), late, armed_at)
    return FixedCalendar(timing.slots(), parse_offset(timing.timezone))


def too_late(due: datetime, now: datetime) -> bool:
    """Whether the moment was missed by so much that nothing is sent any more."""
    return now - due > LATEST


def _parts(pattern: re.Pattern[str], text: str, fault: str) -> tuple[str, ...]:
    match = pattern.fullmatch(text)
    if match is None:
        raise InvalidInput(fault)
    return match.groups()
