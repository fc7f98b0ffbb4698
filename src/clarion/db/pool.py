"""The connection pool and transactions.

Serialization failures and deadlocks are ordinary events in PostgreSQL: `Database.run` repeats the whole work
(reliability.md DB-4). No transaction is ever held during network I/O to a provider.
"""

import asyncio
import json
import random
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any, TypeVar

import asyncpg
from asyncpg.pool import PoolConnectionProxy

from clarion.foundation.errors import Unavailable

if TYPE_CHECKING:  # the classes are generic only in their type stubs
    Connection = asyncpg.Connection[asyncpg.Record] | PoolConnectionProxy[asyncpg.Record]
else:
    Connection = asyncpg.Connection

T = TypeVar("T")

_ATTEMPTS = 5
_SETTINGS = {
    "application_name": "clarion",
    "timezone": "UTC",
    "jit": "off",
    "statement_timeout": "10s",
    "idle_in_transaction_session_timeout": "60s",
}
_LOST = (
    asyncpg.PostgresConnectionError,
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,  # a connection that was closed by the server while it changed hands
    asyncpg.CannotConnectNowError,
    asyncpg.TooManyConnectionsError,
    asyncpg.OperatorInterventionError,
    OSError,
    TimeoutError,
)


async def _prepare(connection: "asyncpg.Connection[asyncpg.Record]") -> None:
    await connection.set_type_codec("jsonb", schema="pg_catalog", encoder=json.dumps, decoder=json.loads)


async def _leave(connection: "asyncpg.Connection[asyncpg.Record]") -> None:
    """Nothing outlives a transaction here (no session settings, locks or listeners): spare a round trip per use."""


class Database:
    """One process's pool. Every method raises `Unavailable` when the database cannot be reached."""

    def __init__(self, pool: "asyncpg.Pool[asyncpg.Record]") -> None:
        self._pool = pool
        self._surroundings: dict[asyncio.Task[Any] | None, Connection] = {}

    @classmethod
    async def connect(cls, dsn: str, *, max_size: int = 10, min_size: int = 1) -> "Database":
        """Open a pool of at most `max_size` connections; waits up to 10 s for the first."""
        try:
            pool = await asyncpg.create_pool(
                dsn,
                min_size=min_size,
                max_size=max_size,
                init=_prepare,
                reset=_leave,
                server_settings=_SETTINGS,
                timeout=10,
                command_timeout=12,  # beyond statement_timeout: the connection is dead and has not noticed
            )
        except _LOST as error:
            raise Unavailable(f"the database cannot be reached: {error}") from error
        return cls(pool)

    @asynccontextmanager
    async def acquire(self) -> AsyncIterator[Connection]:
        """A connection outside a transaction, or the one that `surrounding` gave to this task."""
        surrounding = self._surroundings.get(asyncio.current_task())
        try:
            if surrounding is None:
                async with self._pool.acquire(timeout=10) as connection:
                    yield connection
            else:
                async with surrounding.transaction():
                    yield surrounding
        except _LOST as error:
            raise Unavailable(f"the database cannot be reached: {error or type(error).__name__}") from error

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[Connection]:
        """A connection inside one transaction: commits at the end, rolls back on any exception."""
        async with self.acquire() as connection, connection.transaction():
            yield connection

    @asynccontextmanager
    async def joined(self, within: Connection | None) -> AsyncIterator[Connection]:
        """The caller's open transaction if there is one, else a new one: for use cases built from others."""
        if within is not None:
            yield within
            return
        async with self.transaction() as connection:
            yield connection

    @asynccontextmanager
    async def surrounding(self) -> AsyncIterator[Connection]:
        """One transaction around everything that this task asks of this database inside the block.

        Transactions inside become its savepoints: what they commit lasts only when the block ends without an exception.
        Tasks that are started inside are not part of it.
        """
        task = asyncio.current_task()
        async with self.transaction() as connection:
            self._surroundings[task] = connection
            try:
                yield connection
            finally:
                del self._surroundings[task]

    async def run(self, work: Callable[[Connection], Awaitable[T]]) -> T:
        """Run `work` in a transaction, repeated whole up to 5 times on deadlock or serialization failure."""
        for attempt in range(1, _ATTEMPTS + 1):
            try:
                async with self.transaction() as connection:
                    return await work(connection)
            except (asyncpg.SerializationError, asyncpg.DeadlockDetectedError):
                if attempt == _ATTEMPTS:
                    raise
                await asyncio.sleep(random.uniform(0.005, 0.02) * 2**attempt)  # noqa: S311 - jitter
        raise AssertionError("unreachable")

    async def close(self) -> None:
        """Close all connections, waiting up to 5 s for those in use."""
        try:
            await asyncio.wait_for(self._pool.close(), 5)
        except TimeoutError:
            self._pool.terminate()

    def __repr__(self) -> str:
        return f"<Database {self._pool.get_size()} connections>"
