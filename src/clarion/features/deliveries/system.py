"""The installation as its operator sees it: processes, providers, database.

Of all accounts together; shown to nobody but the operator.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from clarion.db import Database, load

SQL = load(__package__, "system.sql")

_TABLES = 8
_CREDENTIALS = 50


@dataclass(frozen=True, slots=True)
class WorkerProcess:
    """A worker of the last day."""

    id: str
    started_at: datetime
    seen_at: datetime
    alive: bool


@dataclass(frozen=True, slots=True)
class TableSize:
    """A table with its indexes and partitions."""

    name: str
    bytes: int


@dataclass(frozen=True, slots=True)
class HeldUp:
    """A credential through which less is sent than could be."""

    account_id: int
    app_id: int
    provider: str
    label: str
    paused_at: datetime | None
    pause_reason: str | None
    guard_tripped_at: datetime | None
    blocked_until: datetime | None
    block_reason: str | None


@dataclass(frozen=True, slots=True)
class ProviderState:
    """The credentials of one provider."""

    provider: str
    credentials: int
    broken: int
    """Held up by their breaker."""
    slowed: int
    """Throttled, or without an access token."""


@dataclass(frozen=True, slots=True)
class System:
    """One look."""

    database_bytes: int
    server_version: str
    held_at: datetime | None
    """Nothing is sent since: a backup was restored, and nobody has said `clarion resume`."""
    accounts: int
    running_sends: int
    paused_sends: int
    rolled_until: datetime
    """Up to which hour counts are rolled up."""
    workers: Sequence[WorkerProcess]
    tables: Sequence[TableSize]
    providers: Sequence[ProviderState]
    held_up: Sequence[HeldUp]


class SystemService:
    """Looks at the installation."""

    def __init__(self, *, database: Database) -> None:
        self._database = database

    async def look(self) -> System:
        """How it stands now. Raises `Unavailable`."""
        async with self._database.acquire() as connection:
            whole = await SQL.installation.fetchrow(connection)
            workers = await SQL.workers.fetch(connection)
            tables = await SQL.largest.fetch(connection, limit=_TABLES)
            providers = await SQL.providers.fetch(connection)
            held_up = await SQL.blocked.fetch(connection, limit=_CREDENTIALS)
        return System(
            **dict(whole or {}),
            workers=[WorkerProcess(**row) for row in workers],
            tables=[TableSize(**row) for row in tables],
            providers=[ProviderState(**row) for row in providers],
            held_up=[HeldUp(**row) for row in held_up],
        )
