"""How far sends are: read from sends, slices, waiting deliveries and the counts. Changes nothing."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from typing import Any

from clarion.db import Connection, Database, load
from clarion.db.statements import Record
from clarion.features.statistics import Counts, StatisticsService
from clarion.foundation.errors import NotFound

SQL = load(__package__, "progress.sql")

_NEWEST = 2**63 - 1
_NO_SLICES = (0, 0)


class SendState(StrEnum):
    """States of a send."""

    RUNNING = "running"
    PAUSED = "paused"
    CANCELLED = "cancelled"
    COMPLETE = "complete"


@dataclass(frozen=True, slots=True)
class Held:
    """Messages that rules hold back for now, by the rule."""

    quiet_hours: int = 0
    frequency: int = 0
    gap: int = 0
    pacing: int = 0


@dataclass(frozen=True, slots=True)
class Progress:
    """A send and what has become of its messages so far."""

    id: int
    account_id: int
    scheduler_id: int
    occurrence: datetime
    day: date
    state: SendState
    push_ids: Sequence[int]
    cutoff_at: datetime
    due_at: datetime
    expires_at: datetime
    estimate: int
    pause_reason: str | None
    created_at: datetime
    finished_at: datetime | None
    zone_bucket: int | None
    zones: Sequence[str] | None
    test: bool
    slices_total: int
    slices_done: int
    waiting: int
    held: Held
    """Of those that wait."""
    counts: Counts


@dataclass(frozen=True, slots=True)
class ProgressPage:
    """Some sends, newest first; `next_before` continues the list, None at its end."""

    items: Sequence[Progress]
    next_before: int | None


@dataclass(frozen=True, slots=True)
class Place:
    """Where the deliveries of a send lie."""

    day: date
    app_ids: Sequence[int]


class ProgressService:
    """Reads sends of an account. An id of another account behaves like one that never existed."""

    def __init__(self, *, database: Database, statistics: StatisticsService) -> None:
        self._database = database
        self._statistics = statistics

    async def get(self, account_id: int, send_id: int) -> Progress:
        """One send. `NotFound`."""
        async with self._database.transaction() as conn:
            row = await SQL.get.fetchrow(conn, account_id=account_id, send_id=send_id)
            if row is None:
                raise _not_found(send_id)
            return (await self._progress(conn, account_id, [row]))[0]

    async def page(
        self,
        account_id: int,
        *,
        scheduler_id: int | None = None,
        state: SendState | None = None,
        before: int | None = None,
        limit: int = 50,
    ) -> ProgressPage:
        """Up to `limit` sends, newest first, with ids below `before`."""
        async with self._database.transaction() as conn:
            rows = await SQL.list_newest.fetch(
                conn,
                account_id=account_id,
                scheduler_id=scheduler_id,
                state=state,
                before=_NEWEST if before is None else before,
                limit=limit + 1,
            )
            items = await self._progress(conn, account_id, rows[:limit])
        return ProgressPage(items, items[-1].id if len(rows) > limit else None)

    async def place(self, account_id: int, send_id: int, *, within: Connection) -> Place:
        """Day and apps of a send's deliveries. `NotFound`."""
        row = await SQL.day_and_apps.fetchrow(within, account_id=account_id, send_id=send_id)
        if row is None:
            raise _not_found(send_id)
        return Place(row["day"], row["app_ids"])

    async def _progress(self, conn: Connection, account_id: int, rows: Sequence[Record]) -> list[Progress]:
        send_ids = [row["id"] for row in rows]
        slices = await SQL.slices.fetch(conn, account_id=account_id, send_ids=send_ids)
        waiting = await SQL.waiting.fetch(conn, account_id=account_id, send_ids=send_ids)
        counts = await self._statistics.of_sends(account_id, send_ids, within=conn)
        covered = {row["send_id"]: (row["total"], row["done"]) for row in slices}
        held = {row["send_id"]: row for row in waiting}
        return [_joined(row, covered=covered, waiting=held, counts=counts) for row in rows]


def _joined(
    row: Record,
    *,
    covered: Mapping[int, tuple[int, int]],
    waiting: Mapping[int, Record],
    counts: Mapping[int, Counts],
) -> Progress:
    fields: dict[str, Any] = {**dict(row), "state": SendState(row["state"])}
    total, done = covered.get(row["id"], _NO_SLICES)
    return Progress(
        **fields,
        slices_total=total,
        slices_done=done,
        waiting=waiting[row["id"]]["waiting"],
        held=Held(**{name: waiting[row["id"]][name] for name in Held.__slots__}),
        counts=counts.get(row["id"], Counts()),
    )


def _not_found(send_id: int) -> NotFound:
    return NotFound(f"send {send_id} does not exist")
