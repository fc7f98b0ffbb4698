"""What webhooks are told of sends: that one has started, that one has ended. In the transaction that makes it so."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from clarion.db import Connection
from clarion.db.statements import Record
from clarion.features.statistics.by_push import counts_by_push
from clarion.features.webhooks import EventType, Fact, tell, tell_all


async def tell_started(
    within: Connection,
    account_id: int,
    *,
    send_id: int,
    scheduler_id: int,
    due_at: datetime,
    estimate: int,
    test: bool = False,
) -> None:
    """A send has been planned; nothing of it has left yet."""
    data = {
        "send_id": send_id,
        "scheduler_id": scheduler_id,
        "test": test,
        "due_at": due_at.isoformat(),
        "estimate": estimate,
    }
    await tell(within, account_id, EventType.SEND_STARTED, object_=_object(send_id), data=data)


async def tell_finished(within: Connection, rows: Sequence[Record]) -> None:
    """Sends have ended, as rows of id, account_id, scheduler_id, state (`complete` or `cancelled`) and test."""
    facts = [
        Fact(
            row["account_id"],
            _object(row["id"]),
            {
                "send_id": row["id"],
                "scheduler_id": row["scheduler_id"],
                "test": row["test"],
                "state": row["state"],
                **await _counts(within, row["account_id"], row["id"]),
            },
        )
        for row in rows
    ]
    await tell_all(within, EventType.SEND_FINISHED, facts)


async def _counts(within: Connection, account_id: int, send_id: int) -> dict[str, Any]:
    """What has become of the messages so far."""
    counts = (await counts_by_push(within, account_id, [send_id])).values()
    return {
        "sent": sum(one.sent for one in counts),
        "failed": sum(one.failed for one in counts),
        "skipped": sum(one.skipped for one in counts),
        "cancelled": sum(one.cancelled for one in counts),
    }


def _object(send_id: int) -> str:
    return f"send:{send_id}"
