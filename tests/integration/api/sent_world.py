"""Sends with recorded deliveries: rows as the clock makes them, outcomes through the real ledger."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from tests.factories import new_app, new_device
from tests.integration.api.management_client import Api

from clarion.db import Database
from clarion.features.deliveries.feedback import Confirmation
from clarion.features.deliveries.ledger import Batch, Ledger
from clarion.features.deliveries.model import Dimensions, Entry, Result, State
from clarion.features.sends.model import LAST_DEVICE_ID
from clarion.services import Services


@dataclass(frozen=True)
class Outcome:
    """What became of one message."""

    device_id: int
    state: State = State.SENT
    reason: str | None = None
    code: str | None = None
    columns: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class SentWorld:
    """One account's sends."""

    api: Api
    database: Database
    services: Services

    async def app(self) -> int:
        """An app without credentials."""
        async with self.database.acquire() as conn:
            return await new_app(conn, self.api.account_id)

    async def device(self, app_id: int, **columns: Any) -> int:
        """A reachable device."""
        async with self.database.acquire() as conn:
            return await new_device(conn, self.api.account_id, app_id, **columns)

    async def scheduler(self, **filter_: Any) -> int:
        """A scheduler that has done its work."""
        return await self.fetchval(
            """
            insert into scheduler (account_id, type, name, timing, filter, state)
            values ($1, 'onesend', 'Sale', '{}', $2, 'done') returning id
            """,
            self.api.account_id,
            filter_ or {"all_apps": True},
        )

    async def send(self, *app_ids: int, scheduler_id: int | None = None, **columns: Any) -> int:
        """A complete send with one finished slice for each app; `columns` override."""
        now = datetime.now(UTC)
        row = {
            "account_id": self.api.account_id,
            "scheduler_id": scheduler_id or await self.scheduler(),
            "occurrence": now,
            "day": now.date(),
            "state": "complete",
            "push_ids": [1],
            "cutoff_at": now + timedelta(minutes=1),
            "due_at": now,
            "expires_at": now + timedelta(hours=24),
            "finished_at": now,
            **columns,
        }
        places = ", ".join(f"${number}" for number in range(1, len(row) + 1))
        send_id: int = await self.fetchval(
            f"insert into send ({', '.join(row)}) values ({places}) returning id", *row.values()
        )
        for number, app_id in enumerate(app_ids):
            await self.slice(send_id, number, app_id)
        return send_id

    async def slice(self, send_id: int, number: int, app_id: int, *, state: str = "done") -> None:
        """A slice over all devices of an app."""
        await self.fetchval(
            """
            insert into slice (send_id, no, account_id, app_id, provider, id_from, id_to, state)
            values ($1, $2, $3, $4, 'fcm', 1, $5, $6)
            """,
            send_id,
            number,
            self.api.account_id,
            app_id,
            LAST_DEVICE_ID,
            state,
        )

    async def record(self, send_id: int, app_id: int, outcomes: Sequence[Outcome]) -> None:
        """Record outcomes as dispatch does."""
        entries = [self._entry(send_id, app_id, outcome) for outcome in outcomes]
        ledger = Ledger(database=self.database, statistics=self.services.statistics, sends=self.services.sends)
        await ledger.record(Batch(entries=entries))

    def _entry(self, send_id: int, app_id: int, outcome: Outcome) -> Entry:
        now = datetime.now(UTC)
        waiting = outcome.state is State.WAITING
        dimensions = Dimensions(
            now.date(), app_id, send_id, self.api.account_id, 1, "fcm", lang="en", country="PT", platform="android"
        )
        result = Result(outcome.state, outcome.reason, outcome.code, 1, may_be_sent=False)
        entry = Entry(
            dimensions,
            result,
            created_at=now,
            settled_at=None if waiting else now,
            device_id=outcome.device_id,
            token_hash=b"token",
            provider_id="p-1" if outcome.state is State.SENT else None,
            next_attempt_at=now + timedelta(minutes=5) if waiting else None,
        )
        return _altered(entry, outcome.columns)

    async def confirm(self, send_id: int, app_id: int, device_id: int, *, clicked: bool = False) -> None:
        """The device reports that it got the message, or that it was clicked."""
        day = datetime.now(UTC).date()
        confirmation = (day, app_id, send_id, device_id, self.api.account_id, clicked)
        await self.services.feedback.record([Confirmation(*confirmation)])

    async def fetchval(self, statement: str, *values: Any) -> Any:
        """One statement's first value."""
        async with self.database.acquire() as conn:
            return await conn.fetchval(statement, *values)


def _altered(entry: Entry, columns: Mapping[str, object]) -> Entry:
    """The entry with some columns changed, wherever they stand."""
    own = {name: value for name, value in columns.items() if name in Entry._fields}
    shared = {name: value for name, value in columns.items() if name in Dimensions._fields}
    result = {name: value for name, value in columns.items() if name in Result._fields}
    return entry._replace(dimensions=entry.dimensions._replace(**shared), result=entry.result._replace(**result), **own)
