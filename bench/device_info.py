"""Durable info updates per second through HTTP, against the bare batched UPDATE in the same run.

    python bench/device_info.py [--seconds 5] [--connections 256] [--devices 20000]

Promise (design.md §8): at least half of the limit, and p99 at most 50 ms at half load, on two cores shared with the
load side. Every call changes its device, so every call is a write; it is answered after the commit. The limit is one
connection that sends plain `UPDATE … FROM unnest(…)` batches of 200 rows with the same columns, and does nothing else.
Server: granian, one process. Database: `CLARION_TEST_DATABASE_URL`, else the embedded one.
"""

import argparse
import asyncio
import contextlib
import json
import multiprocessing
import os
import secrets
import shutil
import socket
import tempfile
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import cast
from urllib.parse import urlsplit

import asyncpg
import uvloop
from granian.constants import Interfaces
from granian.log import LogLevels
from granian.server.embed import Server

from clarion.api.r_v2 import DeviceApp, device_app
from clarion.bootstrap import build_services
from clarion.db import Database
from clarion.db.embedded import EmbeddedPostgres
from clarion.db.migrator import migrate
from clarion.foundation.ids import new_device_id
from clarion.foundation.secrets import Keeper
from clarion.settings import Settings

BATCH = 200
RAW_UPDATE = """
update device d
set transport = v.transport, platform = v.platform, agent = v.agent, country = v.country, lang = v.lang,
    lang_tag = v.lang, tz_sec = v.tz_sec, tags = v.tags::jsonb, audiences = v.audiences::text[],
    onscreen_count = v.onscreen_count, updated_at = now(), last_seen_at = now()
from unnest($1::bigint[], $2::bigint[], $3::text[], $4::text[], $5::text[], $6::text[], $7::text[], $8::integer[],
            $9::text[], $10::text[], $11::integer[])
     as v (app_id, id, transport, platform, agent, country, lang, tz_sec, tags, audiences, onscreen_count)
where d.app_id = v.app_id and d.id = v.id
"""
TOKEN = "fcm-registration-token-" + "x" * 120
COMMON = (
    '{"transport_type":"fcm","transport_token":"%s-%d","platform_type":"android","platform_name":"android_api_34",'
    '"agent_name":"1.4.1","country":"PT","lang":"pt","tz_sec":3600,"tags":{"audiences":"vip"},"onscreen_count":'
)


@dataclass(frozen=True)
class Load:
    """What one phase of load saw."""

    calls: int
    per_second: float
    p50_ms: float
    p99_ms: float
    failures: int


@dataclass(frozen=True)
class Report:
    """The result."""

    raw_per_second: float
    full: Load
    half: Load

    @property
    def ratio(self) -> float:
        """Our share of the limit."""
        return self.full.per_second / self.raw_per_second


class Connection(asyncio.Protocol):
    """One keep-alive connection with at most one call in progress."""

    def __init__(self, load: "Generator") -> None:
        self._load = load
        self._transport: asyncio.Transport | None = None
        self.started = 0.0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Ready for calls."""
        self._transport = cast("asyncio.Transport", transport)

    def call(self, request: bytes) -> None:
        """Send one request."""
        assert self._transport is not None
        self.started = time.perf_counter()
        self._transport.write(request)

    def data_received(self, data: bytes) -> None:
        """An answer: they are shorter than a segment."""
        self._load.answered(self, is_ok=data.startswith(b"HTTP/1.1 200") and data.endswith(b"}"))

    def close(self) -> None:
        """Hang up."""
        if self._transport is not None:
            self._transport.close()


class Generator:
    """Calls of many devices, each a change; closed loop, or at a steady rate when one is given."""

    def __init__(self, app: str, port: int, devices: list[int]) -> None:
        path = f"PUT /api/r/v2/apps/{app}/instances/%d/info HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n"
        self._port = port
        self._heads = [path % device + "Content-Type: application/json\r\nContent-Length: " for device in devices]
        self._bodies = [COMMON % (TOKEN, number) for number in range(len(devices))]
        self._number = 0
        self._idle: list[Connection] = []
        self._latencies: list[float] = []
        self._failures = 0
        self._closed_loop = False
        self._returned = asyncio.Event()

    async def connect(self, connections: int) -> None:
        """Open the connections."""
        loop = asyncio.get_running_loop()
        for _ in range(connections):
            _, protocol = await loop.create_connection(lambda: Connection(self), "127.0.0.1", self._port)
            self._idle.append(protocol)

    async def run(self, seconds: float, *, rate: float | None = None) -> Load:
        """Load for some seconds."""
        self._latencies, self._failures = [], 0
        self._closed_loop = rate is None
        connections = len(self._idle)
        begun = time.perf_counter()
        if rate is None:
            for connection in self._take(connections):
                connection.call(self._request())
            await asyncio.sleep(seconds)
        else:
            await self._pace(begun, seconds, rate)
        self._closed_loop = False
        elapsed = time.perf_counter() - begun
        calls = len(self._latencies)
        async with asyncio.timeout(10):
            await self._all_idle(connections)
        ordered = sorted(self._latencies)
        p50, p99 = (ordered[int(len(ordered) * share)] * 1000 for share in (0.5, 0.99))
        return Load(calls, calls / elapsed, p50, p99, self._failures)

    def answered(self, connection: Connection, *, is_ok: bool) -> None:
        """Count an answer, and go on."""
        self._latencies.append(time.perf_counter() - connection.started)
        self._failures += not is_ok
        if self._closed_loop:
            connection.call(self._request())
        else:
            self._idle.append(connection)
            self._returned.set()

    def close(self) -> None:
        """Hang up everywhere."""
        for connection in self._idle:
            connection.close()

    async def _all_idle(self, connections: int) -> None:
        while len(self._idle) < connections:
            self._returned.clear()
            await self._returned.wait()

    async def _pace(self, begun: float, seconds: float, rate: float) -> None:
        sent = 0
        while (passed := time.perf_counter() - begun) < seconds:
            due = int(passed * rate) - sent
            for connection in self._take(due):
                connection.call(self._request())
                sent += 1
            await asyncio.sleep(0.002)

    def _take(self, count: int) -> list[Connection]:
        taken, self._idle = self._idle[:count], self._idle[count:]
        return taken

    def _request(self) -> bytes:
        self._number += 1
        device = self._number % len(self._heads)
        body = f"{self._bodies[device]}{self._number}}}"
        return f"{self._heads[device]}{len(body)}\r\n\r\n{body}".encode()


class Lifespan:
    """The device API as granian starts and stops it."""

    def __init__(self, dsn: str, root: bytes) -> None:
        self._dsn = dsn
        self._root = root
        self._app: DeviceApp | None = None

    async def __call__(self, scope: dict[str, object], receive: object, send: object) -> None:
        """Serve one connection, or the server's life."""
        if scope["type"] == "lifespan":
            await self._live(receive, send)
        elif self._app is not None:
            await self._app(scope, receive, send)  # type: ignore[arg-type]

    async def _live(self, receive: object, send: object) -> None:
        assert callable(receive)
        assert callable(send)
        await receive()
        database = await Database.connect(self._dsn, max_size=4)
        settings = Settings()
        self._app = device_app(build_services(settings, database=database, keeper=Keeper(self._root)), settings)
        await self._app.start()
        await send({"type": "lifespan.startup.complete"})
        await receive()
        await self._app.stop()
        await database.close()
        await send({"type": "lifespan.shutdown.complete"})


def serve(dsn: str, root: bytes, port: int) -> None:
    """The server process; ends with SIGTERM."""
    app = Lifespan(dsn, root)
    server = Server(
        app, port=port, interface=Interfaces.ASGI, backlog=1024, websockets=False, log_level=LogLevels.error
    )
    uvloop.run(server.serve())


@contextmanager
def database_server() -> Iterator[str]:
    """A PostgreSQL server on which databases may be made."""
    if given := os.environ.get("CLARION_TEST_DATABASE_URL"):
        yield given
        return
    folder = Path(tempfile.mkdtemp(prefix="clarion-bench-"))
    folder.chmod(0o711)  # the server's unprivileged user must reach it when root runs the benchmark
    try:
        with EmbeddedPostgres.start(folder) as embedded:
            yield embedded.dsn
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@asynccontextmanager
async def fresh_database(server: str) -> AsyncIterator[str]:
    """A migrated database of this run's own."""
    name = f"clarion_bench_{secrets.token_hex(4)}"
    connection = await asyncpg.connect(server)
    try:
        await connection.execute(f"create database {name}")
        dsn = urlsplit(server)._replace(path=f"/{name}").geturl()
        try:
            await migrate(dsn)
            yield dsn
        finally:
            await connection.execute(f"drop database {name} with (force)")
    finally:
        await connection.close()


async def seed(dsn: str, keeper: Keeper, count: int) -> tuple[str, list[int]]:
    """An app with devices that have told their token; its id on the wire, and theirs."""
    connection = await asyncpg.connect(dsn)
    try:
        account = await connection.fetchval("insert into account (name) values ('bench') returning id")
        app = await connection.fetchval(
            """
            insert into app (account_id, push_provider, name, vapid_public)
            values ($1, 'firebase', 'bench', '') returning id
            """,
            account,
        )
        devices = [new_device_id() for _ in range(count)]
        tokens = [f"{TOKEN}-{number}" for number in range(count)]
        rows = [
            (app, device, account, device.to_bytes(8, "big"), b"", token, keeper.lookup_hash(token, "token"), 1)
            for device, token in zip(devices, tokens, strict=True)
        ]
        columns = ["app_id", "id", "account_id", "ic_token_hash", "ic_token", "token", "token_hash", "token_state"]
        await connection.copy_records_to_table("device", records=rows, columns=columns)
        await connection.execute("vacuum analyze device")
        return f"{app}-{account}", devices
    finally:
        await connection.close()


async def measure_raw(dsn: str, app_id: int, devices: list[int], seconds: float) -> float:
    """Rows per second of plain batched updates, each batch durable before the next."""
    connection = await asyncpg.connect(dsn)
    try:
        update = await connection.prepare(RAW_UPDATE)
        constant = [["fcm"], ["android"], ["1.4.1"], ["PT"], ["pt"], [3600], ['{"audiences":"vip"}'], ["{vip}"]]
        columns = [value * BATCH for value in constant]
        begun, batches = time.perf_counter(), 0
        while (elapsed := time.perf_counter() - begun) < seconds:
            start = batches * BATCH % (len(devices) - BATCH)
            chosen = sorted(devices[start : start + BATCH])
            await update.fetch([app_id] * BATCH, chosen, *columns, [batches] * BATCH)
            batches += 1
        return batches * BATCH / elapsed
    finally:
        await connection.close()


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


async def wait_for(port: int) -> None:
    """Until the server accepts."""
    for _ in range(200):
        with contextlib.suppress(OSError):
            _, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.close()
            return
        await asyncio.sleep(0.05)
    raise TimeoutError("the server did not start")


async def measure(server: str, *, seconds: float, connections: int, devices: int) -> Report:
    """The limit, then full load, then half of it."""
    root = os.urandom(32)
    async with fresh_database(server) as dsn:
        app, ids = await seed(dsn, Keeper(root), devices)
        raw = await measure_raw(dsn, int(app.partition("-")[0]), ids, seconds)
        port = free_port()
        process = multiprocessing.get_context("spawn").Process(target=serve, args=(dsn, root, port))
        process.start()
        generator = Generator(app, port, ids)
        try:
            await wait_for(port)
            await generator.connect(connections)
            await generator.run(1)
            full = await generator.run(seconds)
            half = await generator.run(seconds, rate=full.per_second / 2)
        finally:
            generator.close()
            process.terminate()
            process.join(10)
        return Report(raw, full, half)


def show(report: Report) -> None:
    """A table for people, a line for programs."""
    print(f"{'':34}{'updates/s':>10}{'p50 ms':>9}{'p99 ms':>9}{'failed':>8}")
    print(f"{'bare batched UPDATE (limit)':34}{report.raw_per_second:10,.0f}")
    for name, load in (("info through HTTP, full load", report.full), ("info through HTTP, half load", report.half)):
        print(f"{name:34}{load.per_second:10,.0f}{load.p50_ms:9.1f}{load.p99_ms:9.1f}{load.failures:8}")
    print(f"share of the limit: {report.ratio:.2f} (promise 0.5), p99 at half load {report.half.p99_ms:.1f} ms (50)")
    print(json.dumps({"bench": "device_info", "ratio": round(report.ratio, 3), **asdict(report)}))


def main() -> int:
    """Run it; 1 if a call failed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=4.0)
    parser.add_argument("--connections", type=int, default=256)
    parser.add_argument("--devices", type=int, default=20_000)
    options = parser.parse_args()
    with database_server() as server:
        report = uvloop.run(
            measure(server, seconds=options.seconds, connections=options.connections, devices=options.devices)
        )
    show(report)
    return 1 if report.full.failures or report.half.failures else 0


if __name__ == "__main__":
    raise SystemExit(main())
