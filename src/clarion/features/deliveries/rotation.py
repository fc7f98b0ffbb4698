"""The rotation of weekly schedulers: each device gets the next push that it has not had, then the cycle restarts.

What a device has had is kept per scheduler in table `rotation`, written with its deliveries in one transaction. Only
devices of weekly schedulers have rows there, and only they are asked for them: one look-up for a page of recipients.
"""

from collections.abc import Iterable, Mapping, Sequence

from clarion.db import Connection, Database, load
from clarion.features.deliveries.model import Entry, State

SQL = load(__package__, "rotation.sql")

_KNOWN_LIMIT = 1024
_DECIDED = (State.WAITING, State.SENT)
"""A waiting message keeps its push, so that is the one which the device has."""


def next_push(had: Sequence[int], push_ids: Sequence[int]) -> int:
    """The push that a device gets: the first it has not had, else the first again, but not the last one twice."""
    for push_id in push_ids:
        if push_id not in had:
            return push_id
    return next((push_id for push_id in push_ids if push_id != had[-1]), push_ids[0])


async def had_by(
    database: Database, *, app_id: int, scheduler_id: int, device_ids: Sequence[int]
) -> Mapping[int, Sequence[int]]:
    """What devices have had in their present cycle, in order; those that had nothing are left out."""
    async with database.acquire() as connection:
        rows = await SQL.had.fetch(connection, app_id=app_id, scheduler_id=scheduler_id, device_ids=list(device_ids))
    return {row["device_id"]: row["had"] for row in rows}


class Rotations:
    """The ledger's side: notes what devices have got."""

    def __init__(self) -> None:
        self._schedulers: dict[int, int | None] = {}
        """By send; None for a send that does not rotate."""

    async def advance(self, within: Connection, entries: Iterable[Entry]) -> None:
        """Note the pushes of new deliveries, as far as their sends rotate."""
        decided = [entry for entry in entries if entry.result.state in _DECIDED]
        await self._learn(within, {entry.dimensions.send_id for entry in decided})
        rotating = [entry for entry in decided if self._schedulers[entry.dimensions.send_id] is not None]
        if rotating:
            await SQL.advance.execute(
                within,
                app_ids=[entry.dimensions.app_id for entry in rotating],
                scheduler_ids=[self._schedulers[entry.dimensions.send_id] for entry in rotating],
                device_ids=[entry.device_id for entry in rotating],
                push_ids=[entry.dimensions.push_id for entry in rotating],
            )

    def untouched(self, entries: Iterable[Entry]) -> bool:
        """Whether `advance` is known to have nothing to do for them; of a send's first entries it never is."""
        return all(
            self._schedulers.get(send_id, send_id) is None
            for send_id in {entry.dimensions.send_id for entry in entries}
        )

    async def _learn(self, within: Connection, send_ids: set[int]) -> None:
        unknown = send_ids - self._schedulers.keys()
        if not unknown:
            return
        if len(self._schedulers) > _KNOWN_LIMIT:
            self._schedulers.clear()
            unknown = send_ids
        rows = await SQL.rotating.fetch(within, send_ids=sorted(unknown))
        found = {row["id"]: row["scheduler_id"] for row in rows}
        self._schedulers |= {send_id: found.get(send_id) for send_id in unknown}
