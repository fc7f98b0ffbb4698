"""What Huawei accepts as a message (its page *Sending messages*, v1)."""

import re
from typing import NamedTuple

import msgspec

MOST_TOKENS = 1000
BODY_LIMIT = 4096
LONGEST_TTL = 1_296_000
_COLLAPSE_KEYS = range(-1, 101)
_TTL = re.compile(r"([0-9]{1,9})s")
_MESSAGE_FIELDS = frozenset({"data", "notification", "android", "token", "topic", "condition"})


class Parsed(NamedTuple):
    """A message as far as it can be read, and the code of its refusal."""

    tokens: list[str]
    message_id: str
    fault: str
    validate_only: bool


def _object(value: object) -> dict[str, object]:
    return value if isinstance(value, dict) else {}


def _json(text: object) -> dict[str, object]:
    try:
        return _object(msgspec.json.decode(text)) if isinstance(text, str | bytes) else {}
    except (msgspec.DecodeError, UnicodeDecodeError):
        return {}


def parse(body: bytes) -> Parsed:
    """Read the body of a request."""
    fields = _json(body)
    message = _object(fields.get("message"))
    listed = message.get("token")
    tokens = [str(token) for token in listed] if isinstance(listed, list) else []
    message_id = str(_json(message.get("data")).get("px.msg_id", ""))
    return Parsed(tokens, message_id, _fault(message, tokens, len(body)), fields.get("validate_only") is True)


def _fault(message: dict[str, object], tokens: list[str], size: int) -> str:
    if not tokens or message.keys() - _MESSAGE_FIELDS:
        return "80100001"
    if len(tokens) > MOST_TOKENS:
        return "80300010"
    if size - sum(len(token) + 3 for token in tokens) > BODY_LIMIT:
        return "80300008"
    data, android = message.get("data"), _object(message.get("android"))
    if not isinstance(data, str) or android.get("urgency", "NORMAL") not in ("HIGH", "NORMAL"):
        return "80100003"
    ttl = _TTL.fullmatch(str(android.get("ttl", "86400s")))
    if not ttl or not 0 < int(ttl[1]) <= LONGEST_TTL or android.get("collapse_key", -1) not in _COLLAPSE_KEYS:
        return "80100001"
    return _notification_fault(message, android)


def _notification_fault(message: dict[str, object], android: dict[str, object]) -> str:
    """What is shown on Android must say what a click does."""
    if "notification" not in message and "notification" not in android:
        return ""
    click = _object(_object(android.get("notification")).get("click_action"))
    return "" if click.get("type") in (1, 2, 3) else "80100003"
