"""Schedulers: creating and reading them, and binding pushes (management-api.md §6.3 and §7)."""

from collections.abc import Callable, Mapping

import msgspec
from litestar import Controller, get, post, put
from litestar.di import NamedDependency
from litestar.params import FromPath, JSONBody

from clarion.api.auth import CurrentCaller
from clarion.api.b_v2.shapes import Created
from clarion.api.binding import PathId
from clarion.features.audiences.model import Number
from clarion.features.schedulers import (
    OnesendBody,
    OnesendView,
    Scheduler,
    WeeklyBody,
    WeeklyView,
    canonical_type,
    onesend_view,
    weekly_view,
)
from clarion.features.schedulers.conversion import ConversionView, conversion_view
from clarion.features.schedulers.service import SchedulerService
from clarion.foundation.errors import InvalidInput


class PushRef(msgspec.Struct, frozen=True):
    """A push named by an object."""

    id: Number


PushList = list[Number | PushRef]


class NamedPushes(msgspec.Struct, frozen=True):
    """Pushes under either name."""

    push_ids: PushList | None = None
    pushes: PushList | None = None

    def listed(self) -> PushList:
        """The one that is there; `InvalidInput` when none is."""
        found = self.pushes if self.push_ids is None else self.push_ids
        if found is None:
            raise InvalidInput("push_ids is required")
        return found


Schedulers = NamedDependency[SchedulerService]

VIEWS: Mapping[str, Callable[[Scheduler], OnesendView | WeeklyView | ConversionView]] = {
    "onesend": onesend_view,
    "weekly": weekly_view,
    "conversion": conversion_view,
}
"""How each scheduler type is answered."""
WEEKLY_PATHS = ["/weekly", "/smart", "/smart_weekly", "/smart-weekly"]


class SchedulersController(Controller):
    """`/sched`."""

    path = "/sched"
    tags = ("schedulers",)

    @post("/onesend", status_code=201, summary="Create a one-time sending")
    async def create_onesend(
        self, data: JSONBody[OnesendBody], caller: CurrentCaller, schedulers: Schedulers
    ) -> Created:
        """The id of the new scheduler. It sends nothing while no push is bound."""
        return Created(await schedulers.create_onesend(caller, data))

    @post(WEEKLY_PATHS, status_code=201, summary="Create a weekly sending")
    async def create_weekly(self, data: JSONBody[WeeklyBody], caller: CurrentCaller, schedulers: Schedulers) -> Created:
        """The id of the new scheduler. At each slot a device gets the next bound push that it has not had yet."""
        return Created(await schedulers.create_weekly(caller, data))

    @get("/{sched_type:str}/{sched_id:str}", summary="Get a scheduler")
    async def get_scheduler(
        self,
        sched_type: FromPath[str],
        sched_id: PathId,
        caller: CurrentCaller,
        schedulers: Schedulers,
    ) -> OnesendView | WeeklyView | ConversionView:
        """The stored fields, the ids of the bound pushes, and the state as `status`."""
        scheduler = await schedulers.get(caller.account_id, sched_id, type_=canonical_type(sched_type))
        return VIEWS[scheduler.type](scheduler)

    @put("/{sched_type:str}/{sched_id:str}/pushes", status_code=204, summary="Bind pushes to a scheduler")
    async def bind(
        self,
        sched_type: FromPath[str],
        sched_id: PathId,
        data: JSONBody[PushList | NamedPushes],
        caller: CurrentCaller,
        schedulers: Schedulers,
    ) -> None:
        """Afterwards exactly these pushes are bound: `{"push_ids": []}`, `{"pushes": []}` or a bare list."""
        type_ = canonical_type(sched_type)
        await schedulers.bind_pushes(caller, sched_id, type_=type_, push_ids=_push_ids(data))


def _push_ids(data: PushList | NamedPushes) -> list[int]:
    listed = data.listed() if isinstance(data, NamedPushes) else data
    return [item.id if isinstance(item, PushRef) else item for item in listed]
