"""What a scheduler is, in requests, in answers and inside (management-api.md §7). Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

import msgspec

from clarion.features.audiences import Filter, ManagementFilter, management_fields
from clarion.features.pushes import PushBody, SizeWarning, TranslationRef
from clarion.features.rules import Rules
from clarion.features.rules.model import NO_RULES
from clarion.features.schedulers.calendar import Late
from clarion.foundation.errors import NotFound

_TYPES = {
    "onesend": "onesend",
    "conversion": "conversion",
    "weekly": "weekly",
    "smart": "weekly",
    "smart_weekly": "weekly",
    "smart-weekly": "weekly",
}


class State(StrEnum):
    """States of a scheduler."""

    DRAFT = "draft"
    ACTIVE = "active"
    PAUSED = "paused"
    CANCELLED = "cancelled"
    DONE = "done"


class OnesendBody(ManagementFilter, frozen=True, kw_only=True):
    """POST /sched/onesend: the filter's fields stand beside the timing."""

    name: str
    date: str
    time: str
    local_time: bool
    timezone: str | None = None


class WeeklyBody(ManagementFilter, frozen=True, kw_only=True):
    """POST /sched/weekly: the filter's fields stand beside the timing. Days are 1 (Monday) to 7 (Sunday)."""

    name: str
    days: list[int] | None = None
    weekdays: list[int] | None = None
    """Another name of `days`."""
    time: str | None = None
    """One time of day; `times` for several."""
    times: list[str] | None = None
    local_time: bool
    timezone: str | None = None
    first_date: str | None = None
    last_date: str | None = None


class InstantBody(msgspec.Struct, frozen=True):
    """POST /send/instant."""

    name: str
    filters: ManagementFilter
    push: PushBody


class InstantCreated(msgspec.Struct, frozen=True):
    """The answer to an instant sending."""

    sched_id: int
    push_id: int
    translations: list[TranslationRef]
    warnings: list[SizeWarning] | msgspec.UnsetType = msgspec.UNSET
    """Only where there are any."""


class OnesendView(ManagementFilter, frozen=True, kw_only=True):
    """A onesend as answered; `status` is its state."""

    id: int
    name: str
    date: str
    time: str
    local_time: bool
    timezone: str | None = None
    pushes: list[int]
    status: str


class WeeklyView(ManagementFilter, frozen=True, kw_only=True):
    """A weekly scheduler as answered; `status` is its state."""

    id: int
    name: str
    days: list[int]
    times: list[str]
    local_time: bool
    timezone: str | None = None
    first_date: str | None = None
    last_date: str | None = None
    pushes: list[int]
    status: str


@dataclass(frozen=True, slots=True)
class Scheduler:
    """A scheduler with the ids of its pushes in their order."""

    id: int
    account_id: int
    type: str
    name: str
    source: str
    timing: Mapping[str, Any]
    local_time: bool
    filter: Filter
    state: State
    next_due_at: datetime | None
    created_at: datetime
    updated_at: datetime
    push_ids: Sequence[int] = ()
    late: Late = Late.AT_ONCE
    armed_at: datetime | None = None
    """When it was made or edited."""
    planned_until: datetime | None = None
    """Moments up to here are dealt with."""
    unswept: Sequence[datetime] = ()
    """Occurrences by local time whose sweep is still to come."""
    version: int = 1
    """Grows with every edit."""
    rules: Rules = NO_RULES


@dataclass(frozen=True, slots=True)
class SchedulerPage:
    """Some schedulers, newest first; `next_before` continues the list, None at its end."""

    items: Sequence[Scheduler]
    next_before: int | None


@dataclass(frozen=True, slots=True)
class Saved:
    """What cancelling spared."""

    devices: int
    """About how many devices will not get it."""
    sends: int
    """Sends that were under way."""
    ahead: bool = False
    """Some of it had not begun, which `devices` does not count yet."""


def canonical_type(segment: str) -> str:
    """The scheduler type that a path segment names; `NotFound` for an unknown one."""
    if segment not in _TYPES:
        raise NotFound("scheduler type does not exist")
    return _TYPES[segment]


def weekly_view(scheduler: Scheduler) -> WeeklyView:
    """The scheduler as the management API answers it."""
    return WeeklyView(
        **management_fields(scheduler.filter),
        **scheduler.timing,
        id=scheduler.id,
        name=scheduler.name,
        local_time=scheduler.local_time,
        pushes=list(scheduler.push_ids),
        status=scheduler.state,
    )


def onesend_view(scheduler: Scheduler) -> OnesendView:
    """The scheduler as the management API answers it."""
    return OnesendView(
        **management_fields(scheduler.filter),
        id=scheduler.id,
        name=scheduler.name,
        date=scheduler.timing["date"],
        time=scheduler.timing["time"],
        local_time=scheduler.local_time,
        timezone=scheduler.timing["timezone"],
        pushes=list(scheduler.push_ids),
        status=scheduler.state,
    )
