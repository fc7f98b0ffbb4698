"""What OneSignal accepts as a notification (its page *Create notification*)."""

import re
from typing import NamedTuple

import msgspec

UUID = re.compile(r"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
MOST_RECIPIENTS = 2000
LONGEST_TTL = 2_419_200
DATA_LIMIT = 2048
_TARGETS = (
    "include_subscription_ids",
    "include_player_ids",
    "include_aliases",
    "include_external_user_ids",
    "included_segments",
    "filters",
)
_LINKS = ("url", "big_picture", "large_icon", "chrome_web_image", "chrome_web_icon")


class Parsed(NamedTuple):
    """A notification as far as it can be read, and why it is refused."""

    app_id: str
    tokens: list[str]
    message_id: str
    key: str
    fault: str


def parse(body: bytes) -> Parsed:
    """Read the body of a request."""
    try:
        fields = msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return Parsed("", [], "", "", "The request body is not JSON")
    if not isinstance(fields, dict):
        return Parsed("", [], "", "", "The request body is not an object")
    tokens = fields.get("include_subscription_ids") or fields.get("include_player_ids") or []
    listed = [str(token) for token in tokens] if isinstance(tokens, list) else []
    data = fields.get("data")
    message_id = str(data.get("px.msg_id", "")) if isinstance(data, dict) else ""
    key = str(fields.get("idempotency_key") or fields.get("external_id") or "")
    fault = _content_fault(fields) or _target_fault(fields, listed) or _option_fault(fields, key)
    return Parsed(str(fields.get("app_id", "")), listed, message_id, key, fault)


def _content_fault(fields: dict[str, object]) -> str:
    needless = {"headings", "contents"} if fields.get("content_available") is True else {"headings"}
    for name in ("contents", "headings"):
        words = fields.get(name)
        if words is None and name in needless:
            continue
        if not isinstance(words, dict) or not words.get("en"):
            return "Message Notifications must have English language content"
        if not all(isinstance(text, str) for text in words.values()):
            return f"{name} must map languages to texts"
    data = fields.get("data", {})
    if not isinstance(data, dict) or len(msgspec.json.encode(data)) > DATA_LIMIT:
        return f"data must be an object of at most {DATA_LIMIT} bytes"
    return ""


def _target_fault(fields: dict[str, object], tokens: list[str]) -> str:
    modes = [name for name in _TARGETS if name in fields]
    if len(modes) != 1 or not tokens:
        return "You must include which players, segments, or tags you wish to send this notification to."
    if len(tokens) > MOST_RECIPIENTS:
        return f"{modes[0]} has more than {MOST_RECIPIENTS} entries"
    for token in tokens:
        if not UUID.fullmatch(token):
            return f"Incorrect subscription_id format in {modes[0]} (not a valid UUID): {token}"
    return ""


def _option_fault(fields: dict[str, object], key: str) -> str:
    for name in _LINKS:
        link = fields.get(name)
        if link is not None and not (isinstance(link, str) and link.startswith(("https://", "http://"))):
            return f"{name} must be a valid URL"
    ttl = fields.get("ttl", 0)
    if type(ttl) is not int or not 0 <= ttl <= LONGEST_TTL:
        return f"ttl must be from 0 to {LONGEST_TTL}"
    if fields.get("priority", 10) not in (5, 10):
        return "priority must be 5 or 10"
    if key and not UUID.fullmatch(key):
        return "idempotency_key must be a UUID"
    return ""
