"""What devices report about messages: delivered, clicked (sdk-api.md §4.1).

A message id is checked without a look-up, finds its delivery by primary key, and counts once per event; the counts are
folded in the same transaction. A click is also a delivery. The state of the delivery plays no part: a device may
confirm a message whose outcome we do not know yet.
"""

from collections.abc import Iterable, Sequence
from datetime import date, timedelta
from itertools import groupby
from typing import NamedTuple

from clarion.db import Connection, Database, load
from clarion.db.statements import Record
from clarion.features.statistics import StatisticsService, StatRow
from clarion.foundation.clock import Clock
from clarion.foundation.ids import MessageIds

SQL = load(__package__, "feedback.sql")

AGE_LIMIT = timedelta(days=30)
"""Older messages no longer count (reliability.md ID-3)."""


class Confirmation(NamedTuple):
    """A device's word that it got, or its user clicked, one message. Fields are in the order of the row locks."""

    day: date
    app_id: int
    send_id: int
    device_id: int
    account_id: int
    clicked: bool


class Feedback:
    """Counts what devices confirm."""

    def __init__(
        self, *, database: Database, statistics: StatisticsService, message_ids: MessageIds, clock: Clock
    ) -> None:
        self._database = database
        self._statistics = statistics
        self._message_ids = message_ids
        self._clock = clock

    def identify(
        self, msg_id: str, *, account_id: int, app_id: int, device_id: int, clicked: bool
    ) -> Confirmation | None:
        """The confirmation of a message that we made for this device; None for anything forged, foreign or too old."""
        key = self._message_ids.parse(msg_id)
        if key is None or key.app_id != app_id or key.device_id not in {0, device_id}:
            return None
        today = self._clock.now().date()
        if not today - AGE_LIMIT <= key.day <= today + timedelta(days=1):
            return None
        return Confirmation(key.day, app_id, key.send_id, device_id, account_id, clicked)

    async def record(self, confirmations: Sequence[Confirmation]) -> list[bool]:
        """Count each new confirmation once; False where no delivery is recorded (yet)."""
        distinct = sorted(set(confirmations))
        found = await self._database.run(lambda within: self._record(within, distinct))
        return [confirmation[:4] in found for confirmation in confirmations]

    async def _record(self, within: Connection, distinct: Sequence[Confirmation]) -> set[tuple[object, ...]]:
        found: set[tuple[object, ...]] = set()
        counts: list[StatRow] = []
        for day, group in groupby(distinct, key=_day):
            entries = list(group)
            delivered = await SQL.mark_delivered.fetch(within, day=day, **_columns(entries))
            counts += _counted(delivered, "delivered")
            clicks = [entry for entry in entries if entry.clicked]
            if clicks:
                counts += _counted(await SQL.mark_clicked.fetch(within, day=day, **_columns(clicks)), "clicked")
            found |= _keys(day, delivered)
            rest = [entry for entry in entries if entry[:4] not in found]
            if rest:
                found |= _keys(day, await SQL.recorded.fetch(within, day=day, **_columns(rest)))
        await self._statistics.fold(within, counts)
        return found


def _day(confirmation: Confirmation) -> date:
    return confirmation.day


def _counted(rows: Iterable[Record], outcome: str) -> list[StatRow]:
    return [StatRow._make((*tuple(row)[:8], outcome, 1)) for row in rows]


def _keys(day: date, rows: Iterable[Record]) -> set[tuple[object, ...]]:
    return {(day, row["app_id"], row["send_id"], row["device_id"]) for row in rows}


def _columns(entries: Sequence[Confirmation]) -> dict[str, list[int]]:
    return {
        "app_ids": [entry.app_id for entry in entries],
        "send_ids": [entry.send_id for entry in entries],
        "device_ids": [entry.device_id for entry in entries],
        "account_ids": [entry.account_id for entry in entries],
    }
