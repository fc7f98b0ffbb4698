"""What has become of a scheduler as a whole: all its sends together, without its tests. Changes nothing."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from clarion.db import Database, load
from clarion.features.sends.model import TEST
from clarion.features.statistics import Counts

SQL = load(__package__, "results.sql")

_COUNTED = frozenset(Counts.__dataclass_fields__)


class Aspect(StrEnum):
    """What results can be split by."""

    TOTAL = "total"
    HOUR = "hour"
    LANGUAGE = "language"
    COUNTRY = "country"
    APP = "app"
    PLATFORM = "platform"
    PUSH = "push"


@dataclass(frozen=True, slots=True)
class Summary:
    """A scheduler in one line of a list."""

    sends: int = 0
    open: int = 0
    """Sends that are running or paused."""
    last_due_at: datetime | None = None
    sent: int = 0
    delivered: int = 0
    clicked: int = 0


@dataclass(frozen=True, slots=True)
class Underway:
    """The sends of a scheduler that have not ended."""

    open: int
    paused: int
    slices_total: int
    slices_done: int
    estimate: int
    """Recipients that were expected of them."""
    pause_reason: str | None

    @property
    def share(self) -> float:
        """How much of the work is behind us, from 0 to 1."""
        return self.slices_done / self.slices_total if self.slices_total else 0.0


@dataclass(frozen=True, slots=True)
class Run:
    """A scheduler whose sends have not all ended."""

    scheduler_id: int
    name: str
    due_at: datetime
    paused: bool
    pause_reason: str | None
    """Why the system paused it; None when a person did."""
    slices_total: int
    slices_done: int
    estimate: int
    sent: int

    @property
    def percent(self) -> int:
        """How much of the work is behind us."""
        return 100 * self.slices_done // self.slices_total if self.slices_total else 0


class ResultsService:
    """Results of an account's schedulers. Those of another account have none."""

    def __init__(self, *, database: Database) -> None:
        self._database = database

    async def of_schedulers(self, account_id: int, scheduler_ids: Sequence[int]) -> Mapping[int, Summary]:
        """One line for each of them."""
        async with self._database.acquire() as conn:
            rows = await SQL.of_schedulers.fetch(
                conn, account_id=account_id, scheduler_ids=list(scheduler_ids), test=TEST
            )
        found = {row["scheduler_id"]: _summary(dict(row)) for row in rows}
        return {scheduler_id: found.get(scheduler_id, Summary()) for scheduler_id in scheduler_ids}

    async def split(self, account_id: int, scheduler_id: int, aspect: Aspect) -> Mapping[str, Counts]:
        """Counts by language, country, app id, …; hours are seconds since 1970; a total has the key ''."""
        async with self._database.acquire() as conn:
            rows = await SQL.outcomes.fetch(
                conn, account_id=account_id, scheduler_id=scheduler_id, dimension=aspect, test=TEST
            )
        found: dict[str, dict[str, int]] = {}
        for row in rows:
            if (name := row["outcome"].replace(":", "_")) in _COUNTED:
                found.setdefault(row["key"], {})[name] = row["n"]
        return {key: Counts(**counts) for key, counts in found.items()}

    async def underway(self, account_id: int, scheduler_id: int) -> Underway:
        """How far it is."""
        async with self._database.acquire() as conn:
            row = await SQL.open_sends.fetchrow(conn, account_id=account_id, scheduler_id=scheduler_id, test=TEST)
        assert row is not None  # noqa: S101 - an aggregate always has a row
        return Underway(**dict(row))

    async def under_way(self, account_id: int, *, limit: int) -> list[Run]:
        """What is being sent now, newest first; without auto-push, which never ends, and without tests."""
        async with self._database.acquire() as conn:
            rows = await SQL.under_way.fetch(conn, account_id=account_id, limit=limit, test=TEST)
        return [Run(**row) for row in rows]


def _summary(row: dict[str, Any]) -> Summary:
    return Summary(**{name: row[name] for name in Summary.__slots__})
