"""The devices that a filter means: the devices query with everything that filters of `/api/v1` can ask."""

from typing import Annotated

import msgspec
from litestar import post
from litestar.di import NamedDependency
from litestar.params import JSONBody

from clarion.api.auth import CurrentCaller
from clarion.features.audiences import Filter, filter_of
from clarion.features.devices.query import DeviceQuery, DeviceQueryService, DeviceView

LIMIT_MAX = 5_000


class SearchBody(Filter, frozen=True, kw_only=True):
    """The filter's fields beside the paging."""

    cursor: str = ""
    """`next_cursor` of the page before; absent at the beginning."""
    limit: Annotated[int, msgspec.Meta(ge=1, le=LIMIT_MAX)] = 50


class FoundDevices(msgspec.Struct, frozen=True):
    """Some of the devices, in the order of app and id; `next_cursor` is null at the end."""

    total_count: int
    """Devices that matched at the beginning of the list."""
    active_count: int
    """Of them those that a push could reach."""
    devices: list[DeviceView]
    next_cursor: str | None


@post("/devices/query", status_code=200, summary="Find devices by a filter", tags=["devices"])
async def search_devices(
    data: JSONBody[SearchBody], caller: CurrentCaller, device_query: NamedDependency[DeviceQueryService]
) -> FoundDevices:
    """Devices that the filter means, reachable or not; the same filter in a scheduler reaches those with `active`."""
    query = DeviceQuery(filter_of(data), as_scheduler=True)
    found = await device_query.after(caller.account_id, query, cursor=data.cursor, limit=data.limit)
    return FoundDevices(found.total_count, found.active_count, found.devices, found.next_cursor)
