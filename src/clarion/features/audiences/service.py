"""What a filter means in the database: its apps, its conditions, and how many devices that is."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Protocol

from clarion.db import Conditions, Connection, Database, load
from clarion.db.statements import Record, Statement
from clarion.features.audiences.compiler import check_codes, compile_filter, sendable
from clarion.features.audiences.model import Estimate, Filter, audience_values, check
from clarion.foundation.errors import UnknownReference
from clarion.foundation.ids import DEVICE_ID_BITS

SQL = load(__package__)

_SAMPLE = 6_000
"""Devices that one estimate looks at, spread over the apps."""
_SAMPLE_PER_APP = 20
"""But of each app at least so many."""
_SAMPLE_OF_ONE = 1_000
_FEW = 5_000
"""Audiences with at most so many devices are counted, since a sample would hardly meet them."""
_ALL_IDS = 1 << DEVICE_ID_BITS


class EventBits(Protocol):
    """Where an account's event codes come from."""

    async def bits(self, account_id: int, *, within: Connection | None = None) -> Mapping[str, int]:
        """Bit number by event code; deleted codes are left out."""


class AudienceService:
    """Reads filters. Ids of another account behave like ids that never existed."""

    def __init__(self, *, database: Database, events: EventBits) -> None:
        self._database = database
        self._events = events

    async def check(self, account_id: int, filter_: Filter, *, within: Connection | None = None) -> None:
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
            _require(_ids(filter_, name), known=(), name=name)

    async def resolve_apps(self, account_id: int, filter_: Filter, *, within: Connection | None = None) -> list[int]:
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

    async def conditions(self, account_id: int, filter_: Filter, *, within: Connection | None = None) -> Conditions:
        """SQL conditions on `device d` for everything in the filter but the apps (see `compile_filter`)."""
        bits = await self._events.bits(account_id, within=within)
        return compile_filter(filter_, account_id=account_id, bits=bits)

    async def estimate(self, account_id: int, filter_: Filter) -> Estimate:
        """How many reachable devices the filter means now; checks the filter like `check`.

        Looks at some 6 000 devices at most, however many there are (but at 20 of each app).
        """
        async with self._database.transaction() as conn:
            await self.check(account_id, filter_, within=conn)
            app_ids = await self.resolve_apps(account_id, filter_, within=conn)
            conditions = sendable(await self.conditions(account_id, filter_, within=conn))
            counted = await _count_few(conn, account_id, filter_=filter_, app_ids=app_ids, conditions=conditions)
            if counted is not None:
                return Estimate(sum(counted.values()), exact=True, by_app=counted)
            size = max(_SAMPLE // max(len(app_ids), 1), _SAMPLE_PER_APP)
            rows = await _sample(conn, account_id, app_ids=app_ids, conditions=conditions, size=size)
        by_app = {row["app_id"]: _extrapolated(row, size) for row in rows}
        return Estimate(sum(by_app.values()), all(row["seen"] < size for row in rows), by_app)

    async def matches(
        self,
        account_id: int,
        app_id: int,
        conditions: Conditions,
        transports: Sequence[str],
        within: Connection | None = None,
    ) -> int:
        """About how many reachable devices of one app match and use one of the transports; constant time."""
        narrowed = sendable(conditions, transports)
        async with self._database.joined(within) as conn:
            rows = await _sample(conn, account_id, app_ids=[app_id], conditions=narrowed, size=_SAMPLE_OF_ONE)
        return sum(_extrapolated(row, _SAMPLE_OF_ONE) for row in rows)


async def _count_few(
    conn: Connection, account_id: int, *, filter_: Filter, app_ids: Sequence[int], conditions: Conditions
) -> dict[int, int] | None:
    """Matches by app when the filter's audiences have few devices; None when they have many, or there are none."""
    audiences = [str(value) for value in filter_.listed("audiences_include")]
    if not audiences:
        return None
    rows = await SQL.count_few.where(conditions).fetch(
        conn, account_id=account_id, app_ids=app_ids, few=_FEW, audiences=audience_values(audiences, account_id)
    )
    if sum(row["members"] for row in rows) > _FEW:
        return None
    return {row["app_id"]: row["matching"] for row in rows}


async def _sample(
    conn: Connection, account_id: int, *, app_ids: Sequence[int], conditions: Conditions, size: int
) -> list[Record]:
    # Without fresh statistics (after an import) the planner would read and sort whole apps to find the first devices.
    await SQL.allow_detours.fetchval(conn, state="off")
    rows = await SQL.sample.where(conditions).fetch(conn, account_id=account_id, app_ids=app_ids, size=size)
    await SQL.allow_detours.fetchval(conn, state="on")
    return rows


def _extrapolated(row: Record, size: int) -> int:
    """Matches in the whole app: ids are uniform, so the share of the id range seen is the share of devices seen."""
    seen, matching, last_id = int(row["seen"]), int(row["matching"]), int(row["last_id"])
    if seen < size:
        return matching
    # The last device of the sample marks its end, so it is not counted itself: that keeps the estimate unbiased.
    devices = (seen - 1) * _ALL_IDS / last_id
    return max(matching, round(devices * matching / seen))


def _ids(filter_: Filter, name: str) -> list[int]:
    return [int(value) for value in filter_.listed(name)]


async def _check_ids(conn: Connection, account_id: int, *, statement: Statement, name: str, ids: list[int]) -> None:
    if ids:
        rows = await statement.fetch(conn, account_id=account_id, ids=ids)
        _require(ids, known=[row["id"] for row in rows], name=name)


def _require(ids: Iterable[int], *, known: Iterable[int], name: str) -> None:
    missing = set(ids) - set(known)
    if missing:
        raise UnknownReference(f"{name} contains {min(missing)}, which does not exist")
