"""Use cases of app groups."""

from collections.abc import Iterable

from clarion.db import Connection, Database, load
from clarion.db.statements import Record
from clarion.features.accounts import Caller, audit
from clarion.features.accounts.model import checked_name
from clarion.features.apps.model import LIST_LIMIT, AppGroup, AppGroupBody
from clarion.foundation.errors import InvalidInput, NotFound, UnknownReference

SQL = load(__package__)


class AppGroupService:
    """App groups of an account. An id of another account behaves like one that never existed: `NotFound`."""

    def __init__(self, *, database: Database) -> None:
        self._database = database

    async def create(self, caller: Caller, body: AppGroupBody) -> int:
        """A new active group; its id. `InvalidInput` for a broken rule, `UnknownReference` for an unknown app."""
        name, app_ids = checked_name(body.name), _checked_ids(body)

        async def work(connection: Connection) -> int:
            group_id: int = await SQL.create_group.fetchval(
                connection, account_id=caller.account_id, name=name, all_apps=body.all_apps
            )
            await _add_members(connection, caller, group_id=group_id, app_ids=app_ids, keep=not body.all_apps)
            await audit(connection, caller, action="app_group.create", target=f"app_group:{group_id}")
            return group_id

        return await self._database.run(work)

    async def list(self, account_id: int, *, archived: bool) -> list[AppGroup]:
        """The archived or the active groups in the order of their creation, at most 10 000."""
        async with self._database.acquire() as connection:
            rows = await SQL.groups.fetch(
                connection, account_id=account_id, group_id=None, archived=archived, limit=LIST_LIMIT
            )
        return [_group(row) for row in rows]

    async def get(self, account_id: int, group_id: int) -> AppGroup:
        """One group, archived or not; an `all_apps` group names all active apps."""
        async with self._database.acquire() as connection:
            row = await SQL.groups.fetchrow(
                connection, account_id=account_id, group_id=group_id, archived=None, limit=1
            )
        if row is None:
            raise _not_found()
        return _group(row)

    async def replace(self, caller: Caller, group_id: int, *, body: AppGroupBody) -> None:
        """Replace name, flag and members. `InvalidInput` for a broken rule, `UnknownReference` for an unknown app."""
        name, app_ids = checked_name(body.name), _checked_ids(body)

        async def work(connection: Connection) -> None:
            await _locked(connection, caller, group_id=group_id)
            scope = {"account_id": caller.account_id, "group_id": group_id}
            await SQL.update_group.execute(connection, name=name, all_apps=body.all_apps, **scope)
            await SQL.remove_members.execute(connection, **scope)
            await _add_members(connection, caller, group_id=group_id, app_ids=app_ids, keep=not body.all_apps)
            await audit(connection, caller, action="app_group.update", target=f"app_group:{group_id}")

        await self._database.run(work)

    async def set_archived(self, caller: Caller, group_id: int, *, archived: bool) -> None:
        """Let the group contribute no apps to schedulers, or contribute them again; repeating is fine."""

        async def work(connection: Connection) -> None:
            group = await _locked(connection, caller, group_id=group_id)
            if group["archived"] == archived:
                return
            await SQL.set_group_archived.execute(
                connection, account_id=caller.account_id, group_id=group_id, archived=archived
            )
            action = "app_group.archive" if archived else "app_group.unarchive"
            await audit(connection, caller, action=action, target=f"app_group:{group_id}")

        await self._database.run(work)

    async def delete(self, caller: Caller, group_id: int) -> None:
        """Delete the group and take it out of all schedulers."""

        async def work(connection: Connection) -> None:
            await _locked(connection, caller, group_id=group_id)
            scope = {"account_id": caller.account_id, "group_id": group_id}
            await SQL.drop_group_from_filters.execute(connection, **scope)
            await SQL.delete_group.execute(connection, **scope)
            await audit(connection, caller, action="app_group.delete", target=f"app_group:{group_id}")

        await self._database.run(work)


def _checked_ids(body: AppGroupBody) -> list[int]:
    app_ids = sorted(set(body.app_ids or ()))
    if not app_ids and not body.all_apps:
        raise InvalidInput("app_ids must not be empty when all_apps is false")
    return app_ids


async def _add_members(
    connection: Connection, caller: Caller, *, group_id: int, app_ids: Iterable[int], keep: bool
) -> None:
    """Check the ids; keep them unless the group means all apps anyway."""
    wanted = list(app_ids)
    rows = await SQL.existing_apps.fetch(connection, account_id=caller.account_id, app_ids=wanted)
    missing = set(wanted) - {row["id"] for row in rows}
    if missing:
        raise UnknownReference(f"app_ids contains {min(missing)}, which does not exist")
    if keep:
        await SQL.add_members.execute(connection, account_id=caller.account_id, group_id=group_id, app_ids=wanted)


async def _locked(connection: Connection, caller: Caller, *, group_id: int) -> Record:
    row = await SQL.lock_group.fetchrow(connection, account_id=caller.account_id, group_id=group_id)
    if row is None:
        raise _not_found()
    return row


def _group(row: Record) -> AppGroup:
    return AppGroup(row["id"], row["app_ids"], row["name"], row["all_apps"], row["archived"])


def _not_found() -> NotFound:
    return NotFound("not found: the app group does not exist")
