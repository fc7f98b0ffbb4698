"""The bodies of FCM messages: `fcm.data` (payloads.md §1) and `fcm` (payloads.md §2). Pure.

A translation is rendered once. What differs per device is spliced in between byte fragments; those values are ASCII
without quotes and backslashes (tokens by the pattern of providers.md §2.3, ids by construction), so they are JSON
already.
"""

import json
import re
from dataclasses import dataclass
from typing import Any, Protocol

from clarion.providers.contract import Content
from clarion.providers.links import fetchable

DATA_ONLY = "fcm.data"
"""The transport without a `notification` block; every other one gets the block."""
LONGEST_TTL = 2_419_200
"""Seconds; FCM refuses more."""

# Lone surrogates mark the slots: they survive json.dumps unescaped, and no text that can be encoded contains them.
_TOKEN, _MSG_ID, _UUID = "\ud800", "\ud801", "\ud802"
_SLOTS = re.compile(f"[{_TOKEN}{_MSG_ID}{_UUID}]")


class Template(Protocol):
    """One rendered translation with open slots."""

    def body(self, token: bytes, msg_id: bytes, uuid: bytes) -> bytes:
        """The request body for one device; `uuid` is 32 hex digits."""


@dataclass(frozen=True, slots=True)
class _DataTemplate:
    head: bytes
    middle: bytes
    tail: bytes

    def body(self, token: bytes, msg_id: bytes, uuid: bytes) -> bytes:
        return b"".join((self.head, token, self.middle, msg_id, self.tail))


@dataclass(frozen=True, slots=True)
class _NotificationTemplate:
    head: bytes
    middle: bytes
    before_tag: bytes
    before_collapse_id: bytes
    tail: bytes

    def body(self, token: bytes, msg_id: bytes, uuid: bytes) -> bytes:
        dashed = b"-".join((uuid[:8], uuid[8:12], uuid[12:16], uuid[16:20], uuid[20:]))
        return b"".join(
            (
                self.head,
                token,
                self.middle,
                msg_id,
                self.before_tag,
                dashed,
                self.before_collapse_id,
                dashed,
                self.tail,
            )
        )


def _data(content: Content) -> dict[str, str]:
    return {
        "px.fmt_ver": "1",
        "px.msg_id": _MSG_ID,
        "px.title": content.title,
        "px.body": content.text,
        "px.image": content.image,
        "px.icon": content.icon,
        "px.link": content.link,
    }


def _android(ttl: int) -> dict[str, Any]:
    return {"priority": "HIGH", "ttl": f"{min(max(ttl, 0), LONGEST_TTL)}s"}


def _notification(content: Content) -> dict[str, Any]:
    """What the system draws, with the identity that makes a second delivery replace the first (providers.md §1.5)."""
    notification = {"title": content.title, "body": content.text}
    apns: dict[str, Any] = {
        "headers": {"apns-collapse-id": _UUID},
        "payload": {"aps": {"sound": "default", "mutable-content": 1}},
    }
    if fetchable(content.image):
        notification["image"] = content.image
        apns["fcm_options"] = {"image": content.image}
    return {"notification": notification, "apns": apns}


def _fragments(message: dict[str, Any]) -> list[bytes]:
    text = json.dumps({"message": message}, ensure_ascii=False, separators=(",", ":"))
    return [part.encode() for part in _SLOTS.split(text)]


def render(content: Content, *, transport: str, ttl: int, target: str = "token") -> Template:
    """Render one translation; `ttl` is the remaining time to live in seconds, `target` the recipient's field name."""
    message: dict[str, Any] = {target: _TOKEN, "data": _data(content), "android": _android(ttl)}
    if transport == DATA_ONLY:
        return _DataTemplate(*_fragments(message))
    message["android"]["notification"] = {"tag": _UUID}
    return _NotificationTemplate(*_fragments(message | _notification(content)))
