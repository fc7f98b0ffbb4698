"""What may be asked of the counts, and what is answered. Pure."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum

from clarion.features.statistics.model import hour_of
from clarion.foundation.errors import InvalidInput

DEFAULT_PERIOD = timedelta(days=30)
GROUP_LIMIT = 10_000
"""Groups of one answer."""
_FIRST, _LAST = 2000, 2200
_DATE = re.compile(r"\d{4}-\d{2}-\d{2}")
_INSTANT = re.compile(r"\d{4}-\d{2}-\d{2}[T ]\d{2}:\d{2}(:\d{2}(\.\d{1,6})?)?(Z|[+-]\d{2}:\d{2})")


class Dimension(StrEnum):
    """What counts can be grouped by."""

    DAY = "day"
    HOUR = "hour"
    APP = "app"
    PUSH = "push"
    SEND = "send"
    COUNTRY = "country"
    LANGUAGE = "language"
    PLATFORM = "platform"


@dataclass(frozen=True, slots=True)
class Counts:
    """What happened to messages."""

    sent: int = 0
    delivered: int = 0
    clicked: int = 0
    cancelled: int = 0
    failed_token: int = 0
    failed_message: int = 0
    failed_internal: int = 0
    failed_expired: int = 0
    skipped_frequency: int = 0
    skipped_gap: int = 0
    skipped_too_late: int = 0

    @property
    def failed(self) -> int:
        """Failures of all reasons."""
        return self.failed_token + self.failed_message + self.failed_internal + self.failed_expired

    @property
    def skipped(self) -> int:
        """Messages that rules left out, for all reasons."""
        return self.skipped_frequency + self.skipped_gap + self.skipped_too_late

    @property
    def delivery_rate(self) -> float | None:
        """Share of sent messages that devices confirmed; None while nothing is sent."""
        return _share(self.delivered, self.sent)

    @property
    def click_rate(self) -> float | None:
        """Share of confirmed messages that were clicked; None while nothing is confirmed."""
        return _share(self.clicked, self.delivered)


@dataclass(frozen=True, slots=True)
class Group:
    """The counts of one group; dimensions that were not asked for are None."""

    counts: Counts
    app_id: int | None = None
    push_id: int | None = None
    send_id: int | None = None
    country: str | None = None
    language: str | None = None
    platform: str | None = None
    day: date | None = None
    hour: datetime | None = None


@dataclass(frozen=True, slots=True)
class Period:
    """Whole hours: `begin` inclusive, `end` exclusive, both in UTC."""

    begin: datetime
    end: datetime


@dataclass(frozen=True, slots=True)
class StatisticsQuery:
    """What is asked for; None narrows nothing."""

    period: Period
    dimensions: Sequence[Dimension] = ()
    app_id: int | None = None
    push_id: int | None = None
    send_id: int | None = None
    country: str | None = None
    language: str | None = None
    platform: str | None = None


def period_of(begin: str | None, end: str | None, *, now: datetime) -> Period:
    """The period between two moments, each an ISO date (the whole day, in UTC) or an ISO instant with its offset.

    Counts are kept by the hour, so the period is widened to whole hours. Without `end` up to now, without `begin` the
    30 days before the end. `InvalidInput` for a moment that cannot be read, or when the end is not after the beginning.
    """
    last = _ceiling(now if end is None else _moment("to", end, whole_day=True))
    first = last - DEFAULT_PERIOD if begin is None else hour_of(_moment("from", begin, whole_day=False))
    if first >= last:
        raise InvalidInput("from must lie before to")
    return Period(first, last)


def _moment(name: str, text: str, *, whole_day: bool) -> datetime:
    try:
        if _DATE.fullmatch(text):
            return _start_of(date.fromisoformat(text)) + timedelta(days=int(whole_day))
        if not _INSTANT.fullmatch(text):
            raise InvalidInput(f"{name} must be a date (2026-03-01) or an instant with offset (2026-03-01T12:00:00Z)")
        told = datetime.fromisoformat(text)
    except ValueError:
        raise InvalidInput(f"{name} is not a moment of the calendar") from None
    _check_year(name, told.date())
    return told.astimezone(UTC)


def _start_of(day: date) -> datetime:
    _check_year("the date", day)
    return datetime.combine(day, time(), UTC)


def _check_year(name: str, day: date) -> None:
    if not _FIRST <= day.year < _LAST:
        raise InvalidInput(f"{name} must lie between the years {_FIRST} and {_LAST}")


def _ceiling(moment: datetime) -> datetime:
    begun = hour_of(moment)
    return begun if begun == moment else begun + timedelta(hours=1)


def _share(part: int, whole: int) -> float | None:
    return round(part / whole, 6) if whole > 0 else None
