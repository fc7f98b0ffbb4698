"""Turns a filter into SQL conditions on `device d`. Pure; the only place that does so."""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from enum import StrEnum
from typing import Any

from clarion.db import Conditions
from clarion.features.audiences.model import Filter, ManagementFilter, TagRule, audience_values, country, language
from clarion.features.audiences.rules import period, version
from clarion.foundation.errors import InvalidInput

INSTALL = "install"
"""Every device has this event: including it restricts nothing, excluding it leaves nobody."""

SENDABLE = "d.active and d.token_state = 1"
"""What makes a device reachable: not deactivated, with a token that is valid and its own."""

_REACH = frozenset({"account_id", "app_id", "country", "lang", "platform", "transport"})
_REACH_EVENTS = _REACH | {"events", "events_high"}

_COLUMN = re.compile(r"\bd\.(\w+)")
_AGENT_VERSION = (
    r"string_to_array(regexp_replace(substring(d.agent from '(?:^|[^0-9.])((?:[0-9]{1,9}\.){0,3}[0-9]{1,9})$'), "
    r"'(?:\.0+)+$', ''), '.')::bigint[]"
)
"""The numbers at the end of `agent_name` without zeros at their end; null where there are none."""

Members = Mapping[int, Sequence[str]]
"""Audiences by audience group; archived and deleted groups are left out."""


def compile_filter(
    filter_: ManagementFilter, *, account_id: int, bits: Mapping[str, int], groups: Members | None = None
) -> Conditions:
    """Conditions for everything but the apps, which the caller restricts to the effective ones.

    `bits` maps the account's event codes to their bit numbers. A code without a bit (deleted since the filter was
    checked) is an event that no device has: including it adds nobody, excluding it leaves everybody. A group that is
    not in `groups` has no audiences, in the same way.
    """
    parts = _Parts()
    _membership(filter_, "countries", parts, column="d.country", normal=country)
    _membership(filter_, "languages", parts, column="d.lang", normal=language)
    _audiences(filter_, account_id, groups or {}, parts)
    _events(filter_, bits, parts)
    if isinstance(filter_, Filter):
        _extensions(filter_, account_id, parts)
    return parts.conditions()


def which_hold(conditions: Iterable[Conditions]) -> Conditions:
    """An array that tells of each whether it holds; the names of all parameters must differ."""
    listed = list(conditions)
    parameters = {name: value for each in listed for name, value in each.parameters.items()}
    return Conditions(f"array[{', '.join(f'({each.sql})' for each in listed)}]", parameters)


class Counts(StrEnum):
    """Which counts of reachable devices have everything that some conditions ask about."""

    PLAIN = "device_reach"
    WITH_EVENTS = "device_reach_events"
    NONE = ""


def counts_for(conditions: Conditions) -> Counts:
    """The smallest counts that answer the conditions."""
    columns = set(_COLUMN.findall(conditions.sql))
    if columns <= _REACH:
        return Counts.PLAIN
    return Counts.WITH_EVENTS if columns <= _REACH_EVENTS else Counts.NONE


class _Parts:
    """Conditions that are gathered one by one."""

    def __init__(self) -> None:
        self._sql: list[str] = []
        self._parameters: dict[str, Any] = {}

    def add(self, sql: str, **parameters: object) -> None:
        """One more that must hold."""
        self._sql.append(sql)
        self._parameters.update(parameters)

    def conditions(self) -> Conditions:
        """All of them."""
        return Conditions(" and ".join(self._sql) or "true", self._parameters)


def _same(value: str) -> str:
    return value


def _membership(
    filter_: ManagementFilter, field: str, parts: _Parts, *, column: str, normal: Callable[[str], str] = _same
) -> None:
    include = sorted({normal(str(value)) for value in filter_.listed(f"{field}_include")})
    exclude = sorted({normal(str(value)) for value in filter_.listed(f"{field}_exclude")})
    if include:
        parts.add(f"{column} = any(:f_{field}::text[])", **{f"f_{field}": include})
    if exclude:
        parts.add(f"{column} <> all(:f_not_{field}::text[])", **{f"f_not_{field}": exclude})


def included_audiences(filter_: ManagementFilter, account_id: int, groups: Members) -> list[str] | None:
    """The device values of which a device must have one; None = the filter asks for none.

    A filter whose last group was deleted says `all_audiences: false` and names none: it means nobody.
    """
    asked = filter_.audiences_include or filter_.audience_groups_include or filter_.all_audiences is False
    return _audience_values(filter_, "include", account_id=account_id, groups=groups) if asked else None


def _audience_values(filter_: ManagementFilter, side: str, *, account_id: int, groups: Members) -> list[str]:
    named = [str(value) for value in filter_.listed(f"audiences_{side}")]
    members = [value for id_ in filter_.listed(f"audience_groups_{side}") for value in groups.get(int(id_), ())]
    return audience_values([*named, *members], account_id)


def _audiences(filter_: ManagementFilter, account_id: int, groups: Members, parts: _Parts) -> None:
    include = included_audiences(filter_, account_id, groups)
    exclude = _audience_values(filter_, "exclude", account_id=account_id, groups=groups)
    if include:
        # The first half is implied; it lets the planner use the partial index.
        parts.add("d.audiences <> '{}' and d.audiences && :f_audiences::text[]", f_audiences=include)
    elif include is not None:
        parts.add("false")
    if exclude:
        parts.add("not d.audiences && :f_not_audiences::text[]", f_not_audiences=exclude)


def _events(filter_: ManagementFilter, bits: Mapping[str, int], parts: _Parts) -> None:
    include, exclude = filter_.events_included, filter_.events_excluded
    if include and INSTALL not in include:
        low, high = event_masks(include, bits)
        parts.add(
            "(d.events & :f_events <> 0 or d.events_high & :f_events_high <> 0)", f_events=low, f_events_high=high
        )
    if INSTALL in exclude:
        parts.add("false")
    elif exclude:
        low, high = event_masks(exclude, bits)
        parts.add("d.events & :f_not_events = 0", f_not_events=low)
        parts.add("d.events_high & :f_not_events_high = 0", f_not_events_high=high)


def _extensions(filter_: Filter, account_id: int, parts: _Parts) -> None:
    _membership(filter_, "platforms", parts, column="d.platform")
    _membership(filter_, "platform_names", parts, column="d.platform_name")
    _membership(filter_, "transports", parts, column="d.transport")
    _external_ids(filter_, account_id, parts)
    _versions(filter_, parts)
    _moments(filter_, parts)
    for number, rule in enumerate(filter_.tags or ()):
        _tag(rule, number, parts)


def _external_ids(filter_: Filter, account_id: int, parts: _Parts) -> None:
    # The lists may be long: as subqueries they are hashed, whatever the planner knows about their length.
    if filter_.external_ids_include:
        # With the account and the implied last half the planner can use the partial index.
        parts.add(
            "d.account_id = :f_account_id and d.ext_id in (select unnest(:f_external_ids::text[])) and d.ext_id <> ''",
            f_account_id=account_id,
            f_external_ids=sorted(set(filter_.external_ids_include)),
        )
    if filter_.external_ids_exclude:
        parts.add(
            "d.ext_id not in (select unnest(:f_not_external_ids::text[]))",
            f_not_external_ids=sorted(set(filter_.external_ids_exclude)),
        )


def _versions(filter_: Filter, parts: _Parts) -> None:
    if filter_.app_version_min is not None:
        parts.add(
            f"{_AGENT_VERSION} >= :f_version_min::bigint[]",
            f_version_min=version("app_version_min", filter_.app_version_min),
        )
    if filter_.app_version_max is not None:
        parts.add(
            f"{_AGENT_VERSION} <= :f_version_max::bigint[]",
            f_version_max=version("app_version_max", filter_.app_version_max),
        )


def _moments(filter_: Filter, parts: _Parts) -> None:
    if filter_.last_active_within is not None:
        length = period("last_active_within", filter_.last_active_within)
        parts.add("d.last_seen_at >= now() - :f_active_within::interval", f_active_within=length)
    if filter_.last_active_before is not None:
        length = period("last_active_before", filter_.last_active_before)
        parts.add("d.last_seen_at < now() - :f_active_before::interval", f_active_before=length)
    if filter_.registered_from is not None:
        parts.add("d.created_at >= :f_registered_from::timestamptz", f_registered_from=filter_.registered_from)
    if filter_.registered_to is not None:
        parts.add("d.created_at < :f_registered_to::timestamptz", f_registered_to=filter_.registered_to)


def _tag(rule: TagRule, number: int, parts: _Parts) -> None:
    key, value = f"f_tag_{number}", f"f_tag_{number}_value"
    tag = f"d.tags ->> :{key}::text"
    parameters: dict[str, object] = {key: rule.key}
    if rule.equals is not None:
        held, parameters[value] = f"{tag} = :{value}::text", rule.equals
    elif rule.contains is not None:
        held, parameters[value] = f"strpos({tag}, :{value}::text) > 0", rule.contains
    else:
        held = f"{tag} is not null"
    parts.add(f"({held}) is not true" if rule.negate else f"({held})", **parameters)


def event_masks(codes: Iterable[str], bits: Mapping[str, int]) -> tuple[int, int]:
    """Bit masks for device.events and device.events_high; codes without a bit are left out."""
    mask = 0
    for code in codes:
        if code in bits:
            mask |= 1 << bits[code]
    return mask & (1 << 63) - 1, mask >> 63


def check_codes(filter_: ManagementFilter, bits: Mapping[str, int]) -> None:
    """`InvalidInput` for the first event code of the filter that the account does not have."""
    for code in (*filter_.events_included, *filter_.events_excluded):
        if code != INSTALL and code not in bits:
            raise InvalidInput(f"event code {code[:64]!r} does not exist")


def sendable(conditions: Conditions, transports: Sequence[str] | None = None) -> Conditions:
    """The conditions narrowed to reachable devices, and to those of the given transports."""
    narrowed = conditions if transports is None else using(conditions, transports)
    return Conditions(f"{SENDABLE} and ({narrowed.sql})", narrowed.parameters)


def using(conditions: Conditions, transports: Sequence[str]) -> Conditions:
    """The conditions narrowed to devices of the given transports."""
    sql = f"({conditions.sql}) and d.transport = any(:f_of_transports::text[])"
    return Conditions(sql, {**conditions.parameters, "f_of_transports": list(transports)})


def with_ext_ids(conditions: Conditions, ext_ids: Sequence[str]) -> Conditions:
    """The conditions narrowed to devices with one of these external user ids."""
    # The second half is implied; it lets the planner use the partial index.
    sql = f"({conditions.sql}) and d.ext_id = any(:f_ext_ids::text[]) and d.ext_id <> ''"
    return Conditions(sql, {**conditions.parameters, "f_ext_ids": list(ext_ids)})
