"""Sends: how far they are, and what became of every message."""

from datetime import datetime
from typing import Annotated

import msgspec
from litestar import Controller, get
from litestar.di import NamedDependency
from litestar.params import FromQuery, QueryParameter

from clarion.api.auth import CurrentCaller
from clarion.api.binding import PathId, QueryNumber
from clarion.api.v1.arguments import after_position, before_id, optional_id, page_size, position_cursor
from clarion.api.v1.counts import CountsView, counts_view
from clarion.api.v1.deliveries import DeliveryView, delivery_fields
from clarion.features.deliveries.model import Reason
from clarion.features.deliveries.seen import StateWord
from clarion.features.deliveries.service import DeliveryService
from clarion.features.sends.model import SWEEP
from clarion.features.sends.progress import Progress, ProgressService, SendState

Sends = NamedDependency[ProgressService]
Deliveries = NamedDependency[DeliveryService]


class HeldView(msgspec.Struct, frozen=True):
    """Messages that rules hold back for now."""

    quiet_hours: int
    """Until these end where the device is."""
    frequency: int
    """Until a cap lets another one through."""
    gap: int
    """Until enough time has passed since the last one."""
    pacing: int
    """Until it is their turn."""


class SendView(msgspec.Struct, frozen=True):
    """One occurrence of a scheduler."""

    id: int
    scheduler_id: int
    test: bool
    """A test sending to chosen devices."""
    zones: list[str] | None
    """By local time: what its devices tell as their zone; null = all devices, or those that changed zone meanwhile."""
    state: SendState
    pause_reason: str | None
    """Why the system paused it; null when a person did."""
    push_ids: list[int]
    due_at: datetime
    cutoff_at: datetime
    """Devices registered later are not included."""
    expires_at: datetime
    finished_at: datetime | None
    estimate: int
    """Recipients expected when it was planned."""
    slices_total: int
    slices_done: int
    waiting: int
    """Messages that wait for another attempt, or for what a rule tells."""
    held: HeldView
    """Of those, the ones that rules hold back."""
    counts: CountsView


class SendList(msgspec.Struct, frozen=True):
    """Some sends, newest first; `next_cursor` is null at the end of the list."""

    sends: list[SendView]
    next_cursor: str | None


class DeliveryList(msgspec.Struct, frozen=True):
    """Some deliveries by app and device; `next_cursor` is null at the end of the list."""

    deliveries: list[DeliveryView]
    next_cursor: str | None


class SendsController(Controller):
    """`/sends`."""

    path = "/sends"
    tags = ("sends",)

    @get("/", summary="List sends")
    async def list_sends(
        self,
        caller: CurrentCaller,
        progress: Sends,
        scheduler_id: FromQuery[QueryNumber | None] = None,
        in_state: Annotated[SendState | None, QueryParameter(name="state")] = None,
        cursor: FromQuery[str | None] = None,
        limit: FromQuery[QueryNumber | None] = None,
    ) -> SendList:
        """Newest first, of one scheduler and state or of all."""
        page = await progress.page(
            caller.account_id,
            scheduler_id=optional_id("scheduler_id", scheduler_id),
            state=in_state,
            before=before_id(cursor),
            limit=page_size(limit),
        )
        following = None if page.next_before is None else str(page.next_before)
        return SendList([_view(item) for item in page.items], following)

    @get("/{send_id:str}", summary="Show a send")
    async def show(self, send_id: PathId, caller: CurrentCaller, progress: Sends) -> SendView:
        """State, progress and counts; the counts equal the deliveries at every moment."""
        return _view(await progress.get(caller.account_id, send_id))

    @get("/{send_id:str}/deliveries", summary="List a send's deliveries")
    async def list_deliveries(
        self,
        send_id: PathId,
        caller: CurrentCaller,
        deliveries: Deliveries,
        in_state: Annotated[StateWord | None, QueryParameter(name="state")] = None,
        reason: FromQuery[Reason | None] = None,
        cursor: FromQuery[str | None] = None,
        limit: FromQuery[QueryNumber | None] = None,
    ) -> DeliveryList:
        """Every message with its outcome, by app and device, of one state and reason or of all."""
        page = await deliveries.of_send(
            caller.account_id,
            send_id,
            state=in_state,
            reason=reason,
            after=after_position(cursor),
            limit=page_size(limit),
        )
        views = [DeliveryView(**delivery_fields(item)) for item in page.items]
        return DeliveryList(views, position_cursor(page.next))


def _view(send: Progress) -> SendView:
    return SendView(
        id=send.id,
        scheduler_id=send.scheduler_id,
        test=send.test,
        zones=None if send.zones is None or send.zone_bucket == SWEEP else list(send.zones),
        state=send.state,
        pause_reason=send.pause_reason,
        push_ids=list(send.push_ids),
        due_at=send.due_at,
        cutoff_at=send.cutoff_at,
        expires_at=send.expires_at,
        finished_at=send.finished_at,
        estimate=send.estimate,
        slices_total=send.slices_total,
        slices_done=send.slices_done,
        waiting=send.waiting,
        held=HeldView(send.held.quiet_hours, send.held.frequency, send.held.gap, send.held.pacing),
        counts=counts_view(send.counts),
    )
