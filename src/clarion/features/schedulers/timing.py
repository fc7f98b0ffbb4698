"""From what people write (date, time, offset) to an instant (management-api.md §7.2, reliability.md TM-8). Pure."""

import re
from datetime import UTC, datetime, timedelta, timezone

import msgspec

from clarion.foundation.errors import InvalidInput

FARTHEST = timedelta(days=5 * 365 + 2)
"""No scheduler is due later than about five years from now."""
LATEST = timedelta(hours=24)
"""A moment missed by more than this is not made up for (reliability.md TM-7)."""

_DATE = re.compile(r"([0-9]{4})-([0-9]{2})-([0-9]{2})")
_TIME = re.compile(r"([0-9]{2})[:-]([0-9]{2})")
_OFFSET = re.compile(r"([+-])([0-9]{2}):([0-9]{2})")
_WIDEST = timedelta(hours=14)


class OnesendTiming(msgspec.Struct, frozen=True):
    """When a onesend is due: `YYYY-MM-DD`, `HH:MM` and `±HH:MM`, as stored and answered."""

    date: str
    time: str
    timezone: str


def parse_onesend(*, date: str, time: str, zone: str) -> tuple[OnesendTiming, datetime]:
    """The timing in its canonical form and its instant in UTC. Raises nothing but `InvalidInput`."""
    day = _parts(_DATE, date, "date must be YYYY-MM-DD")
    clock = _parts(_TIME, time, "time must be HH:MM")
    offset = parse_offset(zone)
    try:
        local = datetime(*map(int, (*day, *clock)), tzinfo=timezone(offset))  # type: ignore[arg-type, misc]
        instant = local.astimezone(UTC)
    except (ValueError, OverflowError):
        raise InvalidInput("date and time do not exist in the calendar") from None
    return OnesendTiming("-".join(day), ":".join(clock), zone), instant


def parse_offset(zone: str) -> timedelta:
    """The offset that `±HH:MM` names, at most 14 hours; `InvalidInput` for anything else."""
    sign, hours, minutes = _parts(_OFFSET, zone, "timezone must be ±HH:MM, as in +03:00")
    offset = timedelta(hours=int(hours), minutes=int(minutes))
    if int(minutes) > 59 or offset > _WIDEST:
        raise InvalidInput("timezone must be from -14:00 to +14:00")
    return -offset if sign == "-" else offset


def require_ahead(instant: datetime, now: datetime) -> None:
    """`InvalidInput` for an instant in the past or more than five years ahead."""
    if instant < now:
        raise InvalidInput("date and time are in the past")
    if instant - now > FARTHEST:
        raise InvalidInput("date is more than five years ahead")


def timing_of(instant: datetime) -> OnesendTiming:
    """The timing of a onesend that was given as an instant; seconds are not shown."""
    utc = instant.astimezone(UTC)
    return OnesendTiming(f"{utc:%Y-%m-%d}", f"{utc:%H:%M}", "+00:00")


def too_late(due: datetime, now: datetime) -> bool:
    """Whether the moment was missed by so much that nothing is sent any more."""
    return now - due > LATEST


def _parts(pattern: re.Pattern[str], text: str, fault: str) -> tuple[str, ...]:
    match = pattern.fullmatch(text)
    if match is None:
        raise InvalidInput(fault)
    return match.groups()
