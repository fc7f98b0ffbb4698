"""The devices query (management-api.md §5): a POST that only reads."""

import msgspec
from litestar import post
from litestar.di import NamedDependency
from litestar.params import FromQuery, JSONBody

from clarion.api.auth import CurrentCaller
from clarion.api.binding import QueryNumber
from clarion.api.pagination import Page, Pagination, requested_page
from clarion.features.audiences import Filter
from clarion.features.audiences.model import Codes, Number, Numbers, Texts
from clarion.features.devices.query import DeviceQuery, DeviceQueryService, DeviceView
from clarion.foundation.errors import InvalidInput

UNPAGED_LIMIT = 5_000
"""Devices of an answer to a call without paging."""
CURSOR_LIMIT = 5_000
CURSOR_DEFAULT = 1_000


class DevicesBody(msgspec.Struct, frozen=True):
    """What is asked for, and which part of the answer is wanted."""

    app_ids_include: Numbers = None
    countries_include: Texts = None
    languages_include: Texts = None
    audiences_include: Texts = None
    event_include: Codes = "install"
    """Without it every device; `""` is no filter either."""
    external_user_id: Texts = None
    page: Number | None = None
    per_page: Number | None = None
    cursor: str | None = None

    def query(self) -> DeviceQuery:
        """The part that selects devices."""
        filter_ = Filter(
            app_ids_include=self.app_ids_include,
            countries_include=self.countries_include,
            languages_include=self.languages_include,
            audiences_include=self.audiences_include,
            event_include=self.event_include,
        )
        return DeviceQuery(filter_, self.external_user_id or ())


class DevicesPagination(msgspec.Struct, frozen=True, kw_only=True):
    """Where a page stands in the whole, or where an export goes on (null at its end)."""

    page: int | msgspec.UnsetType = msgspec.UNSET
    per_page: int
    total_pages: int | msgspec.UnsetType = msgspec.UNSET
    total_count: int | msgspec.UnsetType = msgspec.UNSET
    next_cursor: str | msgspec.UnsetType | None = msgspec.UNSET


class Devices(msgspec.Struct, frozen=True):
    """Some of the matching devices, and how many active ones match in all."""

    active_count: int
    app_instances: list[DeviceView]
    pagination: DevicesPagination


@post("/query/app-instances", status_code=200, summary="Find devices", tags=["devices"])
async def find_devices(
    data: JSONBody[DevicesBody],
    caller: CurrentCaller,
    device_query: NamedDependency[DeviceQueryService],
    page: FromQuery[QueryNumber | None] = None,
    per_page: FromQuery[QueryNumber | None] = None,
    cursor: FromQuery[str | None] = None,
) -> Devices:
    """Page by page (`page`, `per_page`), by a cursor (`cursor`, beginning with `""`), or the first 5000.

    The paging fields are taken from the body or the address; the body wins.
    """
    number = page if data.page is None else data.page
    size = per_page if data.per_page is None else data.per_page
    position = cursor if data.cursor is None else data.cursor
    search = _Search(device_query, caller.account_id, data.query())
    if position is not None:
        if number is not None:
            raise InvalidInput("page and cursor exclude each other")
        return await search.after(position, size)
    if number is None and size is None:
        return await search.first()
    return await search.page(number, size)


class _Search:
    """One query's ways to be answered."""

    def __init__(self, devices: DeviceQueryService, account_id: int, query: DeviceQuery) -> None:
        self._devices = devices
        self._account_id = account_id
        self._query = query

    async def first(self) -> Devices:
        found = await self._devices.page(self._account_id, self._query, offset=0, limit=UNPAGED_LIMIT)
        return Devices(found.active_count, found.devices, _pages(Page(1, UNPAGED_LIMIT).of(found.total_count)))

    async def page(self, number: int | None, size: int | None) -> Devices:
        wanted = requested_page(number, size)
        found = await self._devices.page(self._account_id, self._query, offset=wanted.offset, limit=wanted.per_page)
        return Devices(found.active_count, found.devices, _pages(wanted.of(found.total_count)))

    async def after(self, cursor: str, size: int | None) -> Devices:
        limit = CURSOR_DEFAULT if size is None else size
        if not 1 <= limit <= CURSOR_LIMIT:
            raise InvalidInput(f"per_page must be from 1 to {CURSOR_LIMIT} with a cursor")
        found = await self._devices.after(self._account_id, self._query, cursor=cursor, limit=limit)
        return Devices(
            found.active_count, found.devices, DevicesPagination(per_page=limit, next_cursor=found.next_cursor)
        )


def _pages(found: Pagination) -> DevicesPagination:
    return DevicesPagination(
        page=found.page, per_page=found.per_page, total_pages=found.total_pages, total_count=found.total_count
    )
