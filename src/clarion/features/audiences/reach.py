"""The counts of reachable devices: by what most filters ask about, and by audience (docs/adr/0009-estimates.md).

The database notes every device that becomes reachable, ceases to be, or changes. A worker folds these notes into the
counts; whoever needs exact counts adds the notes that are left. Apps that the counts do not know yet are counted a
range of ids at a time; the notes of a range are void as of the moment at which it is counted.
"""

import time
from dataclasses import dataclass
from functools import partial

from clarion.db import Connection, Database, load

SQL = load(__package__, "reach.sql")

_FOLD = 20_000
"""Notes folded in one transaction."""
_STEPS = (1_000, 100_000)
"""Devices counted in one transaction: at first, and at most."""
_HASTE, _TIRED = 0.5, 2.0
"""Seconds of a step that is followed by a larger one, and by a smaller one: devices lie scattered on the disk."""
_END = 2**63 - 1


@dataclass(frozen=True, slots=True)
class AudienceSize:
    """How many reachable devices of active apps are in an audience."""

    audience: str
    devices: int


@dataclass(frozen=True, slots=True)
class AudiencePage:
    """Some audiences in the order of their names; `next_after` continues the list, None at its end."""

    items: list[AudienceSize]
    next_after: str | None


class ReachService:
    """Keeps the counts, and lists audiences by them."""

    def __init__(self, *, database: Database) -> None:
        self._database = database
        self._step = _STEPS[0]

    async def settle(self) -> int:
        """Fold some notes and count some devices; 0 when there is nothing more to do, or another process does it."""
        step, begun = self._step, time.monotonic()
        self._step = _STEPS[0]  # stays so if this one takes too long for the database
        done = await self._database.run(partial(_settle, step=step))
        self._step = _next_step(step, time.monotonic() - begun)
        return done

    async def prune(self) -> None:
        """Drop counts of nobody."""
        async with self._database.transaction() as conn:
            if await SQL.claim.fetchval(conn):
                await SQL.prune_reach.execute(conn)
                await SQL.prune_reach_events.execute(conn)
                await SQL.prune_sizes.execute(conn)

    async def audiences(
        self, account_id: int, *, prefix: str = "", after: str | None = None, limit: int = 50
    ) -> AudiencePage:
        """Up to `limit` audiences whose names begin with `prefix` and come after `after`, as counted some seconds ago.

        In the order of their bytes. Bounded time, however many there are.
        """
        async with self._database.transaction() as conn:
            app_ids = [row["id"] for row in await SQL.active_apps.fetch(conn, account_id=account_id)]
            rows = await SQL.sizes.fetch(
                conn, account_id=account_id, app_ids=app_ids, prefix=prefix, after=after or "", limit=limit + 1
            )
        items = [AudienceSize(row["audience"], row["devices"]) for row in rows[:limit]]
        return AudiencePage(items, items[-1].audience if len(rows) > limit else None)


def _next_step(step: int, seconds: float) -> int:
    if seconds > _TIRED:
        return max(step // 2, _STEPS[0])
    return min(step * 2, _STEPS[1]) if seconds < _HASTE else step


async def _settle(conn: Connection, *, step: int) -> int:
    if not await SQL.claim.fetchval(conn):
        return 0
    await SQL.note_apps.execute(conn)
    folded: int = await SQL.fold.fetchval(conn, limit=_FOLD)
    return folded // _FOLD + await _count_some(conn, step)


async def _count_some(conn: Connection, step: int) -> int:
    """Count the next range of an app that is not counted; 0 when there is none."""
    app = await SQL.uncounted.fetchrow(conn)
    if app is None:
        return 0
    begin = app["counted_below"]
    end = await SQL.range_end.fetchval(conn, app_id=app["app_id"], begin=begin, step=step)
    await SQL.count_range.execute(
        conn, account_id=app["account_id"], app_id=app["app_id"], begin=begin, end=_END if end is None else end
    )
    return 1
