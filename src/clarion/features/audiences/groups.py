"""Use cases of audience groups."""

import msgspec

from clarion.db import Connection, Database, load
from clarion.db.statements import Record
from clarion.features.accounts import Caller, audit
from clarion.features.accounts.model import checked_name
from clarion.features.audiences.model import LIST_LIMIT
from clarion.features.audiences.rules import checked_text
from clarion.foundation.errors import InvalidInput, NotFound

SQL = load(__package__, "groups.sql")


class AudienceGroupBody(msgspec.Struct, frozen=True):
    """A named set of audiences."""

    name: str
    audiences: list[str]
    """1 to 10 000; they match as in a filter, with and without the suffix of the account."""


class AudienceGroup(msgspec.Struct, frozen=True):
    """An audience group as answered."""

    id: int
    name: str
    audiences: list[str]
    archived: bool


class AudienceGroupService:
    """Audience groups of an account. An id of another account behaves like one that never existed: `NotFound`."""

    def __init__(self, *, database: Database) -> None:
        self._database = database

    async def create(self, caller: Caller, body: AudienceGroupBody) -> int:
        """A new active group; its id. `InvalidInput` for a broken rule."""
        name, audiences = checked_name(body.name), _checked(body.audiences)
        async with self._database.transaction() as conn:
            group_id: int = await SQL.create.fetchval(
                conn, account_id=caller.account_id, name=name, audiences=audiences
            )
            await audit(conn, caller, action="audience_group.create", target=f"audience_group:{group_id}")
        return group_id

    async def list(self, account_id: int, *, archived: bool) -> list[AudienceGroup]:
        """The archived or the active groups in the order of their creation, at most 10 000."""
        async with self._database.acquire() as conn:
            rows = await SQL.groups.fetch(conn, account_id=account_id, archived=archived, limit=LIST_LIMIT)
        return [AudienceGroup(*row) for row in rows]

    async def get(self, account_id: int, group_id: int) -> AudienceGroup:
        """One group, archived or not."""
        async with self._database.acquire() as conn:
            row = await SQL.group.fetchrow(conn, account_id=account_id, group_id=group_id)
        if row is None:
            raise _not_found()
        return AudienceGroup(*row)

    async def replace(self, caller: Caller, group_id: int, *, body: AudienceGroupBody) -> None:
        """Replace name and audiences; sends that run keep the old ones. `InvalidInput` for a broken rule."""
        name, audiences = checked_name(body.name), _checked(body.audiences)
        async with self._database.transaction() as conn:
            await _locked(conn, caller, group_id)
            await SQL.update.execute(
                conn, account_id=caller.account_id, group_id=group_id, name=name, audiences=audiences
            )
            await audit(conn, caller, action="audience_group.update", target=f"audience_group:{group_id}")

    async def set_archived(self, caller: Caller, group_id: int, *, archived: bool) -> None:
        """Let the group contribute no audiences to filters, or contribute them again; repeating is fine."""
        async with self._database.transaction() as conn:
            group = await _locked(conn, caller, group_id)
            if group["archived"] == archived:
                return
            await SQL.set_archived.execute(conn, account_id=caller.account_id, group_id=group_id, archived=archived)
            action = "audience_group.archive" if archived else "audience_group.unarchive"
            await audit(conn, caller, action=action, target=f"audience_group:{group_id}")

    async def delete(self, caller: Caller, group_id: int) -> None:
        """Delete the group and take it out of all filters. One that included nothing else means nobody from now on."""

        async def work(conn: Connection) -> None:
            await _locked(conn, caller, group_id)
            scope = {"account_id": caller.account_id, "group_id": group_id}
            await SQL.leave_schedulers.execute(conn, **scope)
            await SQL.leave_saved_filters.execute(conn, **scope)
            await SQL.delete.execute(conn, **scope)
            await audit(conn, caller, action="audience_group.delete", target=f"audience_group:{group_id}")

        await self._database.run(work)


def _checked(audiences: list[str]) -> list[str]:
    if not 0 < len(audiences) <= LIST_LIMIT:
        raise InvalidInput(f"audiences must have 1 to {LIST_LIMIT} entries")
    return sorted({checked_text("audiences", value) for value in audiences})


async def _locked(conn: Connection, caller: Caller, group_id: int) -> Record:
    row = await SQL.lock.fetchrow(conn, account_id=caller.account_id, group_id=group_id)
    if row is None:
        raise _not_found()
    return row


def _not_found() -> NotFound:
    return NotFound("not found: the audience group does not exist")
