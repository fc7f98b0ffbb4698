"""A scheduler of any type as `/api/v1` takes it, with what the management API cannot say. Pure."""

from typing import Annotated, Any, Literal

import msgspec

from clarion.features.accounts.model import checked_name
from clarion.features.audiences import Filter
from clarion.features.audiences.model import Number
from clarion.features.pushes import PushBody
from clarion.features.rules import Level, Rules, checked
from clarion.features.rules.model import NO_RULES
from clarion.features.schedulers.calendar import Late
from clarion.features.schedulers.conversion import ConversionTiming, parse_delay
from clarion.features.schedulers.model import Scheduler
from clarion.features.schedulers.timing import Timing, parse_onesend, parse_weekly
from clarion.features.schedulers.writing import New, checked_zone
from clarion.foundation.errors import InvalidInput

Type = Literal["onesend", "weekly", "conversion", "instant"]
PUSHES_LIMIT = 100
"""Pushes that one call may bring with it."""

_CLOCK = ("local_time", "timezone", "late")
_FIELDS = {
    "onesend": ("date", "time", *_CLOCK),
    "weekly": ("days", "time", "times", "first_date", "last_date", *_CLOCK),
    "conversion": ("delay",),
    "instant": (),
}
NO_FILTER = Filter()
"""Stands for a filter that was not told; it would mean nobody."""

_TIMING = sorted({name for names in _FIELDS.values() for name in names})


class SchedulerFields(msgspec.Struct, frozen=True, kw_only=True):
    """What a scheduler is, apart from its type. A field that does not go with the type must be absent or null."""

    name: str
    filter: Filter = NO_FILTER
    """Required, unless `filter_id` is given."""
    filter_id: Number | None = None
    """A saved filter in place of `filter`. It is copied: the scheduler keeps it whatever becomes of the original."""
    date: str | None = None
    """Of a onesend: `YYYY-MM-DD`."""
    time: str | None = None
    """Of a onesend, or the only one of a weekly scheduler: `HH:MM`."""
    times: list[str] | None = None
    """Of a weekly scheduler: its times of day."""
    days: list[int] | None = None
    """Of a weekly scheduler: 1 (Monday) to 7 (Sunday)."""
    first_date: str | None = None
    """Of a weekly scheduler: the first day on which it may send, inclusive."""
    last_date: str | None = None
    """… and the last."""
    local_time: bool | None = None
    """Each device at its own wall-clock time; otherwise `timezone` is required."""
    timezone: str | None = None
    """`±HH:MM`."""
    late: Late | None = None
    """By local time: what zones get whose moment has passed; a onesend `at_once` and a weekly scheduler `skip` unless
    told otherwise."""
    delay: str | None = None
    """Of an auto-push: `5d10h30m`."""
    rules: Rules | None = None


class SchedulerBody(SchedulerFields, frozen=True, kw_only=True):
    """A new scheduler."""

    type: Type
    push_ids: list[Number] | None = None
    """Pushes that exist, bound in this order."""
    pushes: Annotated[list[PushBody], msgspec.Meta(max_length=PUSHES_LIMIT)] | None = None
    """Pushes made with the scheduler, bound behind those."""
    draft: bool = False
    """It waits until it is activated."""


class SchedulerEdit(SchedulerFields, frozen=True, kw_only=True):
    """A scheduler as it is to be from now on. Its type stays; so do its pushes unless `push_ids` are given."""

    type: Type | None = None
    push_ids: list[Number] | None = None
    version: int | None = None
    """If given, the edit fails when the scheduler has another version by now."""


_Unset = msgspec.UnsetType


class SchedulerPatch(msgspec.Struct, frozen=True, kw_only=True):
    """What is to change; absent fields stay as they are, null takes a value away."""

    name: str | _Unset = msgspec.UNSET
    filter: Filter | _Unset = msgspec.UNSET
    filter_id: Number | None = None
    date: str | _Unset | None = msgspec.UNSET
    time: str | _Unset | None = msgspec.UNSET
    times: list[str] | _Unset | None = msgspec.UNSET
    days: list[int] | _Unset | None = msgspec.UNSET
    first_date: str | _Unset | None = msgspec.UNSET
    last_date: str | _Unset | None = msgspec.UNSET
    local_time: bool | _Unset | None = msgspec.UNSET
    timezone: str | _Unset | None = msgspec.UNSET
    late: Late | _Unset | None = msgspec.UNSET
    delay: str | _Unset | None = msgspec.UNSET
    rules: Rules | _Unset | None = msgspec.UNSET
    push_ids: list[Number] | None = None
    version: int | None = None


def new_of(type_: str, fields: SchedulerFields) -> New:
    """What the fields mean. `InvalidInput` for the first rule that they break."""
    for name in _TIMING:
        if name not in _FIELDS[type_] and getattr(fields, name) is not None:
            raise InvalidInput(f"{name} does not go with the type {type_}")
    if fields.filter == NO_FILTER:
        raise InvalidInput("filter or filter_id is required")
    if type_ == "conversion" and not fields.filter.events_included:
        raise InvalidInput("filter.event_include is required: it names the events that fire the auto-push")
    default = Late.SKIP if type_ == "weekly" else Late.AT_ONCE
    return New(
        "onesend" if type_ == "instant" else type_,
        checked_name(fields.name),
        _timing(type_, fields),
        fields.filter,
        source="instant" if type_ == "instant" else "api",
        late=fields.late or default,
        rules=checked(fields.rules or NO_RULES, Level.SCHEDULER),
    )


def _timing(type_: str, fields: SchedulerFields) -> Timing | ConversionTiming | None:
    if type_ == "instant":
        return None
    if type_ == "conversion":
        return parse_delay(fields.delay)
    zone = checked_zone(fields.timezone, local=bool(fields.local_time))
    if zone is not None and fields.late is not None:
        raise InvalidInput("late goes with local_time only")
    if type_ == "onesend":
        return parse_onesend(date=_required(fields, "date"), time=_required(fields, "time"), zone=zone)
    if fields.time is not None and fields.times is not None:
        raise InvalidInput("give either time or times")
    times = fields.times if fields.time is None else [fields.time]
    return parse_weekly(
        days=fields.days or [], times=times or [], zone=zone, first=fields.first_date, last=fields.last_date
    )


def _required(fields: SchedulerFields, name: str) -> str:
    value = getattr(fields, name)
    if value is None:
        raise InvalidInput(f"{name} is required")
    return str(value)


def fields_of(scheduler: Scheduler) -> SchedulerFields:
    """The fields that a scheduler was made of."""
    timing: dict[str, Any] = dict(scheduler.timing)
    slots = scheduler.type != "conversion"
    return SchedulerFields(
        name=scheduler.name,
        filter=scheduler.filter,
        **{name: timing[name] for name in _FIELDS[scheduler.type] if name in timing},
        local_time=scheduler.local_time if slots else None,
        late=scheduler.late if scheduler.local_time else None,
        rules=scheduler.rules or None,
    )


def replaced(scheduler: Scheduler, edit: SchedulerEdit) -> SchedulerFields:
    """The fields of an edit. `InvalidInput` when it would make another type of the scheduler."""
    if edit.type not in (None, scheduler.type):
        raise InvalidInput(f"the type of a scheduler stays what it is: {scheduler.type}")
    return edit


def patched(fields: SchedulerFields, patch: SchedulerPatch) -> SchedulerFields:
    """The fields with what the patch changes. One way to tell the time of day takes the place of the other."""
    names = [name for name in SchedulerFields.__struct_fields__ if name != "filter_id"]
    changes = {name: value for name in names if (value := getattr(patch, name)) is not msgspec.UNSET}
    if changes.get("local_time") and "timezone" not in changes:
        changes["timezone"] = None
    if changes.get("local_time") is False and "late" not in changes:
        changes["late"] = None
    if "time" in changes and "times" not in changes and fields.times is not None:
        changes["times"] = None
    return msgspec.structs.replace(fields, **changes)
