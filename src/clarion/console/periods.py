"""Days as people mean them: in their own time zone, compared with the days before. Pure."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, tzinfo

from clarion.features.statistics.model import hour_of
from clarion.features.statistics.reading import Period

_DAY = timedelta(days=1)
_POINTS = 92


@dataclass(frozen=True, slots=True)
class Days:
    """Whole days of a time zone: both `first` and `last` belong to them."""

    first: date
    last: date

    @classmethod
    def until(cls, last: date, *, number: int) -> "Days":
        """So many days, the last of which is this one."""
        return cls(last - (number - 1) * _DAY, last)

    @property
    def number(self) -> int:
        """How many days."""
        return (self.last - self.first).days + 1

    def before(self) -> "Days":
        """As many days right before these."""
        return Days.until(self.first - _DAY, number=self.number)

    def period(self, zone: tzinfo) -> Period:
        """From midnight to midnight in whole hours; where midnight is at half past, its whole hour counts."""
        return Period(_midnight(self.first, zone), _midnight(self.last + _DAY, zone))

    @property
    def step(self) -> int:
        """Days of one point of a curve: one, or a week where there would be too many points to read."""
        return 1 if self.number <= _POINTS else 7

    def steps(self) -> "Iterator[Days]":
        """These days cut into steps; the first one may be shorter, so that the last one is whole."""
        last = self.last
        found = []
        while last >= self.first:
            found.append(Days(max(self.first, last - (self.step - 1) * _DAY), last))
            last -= self.step * _DAY
        return reversed(found)

    def __iter__(self) -> Iterator[date]:
        return (self.first + place * _DAY for place in range(self.number))


def today(zone: tzinfo) -> date:
    """The date that the clocks of a zone show."""
    return datetime.now(zone).date()


def _midnight(day: date, zone: tzinfo) -> datetime:
    return hour_of(datetime.combine(day, time(), zone).astimezone(UTC))
