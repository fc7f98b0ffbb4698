"""When a sending goes: fields of the form to the timing of a scheduler, and back."""

import re
from datetime import UTC, date, datetime, time, timedelta
from functools import cache
from typing import Any

from clarion.console.forms import REQUIRED, Form
from clarion.console.texts import N_
from clarion.features.schedulers.calendar import Late
from clarion.features.schedulers.model import Scheduler
from clarion.foundation.zones import named, names

INSTANT, MOMENT, LOCAL, WEEKLY, EVENT = "instant", "onesend", "local", "weekly", "conversion"
KINDS = {
    INSTANT: (N_("Now"), N_("It leaves as soon as you confirm it.")),
    MOMENT: (N_("At a moment"), N_("Everybody gets it at the same instant.")),
    LOCAL: (N_("At each device's local time"), N_("Noon is noon for everybody, wherever they are.")),
    WEEKLY: (N_("Every week"), N_("On chosen days and times, until you stop it.")),
    EVENT: (N_("After an event (auto-push)"), N_("For each person by themselves, some time after what they did.")),
}
TYPES = {INSTANT: "instant", MOMENT: "onesend", LOCAL: "onesend", WEEKLY: "weekly", EVENT: "conversion"}
LATE = {
    Late.AT_ONCE: N_("Send to them at once"),
    Late.SKIP: N_("Leave them out"),
    Late.NEXT_DAY: N_("Send to them on the next day"),
}
NOT_A_DATE = N_("This must be a date.")
NOT_A_TIME = N_("This must be a time such as 12:00.")
NO_ZONE = N_("Choose a time zone.")
NO_DAY = N_("Choose at least one day.")
NO_EVENT = N_("Choose the event that it follows.")

_TIME = re.compile(r"([01]?[0-9]|2[0-3]):([0-5][0-9])")
_OFFSET = re.compile(r"[+-][0-9]{2}:[0-9]{2}")
_DELAY = re.compile(r"(?:(\d+)d)?(?:(\d+)h)?(?:(\d+)m)?")


@cache
def zones() -> tuple[str, ...]:
    """The names of zones that people know, in order."""
    known = {name for name in names() if "/" in name and not name.startswith(("Etc/", "SystemV/", "US/", "Mexico/"))}
    return ("UTC", *sorted(known))


def timing_of(form: Form, kind: str, *, now: datetime) -> dict[str, Any]:
    """The fields of a `SchedulerBody` that say when; notes faults."""
    if kind == INSTANT:
        return {}
    if kind == EVENT:
        return _after_event(form)
    return _weekly(form, now) if kind == WEEKLY else _once(form, kind)


def fields_of(scheduler: Scheduler) -> dict[str, object]:
    """The fields that show when a scheduler goes."""
    timing = scheduler.timing
    if scheduler.type == "conversion":
        parts = _DELAY.fullmatch(timing["delay"])
        days, hours, minutes = parts.groups() if parts else ("", "", "")
        return {"kind": EVENT, "delay_days": days, "delay_hours": hours, "delay_minutes": minutes}
    shared = {"zone": timing["timezone"], "late": scheduler.late if scheduler.local_time else Late.AT_ONCE}
    if scheduler.type == "weekly":
        shown = {"days": timing["days"], "times": ", ".join(timing["times"])}
        clock = "local" if scheduler.local_time else "zone"
        span = {"first_date": timing.get("first_date"), "last_date": timing.get("last_date")}
        return {"kind": WEEKLY, "clock": clock, "weekly_late": scheduler.late, **shown, **span, **shared}
    kind = LOCAL if scheduler.local_time else MOMENT
    return {"kind": kind, "date": timing["date"], "time": timing["time"], **shared}


def fires_of(form: Form) -> list[str]:
    """The events of an auto-push; notes a fault when there is none."""
    if not form.values("fires"):
        form.refuse("fires", NO_EVENT)
    return form.values("fires")


def _once(form: Form, kind: str) -> dict[str, Any]:
    day, clock = _date(form, "date", required=True), _time(form, "time")
    if kind == LOCAL:
        return {"date": form.value("date"), "time": clock, "local_time": True, "late": _late(form)}
    zone = _zone(form, datetime.combine(day or date(2000, 1, 1), time.fromisoformat(clock)))
    return {"date": form.value("date"), "time": clock, "local_time": False, "timezone": zone}


def _weekly(form: Form, now: datetime) -> dict[str, Any]:
    days = [int(day) for day in form.values("days") if day in "1234567" and len(day) == 1]
    if not days:
        form.refuse("days", NO_DAY)
    times = [part.strip() for part in form.value("times").split(",") if part.strip()]
    if not times:
        form.refuse("times", REQUIRED)
    for text in times:
        if not _TIME.fullmatch(text):
            form.refuse("times", NOT_A_TIME)
    _date(form, "first_date", required=False)
    _date(form, "last_date", required=False)
    span = {name: form.value(name) or None for name in ("first_date", "last_date")}
    common = {"days": days, "times": [text.zfill(5) for text in times], **span}
    if form.choice("clock", ("local", "zone"), default="local") == "local":
        kept = form.value("weekly_late")
        return {**common, "local_time": True, "late": Late.AT_ONCE if kept == Late.AT_ONCE else Late.SKIP}
    wall = now.replace(tzinfo=None)
    return {**common, "local_time": False, "timezone": _zone(form, wall)}


def _after_event(form: Form) -> dict[str, Any]:
    days = form.number("delay_days", high=366, default=0)
    hours = form.number("delay_hours", high=8784, default=0)
    minutes = form.number("delay_minutes", high=527_040, default=0)
    parts = ((days, "d"), (hours, "h"), (minutes, "m"))
    return {"delay": "".join(f"{number}{unit}" for number, unit in parts if number)}


def _late(form: Form) -> Late:
    return Late(form.choice("late", set(LATE), default=Late.AT_ONCE) if form.value("late") in set(LATE) else "at_once")


def _date(form: Form, name: str, *, required: bool) -> date | None:
    text = form.value(name)
    if not text and not required:
        return None
    try:
        return date.fromisoformat(text)
    except ValueError:
        form.refuse(name, NOT_A_DATE if text else REQUIRED)
        return None


def _time(form: Form, name: str) -> str:
    text = form.value(name).strip()[:5]
    if not _TIME.fullmatch(text):
        form.refuse(name, NOT_A_TIME if text else REQUIRED)
        return "00:00"
    return text.zfill(5)


def _zone(form: Form, wall: datetime) -> str:
    """`±HH:MM` of the chosen zone at a wall-clock time in it."""
    told = form.value("zone")
    if _OFFSET.fullmatch(told):
        return told
    zone = UTC if told == "UTC" else named(told)
    if zone is None:
        form.refuse("zone", NO_ZONE)
        return "+00:00"
    offset = wall.replace(tzinfo=zone).utcoffset() or timedelta()
    minutes = round(offset.total_seconds() / 60)
    return f"{'-' if minutes < 0 else '+'}{abs(minutes) // 60:02}:{abs(minutes) % 60:02}"
