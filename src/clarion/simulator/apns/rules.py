"""What APNs demands of headers and body of one notification; the texts are Apple's reasons."""

import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import msgspec

from clarion.simulator.apns.keys import Refused
from clarion.simulator.model import Head

PATH = re.compile(r"/3/device/([^/?]*)")
TOKEN = re.compile(r"(?:[0-9a-f]{2}){32,100}")
UUID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)
TOPIC = re.compile(r"[A-Za-z0-9.-]{1,255}")
LARGEST, LARGEST_VOIP = 4096, 5120
LONGEST_COLLAPSE_ID = 64
SUFFIXES: Mapping[str, str] = {
    "alert": "",
    "background": "",
    "voip": ".voip",
    "complication": ".complication",
    "fileprovider": ".pushkit.fileprovider",
    "location": ".location-query",
    "liveactivity": ".push-type.liveactivity",
    "pushtotalk": ".voip-ptt",
    "widgets": ".push-type.widgets",
    "controls": ".push-type.controls",
    "mdm": "",
}
"""Push type → what its topic ends with."""
TOKEN_KEY_ONLY = frozenset(("location", "liveactivity"))


@dataclass(frozen=True, slots=True)
class Notification:
    """What is needed of a notification that keeps the rules."""

    token: str
    topic: str
    """Without the suffix of its push type."""
    push_type: str


def check_address(head: Head) -> str:
    """The device token in the path. Raises `Refused`."""
    found = PATH.fullmatch(head.path)
    if found is None:
        raise Refused("BadPath")
    if head.method != "POST":
        raise Refused("MethodNotAllowed")
    if not found[1]:
        raise Refused("MissingDeviceToken")
    return found[1]


def check(head: Head, body: bytes, token: str) -> Notification:
    """Hold the rules that need no knowledge of keys and devices. Raises `Refused`."""
    counts = Counter(name for name, _ in head.pairs)
    if any(count > 1 for name, count in counts.items() if name.startswith("apns-") or name == "authorization"):
        raise Refused("DuplicateHeaders")
    push_type = head.fields.get("apns-push-type", "")
    if push_type not in SUFFIXES:
        raise Refused("InvalidPushType")
    topic = _topic(head.fields.get("apns-topic", ""), SUFFIXES[push_type])
    _check_values(head.fields, push_type)
    _check_body(body, LARGEST_VOIP if push_type == "voip" else LARGEST)
    if not TOKEN.fullmatch(token):
        raise Refused("BadDeviceToken")
    return Notification(token, topic, push_type)


def _topic(topic: str, suffix: str) -> str:
    if not topic:
        raise Refused("MissingTopic")
    if not TOPIC.fullmatch(topic) or not topic.endswith(suffix):
        raise Refused("BadTopic")
    return topic.removesuffix(suffix)


def _check_values(fields: Mapping[str, str], push_type: str) -> None:
    apns_id = fields.get("apns-id")
    if apns_id is not None and not UUID.fullmatch(apns_id):
        raise Refused("BadMessageId")
    expiration = fields.get("apns-expiration", "0")
    if not (expiration.isascii() and expiration.isdigit() and len(expiration) <= 10):
        raise Refused("BadExpirationDate")
    priority = fields.get("apns-priority", "10")
    if priority not in {"10", "5", "1"} or (push_type == "background" and priority != "5"):
        raise Refused("BadPriority")
    if not 0 < len(fields.get("apns-collapse-id", "-").encode()) <= LONGEST_COLLAPSE_ID:
        raise Refused("BadCollapseId")


def _check_body(body: bytes, largest: int) -> None:
    if len(body) > largest:
        raise Refused("PayloadTooLarge")
    if not content_of(body):
        raise Refused("PayloadEmpty")


def content_of(body: bytes) -> dict[str, Any]:
    """The payload; empty for everything that is not an object with an `aps` object."""
    try:
        content = msgspec.json.decode(body)
    except (msgspec.DecodeError, ValueError):
        return {}
    return content if isinstance(content, dict) and isinstance(content.get("aps"), dict) else {}
