"""Putting facts into the queues of the webhooks that want them, in the transaction of the fact.

Nothing is written for an account that no active webhook listens for. Facts that come once for each message of a send
ask `Listeners` first, so that they cost nothing at all then.
"""

import time
from collections.abc import Iterable, Sequence
from typing import Any

from clarion.db import Connection, load
from clarion.features.webhooks.model import EventType, Fact

SQL = load(__package__, "outbox.sql")

_KNOWN_FOR = 1.0


async def tell(within: Connection, account_id: int, type_: EventType, *, object_: str, data: dict[str, Any]) -> None:
    """Queue one fact for every active webhook of the account that listens for it."""
    await tell_all(within, type_, [Fact(account_id, object_, data)])


async def tell_all(within: Connection, type_: EventType, facts: Sequence[Fact]) -> None:
    """Queue facts of one type, in their order."""
    if facts:
        accounts, objects, bodies = zip(*facts, strict=True)
        await SQL.enqueue.execute(within, type=type_, accounts=accounts, objects=objects, bodies=bodies)


class Listeners:
    """The accounts that listen for a type of event, known for a second: a webhook that is made or activated hears of
    what is asked for here from a second later on at the latest.
    """

    def __init__(self) -> None:
        self._known: dict[EventType, tuple[frozenset[int], float]] = {}

    async def to(self, type_: EventType, *, within: Connection) -> frozenset[int]:
        """The ids of accounts with an active webhook for this type."""
        now = time.monotonic()
        accounts, until = self._known.get(type_, (frozenset(), now))
        if until <= now:
            accounts = frozenset(_ids(await SQL.listeners.fetch(within, type=type_)))
            self._known[type_] = accounts, now + _KNOWN_FOR
        return accounts


def _ids(rows: Iterable[Any]) -> Iterable[int]:
    return (row["account_id"] for row in rows)
