"""What a filter means in the database: its apps, its conditions, and how many devices that is."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Protocol

from clarion.db import Conditions, Connection, Database, load
from clarion.db.statements import Statement
from clarion.features.audiences.compiler import Members, check_codes, compile_filter, included_audiences, using
from clarion.features.audiences.estimating import Example, Question, estimate, examples, matches
from clarion.features.audiences.model import PARTS, Estimate, Filter, ManagementFilter, counted_part, part_of
from clarion.features.audiences.rules import check
from clarion.foundation.errors import UnknownReference

SQL = load(__package__)


class EventBits(Protocol):
    """Where an account's event codes come from."""

    async def bits(self, account_id: int, *, within: Connection | None = None) -> Mapping[str, int]:
        """Bit number by event code; deleted codes are left out."""


class AudienceService:
    """Reads filters. Ids of another account behave like ids that never existed."""

    def __init__(self, *, database: Database, events: EventBits) -> None:
        self._database = database
        self._events = events

    async def check(self, account_id: int, filter_: ManagementFilter, *, within: Connection | None = None) -> None:
        """Hold every rule of management-api.md §7.1 except that some app must be left.

        `InvalidInput` for a broken rule or an unknown event code, `UnknownReference` for an id in one of the lists.
        """
        check(filter_)
        async with self._database.joined(within) as conn:
            check_codes(filter_, await self._events.bits(account_id, within=conn))
            for name in ("app_ids_include", "app_ids_exclude"):
                await _check_ids(conn, account_id, statement=SQL.known_apps, name=name, ids=_ids(filter_, name))
            for name in ("app_groups_include", "app_groups_exclude"):
                await _check_ids(conn, account_id, statement=SQL.known_groups, name=name, ids=_ids(filter_, name))
            for name in ("audience_groups_include", "audience_groups_exclude"):
                ids = _ids(filter_, name)
                await _check_ids(conn, account_id, statement=SQL.known_audience_groups, name=name, ids=ids)

    async def resolve_apps(
        self, account_id: int, filter_: ManagementFilter, *, within: Connection | None = None
    ) -> list[int]:
        """The active apps that the filter means now, ascending; may be empty.

        Archived and deleted apps and groups contribute nothing, on either side.
        """
        async with self._database.joined(within) as conn:
            rows = await SQL.effective_apps.fetch(
                conn,
                account_id=account_id,
                all_apps=bool(filter_.all_apps),
                apps_include=_ids(filter_, "app_ids_include"),
                apps_exclude=_ids(filter_, "app_ids_exclude"),
                groups_include=_ids(filter_, "app_groups_include"),
                groups_exclude=_ids(filter_, "app_groups_exclude"),
            )
        return [row["id"] for row in rows]

    async def conditions(
        self, account_id: int, filter_: ManagementFilter, *, within: Connection | None = None
    ) -> Conditions:
        """SQL conditions on `device d` for everything in the filter but the apps (see `compile_filter`)."""
        async with self._database.joined(within) as conn:
            bits = await self._events.bits(account_id, within=conn)
            groups = await _members(conn, account_id, filter_)
        return compile_filter(filter_, account_id=account_id, bits=bits, groups=groups)

    async def parts(
        self, account_id: int, filter_: Filter, *, within: Connection | None = None
    ) -> Mapping[str, Conditions]:
        """The same, for each of `PARTS` in which the filter asks anything; the names of all parameters differ."""
        async with self._database.joined(within) as conn:
            bits = await self._events.bits(account_id, within=conn)
            groups = await _members(conn, account_id, filter_)
        parts = {
            part: compile_filter(part_of(filter_, part), account_id=account_id, bits=bits, groups=groups)
            for part in PARTS
        }
        return {part: conditions for part, conditions in parts.items() if conditions != Conditions()}

    async def estimate(self, account_id: int, filter_: Filter) -> Estimate:
        """How many reachable devices the filter means now; checks the filter like `check`.

        Takes bounded time, however many devices there are: exact where the counts kept of reachable devices or an index
        tell, else from a sample (`estimating.py`).
        """
        async with self._database.transaction() as conn:
            return await estimate(conn, await self._question(conn, account_id, filter_))

    async def examples(self, account_id: int, filter_: Filter, *, limit: int) -> list[Example]:
        """Up to `limit` reachable devices that the filter means now; checks the filter like `check`.

        Of a filter that few devices meet it may find fewer than there are: it looks for a bounded time only.
        """
        async with self._database.transaction() as conn:
            return await examples(conn, await self._question(conn, account_id, filter_), limit)

    async def _question(self, conn: Connection, account_id: int, filter_: Filter) -> Question:
        await self.check(account_id, filter_, within=conn)
        app_ids = await self.resolve_apps(account_id, filter_, within=conn)
        bits = await self._events.bits(account_id, within=conn)
        groups = await _members(conn, account_id, filter_)
        return Question(
            account_id=account_id,
            app_ids=app_ids,
            conditions=compile_filter(filter_, account_id=account_id, bits=bits, groups=groups),
            base=compile_filter(counted_part(filter_), account_id=account_id, bits=bits),
            audiences=included_audiences(filter_, account_id, groups),
            external_ids=len(filter_.external_ids_include or ()),
        )

    async def matches(
        self,
        account_id: int,
        app_id: int,
        conditions: Conditions,
        transports: Sequence[str],
        within: Connection | None = None,
    ) -> int:
        """How many reachable devices of one app match and use one of the transports: exact where the counts kept of
        reachable devices tell, else about; bounded time.
        """
        async with self._database.joined(within) as conn:
            return await matches(conn, account_id, app_id=app_id, conditions=using(conditions, transports))


async def _members(conn: Connection, account_id: int, filter_: ManagementFilter) -> Members:
    """The audiences of the active groups that the filter names."""
    ids = [id_ for name in ("audience_groups_include", "audience_groups_exclude") for id_ in _ids(filter_, name)]
    if not ids:
        return {}
    rows = await SQL.members.fetch(conn, account_id=account_id, ids=ids)
    return {row["id"]: row["audiences"] for row in rows}


def _ids(filter_: ManagementFilter, name: str) -> list[int]:
    return [int(value) for value in filter_.listed(name)]


async def _check_ids(conn: Connection, account_id: int, *, statement: Statement, name: str, ids: list[int]) -> None:
    if ids:
        rows = await statement.fetch(conn, account_id=account_id, ids=ids)
        _require(ids, known=[row["id"] for row in rows], name=name)


def _require(ids: Iterable[int], *, known: Iterable[int], name: str) -> None:
    missing = set(ids) - set(known)
    if missing:
        raise UnknownReference(f"{name} contains {min(missing)}, which does not exist")
