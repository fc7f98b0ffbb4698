"""Counts of an account as people look at them: any period by one dimension, in milliseconds.

Owns table `stat_total`, into which a worker rolls the hours of `stat_hour` that are over. What is not rolled up yet is
read from `stat_hour`, so that totals always equal the counts they are made of.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum
from typing import NamedTuple

from clarion.db import Connection, Database, load
from clarion.db.statements import Record
from clarion.features.statistics.reading import Counts, Period

SQL = load(__package__, "totals.sql")

LATE = timedelta(hours=1)
"""So long after the end of an hour its last outcomes are written, even by a worker that had to wait."""
_STEP = timedelta(hours=1)
"""What is rolled up in one transaction."""
_DAY = timedelta(days=1)
_COUNTED = frozenset(Counts.__dataclass_fields__)


class Part(StrEnum):
    """What totals can be split by."""

    TOTAL = "total"
    APP = "app"
    PUSH = "push"
    COUNTRY = "country"
    LANGUAGE = "language"
    PLATFORM = "platform"


class WeekHour(NamedTuple):
    """An hour of the week."""

    weekday: int
    """1 = Monday."""
    hour: int


@dataclass(frozen=True, slots=True)
class Cut:
    """Where the rolled days and hours of a period begin and end; the rest of it is not rolled up."""

    begin: datetime
    first_day: datetime
    last_day: datetime
    rolled: datetime
    end: datetime


class TotalsService:
    """Rolls counts up, and reads them."""

    def __init__(self, *, database: Database) -> None:
        self._database = database

    async def roll(self) -> int:
        """Roll some hours up; 0 when there is nothing more to do, or another process does it."""
        return await self._database.run(_roll)

    async def split(self, account_id: int, period: Period, part: Part) -> Mapping[str, Counts]:
        """Counts by app id, country, …; a total has the key ''."""
        async with self._database.transaction() as conn:
            cut = await _cut(conn, period)
            rows = await SQL.by_key.fetch(
                conn,
                account_id=account_id,
                dimension=part,
                begin=cut.begin,
                first_day=cut.first_day,
                last_day=cut.last_day,
                rolled=cut.rolled,
                end=cut.end,
            )
        return _counts(rows)

    async def total(self, account_id: int, period: Period) -> Counts:
        """Everything of a period together."""
        return (await self.split(account_id, period, Part.TOTAL)).get("", Counts())

    async def by_day(self, account_id: int, period: Period, *, zone: str) -> Mapping[date, Counts]:
        """Counts of the days of a time zone; days without any are left out."""
        found = await self._by_time(account_id, period, zone=zone, weekly=False)
        return {date.fromisoformat(key): counts for key, counts in found.items()}

    async def by_week_hour(self, account_id: int, period: Period, *, zone: str) -> Mapping[WeekHour, Counts]:
        """Counts by weekday and hour of a time zone."""
        found = await self._by_time(account_id, period, zone=zone, weekly=True)
        return {WeekHour(*map(int, key.split())): counts for key, counts in found.items()}

    async def _by_time(self, account_id: int, period: Period, *, zone: str, weekly: bool) -> Mapping[str, Counts]:
        async with self._database.transaction() as conn:
            cut = await _cut(conn, period)
            rows = await SQL.by_time.fetch(
                conn,
                account_id=account_id,
                weekly=weekly,
                zone=zone,
                begin=cut.begin,
                rolled=cut.rolled,
                end=cut.end,
            )
        return _counts(rows)


def together(counts: Iterable[Counts]) -> Counts:
    """The sum of counts. Pure."""
    listed = list(counts)
    return Counts(**{name: sum(getattr(each, name) for each in listed) for name in _COUNTED})


def cut_of(period: Period, until: datetime) -> Cut:
    """How a period is read while the hours before `until` are rolled up. Pure."""
    rolled = min(max(until, period.begin), period.end)
    first, last = _midnight(period.begin, after=True), _midnight(rolled, after=False)
    if first >= last:
        first = last = period.begin
    return Cut(period.begin, first, last, rolled, period.end)


def _midnight(moment: datetime, *, after: bool) -> datetime:
    day = datetime.combine(moment.astimezone(UTC).date(), time(), UTC)
    return day + _DAY if after and day != moment else day


async def _roll(conn: Connection) -> int:
    if not await SQL.claim.fetchval(conn):
        return 0
    begin: datetime = await SQL.mark.fetchval(conn)
    over: datetime = await SQL.over.fetchval(conn, margin=LATE)
    end = min(begin + _STEP, over)
    if end <= begin:
        return 0
    await SQL.roll.execute(conn, begin=begin, end=end)
    await SQL.advance.execute(conn, end=end)
    return int(end < over)


async def _cut(conn: Connection, period: Period) -> Cut:
    return cut_of(period, await SQL.mark.fetchval(conn))


def _counts(rows: Iterable[Record]) -> dict[str, Counts]:
    found: dict[str, dict[str, int]] = {}
    for row in rows:
        if (name := row["outcome"].replace(":", "_")) in _COUNTED:
            found.setdefault(row["key"], {})[name] = row["n"]
    return {key: Counts(**counts) for key, counts in found.items()}
