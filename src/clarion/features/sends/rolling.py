"""Sends that messages are added to one by one: those of auto-push.

A scheduler has one such send for each day (UTC), open until shortly after its end. A delivery is named by (send,
device), so the second message of a day to one device belongs to the day's second *round*, a send of its own.
Every function works in its caller's transaction.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta

from clarion.db import Connection, load
from clarion.features.sends.telling import tell_started

SQL = load(__package__, "rolling.sql")

TIME_TO_LIVE = timedelta(hours=24)
"""Of each message, from the moment it was added."""
_LINGER = timedelta(minutes=1)
"""Workers whose clocks differ may add to a day that has just ended."""

Place = tuple[int, str]
"""(app, provider)."""


@dataclass(frozen=True, slots=True)
class Opening:
    """What is about to be added to one round."""

    account_id: int
    scheduler_id: int
    day: date
    number: int
    """0 for a device's first message of the day, 1 for its second, ..."""
    push_ids: Sequence[int]
    places: Collection[Place]
    messages: int


async def rounds(within: Connection, account_id: int, scheduler_id: int, *, day: date) -> list[int]:
    """The sends of a day in the order of their numbers."""
    begin = _midnight(day)
    rows = await SQL.rounds.fetch(
        within, account_id=account_id, scheduler_id=scheduler_id, begin=begin, end=begin + timedelta(days=1)
    )
    return [row["id"] for row in rows]


async def open_round(within: Connection, opening: Opening, *, now: datetime) -> int:
    """The send of a round, made if need be, with everything that is about to be added announced; its id.

    Holds the send's row until the end of the transaction.
    """
    begin = _midnight(opening.day)
    row = await SQL.open_round.fetchrow(
        within,
        account_id=opening.account_id,
        scheduler_id=opening.scheduler_id,
        occurrence=begin + timedelta(seconds=opening.number),
        day=opening.day,
        push_ids=sorted(set(opening.push_ids)),
        messages=opening.messages,
        now=now,
        open_until=begin + timedelta(days=1) + _LINGER,
        expires_at=begin + timedelta(days=1) + _LINGER + TIME_TO_LIVE,
    )
    if row is None:
        raise AssertionError("an upsert returns its row")
    send_id: int = row["id"]
    if row["fresh"]:
        await tell_started(
            within,
            opening.account_id,
            send_id=send_id,
            scheduler_id=opening.scheduler_id,
            due_at=now,
            estimate=opening.messages,
        )
    places = sorted(opening.places)
    await SQL.add_places.execute(
        within,
        send_id=send_id,
        account_id=opening.account_id,
        app_ids=[app_id for app_id, _ in places],
        providers=[provider for _, provider in places],
    )
    return send_id


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time(), UTC)
