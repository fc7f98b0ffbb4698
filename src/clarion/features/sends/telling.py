"""What webhooks are told of sends: that one has started, that one has ended. In the transaction that makes it so."""

from collections.abc import Iterable
from datetime import datetime

from clarion.db import Connection
from clarion.db.statements import Record
from clarion.features.webhooks import EventType, Fact, tell, tell_all


async def tell_started(
    within: Connection, account_id: int, *, send_id: int, scheduler_id: int, due_at: datetime, estimate: int
) -> None:
    """A send has been planned; nothing of it has left yet."""
    data = {"send_id": send_id, "scheduler_id": scheduler_id, "due_at": due_at.isoformat(), "estimate": estimate}
    await tell(within, account_id, EventType.SEND_STARTED, object_=_object(send_id), data=data)


async def tell_finished(within: Connection, rows: Iterable[Record]) -> None:
    """Sends have ended, as rows of id, account_id, scheduler_id and state: `complete` or `cancelled`."""
    facts = [
        Fact(
            row["account_id"],
            _object(row["id"]),
            {"send_id": row["id"], "scheduler_id": row["scheduler_id"], "state": row["state"]},
        )
        for row in rows
    ]
    await tell_all(within, EventType.SEND_FINISHED, facts)


def _object(send_id: int) -> str:
    return f"send:{send_id}"
