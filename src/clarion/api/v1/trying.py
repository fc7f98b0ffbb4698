"""Trying schedulers out: dry runs, previews of their timeline, and test sends."""

from datetime import datetime

import msgspec
from litestar import get, post
from litestar.di import NamedDependency
from litestar.params import JSONBody

from clarion.api.auth import CurrentCaller
from clarion.api.binding import PathId
from clarion.api.v1.audiences import AppEstimate
from clarion.api.v1.saved_copies import SavedFilters, with_filter
from clarion.features.audiences.model import Number
from clarion.features.schedulers.body import SchedulerBody
from clarion.features.schedulers.editing import EditingService, Testers
from clarion.features.schedulers.timeline import Moment, Timeline, TimelineService
from clarion.features.sends.model import SWEEP
from clarion.foundation.errors import InvalidInput

Editing = NamedDependency[EditingService]
Timelines = NamedDependency[TimelineService]


class DryRunView(msgspec.Struct, frozen=True):
    """What creating a scheduler would do."""

    devices: int
    """About how many devices the filter means now."""
    exact: bool
    by_app: list[AppEstimate]
    next_due_at: datetime | None
    """When it would first look for devices whose moment has come."""


class MomentView(msgspec.Struct, frozen=True):
    """Devices whose moment is the same."""

    local: str | None
    """What their clocks show then, `YYYY-MM-DDTHH:MM`; null when the scheduler does not go by them."""
    due_at: datetime
    """Without rules."""
    zones: list[str]
    """As devices tell them, names or seconds from UTC; `""` = none told."""
    devices: int
    first_at: datetime | None
    """When the first of them gets it, after quiet hours and pacing; null when nobody does."""
    last_at: datetime | None
    skipped: int
    """Of the devices: those that would get it too late under the rules."""


class StartedView(msgspec.Struct, frozen=True):
    """A send that has been started."""

    send_id: int
    due_at: datetime
    state: str
    estimate: int
    sweep: bool
    """It is for devices that changed zone and were in none of them at its moment."""


class TimelineView(msgspec.Struct, frozen=True):
    """What is to come."""

    devices: int
    """Over all moments: a device of a weekly scheduler counts at each of its slots."""
    exact: bool
    moments: list[MomentView]
    started: list[StartedView]
    finished_at: datetime | None
    """When the last message may leave; null when nothing is to come."""
    until: datetime
    """Moments up to here are shown."""
    capped_now: int
    """About how many devices and users are at a cap or within a gap at present; the moments do not take that in."""


class TestBody(msgspec.Struct, frozen=True):
    """Who gets the test."""

    device_ids: list[str] = []
    external_ids: list[str] = []
    push_id: Number | None = None
    """Which of its pushes; any of them if absent."""


class TestView(msgspec.Struct, frozen=True):
    """The send of a test; it is marked as one and its devices are not kept from getting the real sending."""

    send_id: int
    devices: int


@post("/schedulers/dry-run", status_code=200, summary="Check a scheduler without making it", tags=("schedulers",))
async def dry_run(
    data: JSONBody[SchedulerBody], caller: CurrentCaller, editing: Editing, saved_filters: SavedFilters
) -> DryRunView:
    """Everything that creating it would check, and how many devices it means; nothing is made."""
    found = await editing.rehearse(caller, await with_filter(data, caller, saved_filters))
    by_app = [AppEstimate(app_id, devices) for app_id, devices in sorted(found.by_app.items())]
    return DryRunView(found.devices, found.exact, by_app, found.next_due_at)


@post("/schedulers/preview", status_code=200, summary="Preview a scheduler without making it", tags=("schedulers",))
async def preview(
    data: JSONBody[SchedulerBody], caller: CurrentCaller, timelines: Timelines, saved_filters: SavedFilters
) -> TimelineView:
    """When each zone would get it, after quiet hours and pacing. Of a weekly scheduler its next seven days."""
    return _timeline(await timelines.preview(caller.account_id, await with_filter(data, caller, saved_filters)))


@get("/schedulers/{scheduler_id:str}/timeline", summary="Preview what a scheduler will do", tags=("schedulers",))
async def timeline(scheduler_id: PathId, caller: CurrentCaller, timelines: Timelines) -> TimelineView:
    """What is to come, and what it has started in the last days. Of a draft: if it were activated now."""
    return _timeline(await timelines.of(caller.account_id, scheduler_id))


@post("/schedulers/{scheduler_id:str}/test", status_code=201, summary="Send a test", tags=("schedulers",))
async def send_test(
    scheduler_id: PathId, data: JSONBody[TestBody], caller: CurrentCaller, editing: Editing
) -> TestView:
    """One of its pushes to chosen devices now, whatever its filter, rules and state say."""
    testers = Testers([_device_id(text) for text in data.device_ids], data.external_ids)
    sent = await editing.test(caller, scheduler_id, testers, push_id=data.push_id)
    return TestView(sent.send_id, sent.devices)


def _device_id(text: str) -> int:
    if not (text.isascii() and text.isdecimal()) or int(text[:20]) >= 2**63:
        raise InvalidInput("device_ids has an entry that is no device id")
    return int(text)


def _timeline(found: Timeline) -> TimelineView:
    started = [
        StartedView(part.send_id, part.due_at, part.state, part.estimate, part.bucket == SWEEP)
        for part in found.started
    ]
    moments = [_moment(moment) for moment in found.moments]
    return TimelineView(
        devices=found.devices,
        exact=found.exact,
        moments=moments,
        started=started,
        finished_at=found.finished_at,
        until=found.until,
        capped_now=found.capped_now,
    )


def _moment(moment: Moment) -> MomentView:
    return MomentView(
        local=f"{moment.slot:%Y-%m-%dT%H:%M}" if moment.slot else None,
        due_at=moment.due_at,
        zones=list(moment.zones),
        devices=moment.devices,
        first_at=moment.first_at,
        last_at=moment.last_at,
        skipped=moment.skipped,
    )
