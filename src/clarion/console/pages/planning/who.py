"""Who gets a sending: fields of the form to a filter, and back."""

import re
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from clarion.console.forms import Form
from clarion.console.texts import N_
from clarion.features.audiences import Filter
from clarion.features.audiences.model import PARTS

EVERY_APP, SOME_APPS = "all", "some"
ONLY, BUT = "include", "exclude"
SIDES = (ONLY, BUT)
PLATFORMS = {"android": "Android", "ios": "iOS", "browser": N_("Browser")}
LONGEST = 3650
NO_APPS = N_("Choose at least one app or group, or all apps.")

_LISTS = ("countries", "languages", "audiences", "platforms")
"""Fields with a side: only these, or all but these."""
_ACTIVE_DAYS = re.compile(r"([0-9]{1,4})d")
_HIDDEN: Mapping[str, str] = {
    "transports": N_("transports"),
    "app version": N_("app version"),
    "tags": N_("tags"),
    "registration": N_("day of registration"),
    "external ids": N_("external ids"),
}
"""Parts of a filter that the form does not show, in words."""


def filter_of(form: Form, *, fires: Sequence[str] | None, base: Filter) -> Filter:
    """What the form says; notes faults.

    `fires`: the events of an auto-push. `base`: a filter of which the form shows only some.
    """
    changes: dict[str, Any] = {}
    _apps(form, changes)
    for name in _LISTS:
        side = form.choice(f"{name}_side", SIDES, default=ONLY)
        values = _lines(form.value(name)) if name == "audiences" else form.values(name)
        other = BUT if side == ONLY else ONLY
        kept = _outside(getattr(base, f"{name}_{other}"), values) if _both_sides(base, name) else None
        changes |= {f"{name}_{side}": values or None, f"{name}_{other}": kept}
    groups_side = changes["audiences_exclude"] is not None and changes["audiences_include"] is None
    groups = _numbers(form, "audience_groups") or None
    changes["audience_groups_exclude" if groups_side else "audience_groups_include"] = groups
    changes["audience_groups_include" if groups_side else "audience_groups_exclude"] = None
    changes["event_include"] = list(form.values("had") if fires is None else fires) or None
    changes["event_exclude"] = form.values("had_not") or None
    days = form.number("active_days", low=0, high=LONGEST, default=0)
    changes["last_active_within"] = f"{days}d" if days else _odd_period(base)
    return _without_flags(msgspec.structs.replace(base, **changes))


def fields_of(filter_: Filter, *, auto_push: bool) -> dict[str, object]:
    """The fields that show a filter."""
    some = filter_.all_apps is not True
    fields: dict[str, object] = {
        "apps": SOME_APPS if some else EVERY_APP,
        "app_ids": filter_.listed("app_ids_include"),
        "group_ids": filter_.listed("app_groups_include"),
        "had": [] if auto_push else filter_.events_included,
        "fires": filter_.events_included if auto_push else [],
        "had_not": filter_.events_excluded,
    }
    for name in _LISTS:
        side = BUT if filter_.listed(f"{name}_exclude") and not filter_.listed(f"{name}_include") else ONLY
        values = [str(value) for value in filter_.listed(f"{name}_{side}")]
        fields |= {f"{name}_side": side, name: "\n".join(values) if name == "audiences" else values}
    included, excluded = filter_.listed("audience_groups_include"), filter_.listed("audience_groups_exclude")
    fields["audience_groups"] = list(included or excluded)
    if excluded and not included:
        fields["audiences_side"] = BUT
    days = _ACTIVE_DAYS.fullmatch(filter_.last_active_within or "")
    fields["active_days"] = days.group(1) if days else ""
    return fields


def hidden_parts(filter_: Filter) -> list[str]:
    """Names of what the filter asks that the form does not show."""
    found = [words for part, words in _HIDDEN.items() if any(getattr(filter_, field) for field in PARTS[part])]
    if filter_.last_active_before or _odd_period(filter_):
        found.append(N_("last activity"))
    if filter_.app_ids_exclude or filter_.app_groups_exclude:
        found.append(N_("apps that are left out"))
    return found


def _apps(form: Form, changes: dict[str, Any]) -> None:
    if form.choice("apps", (EVERY_APP, SOME_APPS), default=EVERY_APP) == EVERY_APP:
        changes |= {"all_apps": True, "app_ids_include": None, "app_groups_include": None}
        return
    apps, groups = _numbers(form, "app_ids"), _numbers(form, "group_ids")
    if not apps and not groups:
        form.refuse("apps", NO_APPS)
    changes |= {"all_apps": None, "app_ids_include": apps or None, "app_groups_include": groups or None}


def _without_flags(filter_: Filter) -> Filter:
    """The lists say it all: a flag that contradicted them would be refused."""
    return msgspec.structs.replace(filter_, all_countries=None, all_languages=None, all_audiences=None)


def _both_sides(base: Filter, name: str) -> bool:
    return bool(base.listed(f"{name}_include")) and bool(base.listed(f"{name}_exclude"))


def _outside(kept: Sequence[str] | None, values: Sequence[str]) -> list[str] | None:
    return [value for value in kept or () if value not in values] or None


def _odd_period(base: Filter) -> str | None:
    told = base.last_active_within
    return None if told is None or _ACTIVE_DAYS.fullmatch(told) else told


def _numbers(form: Form, name: str) -> list[int]:
    return [int(value) for value in form.values(name) if value.isascii() and value.isdigit() and len(value) < 19]


def _lines(text: str) -> list[str]:
    return list(dict.fromkeys(part for part in (part.strip() for part in re.split(r"[\n,]", text)) if part))
