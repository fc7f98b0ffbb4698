"""Devices as their owner asks for them (management-api.md §5): filtered, counted, in pages or by a cursor."""

import asyncio
import base64
import binascii
import hmac
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

import msgspec

from clarion.db import Conditions, Connection, Database, load
from clarion.db.statements import Record
from clarion.features.audiences import AudienceService, EventBits, Filter
from clarion.features.audiences.compiler import with_ext_ids
from clarion.foundation.errors import InvalidInput
from clarion.foundation.secrets import Keeper

SQL = load(__package__, "query.sql")

_SHOWN_BEFORE, _SHOWN_AFTER = 6, 3
_SHORT = 16
"""Tokens up to this length show less, so that most of them stays hidden."""
_EXT_ID_LIMIT = 10_000
_MAC = 12


@dataclass(frozen=True, slots=True)
class DeviceQuery:
    """What is asked for."""

    filter: Filter
    ext_ids: Sequence[str] = ()
    as_scheduler: bool = False
    """Look in the active apps that the filter would mean in a scheduler; else in the listed apps, archived ones too,
    and without a list in all."""


class DeviceView(msgspec.Struct, frozen=True):
    """A device as its owner sees it (management-api.md §5, Q6)."""

    external_id: str
    transport_token_masked: str
    language: str
    country: str
    id: str
    app_id: int
    ic_token: str
    transport_type: str
    platform_type: str
    platform_name: str
    tz_sec: int | None
    audiences: list[str]
    events: list[str]
    active: bool
    """A push could reach it now: not deactivated, its token valid and its own, its app not archived (sdk-api.md Q6)."""
    created_at: datetime
    last_active_at: datetime


@dataclass(frozen=True, slots=True)
class DevicePage:
    """Some of the matching devices, in the order of app and id."""

    active_count: int
    """Active devices that match, on all pages."""
    total_count: int
    """Devices that match, on all pages."""
    devices: list[DeviceView]
    next_cursor: str | None
    """Continues the list; None at its end, and where it was asked for by offset."""


@dataclass(frozen=True, slots=True)
class _Cursor:
    """A position in a list, with the counts of its beginning, so that an export counts only once."""

    app_id: int = 0
    device_id: int = 0
    active: int = 0
    total: int = 0


@dataclass(frozen=True, slots=True)
class _Scope:
    """Where to look: the apps and everything else that a query asks for."""

    account_id: int
    app_ids: list[int]
    conditions: Conditions
    codes: Mapping[int, str]
    """Event code by bit."""


class DeviceQueryService:
    """Reads devices of an account."""

    def __init__(self, *, database: Database, keeper: Keeper, audiences: AudienceService, events: EventBits) -> None:
        self._database = database
        self._keeper = keeper
        self._audiences = audiences
        self._events = events

    async def page(self, account_id: int, query: DeviceQuery, *, offset: int, limit: int) -> DevicePage:
        """Up to `limit` devices after the first `offset`. `InvalidInput`, `UnknownReference` for a wrong filter."""
        async with self._database.transaction() as conn:
            scope = await self._scope(conn, account_id, query)
            start = await _counted(conn, scope)
            rows = await _rows(conn, scope, after=start, offset=offset, limit=limit)
        return DevicePage(start.active, start.total, await self._views(rows, scope.codes), None)

    async def after(self, account_id: int, query: DeviceQuery, *, cursor: str, limit: int) -> DevicePage:
        """Up to `limit` devices after a cursor, `""` being the beginning; the counts are those of the beginning.

        `InvalidInput` also for a cursor that was not made for this account.
        """
        position = self._parse(account_id, cursor) if cursor else None
        async with self._database.transaction() as conn:
            scope = await self._scope(conn, account_id, query)
            start = position or await _counted(conn, scope)
            rows = await _rows(conn, scope, after=start, offset=0, limit=limit + 1)
        views = await self._views(rows[:limit], scope.codes)
        following = None
        if len(rows) > limit:
            last = rows[limit - 1]
            following = self._format(account_id, _Cursor(last["app_id"], last["id"], start.active, start.total))
        return DevicePage(start.active, start.total, views, following)

    async def _scope(self, conn: Connection, account_id: int, query: DeviceQuery) -> _Scope:
        filter_ = query.filter
        if len(query.ext_ids) > _EXT_ID_LIMIT:
            raise InvalidInput(f"external_user_id has more than {_EXT_ID_LIMIT} entries")
        await self._audiences.check(account_id, filter_, within=conn)
        conditions = await self._audiences.conditions(account_id, filter_, within=conn)
        if query.ext_ids:
            conditions = with_ext_ids(conditions, query.ext_ids)
        app_ids = await self._app_ids(conn, account_id, query)
        bits = await self._events.bits(account_id, within=conn)
        codes = {bit: code for code, bit in sorted(bits.items(), key=lambda item: item[1])}
        return _Scope(account_id, app_ids, conditions, codes)

    async def _app_ids(self, conn: Connection, account_id: int, query: DeviceQuery) -> list[int]:
        if query.as_scheduler:
            return await self._audiences.resolve_apps(account_id, query.filter, within=conn)
        rows = await SQL.apps.fetch(conn, account_id=account_id, app_ids=query.filter.app_ids_include or [])
        return [row["id"] for row in rows]

    async def _views(self, rows: Sequence[Record], codes: Mapping[int, str]) -> list[DeviceView]:
        # Opening thousands of sealed tokens takes long enough to hold up other requests.
        return await asyncio.to_thread(lambda: [self._view(row, codes) for row in rows])

    def _view(self, row: Record, codes: Mapping[int, str]) -> DeviceView:
        ic_token = self._keeper.open(row["ic_token"], f"ic_token:{row['app_id']}:{row['id']}").decode()
        mask = row["events"] | row["events_high"] << 63
        return DeviceView(
            external_id=row["ext_id"] or ic_token,
            transport_token_masked=masked(row["token"]),
            language=row["lang"],
            country=row["country"],
            id=str(row["id"]),
            app_id=row["app_id"],
            ic_token=ic_token,
            transport_type=row["transport"],
            platform_type=row["platform"],
            platform_name=row["platform_name"],
            tz_sec=row["tz_sec"],
            audiences=row["audiences"],
            events=[code for bit, code in codes.items() if mask >> bit & 1],
            active=row["active"],
            created_at=row["created_at"],
            last_active_at=row["last_seen_at"],
        )

    def _format(self, account_id: int, cursor: _Cursor) -> str:
        text = f"{cursor.app_id}.{cursor.device_id}.{cursor.active}.{cursor.total}"
        return base64.urlsafe_b64encode(self._mac(account_id, text) + text.encode()).decode().rstrip("=")

    def _parse(self, account_id: int, cursor: str) -> _Cursor:
        try:
            blob = base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True)
            text = blob[_MAC:].decode("ascii")
        except (binascii.Error, ValueError):
            raise _wrong_cursor() from None
        if not hmac.compare_digest(blob[:_MAC], self._mac(account_id, text)):
            raise _wrong_cursor()
        return _Cursor(*map(int, text.split(".")))

    def _mac(self, account_id: int, text: str) -> bytes:
        return self._keeper.lookup_hash(f"{account_id}:{text}", "devices cursor")[:_MAC]


def masked(token: str) -> str:
    """The token with its middle hidden; at most nine of its characters show, of a short one at most two."""
    if len(token) <= _SHORT:
        return f"{token[:2]}…" if len(token) > 4 else "…" * bool(token)
    return f"{token[:_SHOWN_BEFORE]}…{token[-_SHOWN_AFTER:]}"


async def _counted(conn: Connection, scope: _Scope) -> _Cursor:
    """The beginning of the list, with its counts."""
    row = await SQL.count.where(scope.conditions).fetchrow(conn, account_id=scope.account_id, app_ids=scope.app_ids)
    return _Cursor(active=row["active"], total=row["total"]) if row else _Cursor()


async def _rows(conn: Connection, scope: _Scope, *, after: _Cursor, offset: int, limit: int) -> list[Record]:
    return await SQL.devices.where(scope.conditions).fetch(
        conn,
        account_id=scope.account_id,
        app_ids=[app_id for app_id in scope.app_ids if app_id >= after.app_id],
        after_app=after.app_id,
        after_id=after.device_id,
        offset=offset,
        limit=limit,
    )


def _wrong_cursor() -> InvalidInput:
    return InvalidInput('cursor is not one that this list gave out; begin with ""')
