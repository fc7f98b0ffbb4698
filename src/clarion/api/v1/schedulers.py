"""Schedulers: made, listed, changed, paused and cancelled."""

from typing import Annotated

import msgspec
from litestar import Controller, get, patch, post, put
from litestar.di import NamedDependency
from litestar.params import FromQuery, JSONBody, QueryParameter

from clarion.api.auth import CurrentCaller
from clarion.api.binding import PathId, QueryNumber
from clarion.api.v1.arguments import before_id, page_size
from clarion.api.v1.saved_copies import SavedFilters, with_filter
from clarion.api.v1.scheduler_view import SchedulerView, scheduler_view
from clarion.features.schedulers.body import (
    SchedulerBody,
    SchedulerEdit,
    SchedulerPatch,
    fields_of,
    patched,
    replaced,
)
from clarion.features.schedulers.editing import EditingService
from clarion.features.schedulers.model import State
from clarion.features.schedulers.service import SchedulerService

Schedulers = NamedDependency[SchedulerService]
Editing = NamedDependency[EditingService]


class SchedulerList(msgspec.Struct, frozen=True):
    """Some schedulers, newest first; `next_cursor` is null at the end of the list."""

    schedulers: list[SchedulerView]
    next_cursor: str | None


class CancelledView(msgspec.Struct, frozen=True):
    """What cancelling spared."""

    saved: int
    """About how many devices will not get it."""
    sends: int
    """Sends that were under way."""


class DuplicateBody(msgspec.Struct, frozen=True):
    """How the copy differs."""

    name: str | None = None


class SchedulersController(Controller):
    """`/schedulers`."""

    path = "/schedulers"
    tags = ("schedulers",)

    @get("/", summary="List schedulers")
    async def list_schedulers(
        self,
        caller: CurrentCaller,
        schedulers: Schedulers,
        in_state: Annotated[State | None, QueryParameter(name="state")] = None,
        cursor: FromQuery[str | None] = None,
        limit: FromQuery[QueryNumber | None] = None,
    ) -> SchedulerList:
        """Newest first, of one state or of all."""
        page = await schedulers.list(
            caller.account_id, state=in_state, before=before_id(cursor), limit=page_size(limit)
        )
        following = None if page.next_before is None else str(page.next_before)
        return SchedulerList([scheduler_view(item) for item in page.items], following)

    @post("/", status_code=201, summary="Create a scheduler")
    async def create(
        self,
        data: JSONBody[SchedulerBody],
        caller: CurrentCaller,
        schedulers: Schedulers,
        editing: Editing,
        saved_filters: SavedFilters,
    ) -> SchedulerView:
        """Of any type, with its pushes and rules, ready or as a draft: all or nothing."""
        made = await editing.create(caller, await with_filter(data, caller, saved_filters))
        return scheduler_view(await schedulers.get(caller.account_id, made))

    @get("/{scheduler_id:str}", summary="Show a scheduler")
    async def show(self, scheduler_id: PathId, caller: CurrentCaller, schedulers: Schedulers) -> SchedulerView:
        """A scheduler of any type."""
        return scheduler_view(await schedulers.get(caller.account_id, scheduler_id))

    @post("/{scheduler_id:str}/pause", status_code=204, summary="Pause a scheduler")
    async def pause(self, scheduler_id: PathId, caller: CurrentCaller, schedulers: Schedulers) -> None:
        """It and its running sends are held back; repeating is fine. 409 when nothing is left to send."""
        await schedulers.pause(caller, scheduler_id)

    @post("/{scheduler_id:str}/resume", status_code=204, summary="Resume a scheduler")
    async def resume(self, scheduler_id: PathId, caller: CurrentCaller, schedulers: Schedulers) -> None:
        """It and its sends go on; repeating is fine. 409 when it is cancelled."""
        await schedulers.resume(caller, scheduler_id)

    @post("/{scheduler_id:str}/cancel", status_code=200, summary="Cancel a scheduler")
    async def cancel(self, scheduler_id: PathId, caller: CurrentCaller, schedulers: Schedulers) -> CancelledView:
        """Nothing more is started or sent; repeating is fine. 409 when nothing is left to send."""
        saved = await schedulers.cancel(caller, scheduler_id)
        return CancelledView(saved.devices, saved.sends)

    @put("/{scheduler_id:str}", status_code=200, summary="Replace a scheduler")
    async def replace(
        self,
        scheduler_id: PathId,
        data: JSONBody[SchedulerEdit],
        caller: CurrentCaller,
        schedulers: Schedulers,
        editing: Editing,
        saved_filters: SavedFilters,
    ) -> SchedulerView:
        """Before its moment; a weekly scheduler or an auto-push at any time. 409 when it has another version, has
        begun or is over.
        """
        told = await with_filter(data, caller, saved_filters)
        await editing.edit(
            caller,
            scheduler_id,
            change=lambda scheduler: replaced(scheduler, told),
            version=data.version,
            push_ids=data.push_ids,
        )
        return scheduler_view(await schedulers.get(caller.account_id, scheduler_id))

    @patch("/{scheduler_id:str}", status_code=200, summary="Change a scheduler")
    async def change(
        self,
        scheduler_id: PathId,
        data: JSONBody[SchedulerPatch],
        caller: CurrentCaller,
        schedulers: Schedulers,
        editing: Editing,
        saved_filters: SavedFilters,
    ) -> SchedulerView:
        """Like replacing it, but absent fields stay as they are."""
        told = await with_filter(data, caller, saved_filters)
        await editing.edit(
            caller,
            scheduler_id,
            change=lambda scheduler: patched(fields_of(scheduler), told),
            version=data.version,
            push_ids=data.push_ids,
        )
        return scheduler_view(await schedulers.get(caller.account_id, scheduler_id))

    @post("/{scheduler_id:str}/activate", status_code=204, summary="Activate a draft")
    async def activate(self, scheduler_id: PathId, caller: CurrentCaller, editing: Editing) -> None:
        """It waits for its first moment from now on; repeating is fine. 409 when it is over."""
        await editing.activate(caller, scheduler_id)

    @post("/{scheduler_id:str}/duplicate", status_code=201, summary="Duplicate a scheduler")
    async def duplicate(
        self,
        scheduler_id: PathId,
        data: JSONBody[DuplicateBody],
        caller: CurrentCaller,
        schedulers: Schedulers,
        editing: Editing,
    ) -> SchedulerView:
        """A draft that is like it, with copies of its pushes and their comparison."""
        made = await editing.duplicate(caller, scheduler_id, name=data.name)
        return scheduler_view(await schedulers.get(caller.account_id, made))
