"""Use cases of saved filters: filters with names, to be used again. Whoever uses one copies it."""

from dataclasses import dataclass
from datetime import datetime

import asyncpg
import msgspec

from clarion.db import Connection, Database, load
from clarion.db.statements import Record
from clarion.features.accounts import Caller, audit
from clarion.features.accounts.model import checked_name
from clarion.features.audiences.model import Filter
from clarion.features.audiences.service import AudienceService
from clarion.foundation.errors import Conflict, InvalidInput, NotFound, UnknownReference

SQL = load(__package__, "saved.sql")

SAVED_LIMIT = 1_000
"""Saved filters of an account."""


@dataclass(frozen=True, slots=True)
class SavedFilter:
    """A filter with a name."""

    id: int
    name: str
    filter: Filter
    created_at: datetime
    updated_at: datetime


class SavedFilterService:
    """Saved filters of an account. An id of another account behaves like one that never existed: `NotFound`."""

    def __init__(self, *, database: Database, audiences: AudienceService) -> None:
        self._database = database
        self._audiences = audiences

    async def create(self, caller: Caller, *, name: str, filter_: Filter) -> int:
        """A new one; its id.

        `InvalidInput` for a broken rule, `UnknownReference` for an id in the filter, `Conflict` for a name in use.
        """
        checked = checked_name(name)

        async def work(conn: Connection) -> int:
            await self._audiences.check(caller.account_id, filter_, within=conn)
            if await SQL.number.fetchval(conn, account_id=caller.account_id) >= SAVED_LIMIT:
                raise InvalidInput(f"an account has at most {SAVED_LIMIT} saved filters")
            filter_id: int = await SQL.create.fetchval(
                conn, account_id=caller.account_id, name=checked, filter=msgspec.to_builtins(filter_)
            )
            await audit(conn, caller, action="filter.create", target=f"filter:{filter_id}")
            return filter_id

        try:
            return await self._database.run(work)
        except asyncpg.UniqueViolationError:
            raise _name_in_use() from None

    async def list(self, account_id: int) -> list[SavedFilter]:
        """All of them by name."""
        async with self._database.acquire() as conn:
            rows = await SQL.filters.fetch(conn, account_id=account_id)
        return [_saved(row) for row in rows]

    async def get(self, account_id: int, filter_id: int, *, within: Connection | None = None) -> SavedFilter:
        """One of them."""
        async with self._database.joined(within) as conn:
            row = await SQL.filter.fetchrow(conn, account_id=account_id, filter_id=filter_id)
        if row is None:
            raise _not_found()
        return _saved(row)

    async def copy_of(self, account_id: int, filter_id: int) -> Filter:
        """The filter itself, for whoever names it in a body. `UnknownReference` when there is none."""
        try:
            return (await self.get(account_id, filter_id)).filter
        except NotFound:
            raise UnknownReference(f"filter {filter_id} does not exist") from None

    async def replace(self, caller: Caller, filter_id: int, *, name: str, filter_: Filter) -> None:
        """Replace name and filter; what was made from it stays as it is. Errors as for `create`."""
        checked = checked_name(name)

        async def work(conn: Connection) -> None:
            await self._audiences.check(caller.account_id, filter_, within=conn)
            changed = await SQL.update.execute(
                conn,
                account_id=caller.account_id,
                filter_id=filter_id,
                name=checked,
                filter=msgspec.to_builtins(filter_),
            )
            if not changed:
                raise _not_found()
            await audit(conn, caller, action="filter.update", target=f"filter:{filter_id}")

        try:
            await self._database.run(work)
        except asyncpg.UniqueViolationError:
            raise _name_in_use() from None

    async def delete(self, caller: Caller, filter_id: int) -> None:
        """Delete it; what was made from it stays as it is."""
        async with self._database.transaction() as conn:
            if not await SQL.delete.execute(conn, account_id=caller.account_id, filter_id=filter_id):
                raise _not_found()
            await audit(conn, caller, action="filter.delete", target=f"filter:{filter_id}")


def _saved(row: Record) -> SavedFilter:
    filter_ = msgspec.convert(row["filter"], Filter)
    return SavedFilter(row["id"], row["name"], filter_, row["created_at"], row["updated_at"])


def _name_in_use() -> Conflict:
    return Conflict("another saved filter has this name")


def _not_found() -> NotFound:
    return NotFound("not found: the saved filter does not exist")
