"""What webhooks are told of messages, tokens and credentials, in the transaction that makes it so.

Messages that fail are told in batches as they are recorded. An account that no webhook listens for costs nothing.
"""

from collections.abc import Iterable, Sequence
from typing import Any

from clarion.db import Connection
from clarion.db.statements import Record
from clarion.features.deliveries.model import Entry, State
from clarion.features.webhooks import EventType, Fact, Listeners, tell_all

_AT_ONCE = 200
"""Entries of one message to a webhook."""


async def announce_failures(within: Connection, listeners: Listeners, entries: Iterable[Entry]) -> None:
    """Deliveries that have just been recorded; those that failed are told, by send."""
    failed = [entry for entry in entries if entry.result.state == State.FAILED]
    if not failed:
        return
    accounts = await listeners.to(EventType.DELIVERY_FAILED, within=within)
    by_send: dict[tuple[int, int], list[dict[str, Any]]] = {}
    for entry in failed:
        one = entry.dimensions
        if one.account_id in accounts:
            by_send.setdefault((one.account_id, one.send_id), []).append(_delivery(entry))
    facts = [
        Fact(account_id, f"send:{send_id}", {"send_id": send_id, "deliveries": part})
        for (account_id, send_id), told in by_send.items()
        for part in _parts(told)
    ]
    await tell_all(within, EventType.DELIVERY_FAILED, facts)


async def announce_drops(within: Connection, listeners: Listeners, rows: Sequence[Record]) -> None:
    """Devices whose tokens have just been given up."""
    if not rows:
        return
    accounts = await listeners.to(EventType.TOKEN_DROPPED, within=within)
    by_app: dict[tuple[int, int], list[dict[str, Any]]] = {}
    for row in rows:
        if row["account_id"] in accounts:
            by_app.setdefault((row["account_id"], row["app_id"]), []).append(_token(row))
    facts = [
        Fact(account_id, f"app:{app_id}", {"app_id": app_id, "tokens": part})
        for (account_id, app_id), told in by_app.items()
        for part in _parts(told)
    ]
    await tell_all(within, EventType.TOKEN_DROPPED, facts)


async def announce_pauses(within: Connection, rows: Iterable[Record]) -> None:
    """Credentials that have just been paused by the system."""
    facts = [
        Fact(
            row["account_id"],
            f"credential:{row['app_id']}:{row['provider']}",
            {"app_id": row["app_id"], "provider": row["provider"], "reason": row["pause_reason"]},
        )
        for row in rows
    ]
    await tell_all(within, EventType.CREDENTIAL_PAUSED, facts)


def _delivery(entry: Entry) -> dict[str, Any]:
    one, result = entry.dimensions, entry.result
    return {
        "device_id": str(entry.device_id),
        "app_id": one.app_id,
        "push_id": one.push_id,
        "provider": one.provider,
        "reason": result.reason,
        "code": result.code,
    }


def _token(row: Record) -> dict[str, Any]:
    return {
        "device_id": str(row["id"]),
        "ext_id": row["ext_id"],
        "transport": row["transport"],
        "code": row["token_reason"],
    }


def _parts(entries: list[dict[str, Any]]) -> Iterable[list[dict[str, Any]]]:
    return (entries[start : start + _AT_ONCE] for start in range(0, len(entries), _AT_ONCE))
