"""What a filter must be before anybody may use it, as far as that needs no database. Pure."""

import re
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta

from clarion.features.audiences.model import LIST_LIMIT, Filter, ManagementFilter, TagRule, country, language
from clarion.foundation.errors import InvalidInput
from clarion.providers.registry import TRANSPORTS

TAG_RULES_LIMIT = 20
TEXT_LIMIT = 256
"""Characters of an entry."""
PERIOD_LIMIT = timedelta(days=3650)
"""The longest time that activity can be asked about."""

_UNUSABLE = re.compile("[\x00\ud800-\udfff]")
_PERIOD = re.compile(r"(?:(?P<days>[0-9]{1,4})d)?(?:(?P<hours>[0-9]{1,5})h)?(?:(?P<minutes>[0-9]{1,7})m)?")
_VERSION = re.compile(r"[0-9]{1,9}(?:\.[0-9]{1,9}){0,3}")
_YEARS = range(2000, 2100)
_PAIRS = ("app_ids", "app_groups", "countries", "languages", "audiences", "audience_groups")
_MORE_PAIRS = ("platforms", "platform_names", "transports", "external_ids")
_TEXTS = ("audiences", "platforms", "platform_names", "external_ids")
_FLAGS = {
    "all_apps": ("app_ids_include", "app_groups_include"),
    "all_countries": ("countries_include",),
    "all_languages": ("languages_include",),
    "all_audiences": ("audiences_include", "audience_groups_include"),
}


def check(filter_: ManagementFilter) -> None:
    """Hold the rules that need no database; `InvalidInput` names the first one broken."""
    full = isinstance(filter_, Filter)
    for pair in (*_PAIRS, *(_MORE_PAIRS if full else ())):
        _check_pair(filter_, pair)
    for flag, includes in _FLAGS.items():
        _check_flag(filter_, flag, includes)
    _check_events(filter_)
    if isinstance(filter_, Filter):
        _check_tags(filter_.tags or ())
        _check_versions(filter_)
        _check_moments(filter_)


def period(name: str, text: str) -> timedelta:
    """A time as `5d10h30m`; `InvalidInput` unless it is more than nothing and at most 3650 days."""
    match = _PERIOD.fullmatch(text)
    length = timedelta(**{unit: int(number) for unit, number in match.groupdict("0").items()}) if match else None
    if not length or length > PERIOD_LIMIT:
        raise InvalidInput(f"{name} must be a time such as 30d or 12h30m, at most {PERIOD_LIMIT.days}d")
    return length


def version(name: str, text: str) -> list[int]:
    """The numbers of a version without zeros at its end; `InvalidInput` unless it is like `1.4.0`."""
    if not _VERSION.fullmatch(text):
        raise InvalidInput(f"{name} must be a version such as 1.4.0")
    numbers = [int(part) for part in text.split(".")]
    while len(numbers) > 1 and not numbers[-1]:
        numbers.pop()
    return numbers


def checked_text(name: str, value: str) -> str:
    """The text; `InvalidInput` if it is empty, too long or cannot be stored."""
    if not value or len(value) > TEXT_LIMIT or _UNUSABLE.search(value):
        raise InvalidInput(f"{name} has an entry that is empty, too long or not text")
    return value


def _check_pair(filter_: ManagementFilter, pair: str) -> None:
    include, exclude = filter_.listed(f"{pair}_include"), filter_.listed(f"{pair}_exclude")
    for side, values in (("include", include), ("exclude", exclude)):
        if len(values) > LIST_LIMIT:
            raise InvalidInput(f"{pair}_{side} has more than {LIST_LIMIT} entries")
        _check_entries(f"{pair}_{side}", pair, values)
    both = set(_normal(pair, include)) & set(_normal(pair, exclude))
    if both:
        raise InvalidInput(f"{pair}_include and {pair}_exclude both contain {_first(both)}")


def _check_entries(name: str, pair: str, values: Sequence[int] | Sequence[str]) -> None:
    if pair in _TEXTS:
        for value in values:
            checked_text(name, str(value))
    if pair == "transports":
        for value in values:
            if value not in TRANSPORTS:
                raise InvalidInput(f"{name} has {ascii(value)[:64]}, which is none of {', '.join(TRANSPORTS)}")


def _normal(pair: str, values: Sequence[int] | Sequence[str]) -> list[int | str]:
    if pair == "countries":
        return [country(str(value)) for value in values]
    if pair == "languages":
        return [language(str(value)) for value in values]
    return list(values)


def _check_flag(filter_: ManagementFilter, flag: str, includes: tuple[str, ...]) -> None:
    value = getattr(filter_, flag)
    filled = [name for name in includes if filter_.listed(name)]
    if value and filled:
        raise InvalidInput(f"{filled[0]} must be empty when {flag} is true")
    if value is False and not filled:
        raise InvalidInput(f"{includes[0]} must not be empty when {flag} is false")


def _check_events(filter_: ManagementFilter) -> None:
    for name, listed in (("event_include", filter_.events_included), ("event_exclude", filter_.events_excluded)):
        if len(listed) > LIST_LIMIT:
            raise InvalidInput(f"{name} has more than {LIST_LIMIT} entries")
    both = set(filter_.events_included) & set(filter_.events_excluded)
    if both:
        raise InvalidInput(f"event_include and event_exclude both contain {_first(both)}")


def _check_tags(tags: Sequence[TagRule]) -> None:
    if len(tags) > TAG_RULES_LIMIT:
        raise InvalidInput(f"tags has more than {TAG_RULES_LIMIT} entries")
    for rule in tags:
        if rule.equals is not None and rule.contains is not None:
            raise InvalidInput("an entry of tags has both equals and contains")
        for text in (rule.key, rule.equals, rule.contains):
            if text is not None:
                checked_text("tags", text)


def _check_versions(filter_: Filter) -> None:
    low, high = (
        None if text is None else version(name, text)
        for name, text in (("app_version_min", filter_.app_version_min), ("app_version_max", filter_.app_version_max))
    )
    if low and high and low > high:
        raise InvalidInput("app_version_min must not be above app_version_max")


def _check_moments(filter_: Filter) -> None:
    within, before = filter_.last_active_within, filter_.last_active_before
    longest = None if within is None else period("last_active_within", within)
    shortest = None if before is None else period("last_active_before", before)
    if longest and shortest and longest <= shortest:
        raise InvalidInput("last_active_within must be longer than last_active_before")
    for name in ("registered_from", "registered_to"):
        _check_moment(name, getattr(filter_, name))
    begin, end = filter_.registered_from, filter_.registered_to
    if begin and end and begin >= end:
        raise InvalidInput("registered_from must be before registered_to")


def _check_moment(name: str, moment: datetime | None) -> None:
    if moment is None:
        return
    if moment.tzinfo is None:
        raise InvalidInput(f"{name} must have a UTC offset, as in 2026-03-01T12:00:00Z")
    if moment.year not in _YEARS:
        raise InvalidInput(f"{name} must be from the years {_YEARS[0]} to {_YEARS[-1]}")


def _first(values: Iterable[int | str]) -> str:
    return ascii(min(values, key=str))[:64]
