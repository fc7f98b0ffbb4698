"""Which options a push may have (beyond the limits in their types), and what raw blocks must leave alone. Pure."""

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import msgspec

from clarion.foundation.errors import InvalidInput
from clarion.providers.options import Action, Options

RAW_LIMIT = 4096
"""Bytes of JSON of one provider's raw block: no provider takes more."""

_COLLAPSE_KEY = re.compile(r"[\x21-\x7e]{0,64}").fullmatch
_COLOR = re.compile(r"(?:#[0-9A-Fa-f]{6})?").fullmatch
_ACTION_ID = re.compile(r"[A-Za-z0-9_.-]+").fullmatch
_RESERVED_DATA = re.compile(r"from|message_type|(?:google|gcm).*").fullmatch

FORBIDDEN: Mapping[str, frozenset[str]] = {
    "fcm": frozenset({"token", "fid", "topic", "condition", "data.px.msg_id"}),
    "apns": frozenset({"px.msg_id"}),
    "webpush": frozenset({"msg_id"}),
    "onesignal": frozenset(
        {
            "app_id", "idempotency_key", "external_id", "data.px.msg_id", "include_subscription_ids",
            "include_player_ids", "include_aliases", "include_external_user_ids", "include_email_tokens",
            "include_phone_numbers", "target_channel", "included_segments", "excluded_segments", "filters",
            "send_after", "delayed_option", "delivery_time_of_day", "throttle_rate_per_minute",
        }
    ),
    "huawei": frozenset({"token", "topic", "condition", "data"}),
}  # fmt: skip
"""What says who gets a message, when, and which message it is: dispatch's own business."""
OBJECTS: Mapping[str, frozenset[str]] = {
    "fcm": frozenset(
        {
            "data", "notification", "android", "android.notification", "apns", "apns.headers", "apns.payload",
            "apns.payload.aps", "apns.fcm_options", "webpush", "webpush.headers", "webpush.notification", "fcm_options",
        }
    ),
    "apns": frozenset({"aps", "aps.alert"}),
    "webpush": frozenset(),
    "onesignal": frozenset({"data", "headings", "contents", "subtitle", "ios_attachments"}),
    "huawei": frozenset({"android", "android.notification"}),
}  # fmt: skip
"""What only an object can be merged into."""
_KEPT = frozenset({"data"})
"""Objects that cannot be removed: they carry the message id."""


def checked(options: Options) -> Options:
    """The options; `InvalidInput` names the first rule they break."""
    _check_text(options)
    if not _COLLAPSE_KEY(options.collapse_key):
        raise InvalidInput("options.collapse_key must be visible ASCII characters without spaces")
    if not _COLOR(options.android.color):
        raise InvalidInput("options.android.color must be written #RRGGBB")
    _check_actions(options.actions, "options.actions")
    _check_actions(options.web.actions, "options.web.actions")
    for provider in FORBIDDEN:
        _check_raw(provider, getattr(options.raw, provider) or {})
    return options


def _check_text(options: Options) -> None:
    try:
        text = msgspec.json.encode(options)
    except UnicodeEncodeError:
        raise InvalidInput("options contain half of a surrogate pair") from None
    if b"\\u0000" in text:
        raise InvalidInput("options contain the character NUL")


def _check_actions(actions: Sequence[Action], where: str) -> None:
    ids = [action.id for action in actions]
    for action in actions:
        if not _ACTION_ID(action.id):
            raise InvalidInput(f"the id of an entry of {where} must be letters, digits, dots, dashes and underscores")
        if not action.title.strip():
            raise InvalidInput(f"the title of an entry of {where} is required")
        if ids.count(action.id) > 1:
            raise InvalidInput(f"{where} contains the id {action.id} twice")


def _check_raw(provider: str, raw: Mapping[str, Any]) -> None:
    where = f"options.raw.{provider}"
    if len(msgspec.json.encode(raw)) > RAW_LIMIT:
        raise InvalidInput(f"{where} is longer than {RAW_LIMIT} bytes")
    for path, value in _paths(raw):
        if path in FORBIDDEN[provider]:
            raise InvalidInput(f"{where} must not contain {path}")
        if path in OBJECTS[provider] and not (isinstance(value, Mapping) or (value is None and path not in _KEPT)):
            raise InvalidInput(f"{where}.{path} must be an object")
    if provider == "fcm":
        _check_fcm_data(raw.get("data", {}))


def _paths(raw: Mapping[str, Any], before: str = "") -> Iterator[tuple[str, Any]]:
    """Every key with its value, the keys of objects joined by dots."""
    for key, value in raw.items():
        yield before + key, value
        if isinstance(value, Mapping):
            yield from _paths(value, f"{before}{key}.")


def _check_fcm_data(data: Mapping[str, Any]) -> None:
    for key, value in data.items():
        if _RESERVED_DATA(key):
            raise InvalidInput(f"options.raw.fcm.data.{key[:64]} is reserved by Google")
        if value is not None and not isinstance(value, str):
            raise InvalidInput(f"options.raw.fcm.data.{key[:64]} must be text")
