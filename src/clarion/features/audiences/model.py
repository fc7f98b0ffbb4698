"""The filter of a sending and its rules (management-api.md §7.1). Pure."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated

import msgspec

from clarion.foundation.errors import InvalidInput

LIST_LIMIT = 10_000

Number = Annotated[int, msgspec.Meta(ge=-(2**63), le=2**63 - 1)]
Numbers = list[Number] | None
Texts = list[str] | None
Codes = str | list[str] | None

_UNUSABLE = re.compile("[\x00\ud800-\udfff]")
_COUNTRY = re.compile(r"[A-Za-z]{2}")
_LANGUAGE = re.compile(r"[A-Za-z]{2,8}([-_][A-Za-z0-9]{1,8})*")
_PAIRS = (
    "app_ids", "app_groups", "countries", "languages", "audiences", "audience_groups",
)  # fmt: skip
_FLAGS = {
    "all_apps": ("app_ids_include", "app_groups_include"),
    "all_countries": ("countries_include",),
    "all_languages": ("languages_include",),
    "all_audiences": ("audiences_include", "audience_groups_include"),
}


class Filter(msgspec.Struct, frozen=True, omit_defaults=True):
    """Who is meant. `None`, `[]` and absent are the same; an explicit `false` flag needs an include list."""

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


@dataclass(frozen=True, slots=True)
class Estimate:
    """How many reachable devices a filter means at present."""

    devices: int
    exact: bool
    """False: extrapolated from a sample of each app's devices."""
    by_app: Mapping[int, int]


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


def check(filter_: Filter) -> None:
    """Hold the rules that need no database; `InvalidInput` names the first one broken."""
    for pair in _PAIRS:
        _check_pair(filter_, pair)
    for flag, includes in _FLAGS.items():
        _check_flag(filter_, flag, includes)
    _check_values(filter_)


def _first(values: Iterable[int | str]) -> str:
    return ascii(min(values, key=str))[:64]


def _check_pair(filter_: Filter, pair: str) -> None:
    include, exclude = filter_.listed(f"{pair}_include"), filter_.listed(f"{pair}_exclude")
    for side, values in (("include", include), ("exclude", exclude)):
        if len(values) > LIST_LIMIT:
            raise InvalidInput(f"{pair}_{side} has more than {LIST_LIMIT} entries")
    both = set(_normal(pair, include)) & set(_normal(pair, exclude))
    if both:
        raise InvalidInput(f"{pair}_include and {pair}_exclude both contain {_first(both)}")


def _normal(pair: str, values: Sequence[int] | Sequence[str]) -> list[int | str]:
    if pair == "countries":
        return [country(str(value)) for value in values]
    if pair == "languages":
        return [language(str(value)) for value in values]
    return list(values)


def _check_flag(filter_: Filter, flag: str, includes: tuple[str, ...]) -> None:
    value = getattr(filter_, flag)
    filled = [name for name in includes if filter_.listed(name)]
    if value and filled:
        raise InvalidInput(f"{filled[0]} must be empty when {flag} is true")
    if value is False and not filled:
        raise InvalidInput(f"{includes[0]} must not be empty when {flag} is false")


def _check_values(filter_: Filter) -> None:
    for name in ("audiences_include", "audiences_exclude"):
        for value in filter_.listed(name):
            _check_text(name, str(value))
    for name, listed in (("event_include", filter_.events_included), ("event_exclude", filter_.events_excluded)):
        if len(listed) > LIST_LIMIT:
            raise InvalidInput(f"{name} has more than {LIST_LIMIT} entries")
    both = set(filter_.events_included) & set(filter_.events_excluded)
    if both:
        raise InvalidInput(f"event_include and event_exclude both contain {_first(both)}")


def _check_text(name: str, value: str) -> None:
    if not value or len(value) > 256 or _UNUSABLE.search(value):
        raise InvalidInput(f"{name} has an entry that is empty, too long or not text")
