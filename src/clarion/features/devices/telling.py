"""What webhooks are told of devices: that an event was received for one."""

from collections.abc import Sequence

from clarion.db import Connection
from clarion.features.events.history import EventEntry
from clarion.features.webhooks import EventType, Fact, tell_all


async def tell_events(within: Connection, account_id: int, code: str, *, entries: Sequence[EventEntry]) -> None:
    """Events that have just been added to the history, each about its device."""
    facts = [
        Fact(
            account_id,
            f"device:{entry.device_id}",
            {
                "device_id": str(entry.device_id),
                "app_id": entry.app_id,
                "event": code,
                "number": entry.number,
                "at": entry.at.isoformat(),
            },
        )
        for entry in entries
    ]
    await tell_all(within, EventType.EVENT_RECEIVED, facts)
