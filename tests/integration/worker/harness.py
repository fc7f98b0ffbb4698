"""A worker in this process, over a real database and the simulator: what dispatch tests are made of."""

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any, cast

from clarion.db import Connection, Database
from clarion.features.accounts import Caller
from clarion.features.audiences import AudienceService
from clarion.features.pushes import PushService
from clarion.features.pushes.model import PushBody, TranslationBody
from clarion.features.schedulers.service import SchedulerService
from clarion.features.sends import SendService
from clarion.features.statistics import StatisticsService
from clarion.foundation.clock import SystemClock
from clarion.foundation.ids import new_device_id
from clarion.foundation.secrets import Keeper
from clarion.providers.contract import Credential
from clarion.services import Services
from clarion.settings import Settings, read_settings
from clarion.simulator import Simulator
from clarion.worker.process import Worker, build_worker, run_worker
from tests.factories import EventCodes, new_account, new_app


@dataclass
class StoredCredentials:
    """Credentials of the test's apps: the part of the apps feature that dispatch asks."""

    database: Database
    values: dict[tuple[int, str], dict[str, str]] = field(default_factory=dict)

    async def credential(self, app_id: int, provider: str, within: Connection | None = None) -> Credential | None:
        async with self.database.joined(within) as conn:
            row = await conn.fetchrow(
                "select account_id, version from app_credential where app_id = $1 and provider = $2", app_id, provider
            )
        values = self.values.get((app_id, provider))
        if row is None or values is None:
            return None
        return Credential(app_id, row["account_id"], provider, row["version"], f"{provider}-{app_id}", values)

    async def providers_of(
        self, account_id: int, app_ids: Sequence[int], within: Connection | None = None
    ) -> Mapping[int, set[str]]:
        del account_id, within
        return {app_id: {name for app, name in self.values if app == app_id} for app_id in app_ids}


@dataclass
class World:
    """An account with one FCM app, and everything needed to send to it."""

    database: Database
    sim: Simulator
    settings: Settings
    services: Services
    credentials: StoredCredentials
    keeper: Keeper
    account_id: int = 0
    app_id: int = 0

    async def add_app(self, project: str = "acceptance-one") -> int:
        """An app with a service account of its own."""
        async with self.database.transaction() as conn:
            app_id = await new_app(conn, self.account_id)
            await conn.execute(
                "insert into app_credential (app_id, provider, account_id, sealed, fingerprint) "
                "values ($1, 'fcm', $2, '', $3)",
                app_id,
                self.account_id,
                f"fcm-{app_id}",
            )
        self.credentials.values[app_id, "fcm"] = self.sim.service_account(project_id=project)
        return app_id

    async def add_devices(self, tokens: Sequence[str], *, app_id: int | None = None, **columns: Any) -> list[int]:
        """One device per token; `columns` apply to all."""
        values = {"transport": "fcm.data", "platform": "android", "country": "PT", "lang": "en", **columns}
        app = app_id or self.app_id
        ids = [new_device_id() for _ in tokens]
        rows = [
            (app, device, self.account_id, b"h%d" % device, b"", token, self.keeper.lookup_hash(token, "token"), 1)
            + tuple(values.values())
            + (datetime.now(UTC) - timedelta(minutes=1),)
            for device, token in zip(ids, tokens, strict=True)
        ]
        names = ["app_id", "id", "account_id", "ic_token_hash", "ic_token", "token", "token_hash", "token_state"]
        async with self.database.transaction() as conn:
            await conn.copy_records_to_table("device", records=rows, columns=[*names, *values, "created_at"])
        return ids

    async def schedule(self, *texts: str, filter_: dict[str, object] | None = None) -> int:
        """A onesend that is due now, with one push per text; the scheduler's id."""
        async with self.database.transaction() as conn:
            scheduler_id: int = await conn.fetchval(
                "insert into scheduler (account_id, type, name, timing, filter, next_due_at) "
                "values ($1, 'onesend', 'test', $3, $2, now()) returning id",
                self.account_id,
                filter_ or {"all_apps": True},
                {"date": "2026-01-01", "time": "00:00", "local_time": False, "timezone": "+00:00"},
            )
            ids = []
            for text in texts or ("Hello",):
                body = PushBody("en", [TranslationBody("en", text, "Body"), TranslationBody("pt", f"{text} PT", "B")])
                ids.append((await self.services.pushes.create(Caller(self.account_id, "operator"), body, within=conn)).id)
            await self.services.pushes.bind(self.account_id, scheduler_id, push_ids=ids, within=conn)
        return scheduler_id

    @asynccontextmanager
    async def worker(self, **overrides: object) -> AsyncIterator[Worker]:
        """A running worker; drained at the end."""
        settings = read_settings({}, **{**self._flags(), **overrides})
        worker = build_worker(settings, self.services, self.database, self.keeper)
        stop = asyncio.Event()
        running = asyncio.create_task(run_worker(worker, stop))
        try:
            yield worker
        finally:
            stop.set()
            await asyncio.wait_for(running, 40)

    def _flags(self) -> dict[str, object]:
        return {
            "fcm_url": self.sim.url,
            "provider_ca_file": self.sim.ca_file,
            "token_uri_allow": (f"{self.sim.url}/token",),
            "fcm_warmup_sec": 0.0,
            "fcm_rate_per_sec": 0.0,
            "retry_base_sec": 0.05,
        }

    async def value(self, sql: str, *arguments: object) -> Any:
        """The first value of a query."""
        async with self.database.acquire() as conn:
            return await conn.fetchval(sql, *arguments)

    async def rows(self, sql: str, *arguments: object) -> list[dict[str, Any]]:
        """All rows of a query."""
        async with self.database.acquire() as conn:
            return [dict(row) for row in await conn.fetch(sql, *arguments)]

    async def until(self, sql: str, *arguments: object, seconds: float = 30) -> None:
        """Wait until a query's first value is true."""
        async with asyncio.timeout(seconds):
            while not await self.value(sql, *arguments):
                await asyncio.sleep(0.02)

    async def until_complete(self, *, seconds: float = 30) -> None:
        """Wait until every send is complete."""
        await self.until(
            "select count(*) > 0 and bool_and(state = 'complete') from send", seconds=seconds
        )

    async def counts(self) -> dict[str, int]:
        """Statistics of everything, by outcome."""
        rows = await self.rows("select outcome, sum(n)::int as n from stat_hour group by 1")
        return {row["outcome"]: row["n"] for row in rows if row["n"]}


async def make_world(database: Database, keeper: Keeper, sim: Simulator) -> World:
    """An account with an FCM app on this simulator."""
    credentials = StoredCredentials(database)
    audiences = AudienceService(database=database, events=EventCodes({}))
    pushes = PushService(database=database)
    sends = SendService(database=database, apps=cast(Any, credentials), audiences=audiences)
    schedulers = SchedulerService(
        database=database,
        audiences=audiences,
        pushes=pushes,
        sends=sends,
        clock=SystemClock(),
        instant_delay=timedelta(0),
    )
    services = SimpleNamespace(
        apps=credentials,
        audiences=audiences,
        pushes=pushes,
        sends=sends,
        schedulers=schedulers,
        statistics=StatisticsService(database=database),
    )
    world = World(database, sim, Settings(), cast(Services, services), credentials, keeper)
    async with database.transaction() as conn:
        world.account_id = await new_account(conn)
    world.app_id = await world.add_app()
    return world


