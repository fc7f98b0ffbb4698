"""Brings the schema up to date.

Migrations are plain SQL files `NNNN_pre|post_purpose.sql`, applied in order, each in a transaction of its own, under
one advisory lock, with a short lock timeout: an interrupted run is repeated without harm. `pre` files are safe with
the previous release still running; `post` files need all processes on the new release.
"""

import asyncio
from importlib import resources

import asyncpg

from clarion.foundation.errors import ConfigurationError, Unavailable

_LOCK = 0x434C_4152_494F_4E00 >> 8
_RETRIES = 10
_LEDGER = """
create table if not exists schema_migration (name text primary key, applied_at timestamptz not null default now())
"""


def available() -> list[str]:
    """Names of all migrations of this release, in order."""
    folder = resources.files("clarion.db.migrations")
    return sorted(entry.name for entry in folder.iterdir() if entry.name.endswith(".sql"))


async def pending(dsn: str) -> list[str]:
    """Names of the migrations that this database has not seen; `Unavailable` when it cannot be asked."""
    connection = await connect(dsn)
    try:
        return await _missing(connection)
    finally:
        await connection.close()


async def migrate(dsn: str) -> list[str]:
    """Apply what is missing; returns the names applied. Safe to call from many processes at once."""
    connection = await connect(dsn)
    try:
        await check_server(connection)
        await connection.execute("select pg_advisory_lock($1)", _LOCK)
        await connection.execute(_LEDGER)
        missing = await _missing(connection)
        for name in missing:
            await _apply(connection, name)
        return missing
    finally:
        await connection.close()


async def connect(dsn: str) -> "asyncpg.Connection[asyncpg.Record]":
    """One connection for maintenance; `Unavailable` when the database cannot be reached."""
    try:
        return await asyncpg.connect(dsn, timeout=10, server_settings={"application_name": "clarion migrate"})
    except (OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError) as error:
        raise Unavailable(f"the database cannot be reached: {error}") from error


async def check_server(connection: "asyncpg.Connection[asyncpg.Record]") -> None:
    """Refuse servers that are too old or tuned to lose acknowledged commits (reliability.md DB-2)."""
    version = connection.get_server_version()
    if version.major < 15:
        raise ConfigurationError(f"PostgreSQL 15 or newer is needed, this server is {version.major}")
    for name in ("fsync", "full_page_writes", "synchronous_commit"):
        if await connection.fetchval(f"show {name}") == "off":
            raise ConfigurationError(f"the PostgreSQL setting {name} is off, so accepted work can be lost; set it on")


async def _missing(connection: "asyncpg.Connection[asyncpg.Record]") -> list[str]:
    if not await connection.fetchval("select to_regclass('schema_migration') is not null"):
        return available()
    applied = {row["name"] for row in await connection.fetch("select name from schema_migration")}
    return [name for name in available() if name not in applied]


async def _apply(connection: "asyncpg.Connection[asyncpg.Record]", name: str) -> None:
    text = resources.files("clarion.db.migrations").joinpath(name).read_text("utf-8")
    for attempt in range(1, _RETRIES + 1):
        try:
            async with connection.transaction():
                await connection.execute("set local lock_timeout = '3s'")
                await connection.execute(text)
                await connection.execute("insert into schema_migration (name) values ($1)", name)
        except asyncpg.LockNotAvailableError:
            if attempt == _RETRIES:
                raise Unavailable(f"migration {name} could not get its locks; try again with less load") from None
            await asyncio.sleep(1)
        else:
            return
