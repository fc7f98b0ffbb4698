"""When a scheduler's moments are: by one clock, or by each device's own (reliability.md TM-3 to TM-7). Pure.

A *slot* is a moment as people write it: a wall-clock time without a zone. Each zone reaches it at its own instant, its
*due* moment. The clock's worker looks at a scheduler now and then; `agenda` tells what has become due since it looked
last, and `next_look` when it must look again.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from enum import StrEnum
from itertools import groupby
from typing import NamedTuple

from clarion.foundation.zones import instant

EAST = timedelta(hours=14)
"""How long before UTC the first devices reach a slot."""
WEST = timedelta(hours=14)
"""How long after UTC the last ones do: -12:00 is the last zone in use, but devices may tell any offset up to 14 h."""
LATEST = timedelta(hours=24)
"""A moment missed by more than this is not made up for (reliability.md TM-7)."""
GRID = timedelta(minutes=15)
"""Zones differ by whole quarters of an hour, so devices in a new zone are noticed by looking so often."""
SWEEP_AFTER = timedelta(minutes=1)
"""The sweep follows the last zone by so much."""

_DAY = timedelta(days=1)


class Late(StrEnum):
    """What happens to zones whose moment had passed when a scheduler was made or edited."""

    AT_ONCE = "at_once"
    """They are sent at once, unless they are more than 24 h late."""
    SKIP = "skip"
    """They get nothing."""
    NEXT_DAY = "next_day"
    """They get it at the same time of the next day that is still ahead."""


class ZoneKey(NamedTuple):
    """Devices that share a clock: those of an app that told the same zone ('' = none)."""

    app_id: int
    told: str


Zones = Mapping[ZoneKey, tzinfo]

_Found = tuple[datetime, datetime, ZoneKey]
"""A slot, its due moment, and for whom."""


@dataclass(frozen=True, slots=True)
class Slots:
    """The days and times of a scheduler; a single moment has one day and one time."""

    weekdays: frozenset[int]
    """Monday is 1."""
    times: tuple[time, ...]
    first: date
    last: date | None

    def between(self, after: datetime, until: datetime) -> Iterator[datetime]:
        """Slots behind `after`, up to and including `until`, in order; all are naive."""
        day, end = max(after.date(), self.first), min(until.date(), self.last or until.date())
        while day <= end:
            if day.isoweekday() in self.weekdays:
                yield from (slot for at in self.times if after < (slot := datetime.combine(day, at)) <= until)
            day += _DAY

    def following(self, after: datetime) -> datetime | None:
        """The first slot behind `after`; None when there is none."""
        start = max(after, datetime.combine(self.first, time.min) - timedelta.resolution)
        return next(self.between(start, start + 8 * _DAY), None)


@dataclass(frozen=True, slots=True)
class Start:
    """A slot that has come for some zones."""

    slot: datetime
    due: datetime
    zones: tuple[ZoneKey, ...]

    @property
    def bucket(self) -> int:
        """Seconds between the slot as if it were UTC and its due moment: the offset of its zones, less late days."""
        return round((as_utc(self.slot) - self.due).total_seconds())


@dataclass(frozen=True, slots=True)
class Agenda:
    """What a look at a scheduler finds due."""

    starts: tuple[Start, ...]
    missed: tuple[Start, ...]
    """Left out: too late, or overtaken by a later slot of the same zones."""


@dataclass(frozen=True, slots=True)
class LocalCalendar:
    """A scheduler whose slots come for each zone by its own clock."""

    slots: Slots
    late: Late
    armed_at: datetime

    def due(self, slot: datetime, zone: tzinfo) -> datetime:
        """When the slot comes for a zone; under `next_day` on the first day on which that is still ahead."""
        moment = instant(slot, zone)
        while self.late is Late.NEXT_DAY and moment < self.armed_at:
            slot += _DAY
            moment = instant(slot, zone)
        return moment

    def agenda(self, zones: Zones, *, after: datetime, now: datetime) -> Agenda:
        """What has become due behind `after`, up to now. Of several slots missed by a zone only the last counts."""
        starts: list[_Found] = []
        missed: list[_Found] = []
        for zone, keys in _by_clock(zones).items():
            found = sorted((due, slot) for slot, due in self._dues(zone, after, now) if after < due <= now)
            if found and now - found[-1][0] <= LATEST:
                due, slot = found.pop()
                starts += [(slot, due, key) for key in keys]
            missed += [(slot, due, key) for due, slot in found for key in keys]
        return Agenda(_grouped(starts), _grouped(missed))

    def ahead(self, zones: Zones, *, after: datetime, until: datetime) -> tuple[Start, ...]:
        """Everything that comes behind `after`, up to and including `until`."""
        return _grouped(
            (slot, due, key)
            for zone, keys in _by_clock(zones).items()
            for slot, due in self._dues(zone, after, until)
            if after < due <= until
            for key in keys
        )

    def next_look(self, zones: Iterable[tzinfo], now: datetime) -> datetime | None:
        """The next instant at which some zone, one of these or one yet unknown, may reach a slot; None = never."""
        looks = [look for slot in self._around(now, now) if (look := self._next_in(slot, now))]
        for zone in set(zones):
            looks += [due for _, due in self._dues(zone, now, now + GRID) if due > now]
        following = self.slots.following(now.replace(tzinfo=None) + EAST)
        if following is not None:
            looks.append(as_utc(following) - EAST)
        return min(looks, default=None)

    def sweep_at(self, slot: datetime) -> datetime:
        """When the devices are collected that changed their zone and were in none of them at its moment."""
        return self._last_due(slot) + SWEEP_AFTER

    def _last_due(self, slot: datetime) -> datetime:
        first, last = as_utc(slot) - EAST, as_utc(slot) + WEST
        return max(last, self.armed_at + _DAY) if self.late is Late.NEXT_DAY and self.armed_at > first else last

    def _next_in(self, slot: datetime, now: datetime) -> datetime | None:
        first = as_utc(slot) - EAST
        look = first + max(0, (now - first) // GRID + 1) * GRID
        return look if look <= self._last_due(slot) else None

    def _dues(self, zone: tzinfo, after: datetime, until: datetime) -> Iterator[tuple[datetime, datetime]]:
        return ((slot, self.due(slot, zone)) for slot in self._around(after, until))

    def _around(self, after: datetime, until: datetime) -> Iterator[datetime]:
        """Slots that some zone may reach between two instants."""
        delay = 2 * _DAY if self.late is Late.NEXT_DAY else timedelta()
        return self.slots.between(_wall(after) - WEST - delay - timedelta.resolution, _wall(until) + EAST)


@dataclass(frozen=True, slots=True)
class FixedCalendar:
    """A scheduler whose slots come for everybody at once, by one offset."""

    slots: Slots
    offset: timedelta

    def due_between(self, after: datetime, until: datetime) -> list[datetime]:
        """Instants of slots behind `after`, up to and including `until`."""
        shown = self.slots.between(_wall(after) + self.offset, _wall(until) + self.offset)
        return [as_utc(slot) - self.offset for slot in shown]

    def following(self, after: datetime) -> datetime | None:
        """The first instant behind `after`; None when there is none."""
        slot = self.slots.following(_wall(after) + self.offset)
        return None if slot is None else as_utc(slot) - self.offset


def as_utc(slot: datetime) -> datetime:
    """A slot as if it were written in UTC: its name among the sends of a scheduler."""
    return slot.replace(tzinfo=UTC)


def _wall(moment: datetime) -> datetime:
    return moment.astimezone(UTC).replace(tzinfo=None)


def _by_clock(zones: Zones) -> dict[tzinfo, list[ZoneKey]]:
    clocks: dict[tzinfo, list[ZoneKey]] = {}
    for key, zone in zones.items():
        clocks.setdefault(zone, []).append(key)
    return clocks


def _grouped(found: Iterable[_Found]) -> tuple[Start, ...]:
    groups = groupby(sorted(found), key=lambda item: item[:2])
    return tuple(Start(slot, due, tuple(key for *_, key in group)) for (slot, due), group in groups)
