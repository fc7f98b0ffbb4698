"""Quiet hours: when a device must not be disturbed, in its own time. Pure.

Where a clock change makes the beginning or the end of a window ambiguous or skips it, the window is the longer one.
"""

import re
from collections.abc import Sequence
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from enum import StrEnum

import msgspec

from clarion.foundation.errors import InvalidInput

LONGEST_DAILY = timedelta(hours=23)
"""A window of every day leaves an hour of each day free."""
_TIME = re.compile(r"([01][0-9]|2[0-3]):([0-5][0-9])")
_MIDNIGHT = "24:00"
_DAY = timedelta(days=1)
_WINDOWS = 9
"""Windows that can follow each other without a gap: those of a week, and the ones that clock changes touch."""


class Day(StrEnum):
    """Days of the week, in their order."""

    MON = "mon"
    TUE = "tue"
    WED = "wed"
    THU = "thu"
    FRI = "fri"
    SAT = "sat"
    SUN = "sun"


_WEEK = tuple(Day)


class QuietHours(msgspec.Struct, frozen=True, rename={"begins": "from", "ends": "to"}):
    """A window in the device's own time; one that ends at or before its beginning ends on the next day."""

    begins: str
    """`HH:MM`."""
    ends: str
    """`HH:MM`; `24:00` is the end of the day."""
    days: list[Day] | None = None
    """On which it begins; absent or null = every day."""

    def check(self) -> None:
        """`InvalidInput` names the first rule broken."""
        if not _TIME.fullmatch(self.begins):
            raise InvalidInput("quiet_hours.from must be a time such as 22:00")
        if self.ends != _MIDNIGHT and not _TIME.fullmatch(self.ends):
            raise InvalidInput("quiet_hours.to must be a time such as 08:00, or 24:00")
        if self.begins == self.ends:
            raise InvalidInput("quiet_hours.from and quiet_hours.to must differ")
        if self.days is not None and not self.days:
            raise InvalidInput("quiet_hours.days must not be empty; leave it out for every day")
        if len(self._days) == len(_WEEK) and self._length > LONGEST_DAILY:
            raise InvalidInput("quiet_hours must leave an hour of each day free")

    @property
    def _days(self) -> frozenset[Day]:
        return frozenset(_WEEK if self.days is None else self.days)

    @property
    def _length(self) -> timedelta:
        """By the clock on the wall, of a day without a clock change."""
        length = _since_midnight(self.ends) - _since_midnight(self.begins)
        return length if length > timedelta(0) else length + _DAY

    def next_allowed(self, now: datetime, zone: tzinfo) -> datetime:
        """`now` when it lies outside of all windows, else the end of the window (of windows without a gap between them,
        the last one's end). In UTC."""
        moment = now.astimezone(UTC)
        for _ in range(_WINDOWS):
            end = self._end_of_window(moment, zone)
            if end is None:
                break
            moment = end
        return moment

    def _end_of_window(self, moment: datetime, zone: tzinfo) -> datetime | None:
        """The latest end of the windows that `moment` lies in; None when it lies in none."""
        today = moment.astimezone(zone).date()
        found: datetime | None = None
        for first in (today - _DAY, today, today + _DAY):
            if _WEEK[first.weekday()] in self._days:
                begins, ends = self._window(first, zone)
                if begins <= moment < ends and (found is None or ends > found):
                    found = ends
        return found

    def _window(self, first: date, zone: tzinfo) -> tuple[datetime, datetime]:
        """The window that begins on a day, in UTC."""
        begins = datetime.combine(first, time()) + _since_midnight(self.begins)
        return min(_readings(begins, zone)), max(_readings(begins + self._length, zone))


def _since_midnight(text: str) -> timedelta:
    return timedelta(hours=int(text[:2]), minutes=int(text[3:]))


def _readings(wall: datetime, zone: tzinfo) -> Sequence[datetime]:
    """Instants that a time on the wall may mean: two where the clock is changed."""
    return [wall.replace(tzinfo=zone, fold=fold).astimezone(UTC) for fold in (0, 1)]
