"""`clarion doctor`: checks an installation and says what to do."""

import asyncio
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from urllib.parse import urlsplit

import asyncpg

from clarion.bootstrap import open_installation
from clarion.cli.local import Local, local_installation
from clarion.cli.options import Where, settings_for
from clarion.db.installation import held_since
from clarion.db.migrator import check_server, connect, pending
from clarion.foundation.errors import ClarionError
from clarion.settings import Settings

CLOCK_TOLERANCE_SECONDS = 2.0
CONNECT_SECONDS = 5.0
PROVIDERS = ("fcm", "apns", "apns_sandbox", "onesignal", "huawei", "huawei_token")


@dataclass(frozen=True, slots=True)
class Finding:
    """The result of one check. A failed check makes the command fail unless it only `warns`."""

    check: str
    text: str
    good: bool = True
    warns: bool = False

    @property
    def line(self) -> str:
        """As it is printed."""
        mark = "ok  " if self.good else ("warn" if self.warns else "FAIL")
        return f"{mark}  {self.check}: {self.text}"


def doctor(*, where: Where | None = None) -> int:
    """Check settings, database, master key, clocks and the way to the providers. Changes nothing."""
    settings = settings_for(where)
    print(Finding("settings", "all values are valid").line)
    with local_installation(settings) as local:
        return asyncio.run(_examine(local))


async def _examine(local: Local) -> int:
    failed = False
    async for finding in _findings(local):
        print(finding.line, flush=True)
        failed = failed or not (finding.good or finding.warns)
    return 1 if failed else 0


async def _findings(local: Local) -> AsyncIterator[Finding]:
    yield await _checked("database", _database(local.dsn))
    yield await _checked("schema", _schema(local.dsn))
    yield await _checked("master key", _master_key(local.settings))
    yield await _checked("clock", _clock(local.dsn))
    yield await _checked("sending", _sending(local.settings))
    for name in PROVIDERS:
        yield await _provider(name, getattr(local.settings, f"{name}_url"), local.settings)


async def _checked(check: str, work: Awaitable[str]) -> Finding:
    try:
        return Finding(check, await work)
    except ClarionError as error:
        return Finding(check, str(error), good=False)
    except (OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError) as error:
        return Finding(check, f"the database does not answer: {error}", good=False)


async def _ask(dsn: str, question: Callable[["asyncpg.Connection[asyncpg.Record]"], Awaitable[str]]) -> str:
    connection = await connect(dsn)
    try:
        return await question(connection)
    finally:
        await connection.close()


async def _database(dsn: str) -> str:
    async def question(connection: "asyncpg.Connection[asyncpg.Record]") -> str:
        await check_server(connection)
        return f"PostgreSQL {connection.get_server_version().major} keeps what it has accepted"

    return await _ask(dsn, question)


async def _schema(dsn: str) -> str:
    if missing := await pending(dsn):
        raise Pending(f"{len(missing)} migrations are pending; run: clarion migrate")
    return "up to date"


class Pending(ClarionError):
    """Something is left to be done by the operator."""

    code = "pending"


async def _master_key(settings: Settings) -> str:
    async with open_installation(settings, connections=1):
        return "opens the stored secrets"


async def _clock(dsn: str) -> str:
    async def question(connection: "asyncpg.Connection[asyncpg.Record]") -> str:
        theirs = await connection.fetchval("select clock_timestamp()")
        offset = abs((datetime.now(UTC) - theirs).total_seconds())
        if offset > CLOCK_TOLERANCE_SECONDS:
            raise Pending(f"differs from the database's by {offset:.1f} s; run a time service on both machines")
        return f"agrees with the database's within {CLOCK_TOLERANCE_SECONDS:g} s"

    return await _ask(dsn, question)


async def _sending(settings: Settings) -> str:
    async with open_installation(settings, connections=1) as installation, installation.database.acquire() as conn:
        since = await held_since(conn)
    if since is not None:
        raise Pending(f"on hold since {since:%Y-%m-%d %H:%M} UTC; run: clarion resume")
    return "not on hold"


async def _provider(name: str, url: str, settings: Settings) -> Finding:
    parts = urlsplit(url)
    port = parts.port or (443 if parts.scheme == "https" else 80)
    check = f"provider {parts.hostname}:{port}"
    try:
        async with asyncio.timeout(CONNECT_SECONDS):
            _, writer = await asyncio.open_connection(parts.hostname, port, ssl=_tls(parts.scheme, settings))
            writer.close()
    except (OSError, TimeoutError) as error:
        reason = str(error) or "no answer"
        return Finding(check, f"cannot be reached ({reason}); {name} messages would wait", good=False, warns=True)
    return Finding(check, "can be reached")


def _tls(scheme: str, settings: Settings) -> ssl.SSLContext | None:
    if scheme != "https":
        return None
    context = ssl.create_default_context()
    if settings.provider_ca_file:
        context.load_verify_locations(settings.provider_ca_file)
    return context
