"""A worker in this process, over a real database and the simulator: what dispatch tests are made of."""

import asyncio
import time
from collections import Counter
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any, cast

from tests.factories import EventCodes, new_account, new_app

from clarion.db import Connection, Database
from clarion.features.accounts import Caller
from clarion.features.audiences import AudienceService
from clarion.features.audiences.growth import GrowthService
from clarion.features.audiences.reach import ReachService
from clarion.features.devices.privacy import PrivacyService
from clarion.features.devices.service import DeviceService
from clarion.features.idempotency import IdempotencyService
from clarion.features.pushes import PushService
from clarion.features.pushes.model import PushBody, TranslationBody
from clarion.features.schedulers.conversion_firing import AutoPushService
from clarion.features.schedulers.service import SchedulerService
from clarion.features.sends import SendService
from clarion.features.statistics import StatisticsService
from clarion.features.statistics.totals import TotalsService
from clarion.foundation.clock import Clock, SystemClock
from clarion.foundation.errors import Unavailable
from clarion.foundation.ids import new_device_id
from clarion.foundation.secrets import Keeper
from clarion.providers.contract import Credential
from clarion.services import Services
from clarion.settings import read_settings
from clarion.simulator import Simulator
from clarion.worker.process import Worker, build_worker, run_worker


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


class SkipClock:
    """The machine's clock, ahead by what a test has skipped."""

    def __init__(self) -> None:
        self.skipped = 0.0

    def skip(self, seconds: float) -> None:
        """Let so much time pass at once, for instants and durations."""
        self.skipped += seconds

    def now(self) -> datetime:
        return datetime.now(UTC) + timedelta(seconds=self.skipped)

    def monotonic(self) -> float:
        return time.monotonic() + self.skipped


@dataclass
class World:
    """An account with one FCM app, and everything needed to send to it."""

    database: Database
    sim: Simulator
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
        ids, created = [new_device_id() for _ in tokens], datetime.now(UTC) - timedelta(minutes=1)
        rows = [
            (app, device, self.account_id, b"h%d" % device, b"", token, self._hash(token), 1, *values.values(), created)
            for device, token in zip(ids, tokens, strict=True)
        ]
        names = ["app_id", "id", "account_id", "ic_token_hash", "ic_token", "token", "token_hash", "token_state"]
        async with self.database.transaction() as conn:
            await conn.copy_records_to_table("device", records=rows, columns=[*names, *values, "created_at"])
        return ids

    def _hash(self, token: str) -> bytes:
        return self.keeper.lookup_hash(token, "token")

    async def set_token(self, device_id: int, token: str) -> None:
        """The device has a new token."""
        await self.execute(
            "update device set token = $2, token_hash = $3 where id = $1", device_id, token, self._hash(token)
        )

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
                ids.append((await self.services.pushes.create(self.caller, body, within=conn)).id)
            await self.services.pushes.bind(self.account_id, scheduler_id, push_ids=ids, within=conn)
        return scheduler_id

    async def push(self, text: str = "Hello") -> int:
        """A push bound to nothing."""
        body = PushBody("en", [TranslationBody("en", text, "Body")])
        return (await self.services.pushes.create(self.caller, body)).id

    async def plan(self, *texts: str, filter_: dict[str, object] | None = None) -> int:
        """The same, already started: its send waits for a worker. The send's id."""
        scheduler_id = await self.schedule(*texts, filter_=filter_)
        await self.services.schedulers.start_due(datetime.now(UTC) + timedelta(seconds=1))
        send_id: int = await self.value("select id from send where scheduler_id = $1", scheduler_id)
        return send_id

    @property
    def caller(self) -> Caller:
        """Who acts for the account."""
        return Caller(self.account_id, "operator")

    async def establish(self, app_id: int | None = None) -> None:
        """Let the app's credential be one that has worked before."""
        await self.execute("update app_credential set results = 100000 where app_id = $1", app_id or self.app_id)

    async def replace_credential(self, project: str) -> None:
        """Give the app another service account, as its owner would."""
        self.credentials.values[self.app_id, "fcm"] = self.sim.service_account(project_id=project)
        await self.execute(
            "update app_credential set version = version + 1, results = 0, updated_at = now(), fingerprint = $2, "
            "paused_at = null, pause_reason = null, probe_at = null, guard_tripped_at = null where app_id = $1",
            self.app_id,
            project,
        )

    async def let_probe(self) -> None:
        """Let the moment come when a paused credential is tried again."""
        await self.execute(
            "update app_credential set probe_at = now() - interval '1 second' where paused_at is not null"
        )

    async def hasten(self) -> None:
        """Let the moment of all waiting deliveries come."""
        await self.execute(
            "with waiting as (select day, app_id, send_id, device_id from delivery where state = 1 "
            "for update skip locked) "
            "update delivery d set next_attempt_at = now() - interval '1 second' from waiting w where d.day = w.day "
            "and d.app_id = w.app_id and d.send_id = w.send_id and d.device_id = w.device_id"
        )

    async def neighbour(self, project: str) -> "World":
        """Another account on the same installation, with an app of its own."""
        other = replace(self)
        async with self.database.transaction() as conn:
            other.account_id = await new_account(conn)
        other.app_id = await other.add_app(project)
        return other

    @asynccontextmanager
    async def worker(self, clock: Clock | None = None, **overrides: object) -> AsyncIterator[Worker]:
        """A running worker; drained at the end."""
        settings = read_settings({}, **{**self.flags(), **overrides})
        worker = build_worker(settings, self.services, self.database, self.keeper, clock=clock)
        stop = asyncio.Event()
        async with asyncio.TaskGroup() as tasks:  # a worker that fails ends the test at once
            running = tasks.create_task(run_worker(worker, stop))
            try:
                yield worker
            finally:
                stop.set()
                await asyncio.wait_for(asyncio.shield(running), 40)

    def flags(self) -> dict[str, object]:
        """The worker's settings."""
        return {
            "fcm_url": self.sim.url,
            "onesignal_url": self.sim.url,
            "huawei_url": self.sim.url,
            "huawei_token_url": self.sim.url,
            "provider_ca_file": self.sim.ca_file,
            "token_uri_allow": (f"{self.sim.url}/token",),
            "fcm_warmup_sec": 0.0,
            "fcm_rate_per_sec": 0.0,
            "retry_base_sec": 0.05,
        }

    async def execute(self, sql: str, *arguments: object) -> None:
        """Change something behind the worker's back."""
        async with self.database.acquire() as conn:
            await conn.execute(sql, *arguments)

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
            while not await self._true(sql, *arguments):  # noqa: ASYNC110 - a database has no event to wait for
                await asyncio.sleep(0.02)

    async def _true(self, sql: str, *arguments: object) -> bool:
        try:
            return bool(await self.value(sql, *arguments))
        except Unavailable:
            return False

    async def until_complete(self, *, seconds: float = 30) -> None:
        """Wait until every send is complete."""
        await self.until("select count(*) > 0 and bool_and(state = 'complete') from send", seconds=seconds)

    async def until_idle(self, *, seconds: float = 30) -> None:
        """Wait until no slice is leased and no delivery is being tried."""
        await self.until(
            "select not exists (select from slice where state = 'leased') "
            "and not exists (select from delivery where state = 1 and lease_until > now())",
            seconds=seconds,
        )

    async def counts(self) -> dict[str, int]:
        """Statistics of everything, by outcome."""
        rows = await self.rows("select outcome, sum(n)::int as n from stat_hour group by 1")
        return {row["outcome"]: row["n"] for row in rows if row["n"]}

    def handed_over(self) -> int:
        """Messages that the provider saw, whatever it answered."""
        return self.sim.journal.counts().total()

    async def check(self) -> None:
        """The invariants that hold at any quiet moment: counters equal rows (I6), sent rows were accepted (I9)."""
        assert await self.rows(_COUNTED) == await self.rows(_ROWS)
        sent = await self.rows(
            "select v.token, v.account_id = d.account_id as own from delivery d "
            "join device v on v.app_id = d.app_id and v.id = d.device_id where d.state = 2"
        )
        assert all(row["own"] for row in sent)
        accepted = self.sim.journal.accepted_per_token()
        assert not [row["token"] for row in sent if not accepted[row["token"]]]

    def accepted_once(self, tokens: Sequence[str]) -> bool:
        """Whether each of the tokens, and no other, was handed exactly one message."""
        return self.sim.journal.accepted_per_token() == Counter(tokens)


_COUNTED = """
    select account_id, app_id, send_id, push_id, country, lang, platform, outcome, sum(n)::bigint as n
    from stat_hour where outcome not in ('delivered', 'clicked')
    group by 1, 2, 3, 4, 5, 6, 7, 8 having sum(n) <> 0 order by 1, 2, 3, 4, 5, 6, 7, 8"""
_ROWS = """
    select account_id, app_id, send_id, push_id, country, lang, platform,
           case state when 2 then 'sent' when 3 then 'failed:' || reason when 5 then 'skipped:' || reason
                      else 'cancelled' end as outcome, count(*) as n
    from delivery where state <> 1
    group by 1, 2, 3, 4, 5, 6, 7, 8 order by 1, 2, 3, 4, 5, 6, 7, 8"""


def tokens_of(count: int, prefix: str = "token") -> list[str]:
    """Distinct tokens."""
    return [f"{prefix}-{number}" for number in range(count)]


def core_services(database: Database, credentials: StoredCredentials) -> Services:
    """The services that a worker uses."""
    audiences = AudienceService(database=database, events=EventCodes({}))
    pushes = PushService(database=database)
    sends = SendService(database=database, apps=cast("Any", credentials), audiences=audiences)
    schedulers = SchedulerService(
        database=database,
        audiences=audiences,
        pushes=pushes,
        sends=sends,
        clock=SystemClock(),
        instant_delay=timedelta(0),
    )
    return cast(
        "Services",
        SimpleNamespace(
            apps=credentials,
            auto_push=AutoPushService(database=database, audiences=audiences, pushes=pushes, apps=credentials),
            audiences=audiences,
            devices=DeviceService(database=database, keeper=Keeper(bytes(32))),
            privacy=PrivacyService(database=database, keeper=Keeper(bytes(32))),
            growth=GrowthService(database=database),
            idempotency=IdempotencyService(database=database, keeper=Keeper(bytes(32)), clock=SystemClock()),
            pushes=pushes,
            reach=ReachService(database=database),
            sends=sends,
            schedulers=schedulers,
            statistics=StatisticsService(database=database),
            totals=TotalsService(database=database),
        ),
    )


async def make_world(database: Database, keeper: Keeper, sim: Simulator) -> World:
    """An account with an FCM app on this simulator."""
    credentials = StoredCredentials(database)
    world = World(database, sim, core_services(database, credentials), credentials, keeper)
    async with database.transaction() as conn:
        world.account_id = await new_account(conn)
    world.app_id = await world.add_app()
    return world
