"""Saved filters: filters with names. Whatever is made from one copies it."""

from datetime import datetime

import msgspec
from litestar import Controller, delete, get, post, put
from litestar.di import NamedDependency
from litestar.params import JSONBody

from clarion.api.auth import CurrentCaller
from clarion.api.b_v2.shapes import Created
from clarion.api.binding import PathId
from clarion.features.audiences import Filter
from clarion.features.audiences.saved import SavedFilter, SavedFilterService

SavedFilters = NamedDependency[SavedFilterService]


class SavedFilterBody(msgspec.Struct, frozen=True):
    """A filter and its name, which is unique in the account."""

    name: str
    filter: Filter


class SavedFilterView(msgspec.Struct, frozen=True):
    """A saved filter."""

    id: int
    name: str
    filter: Filter
    created_at: datetime
    updated_at: datetime


class FiltersController(Controller):
    """`/filters`."""

    path = "/filters"
    tags = ("filters",)

    @post("/", status_code=201, summary="Save a filter")
    async def create(
        self, data: JSONBody[SavedFilterBody], caller: CurrentCaller, saved_filters: SavedFilters
    ) -> Created:
        """The id of the saved filter. 409 when another one has the name."""
        return Created(await saved_filters.create(caller, name=data.name, filter_=data.filter))

    @get("/", summary="List saved filters")
    async def list_filters(self, caller: CurrentCaller, saved_filters: SavedFilters) -> list[SavedFilterView]:
        """All of them by name, at most 1000."""
        return [_view(saved) for saved in await saved_filters.list(caller.account_id)]

    @get("/{filter_id:str}", summary="Get a saved filter")
    async def show(self, filter_id: PathId, caller: CurrentCaller, saved_filters: SavedFilters) -> SavedFilterView:
        """One of them."""
        return _view(await saved_filters.get(caller.account_id, filter_id))

    @put("/{filter_id:str}", status_code=204, summary="Replace a saved filter")
    async def replace(
        self, filter_id: PathId, data: JSONBody[SavedFilterBody], caller: CurrentCaller, saved_filters: SavedFilters
    ) -> None:
        """Name and filter; what was made from it stays as it is. 409 when another one has the name."""
        await saved_filters.replace(caller, filter_id, name=data.name, filter_=data.filter)

    @delete("/{filter_id:str}", status_code=204, summary="Delete a saved filter")
    async def remove(self, filter_id: PathId, caller: CurrentCaller, saved_filters: SavedFilters) -> None:
        """What was made from it stays as it is."""
        await saved_filters.delete(caller, filter_id)


def _view(saved: SavedFilter) -> SavedFilterView:
    return SavedFilterView(saved.id, saved.name, saved.filter, saved.created_at, saved.updated_at)
