"""How the number of devices changes, and how long devices stay: noted by a worker, so that looking is cheap.

Owns tables `reach_day` and `device_cohort`. The devices of each day are those that `reach.py` has counted. Cohorts are
counted once a day for each app: exactly up to `SAMPLE` devices, else projected from a sample, which is fair because
device ids are random.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from clarion.db import Connection, Database, load
from clarion.db.statements import Record
from clarion.foundation.ids import DEVICE_ID_BITS

SQL = load(__package__, "growth.sql")

SAMPLE = 20_000
"""Devices of one app that are looked at to count its cohorts."""
WEEKS = 8
"""Weeks after which it is asked who is still there."""


@dataclass(frozen=True, slots=True)
class Cohort:
    """Devices that came in the same week."""

    week: date
    """Its Monday."""
    devices: int
    seen: Sequence[int]
    """How many were seen 1, 2, … weeks after they came, or later."""
    exact: bool
    """False: projected from a sample."""


class GrowthService:
    """Notes and tells the numbers of devices."""

    def __init__(self, *, database: Database) -> None:
        self._database = database

    async def note(self) -> None:
        """Note how many devices there are today. One process at a time."""
        async with self._database.transaction() as conn:
            if await SQL.claim.fetchval(conn):
                await SQL.forget_today.execute(conn)
                await SQL.note_today.execute(conn)

    async def count_cohorts(self) -> int:
        """Count the cohorts of one app; 0 when all of today's are counted, or another process does it."""
        return await self._database.run(_count_cohorts)

    async def by_day(self, account_id: int, begin: date, end: date, *, by_app: bool) -> Mapping[date, dict[str, int]]:
        """Reachable devices at the end of each day (UTC) from `begin` to before `end`, by app id or by platform."""
        async with self._database.acquire() as conn:
            rows = await SQL.by_day.fetch(conn, account_id=account_id, begin=begin, end=end, by_app=by_app)
        found: dict[date, dict[str, int]] = {}
        for row in rows:
            found.setdefault(row["day"], {})[row["key"]] = row["n"]
        return found

    async def reachable(self, account_id: int) -> Mapping[int, int]:
        """Reachable devices of each active app, as counted some seconds ago; apps without any are left out."""
        async with self._database.acquire() as conn:
            rows = await SQL.reachable.fetch(conn, account_id=account_id)
        return {row["app_id"]: row["n"] for row in rows}

    async def retention(self, account_id: int) -> list[Cohort]:
        """The cohorts of the last weeks over all active apps, oldest first, as counted within the last day."""
        async with self._database.acquire() as conn:
            rows = await SQL.retention.fetch(conn, account_id=account_id)
        return _together(rows)


async def _count_cohorts(conn: Connection) -> int:
    if not await SQL.claim.fetchval(conn):
        return 0
    app = await SQL.next_app.fetchrow(conn)
    if app is None:
        return 0
    rows = await SQL.cohorts.fetch(conn, **app, size=SAMPLE)
    await SQL.forget_cohorts.execute(conn, **app)
    for row in rows:
        scale = projection(row["looked"], row["last_id"])
        await SQL.keep_cohort.execute(
            conn,
            **app,
            week=row["week"],
            devices=round(row["devices"] * scale),
            seen=[round(number * scale) for number in row["seen"]],
            exact=scale == 1,
        )
    await SQL.counted.execute(conn, **app)
    return 1


def projection(looked: int, last_id: int, *, size: int = SAMPLE) -> float:
    """How many devices of an app each one of a sample stands for; the sample is the first `size` by their ids."""
    return 1.0 if looked < size else float(1 << DEVICE_ID_BITS) / max(last_id, 1)


def _together(rows: Iterable[Record]) -> list[Cohort]:
    found: dict[date, Cohort] = {}
    for row in rows:
        known = found.get(row["week"], Cohort(row["week"], 0, [0] * WEEKS, exact=True))
        seen = [mine + more for mine, more in zip(known.seen, row["seen"], strict=True)]
        found[row["week"]] = Cohort(row["week"], known.devices + row["devices"], seen, known.exact and row["exact"])
    return sorted(found.values(), key=lambda cohort: cohort.week)
