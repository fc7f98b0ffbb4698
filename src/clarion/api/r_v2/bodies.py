"""Bodies of the device API: JSON in, checked values out (sdk-api.md §2-4, reliability.md IN-2).

`null` is absent, unknown fields are ignored, the last of duplicate keys wins. What PostgreSQL or a client library
could not take later is refused here, also in fields that nobody reads.
"""

import re
from collections.abc import Iterator, Sequence
from typing import Any, TypeVar

import msgspec

from clarion.api.decoding import in_words
from clarion.features.devices.model import (
    TRANSPORTS,
    Info,
    count_of,
    country_of,
    language_of,
    moment_of,
    offset_of,
    seconds_of,
    tag_columns,
    zone_of,
)
from clarion.features.devices.token import token_of
from clarion.foundation.errors import InvalidInput

BODY_LIMIT = 16_384
"""Bytes."""
DEPTH_LIMIT = 32
TAG_LIMIT = 64
"""Tags of a device, and characters of a tag's key."""
TAG_VALUE_LIMIT = 256
TOKEN_LIMIT = 4096
ID_LIMIT = 256
"""Characters of ic_token and ext_id."""
NAME_LIMIT = 200
"""Characters kept of descriptive names; the rest is cut off."""
PLATFORM_LIMIT = 64

EVENTS = {"delivered": False, "delivery": False, "clicked": True, "click": True}
"""Notification events, with the aliases of older clients → whether it is a click."""
LIFECYCLE_EVENTS = frozenset({"onscreen", "background", "closed", "hbeat"})

_AS_ZEROS = bytes.maketrans(b"123456789", b"000000000")
_LONG_NUMBER = b"0" * 20
_STRING = re.compile(rb'"(?:[^"\\]++|\\.)*+(?:"|\\?\Z)', re.DOTALL)
"""A string, closed or not: every quote is met once, so that a body full of them takes no longer than another."""
_NUMBER_LIMIT = 2**63 - 1

Scalar = str | int | float | bool | None
Body = TypeVar("Body")


class SessionBody(msgspec.Struct):
    """POST /instances and POST …/deactivate."""

    ic_token: str | None = None
    ext_id: str | None = None


class InfoBody(msgspec.Struct):
    """PUT …/info."""

    transport_type: str | None = None
    transport_token: str | None = None
    platform_type: str | None = None
    platform_name: str | None = None
    agent_name: str | None = None
    country: str | None = None
    county: str | None = None
    lang: str | None = None
    tz_sec: Any = None
    tz_name: str | None = None
    tags: dict[str, Scalar] | None = None
    ext_id: str | None = None
    onscreen_count: Any = None
    onscreen_sec: Any = None
    onscreen_start_ts: Any = None
    onscreen_stop_ts: Any = None
    notif_perm_granted: bool | None = None


class NotificationBody(msgspec.Struct):
    """POST …/events/notification."""

    msg_id: str | None = None
    event: str | None = None


class LifecycleBody(msgspec.Struct):
    """POST …/events/lifecycle."""

    event: str | None = None


_session = msgspec.json.Decoder(SessionBody)
_info = msgspec.json.Decoder(InfoBody)
_notification = msgspec.json.Decoder(NotificationBody)
_lifecycle = msgspec.json.Decoder(LifecycleBody)


def read_session(body: bytes) -> tuple[str, str]:
    """Installation token and external id; `""` and absent external ids are equal."""
    told = _decode(body, _session)
    if not told.ic_token:
        raise InvalidInput("ic_token is required")
    _check_length("ic_token", told.ic_token, ID_LIMIT)
    return told.ic_token, _check_length("ext_id", told.ext_id or "", ID_LIMIT)


def read_info(body: bytes, *, webpush_hosts: Sequence[str]) -> Info:
    """What an info call tells, normalised."""
    told = _decode(body, _info)
    if not told.transport_type:
        raise InvalidInput("transport_type is required")
    if told.transport_type not in TRANSPORTS:
        raise InvalidInput("transport_type is unknown")
    if not told.platform_type:
        raise InvalidInput("platform_type is required")
    lang = language_of(told.lang)
    tags, audiences = tag_columns(_checked_tags(told.tags))
    _check_length("transport_token", told.transport_token or "", TOKEN_LIMIT)
    return Info(
        transport=told.transport_type,
        platform=_check_length("platform_type", told.platform_type, PLATFORM_LIMIT),
        token=token_of(told.transport_token, transport=told.transport_type, webpush_hosts=webpush_hosts),
        ext_id=_check_length("ext_id", told.ext_id or "", ID_LIMIT) or None,
        platform_name=_cut(told.platform_name),
        agent=_cut(told.agent_name),
        country=country_of(told.county if told.country is None else told.country),
        lang=lang,
        lang_tag=told.lang if lang else None,
        tz_name=zone_of(told.tz_name),
        tz_sec=offset_of(told.tz_sec),
        tags=tags,
        audiences=audiences,
        onscreen_count=count_of(told.onscreen_count),
        onscreen_sec=seconds_of(told.onscreen_sec),
        onscreen_start=moment_of(told.onscreen_start_ts),
        onscreen_stop=moment_of(told.onscreen_stop_ts),
        notif_perm_granted=told.notif_perm_granted,
    )


def read_notification(body: bytes) -> tuple[str, bool]:
    """The message id and whether the event is a click."""
    told = _decode(body, _notification)
    if not told.msg_id:
        raise InvalidInput("msg_id is required")
    if told.event not in EVENTS:
        raise InvalidInput("event must be delivered or clicked")
    return told.msg_id, EVENTS[told.event]


def read_lifecycle(body: bytes) -> None:
    """Check a lifecycle event; no body at all is a heartbeat (android 1.3-1.4)."""
    if body.strip() in {b"", b"null"}:
        return
    if _decode(body, _lifecycle).event not in LIFECYCLE_EVENTS:
        raise InvalidInput("event must be onscreen, background, closed or hbeat")


def _decode(body: bytes, decoder: msgspec.json.Decoder[Body]) -> Body:
    try:
        if body.count(b"[") + body.count(b"{") > DEPTH_LIMIT:
            _check_depth(body)
        document = msgspec.json.decode(body)
        if b"\\" in body or _LONG_NUMBER in body.translate(_AS_ZEROS):
            _check_values(document)
        return decoder.decode(body)
    except msgspec.ValidationError as error:
        raise InvalidInput(in_words(str(error))) from None
    except (msgspec.DecodeError, UnicodeError):
        raise InvalidInput("the body is not valid JSON") from None


def _check_depth(body: bytes) -> None:
    """Count brackets before parsing: a parser that recurses must not meet thousands of them."""
    depth = 0
    for byte in _STRING.sub(b"", body):
        depth += (byte in b"[{") - (byte in b"]}")
        if depth > DEPTH_LIMIT:
            raise InvalidInput(f"the body is nested more than {DEPTH_LIMIT} levels deep")


def _check_values(document: Any) -> None:
    """Look at every value of a body that holds escapes or long numbers."""
    for value in _walk(document):
        if isinstance(value, str):
            if "\0" in value:
                raise InvalidInput("text must not contain the character NUL")
        elif abs(value) > _NUMBER_LIMIT:
            raise InvalidInput("a whole number is too large")


def _walk(value: Any) -> Iterator[str | int]:
    if isinstance(value, str | int):
        yield value
    elif isinstance(value, list):
        for entry in value:
            yield from _walk(entry)
    elif isinstance(value, dict):
        for key, entry in value.items():
            yield key
            yield from _walk(entry)


def _checked_tags(told: dict[str, Scalar] | None) -> dict[str, str] | None:
    """Tags as text, `null` ones left out."""
    if told is None:
        return None
    if len(told) > TAG_LIMIT:
        raise InvalidInput(f"tags has more than {TAG_LIMIT} keys")
    tags = {key: _text(value) for key, value in told.items() if value is not None}
    for key, value in tags.items():
        _check_length("a key of tags", key, TAG_LIMIT)
        _check_length(f"tags[{key!r}]", value, TAG_VALUE_LIMIT)
    return tags


def _text(value: Scalar) -> str:
    return value if isinstance(value, str) else msgspec.json.encode(value).decode()


def _check_length(name: str, value: str, limit: int) -> str:
    if len(value) > limit:
        raise InvalidInput(f"{name} has more than {limit} characters")
    return value


def _cut(told: str | None) -> str | None:
    return told[:NAME_LIMIT] if told else None
