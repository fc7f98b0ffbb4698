"""Turns a filter into SQL conditions on `device d`. Pure; the only place that does so."""

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from clarion.db import Conditions
from clarion.features.audiences.model import Filter, audience_values, country, language
from clarion.foundation.errors import InvalidInput

INSTALL = "install"
"""Every device has this event: including it restricts nothing, excluding it leaves nobody."""

SENDABLE = "d.active and d.token_state = 1"
"""What makes a device reachable: not deactivated, with a token that is valid and its own."""


def compile_filter(filter_: Filter, *, account_id: int, bits: Mapping[str, int]) -> Conditions:
    """Conditions for everything but the apps, which the caller restricts to the effective ones.

    `bits` maps the account's event codes to their bit numbers; an unknown code is `InvalidInput`.
    """
    sql: list[str] = []
    parameters: dict[str, Any] = {}

    def add(text: str, values: Mapping[str, object]) -> None:
        sql.append(text)
        parameters.update(values)

    _membership(filter_, "countries", "d.country", country, add)
    _membership(filter_, "languages", "d.lang", language, add)
    _audiences(filter_, account_id, add)
    _events(filter_, bits, add)
    return Conditions(" and ".join(sql) or "true", parameters)


Add = Callable[[str, Mapping[str, object]], None]


def _membership(filter_: Filter, field: str, column: str, normal: Callable[[str], str], add: Add) -> None:
    include = sorted({normal(str(value)) for value in filter_.listed(f"{field}_include")})
    exclude = sorted({normal(str(value)) for value in filter_.listed(f"{field}_exclude")})
    if include:
        add(f"{column} = any(:f_{field}::text[])", {f"f_{field}": include})
    if exclude:
        add(f"{column} <> all(:f_not_{field}::text[])", {f"f_not_{field}": exclude})


def _audiences(filter_: Filter, account_id: int, add: Add) -> None:
    include = [str(value) for value in filter_.listed("audiences_include")]
    exclude = [str(value) for value in filter_.listed("audiences_exclude")]
    if include:
        add("d.audiences && :f_audiences::text[]", {"f_audiences": audience_values(include, account_id)})
    if exclude:
        add("not d.audiences && :f_not_audiences::text[]", {"f_not_audiences": audience_values(exclude, account_id)})


def _events(filter_: Filter, bits: Mapping[str, int], add: Add) -> None:
    include, exclude = filter_.events_included, filter_.events_excluded
    if include and INSTALL not in include:
        low, high = event_masks(include, bits)
        add(
            "(d.events & :f_events <> 0 or d.events_high & :f_events_high <> 0)",
            {"f_events": low, "f_events_high": high},
        )
    if INSTALL in exclude:
        add("false", {})
    elif exclude:
        low, high = event_masks(exclude, bits)
        add("d.events & :f_not_events = 0", {"f_not_events": low})
        add("d.events_high & :f_not_events_high = 0", {"f_not_events_high": high})


def event_masks(codes: Iterable[str], bits: Mapping[str, int]) -> tuple[int, int]:
    """Bit masks for device.events and device.events_high; `InvalidInput` for an unknown code."""
    mask = 0
    for code in codes:
        if code not in bits:
            raise InvalidInput(f"event code {code!r} does not exist")
        mask |= 1 << bits[code]
    return mask & (1 << 63) - 1, mask >> 63
