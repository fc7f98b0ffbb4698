"""The filter of a sending (management-api.md §7.1, and our extensions of it), and what is told about it. Pure."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any

import msgspec

from clarion.foundation.errors import InvalidInput

LIST_LIMIT = 10_000

Number = Annotated[int, msgspec.Meta(ge=-(2**63), le=2**63 - 1)]
Numbers = list[Number] | None
Texts = list[str] | None
Codes = str | list[str] | None

_COUNTRY = re.compile(r"[A-Za-z]{2}")
_LANGUAGE = re.compile(r"[A-Za-z]{2,8}([-_][A-Za-z0-9]{1,8})*")


class ManagementFilter(msgspec.Struct, frozen=True, omit_defaults=True):
    """Who is meant, as Push.Express's management API can say it: its bodies ignore our extensions.

    `None`, `[]` and absent are the same; an explicit `false` flag needs an include list.
    """

    all_apps: bool | None = None
    app_ids_include: Numbers = None
    app_ids_exclude: Numbers = None
    app_groups_include: Numbers = None
    app_groups_exclude: Numbers = None
    all_countries: bool | None = None
    countries_include: Texts = None
    countries_exclude: Texts = None
    all_languages: bool | None = None
    languages_include: Texts = None
    languages_exclude: Texts = None
    all_audiences: bool | None = None
    audiences_include: Texts = None
    audiences_exclude: Texts = None
    audience_groups_include: Numbers = None
    audience_groups_exclude: Numbers = None
    event_include: Codes = None
    event_exclude: Codes = None

    def listed(self, name: str) -> Sequence[int] | Sequence[str]:
        """A list field, never None."""
        return getattr(self, name) or []

    @property
    def events_included(self) -> list[str]:
        """Codes of which a device has any."""
        return codes(self.event_include)

    @property
    def events_excluded(self) -> list[str]:
        """Codes of which a device has none."""
        return codes(self.event_exclude)


class TagRule(msgspec.Struct, frozen=True, omit_defaults=True):
    """What a tag of the device must be: there at all, equal to a text, or containing it. Case matters."""

    key: str
    equals: str | None = None
    contains: str | None = None
    negate: bool = False
    """The rule must not hold; a device without the tag meets a negated rule."""


class Filter(ManagementFilter, frozen=True, omit_defaults=True):
    """Who is meant, in full: what `/api/v1` takes, and what is stored. A filter without the extensions is one, too."""

    platforms_include: Texts = None
    """`platform_type` as devices tell it: `android`, `ios`, `browser` …"""
    platforms_exclude: Texts = None
    platform_names_include: Texts = None
    """`platform_name` as devices tell it: `ios_17`, `android_api_34` …"""
    platform_names_exclude: Texts = None
    transports_include: Texts = None
    """`fcm`, `fcm.data`, `apns`, `webpush`, `onesignal`, `huawei`."""
    transports_exclude: Texts = None
    app_version_min: str | None = None
    """The number at the end of `agent_name` is at least this, `1.4.0`; devices that tell no number are left out."""
    app_version_max: str | None = None
    """… at most this."""
    tags: list[TagRule] | None = None
    """All of them must hold; at most 20."""
    last_active_within: str | None = None
    """Seen within so long before now: `30d`, `12h`, `1d6h30m`."""
    last_active_before: str | None = None
    """Not seen for so long: `30d`, `12h`, `1d6h30m`."""
    registered_from: datetime | None = None
    """First seen at this moment or later."""
    registered_to: datetime | None = None
    """First seen before this moment."""
    external_ids_include: Texts = None
    external_ids_exclude: Texts = None


PARTS: Mapping[str, tuple[str, ...]] = {
    "countries": ("countries_include", "countries_exclude"),
    "languages": ("languages_include", "languages_exclude"),
    "audiences": (
        "all_audiences",
        "audiences_include",
        "audiences_exclude",
        "audience_groups_include",
        "audience_groups_exclude",
    ),
    "events": ("event_include", "event_exclude"),
    "platforms": ("platforms_include", "platforms_exclude", "platform_names_include", "platform_names_exclude"),
    "transports": ("transports_include", "transports_exclude"),
    "app version": ("app_version_min", "app_version_max"),
    "tags": ("tags",),
    "last activity": ("last_active_within", "last_active_before"),
    "registration": ("registered_from", "registered_to"),
    "external ids": ("external_ids_include", "external_ids_exclude"),
}
"""What a filter asks of a device besides its app → the fields that ask it."""

_COUNTED = (
    *PARTS["countries"],
    *PARTS["languages"],
    *PARTS["transports"],
    "platforms_include",
    "platforms_exclude",
)


@dataclass(frozen=True, slots=True)
class Estimate:
    """How many reachable devices a filter means at present."""

    devices: int
    exact: bool
    """False: extrapolated from a sample of each app's devices."""
    margin: int
    """The true number lies within this of `devices` in 95 of 100 cases; 0 if exact."""
    by_app: Mapping[int, int]
    by_platform: Mapping[str, int]
    by_country: Mapping[str, int]
    by_language: Mapping[str, int]


def filter_of(body: ManagementFilter) -> Filter:
    """Only the filter's fields of a body that has more; the extensions only of a body that takes them."""
    kind = Filter if isinstance(body, Filter) else ManagementFilter
    return Filter(**{name: getattr(body, name) for name in kind.__struct_fields__})


def management_fields(filter_: ManagementFilter) -> dict[str, Any]:
    """The fields that the management API knows, with their values."""
    return {name: getattr(filter_, name) for name in ManagementFilter.__struct_fields__}


def part_of(filter_: Filter, part: str) -> Filter:
    """What the filter asks in one of `PARTS`."""
    return Filter(**{name: getattr(filter_, name) for name in PARTS[part]})


def counted_part(filter_: Filter) -> Filter:
    """What the filter asks about country, language, platform and transport."""
    return Filter(**{name: getattr(filter_, name) for name in _COUNTED})


def codes(value: Codes) -> list[str]:
    """Event codes from a string, a list or nothing; empty strings mean nothing."""
    given = [value] if isinstance(value, str) else value or []
    return [code for code in given if code]


def country(value: str) -> str:
    """Upper-case alpha-2 code; `InvalidInput` for anything else."""
    if not _COUNTRY.fullmatch(value):
        raise InvalidInput(f"country {value[:64]!r} is not an ISO 3166-1 alpha-2 code")
    return value.upper()


def language(value: str) -> str:
    """Lower-case primary subtag of a BCP 47 tag; `InvalidInput` for anything else."""
    if len(value) > 35 or not _LANGUAGE.fullmatch(value):
        raise InvalidInput(f"language {value[:64]!r} is not a BCP 47 tag")
    return re.split("[-_]", value)[0].lower()


def audience_values(values: Iterable[str], account_id: int) -> list[str]:
    """Device values that a filter's audiences match: each with and without the `_<account id>` suffix."""
    suffix = f"_{account_id}"
    return sorted({form for value in values for form in (value, value.removesuffix(suffix))})
