"""Messages that are sent one by one: deliveries that wait for their first attempt and are due at once.

They are claimed like those that wait for a further attempt. Works in its caller's transaction.
"""

from collections.abc import Sequence
from datetime import date
from typing import NamedTuple

from clarion.db import Connection, load

SQL = load(__package__, "queueing.sql")


class Message(NamedTuple):
    """One message to one device."""

    app_id: int
    send_id: int
    device_id: int
    push_id: int
    provider: str
    lang: str
    """Of the translation."""
    country: str
    platform: str
    token_hash: bytes

    @property
    def key(self) -> tuple[int, int, int]:
        """(app, send, device)."""
        return self.app_id, self.send_id, self.device_id


async def enqueue(
    within: Connection, account_id: int, day: date, messages: Sequence[Message]
) -> set[tuple[int, int, int]]:
    """Let messages wait for a worker; the keys of those that are new, the others have a delivery already."""
    if not messages:
        return set()
    columns = zip(*messages, strict=True)
    rows = await SQL.enqueue.fetch(
        within, account_id=account_id, day=day, **{f"c{no}": list(values) for no, values in enumerate(columns)}
    )
    return {(row["app_id"], row["send_id"], row["device_id"]) for row in rows}
