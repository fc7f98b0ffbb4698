"""Turns a filter into SQL conditions on `device d`. Pure; the only place that does so."""

from collections.abc import Callable, Iterable, Mapping, Sequence
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

    `bits` maps the account's event codes to their bit numbers. A code without a bit (deleted since the filter was
    checked) is an event that no device has: including it adds nobody, excluding it leaves everybody.
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
        # The first half is implied; it lets the planner use the partial index.
        add(
            "d.audiences <> '{}' and d.audiences && :f_audiences::text[]",
            {"f_audiences": audience_values(include, account_id)},
        )
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
    """Bit masks for device.events and device.events_high; codes without a bit are left out."""
    mask = 0
    for code in codes:
        if code in bits:
            mask |= 1 << bits[code]
    return mask & (1 << 63) - 1, mask >> 63


def check_codes(filter_: Filter, bits: Mapping[str, int]) -> None:
    """`InvalidInput` for the first event code of the filter that the account does not have."""
    for code in (*filter_.events_included, *filter_.events_excluded):
        if code != INSTALL and code not in bits:
            raise InvalidInput(f"event code {code[:64]!r} does not exist")


def sendable(conditions: Conditions, transports: Sequence[str] | None = None) -> Conditions:
    """The conditions narrowed to reachable devices, and to those of the given transports."""
    sql, parameters = f"{SENDABLE} and ({conditions.sql})", dict(conditions.parameters)
    if transports is not None:
        sql += " and d.transport = any(:f_transports::text[])"
        parameters["f_transports"] = list(transports)
    return Conditions(sql, parameters)


def with_ext_ids(conditions: Conditions, ext_ids: Sequence[str]) -> Conditions:
    """The conditions narrowed to devices with one of these external user ids."""
    # The second half is implied; it lets the planner use the partial index.
    sql = f"({conditions.sql}) and d.ext_id = any(:f_ext_ids::text[]) and d.ext_id <> ''"
    return Conditions(sql, {**conditions.parameters, "f_ext_ids": list(ext_ids)})
