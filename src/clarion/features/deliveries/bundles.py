"""Bundles that must be repeated as they were: kept before they are sent, forgotten when all their messages are settled.

A provider that knows a bundle by its key answers a repetition with its first result and sends nothing twice; so a lost
answer, or a worker that died before it recorded one, costs no duplicate.
"""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import asdict, dataclass
from datetime import date
from typing import Any, NamedTuple
from uuid import UUID

from clarion.db import Connection, Database, load
from clarion.db.statements import Record
from clarion.features.deliveries.model import Job
from clarion.features.sends import LeasedSlice

SQL = load(__package__, "bundles.sql")


@dataclass(frozen=True, slots=True)
class SavedBundle:
    """What one request consists of."""

    key: UUID
    day: date
    app_id: int
    send_id: int
    account_id: int
    provider: str
    push_id: int
    lang: str
    transport: str
    device_ids: Sequence[int]
    tokens: Sequence[str]
    """Of the devices, in their order, as they were sent."""


class Member(NamedTuple):
    """A device of a bundle of which nothing is recorded yet."""

    device_id: int
    country: str
    platform: str
    token_hash: bytes
    """Empty where the device has another token by now."""
    facts: dict[str, Any] | None
    """See `Recipient.facts`; only of a device that travelled alone."""


class BundleStore:
    """The kept bundles."""

    def __init__(self, *, database: Database) -> None:
        self._database = database

    async def keep(self, bundles: Iterable[SavedBundle]) -> None:
        """Keep bundles; committed when it returns."""
        async with self._database.transaction() as connection:
            await SQL.keep.execute_many(connection, [asdict(bundle) for bundle in bundles])

    async def of_devices(self, job: Job, device_ids: Collection[int]) -> list[SavedBundle]:
        """The bundles of the job's send that some of the devices travelled in, newest first."""
        async with self._database.acquire() as connection:
            rows = await SQL.of_devices.fetch(
                connection,
                app_id=job.app_id,
                send_id=job.send_id,
                provider=job.provider,
                device_ids=list(device_ids),
            )
        return [SavedBundle(*row) for row in rows]

    async def unfinished(self, item: LeasedSlice) -> list[tuple[SavedBundle, list[Member]]]:
        """The bundles of a slice that earlier leases left without a record, oldest first."""
        async with self._database.acquire() as connection:
            rows = await SQL.unfinished.fetch(
                connection,
                app_id=item.app_id,
                send_id=item.send_id,
                provider=item.provider,
                id_from=item.id_from,
                id_to=item.id_to,
            )
        return [(SavedBundle(*tuple(row)[:11]), _members(row)) for row in rows]


def _members(row: Record) -> list[Member]:
    columns = zip(row["open_ids"], row["countries"], row["platforms"], row["hashes"], row["facts"], strict=True)
    return [Member(*one) for one in columns]


async def forget_settled(connection: Connection, bundles: Collection[SavedBundle]) -> None:
    """Forget those of the bundles whose messages are all settled."""
    if bundles:
        await SQL.forget_settled.execute(
            connection,
            app_ids=[bundle.app_id for bundle in bundles],
            send_ids=[bundle.send_id for bundle in bundles],
            keys=[bundle.key for bundle in bundles],
        )
