"""A device API in this process with an account and an app, called as a server would call it."""

import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import Any

from tests.factories import new_account, new_app

from clarion.api.r_v2 import DeviceApp, device_app
from clarion.db import Database
from clarion.features.deliveries.feedback import Feedback
from clarion.features.devices.service import DeviceService
from clarion.features.events.postbacks import PostbackService
from clarion.features.statistics import StatisticsService
from clarion.foundation.clock import Clock, SystemClock
from clarion.foundation.ids import MessageIds
from clarion.foundation.secrets import Keeper
from clarion.settings import Settings

FULL_INFO = {
    "transport_type": "fcm",
    "transport_token": "fcm-token-1",
    "platform_type": "android",
    "platform_name": "android_api_34",
    "agent_name": "1.4.1",
    "country": "pt",
    "lang": "pt-BR",
    "tz_sec": 3600,
    "tz_name": "Europe/Lisbon",
    "tags": {"audiences": "vip,new", "ad_id": "a-1"},
    "onscreen_count": 3,
    "onscreen_sec": 40,
    "onscreen_start_ts": 1_767_225_600,
    "onscreen_stop_ts": 1_767_225_640,
    "notif_perm_granted": True,
}


@dataclass
class HandClock:
    """A clock that tests move."""

    ahead: timedelta = timedelta()
    _system: SystemClock = field(default_factory=SystemClock)

    def now(self) -> datetime:
        """The present instant, moved."""
        return datetime.now(UTC) + self.ahead

    def monotonic(self) -> float:
        """Seconds, moved."""
        return self._system.monotonic() + self.ahead.total_seconds()


@dataclass(frozen=True)
class Services:
    """What the device API is built on."""

    devices: DeviceService
    feedback: Feedback
    postbacks: PostbackService


@dataclass(frozen=True)
class Reply:
    """What the device API answered."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        """The body's value."""
        return json.loads(self.body)


@dataclass(frozen=True)
class Api:
    """The device API of one app."""

    app: DeviceApp
    services: Services
    database: Database
    keeper: Keeper
    account_id: int
    app_id: int
    clock: HandClock

    @property
    def base(self) -> str:
        """The app's address."""
        return f"/api/r/v2/apps/{self.app_id}-{self.account_id}"

    async def call(
        self,
        method: str,
        path: str,
        body: object = None,
        *,
        headers: Mapping[str, str] | None = None,
        client: str = "203.0.113.9",
    ) -> Reply:
        """One HTTP call; `path` begins with a slash, or stands under the app's address. Bytes are sent as they are."""
        data = body if isinstance(body, bytes) else b"" if body is None else json.dumps(body).encode()
        full, _, query = (path if path.startswith("/") else f"{self.base}/{path}").partition("?")
        return await exchange(self.app, method, full, query=query, body=data, headers=headers or {}, client=client)

    async def create(self, ic_token: str = "ic-1", ext_id: str | None = None) -> str:  # noqa: S107 - not a secret
        """The id of the session's device."""
        reply = await self.call("POST", "instances", {"ic_token": ic_token, "ext_id": ext_id})
        assert reply.status == 200, reply
        return str(reply.json["id"])

    async def info(self, device: str, **fields: object) -> Reply:
        """An info call with the required fields, and others."""
        told = {"transport_type": "fcm", "platform_type": "android", **fields}
        return await self.call("PUT", f"instances/{device}/info", told)

    async def row(self, device: str) -> dict[str, Any]:
        """The device's row."""
        async with self.database.acquire() as connection:
            row = await connection.fetchrow(
                "select * from device where app_id = $1 and id = $2", self.app_id, int(device)
            )
        assert row is not None
        return dict(row)

    async def value(self, sql: str) -> Any:
        """The first value of a query."""
        async with self.database.acquire() as connection:
            return await connection.fetchval(sql)

    async def history(self, device: str) -> list[tuple[int, int]]:
        """The device's events as (bit, number), oldest first."""
        async with self.database.acquire() as connection:
            rows = await connection.fetch(
                "select bit, number from device_event where app_id = $1 and device_id = $2 order by at, number",
                self.app_id,
                int(device),
            )
        return [(row["bit"], row["number"]) for row in rows]

    async def deliver(self, device: str, *, send_id: int = 7, day: date | None = None, batch: bool = False) -> str:
        """Record a message to the device as sent; its msg_id, with the device inside or for a whole batch."""
        day = day or datetime.now(UTC).date()
        async with self.database.acquire() as connection:
            await connection.execute(
                """
                insert into delivery (day, app_id, send_id, device_id, account_id, push_id, provider, lang, country,
                                      platform, state, token_hash, attempt, settled_at)
                values ($1, $2, $3, $4, $5, 9, 'fcm', 'en', 'PT', 'android', 2, '', 1, now())
                """,
                day,
                self.app_id,
                send_id,
                int(device),
                self.account_id,
            )
        return self.msg_id(device, send_id=send_id, day=day, batch=batch)

    def msg_id(self, device: str, *, send_id: int = 7, day: date | None = None, batch: bool = False) -> str:
        """The msg_id of a message."""
        ids = MessageIds(self.keeper.message_key)
        prefix = ids.prefix(day or datetime.now(UTC).date(), send_id, self.app_id)
        return ids.make(prefix, 0 if batch else int(device))[0].decode()

    async def confirm(self, device: str, msg_id: str, event: str = "delivered") -> Reply:
        """A notification event."""
        return await self.call("POST", f"instances/{device}/events/notification", {"msg_id": msg_id, "event": event})

    async def counts(self) -> dict[str, int]:
        """Outcome → number, from the statistics."""
        async with self.database.acquire() as connection:
            rows = await connection.fetch("select outcome, sum(n)::int as n from stat_hour group by outcome")
        return {row["outcome"]: row["n"] for row in rows}


async def exchange(
    app: DeviceApp, method: str, path: str, *, query: str, body: bytes, headers: Mapping[str, str], client: str
) -> Reply:
    """Run one call through the ASGI object."""
    scope = {
        "type": "http",
        "method": method,
        "path": path,
        "query_string": query.encode(),
        "headers": [(name.lower().encode(), value.encode()) for name, value in headers.items()],
        "client": (client, 50_000),
    }
    sent: list[Any] = []

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": body, "more_body": False}

    async def send(message: Any) -> None:
        sent.append(message)

    await app(scope, receive, send)
    start, end = sent
    return Reply(start["status"], {n.decode(): v.decode() for n, v in start["headers"]}, end["body"])


def build_services(database: Database, keeper: Keeper, clock: Clock) -> Services:
    """The services of the device API on one database."""
    devices = DeviceService(database=database, keeper=keeper)
    statistics = StatisticsService(database=database)
    message_ids = MessageIds(keeper.message_key)
    feedback = Feedback(database=database, statistics=statistics, message_ids=message_ids, clock=clock)
    return Services(devices, feedback, PostbackService(database=database, keeper=keeper))


@asynccontextmanager
async def open_api(database: Database, keeper: Keeper, settings: Settings | None = None) -> AsyncIterator[Api]:
    """A started device API with a new account and app."""
    clock = HandClock()
    async with database.acquire() as connection:
        account_id = await new_account(connection)
        app_id = await new_app(connection, account_id)
    services = build_services(database, keeper, clock)
    app = device_app(services, settings or Settings(), clock=clock)
    await app.start()
    try:
        yield Api(app, services, database, keeper, account_id, app_id, clock)
    finally:
        await app.stop()
