"""What a device is told to be, and the rules that turn its words into columns (sdk-api.md §3). Pure."""

import re
from collections.abc import Mapping
from enum import IntEnum
from functools import cache
from importlib import resources
from typing import NamedTuple

import msgspec

from clarion.features.devices.arrays import text_array

TRANSPORTS = frozenset({"fcm", "fcm.data", "apns", "webpush", "onesignal", "huawei"})
"""The values of `transport_type` (sdk-api.md §5)."""
DEVICE_ID_LIMIT = 2**63 - 1
OFFSET_LIMIT = 50_400
"""Seconds: no place on earth is further from UTC (14 hours)."""

_COUNTRY = re.compile(r"[A-Za-z]{2}")
_LANGUAGE = re.compile(r"[A-Za-z]{2,8}([-_][A-Za-z0-9]{1,8})*")
_LANGUAGE_LIMIT = 35
_COUNT_LIMIT = 2**31 - 1
_SECONDS_LIMIT = 2**53
_MOMENT_LIMIT = 4_102_444_800
_SYNONYMS = (("ad_id", "adID"), ("audiences", "segment"))
"""Tag keys that count as others when those are absent: (key, synonym)."""


class TokenState(IntEnum):
    """`device.token_state`."""

    NONE = 0
    VALID = 1
    INVALID = 2
    """The provider said so; only another token heals it."""
    SUPERSEDED = 3
    """Another active device of the app told the same token later."""
    UNUSABLE = 4
    """We refuse to send to it; `token_reason` says why."""


SUPERSEDED_REASON = "another device of the app has the token"


class DeviceKey(NamedTuple):
    """The address of a device."""

    app_id: int
    device_id: int


class Session(NamedTuple):
    """What makes a device the same device: (app, installation token, external id)."""

    app_id: int
    account_id: int
    ic_token: str
    ext_id: str


class Created(NamedTuple):
    """The answer to a creation."""

    device_id: int
    just_created: bool


class Token(NamedTuple):
    """A push token as told by a device; `state` is VALID or, with a reason, UNUSABLE."""

    text: str
    state: TokenState = TokenState.VALID
    reason: str | None = None


class Info(NamedTuple):
    """What an info call tells, as columns. None = not told: the column keeps its value."""

    transport: str
    platform: str
    token: Token | None = None
    ext_id: str | None = None
    platform_name: str | None = None
    agent: str | None = None
    country: str | None = None
    lang: str | None = None
    lang_tag: str | None = None
    tz_name: str | None = None
    tz_sec: int | None = None
    tags: str | None = None
    """A JSON object of strings."""
    audiences: str | None = None
    """A PostgreSQL array as text."""
    onscreen_count: int | None = None
    onscreen_sec: int | None = None
    onscreen_start: int | None = None
    onscreen_stop: int | None = None
    notif_perm_granted: bool | None = None


class Report(NamedTuple):
    """One info call."""

    key: DeviceKey
    info: Info


def merge(earlier: Info, later: Info) -> Info:
    """Two calls of one device as one: each field has the latest value told; a transport stays with its token."""
    pairs = zip(earlier, later, strict=True)
    merged = Info._make(old if new is None else new for old, new in pairs)
    if later.token is None and earlier.token is not None:
        return merged._replace(transport=earlier.transport)
    return merged


def country_of(told: str | None) -> str | None:
    """Upper-case alpha-2 code; None for anything else (`""` and `Unknown` are common)."""
    return told.upper() if told and _COUNTRY.fullmatch(told) else None


def language_of(told: str | None) -> str | None:
    """Lower-case primary subtag of a BCP 47 tag; None for anything else."""
    if not told or len(told) > _LANGUAGE_LIMIT or not _LANGUAGE.fullmatch(told):
        return None
    return re.split("[-_]", told, maxsplit=1)[0].lower()


def offset_of(told: object) -> int | None:
    """Seconds from UTC; None unless a whole number within ±14 hours (reliability.md TM-5)."""
    number = _whole(told)
    return number if number is not None and abs(number) <= OFFSET_LIMIT else None


def zone_of(told: str | None) -> str | None:
    """An IANA zone name that we know; None for anything else."""
    return told if told in _zones() else None


def count_of(told: object) -> int | None:
    """A number of times; None unless a whole number from 0 to 2^31 - 1."""
    return _within(told, _COUNT_LIMIT)


def seconds_of(told: object) -> int | None:
    """A duration in seconds; None unless a whole number from 0 to 2^53."""
    return _within(told, _SECONDS_LIMIT)


def moment_of(told: object) -> int | None:
    """Unix seconds; None unless between 1970 and 2100."""
    return _within(told, _MOMENT_LIMIT)


def tags_of(told: Mapping[str, str]) -> dict[str, str]:
    """Tags as stored: empty values are not set, synonyms stand under their name."""
    tags = {key: value for key, value in told.items() if value}
    for key, synonym in _SYNONYMS:
        if synonym in tags:
            value = tags.pop(synonym)
            tags.setdefault(key, value)
    return tags


def audiences_of(tags: Mapping[str, str]) -> list[str]:
    """The raw text of the tag `audiences` and its parts between commas, sorted, each once."""
    raw = tags.get("audiences", "")
    values = {raw, *(part.strip() for part in raw.split(","))}
    return sorted(value for value in values if value)


def tag_columns(told: Mapping[str, str] | None) -> tuple[str | None, str | None]:
    """The columns `tags` and `audiences` of a tags object; None both if none was told."""
    if told is None:
        return None, None
    tags = tags_of(told)
    return msgspec.json.encode(tags).decode(), text_array(audiences_of(tags))


def _whole(told: object) -> int | None:
    if isinstance(told, bool):
        return None
    if isinstance(told, float) and told.is_integer():
        return int(told)
    return told if isinstance(told, int) else None


def _within(told: object, limit: int) -> int | None:
    number = _whole(told)
    return number if number is not None and 0 <= number <= limit else None


@cache
def _zones() -> frozenset[str]:
    """The names in the pinned `tzdata` package (reliability.md TM-6)."""
    return frozenset(resources.files("tzdata").joinpath("zones").read_text("utf-8").split())
