"""A whole sending as a form: to the body of a scheduler, and back."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import msgspec

from clarion.console.forms import Form
from clarion.console.pages.planning import when, who
from clarion.console.pages.pushes import content
from clarion.console.texts import N_
from clarion.features.audiences import Filter
from clarion.features.pushes import PushBody
from clarion.features.rules import Rules
from clarion.features.rules.model import NO_RULES
from clarion.features.rules.pace import Pace, Per
from clarion.features.schedulers.body import SchedulerBody
from clarion.features.schedulers.model import Scheduler
from clarion.foundation.errors import ClarionError, InvalidInput

NEW, EXISTING = "new", "existing"
UNITS = {"minutes": 1, "hours": 60, "days": 1440}
NO_PUSH = N_("Choose a push, or write a new one.")
ALL = Filter(all_apps=True)

_AT_FIELDS: Mapping[str, tuple[str, str]] = {
    "date and time are in the past": ("date", N_("This moment has passed. Choose a later one.")),
    "date is more than five years ahead": ("date", N_("This is more than five years ahead. Choose an earlier day.")),
    "every slot is in the past": ("last_date", N_("Nothing of it is ahead. Choose a later last day.")),
    "last_date is before first_date": ("last_date", N_("The last day is before the first.")),
    "the filter leaves no active app": ("apps", N_("None of these apps is active. Choose others.")),
    "name is required": ("name", N_("This is needed.")),
    "delay must be at most 366 days": ("delay_days", N_("At most 366 days in all.")),
}


@dataclass(frozen=True, slots=True)
class Kept:
    """What stays of a sending that is edited, because the form does not show it."""

    filter: Filter = ALL
    rules: Rules = NO_RULES


NOTHING_KEPT = Kept()


def kind_of(form: Form, allowed: Mapping[str, Any] = when.KINDS) -> str:
    """The chosen kind of timing."""
    kind = form.choice("kind", allowed, default=next(iter(allowed)))
    return kind if kind in allowed else next(iter(allowed))


def body_of(
    form: Form,
    *,
    kind: str,
    now: datetime,
    shown_in: str,
    with_content: bool = True,
    kept: Kept = NOTHING_KEPT,
    as_draft: bool = False,
) -> SchedulerBody:
    """The scheduler that the form describes; notes faults."""
    fires = when.fires_of(form) if kind == when.EVENT else None
    pushes, push_ids = _content(form, shown_in) if with_content else (None, None)
    return SchedulerBody(
        name=form.text("name", limit=200),
        type=when.TYPES[kind],  # type: ignore[arg-type]
        filter=who.filter_of(form, fires=fires, base=kept.filter),
        rules=rules_of(form, kept.rules),
        pushes=pushes,
        push_ids=push_ids,
        draft=as_draft,
        **when.timing_of(form, kind, now=now),
    )


def rules_of(form: Form, base: Rules) -> Rules | None:
    """Its own rules; those that the form does not show are `base`'s."""
    messages = form.number("pace", low=0, high=100_000, default=0)
    per = Per(form.choice("pace_per", set(Per), default=Per.SECOND) if form.value("pace_per") in set(Per) else "second")
    ramp = base.pace.ramp if base.pace is not None and base.pace.messages == messages else None
    amount = form.number("too_late", low=0, high=10_080, default=0)
    minutes = amount * UNITS.get(form.value("too_late_unit"), 1)
    if minutes > UNITS["days"] * 7:
        form.refuse("too_late", N_("At most 7 days."))
    rules = msgspec.structs.replace(
        base,
        urgent=form.value("quiet") == "urgent",
        pace=Pace(messages, per, ramp) if messages else None,
        too_late_minutes=minutes or msgspec.UNSET,
    )
    return rules or None


def fields_of(scheduler: Scheduler) -> Form:
    """The form that shows a scheduler."""
    rules = scheduler.rules
    minutes = rules.too_late_minutes if isinstance(rules.too_late_minutes, int) else 0
    units = ("days", "hours", "minutes") if minutes else ("hours",)
    unit = next(name for name in units if minutes % UNITS[name] == 0)
    return Form.of(
        name=scheduler.name,
        version=scheduler.version,
        quiet="urgent" if rules.urgent else "respect",
        pace=rules.pace.messages if rules.pace else None,
        pace_per=rules.pace.per if rules.pace else None,
        too_late=minutes // UNITS[unit] or None,
        too_late_unit=unit,
        **who.fields_of(scheduler.filter, auto_push=scheduler.type == "conversion"),
        **when.fields_of(scheduler),
    )


def refuse(form: Form, error: ClarionError) -> None:
    """Note what a service said: at its field where it is known, else on top."""
    known = _AT_FIELDS.get(str(error))
    if known is not None:
        form.refuse(*known)
    elif isinstance(error, InvalidInput):
        content.refuse(form, error)
    else:
        form.refuse_all(error)


def _content(form: Form, shown_in: str) -> tuple[list[PushBody] | None, list[int] | None]:
    if form.choice("content", (NEW, EXISTING), default=NEW) == NEW:
        return [content.body_of(form, shown_in=shown_in)], None
    chosen = form.value("push_id")
    if not chosen.isascii() or not chosen.isdigit() or len(chosen) > 18:
        form.refuse("push_id", NO_PUSH)
        return None, None
    return None, [int(chosen)]
