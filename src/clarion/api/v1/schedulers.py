"""Schedulers: the list, one of them, and pausing, resuming and cancelling."""

from datetime import datetime
from typing import Annotated, Any

import msgspec
from litestar import Controller, get, post
from litestar.di import NamedDependency
from litestar.params import FromQuery, QueryParameter

from clarion.api.auth import CurrentCaller
from clarion.api.binding import PathId, QueryNumber
from clarion.api.v1.arguments import before_id, page_size
from clarion.features.audiences import Filter
from clarion.features.schedulers.model import Scheduler, State
from clarion.features.schedulers.service import SchedulerService

Schedulers = NamedDependency[SchedulerService]


class SchedulerView(msgspec.Struct, frozen=True):
    """A scheduler."""

    id: int
    type: str
    name: str
    source: str
    """What made it: `api`, `instant` or `console`."""
    state: State
    timing: dict[str, Any]
    """What its type needs: date, time, timezone …"""
    local_time: bool
    filter: Filter
    push_ids: list[int]
    next_due_at: datetime | None
    """When it starts a send next; null when nothing more is to come."""
    created_at: datetime
    updated_at: datetime


class SchedulerList(msgspec.Struct, frozen=True):
    """Some schedulers, newest first; `next_cursor` is null at the end of the list."""

    schedulers: list[SchedulerView]
    next_cursor: str | None


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
        return SchedulerList([_view(item) for item in page.items], following)

    @get("/{scheduler_id:str}", summary="Show a scheduler")
    async def show(self, scheduler_id: PathId, caller: CurrentCaller, schedulers: Schedulers) -> SchedulerView:
        """A scheduler of any type."""
        return _view(await schedulers.get(caller.account_id, scheduler_id))

    @post("/{scheduler_id:str}/pause", status_code=204, summary="Pause a scheduler")
    async def pause(self, scheduler_id: PathId, caller: CurrentCaller, schedulers: Schedulers) -> None:
        """It and its running sends are held back; repeating is fine. 409 when nothing is left to send."""
        await schedulers.pause(caller, scheduler_id)

    @post("/{scheduler_id:str}/resume", status_code=204, summary="Resume a scheduler")
    async def resume(self, scheduler_id: PathId, caller: CurrentCaller, schedulers: Schedulers) -> None:
        """It and its sends go on; repeating is fine. 409 when it is cancelled."""
        await schedulers.resume(caller, scheduler_id)

    @post("/{scheduler_id:str}/cancel", status_code=204, summary="Cancel a scheduler")
    async def cancel(self, scheduler_id: PathId, caller: CurrentCaller, schedulers: Schedulers) -> None:
        """Nothing more is started or sent; repeating is fine. 409 when nothing is left to send."""
        await schedulers.cancel(caller, scheduler_id)


def _view(scheduler: Scheduler) -> SchedulerView:
    return SchedulerView(
        id=scheduler.id,
        type=scheduler.type,
        name=scheduler.name,
        source=scheduler.source,
        state=scheduler.state,
        timing=dict(scheduler.timing),
        local_time=scheduler.local_time,
        filter=scheduler.filter,
        push_ids=list(scheduler.push_ids),
        next_due_at=scheduler.next_due_at,
        created_at=scheduler.created_at,
        updated_at=scheduler.updated_at,
    )
