"""Reading deliveries: those of a send in pages, those of a device."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from clarion.db import Connection, Database, load
from clarion.db.statements import Record
from clarion.features.deliveries.model import State
from clarion.features.deliveries.seen import Delivery, DeliveryPage, Position, StateWord
from clarion.features.sends.progress import ProgressService
from clarion.foundation.clock import Clock

SQL = load(__package__, "seeing.sql")

STORY_PERIOD = timedelta(days=30)
SENDS_LIMIT = 1_000
"""Sends that one look at a device goes through, newest first."""


@dataclass(frozen=True, slots=True)
class DeviceDelivery:
    """A delivery, and the beginning of the hash of the token it went to."""

    delivery: Delivery
    token_hash: bytes


class DeliveryService:
    """Reads deliveries of an account. Ids of another account behave like ids that never existed."""

    def __init__(self, *, database: Database, progress: ProgressService, clock: Clock) -> None:
        self._database = database
        self._progress = progress
        self._clock = clock

    async def of_send(
        self,
        account_id: int,
        send_id: int,
        *,
        state: StateWord | None = None,
        reason: str | None = None,
        after: Position | None = None,
        limit: int = 50,
    ) -> DeliveryPage:
        """Up to `limit` deliveries of a send after a position. `NotFound` for the send."""
        start = after or Position()
        async with self._database.transaction() as conn:
            place = await self._progress.place(account_id, send_id, within=conn)
            rows = await SQL.of_send.fetch(
                conn,
                account_id=account_id,
                send_id=send_id,
                day=place.day,
                app_ids=[app_id for app_id in place.app_ids if app_id >= start.app_id],
                after_app=start.app_id,
                after_device=start.device_id,
                state=state.stored if state else None,
                reason=reason,
                limit=limit + 1,
            )
        items = [_delivery(row) for row in rows[:limit]]
        last = items[-1] if len(rows) > limit else None
        return DeliveryPage(items, Position(last.app_id, last.device_id) if last else None)

    async def recent_sends(self, account_id: int, *, within: Connection) -> list[int]:
        """The account's sends of the last 30 days, newest first, at most 1000."""
        since = (self._clock.now() - STORY_PERIOD).date()
        rows = await SQL.recent_sends.fetch(within, account_id=account_id, since=since, limit=SENDS_LIMIT)
        return [row["id"] for row in rows]

    async def of_device(
        self, account_id: int, app_id: int, device_id: int, *, send_ids: Sequence[int], within: Connection
    ) -> list[DeviceDelivery]:
        """The deliveries to one device in these sends, newest first."""
        rows = await SQL.of_device.fetch(
            within, account_id=account_id, app_id=app_id, device_id=device_id, send_ids=send_ids
        )
        return [DeviceDelivery(_delivery(row), row["token_hash"]) for row in rows]


def _delivery(row: Record) -> Delivery:
    fields: dict[str, Any] = {name: value for name, value in row.items() if name != "token_hash"}
    fields["state"] = State(fields["state"])
    return Delivery(**fields)
