"""Schedulers of two accounts, with a clock that tests set and a send part that only records."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from tests.factories import EventCodes, new_account, new_app

from clarion.db import Conditions, Connection, Database
from clarion.features.accounts import Caller
from clarion.features.audiences import AudienceService
from clarion.features.pushes import PushBody, PushService, TranslationBody
from clarion.features.schedulers import OnesendBody, SchedulerService
from clarion.features.sends.model import WHOLE, Part
from clarion.features.sends.zones import AppZone, apps_with_moved, zones_of

START = datetime(2026, 3, 1, 12, 0, 30, tzinfo=UTC)


@dataclass
class SettableClock:
    """A clock that stands still until it is moved."""

    moment: datetime = START

    def now(self) -> datetime:
        return self.moment

    def monotonic(self) -> float:
        return (self.moment - START).total_seconds()

    def advance(self, **time: float) -> datetime:
        self.moment += timedelta(**time)
        return self.moment


@dataclass(frozen=True)
class Plan:
    """One call of `plan`."""

    account_id: int
    scheduler_id: int
    occurrence: datetime
    due_at: datetime
    cutoff_at: datetime
    push_ids: Sequence[int]
    app_ids: Sequence[int]
    conditions: Conditions
    part: Part = WHOLE
    rotates: bool = False
    shares: Sequence[int] | None = None


@dataclass
class RecordingSends:
    """Records what it is asked; `open_sends` is what cancel, pause and resume find."""

    plans: list[Plan] = field(default_factory=list)
    calls: list[tuple[str, int, int]] = field(default_factory=list)
    open_sends: int = 0
    broken: set[int] = field(default_factory=set)
    """Schedulers whose planning fails."""

    async def plan(self, *, within: Connection, **values: Any) -> int | None:
        if values["scheduler_id"] in self.broken:
            raise LookupError("broken")
        self.plans.append(Plan(**values))
        return len(self.plans)

    async def zones_of(self, account_id: int, app_ids: Sequence[int], within: Connection) -> list[AppZone]:
        return await zones_of(account_id, app_ids, within=within)

    async def apps_with_moved(
        self, account_id: int, app_ids: Sequence[int], since: datetime, within: Connection
    ) -> list[int]:
        return await apps_with_moved(account_id, app_ids, since=since, within=within)

    async def open_parts(self, account_id: int, scheduler_id: int, occurrence: datetime, within: Connection) -> int:
        return self.open_sends

    async def left_of(self, account_id: int, scheduler_id: int, within: Connection) -> tuple[int, int]:
        return 0, 0

    def _record(self, verb: str, account_id: int, scheduler_id: int) -> int:
        self.calls.append((verb, account_id, scheduler_id))
        return self.open_sends

    async def cancel_of(self, account_id: int, scheduler_id: int, within: Connection) -> int:
        return self._record("cancel", account_id, scheduler_id)

    async def pause_of(self, account_id: int, scheduler_id: int, within: Connection) -> int:
        return self._record("pause", account_id, scheduler_id)

    async def resume_of(self, account_id: int, scheduler_id: int, within: Connection) -> int:
        return self._record("resume", account_id, scheduler_id)


@dataclass(frozen=True)
class World:
    """An account with one app, a foreign one with one app, and the services."""

    database: Database
    clock: SettableClock
    sends: RecordingSends
    pushes: PushService
    audiences: AudienceService
    schedulers: SchedulerService
    own: Caller
    foreign: Caller
    app: int
    foreign_app: int

    async def onesend(self, *, caller: Caller | None = None, **fields: Any) -> int:
        """A onesend to all apps, due an hour after the start unless told otherwise."""
        values = {
            "name": "Sale",
            "date": "2026-03-01",
            "time": "13:00",
            "local_time": False,
            "timezone": "+00:00",
            "all_apps": True,
        }
        return await self.schedulers.create_onesend(caller or self.own, OnesendBody(**{**values, **fields}))

    async def push(self, caller: Caller | None = None) -> int:
        return (await self.pushes.create(caller or self.own, push_body())).id

    async def bound_onesend(self, **fields: Any) -> tuple[int, int]:
        """A onesend and the push bound to it."""
        scheduler_id, push_id = await self.onesend(**fields), await self.push()
        await self.schedulers.bind_pushes(self.own, scheduler_id, type_="onesend", push_ids=[push_id])
        return scheduler_id, push_id

    async def state(self, scheduler_id: int) -> str:
        return (await self.schedulers.get(self.own.account_id, scheduler_id)).state

    async def count(self, table: str) -> int:
        async with self.database.acquire() as conn:
            return int(await conn.fetchval(f"select count(*) from {table}"))

    async def audit(self, prefix: str) -> list[tuple[str, str, str]]:
        async with self.database.acquire() as conn:
            rows = await conn.fetch(
                "select actor, action, object from audit_entry where starts_with(action, $1) order by id", prefix
            )
        return [tuple(row) for row in rows]


def push_body(title: str = "hi") -> PushBody:
    return PushBody("en", [TranslationBody("en", title, "text"), TranslationBody("pt", "olá", "texto")])


@pytest.fixture
async def world(database: Database) -> World:
    async with database.transaction() as conn:
        own, foreign = await new_account(conn), await new_account(conn)
        app, foreign_app = await new_app(conn, own), await new_app(conn, foreign)
    clock, sends, pushes = SettableClock(), RecordingSends(), PushService(database=database)
    audiences = AudienceService(database=database, events=EventCodes({}))
    schedulers = SchedulerService(
        database=database,
        audiences=audiences,
        pushes=pushes,
        sends=sends,
        clock=clock,
        instant_delay=timedelta(seconds=120),
    )
    return World(
        database,
        clock,
        sends,
        pushes,
        audiences,
        schedulers,
        Caller(own, "key:a"),
        Caller(foreign, "key:b"),
        app,
        foreign_app,
    )
