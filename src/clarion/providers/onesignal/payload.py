"""The bodies of OneSignal notifications (payloads.md §5, providers.md §6.2). Pure.

A translation is rendered once; recipients, key and message id are spliced in between byte fragments. All of them are
ASCII without quotes and backslashes, so they are JSON already.
"""

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from clarion.providers.contract import Content
from clarion.providers.links import fetchable

LONGEST_TTL = 2_419_200
"""Seconds; OneSignal refuses more."""

# Lone surrogates mark the slots: they survive json.dumps unescaped, and no text that can be encoded contains them.
_TOKENS, _KEY, _MSG_ID = "\ud800", "\ud801", "\ud802"
_SLOTS = re.compile(f"[{_TOKENS}{_KEY}{_MSG_ID}]")


@dataclass(frozen=True, slots=True)
class Template:
    """One rendered translation with open slots."""

    head: bytes
    before_key: bytes
    before_msg_id: bytes
    tail: bytes

    def body(self, tokens: Sequence[str], key: bytes, msg_id: bytes) -> bytes:
        """The request body for these subscriptions; `key` is 32 hex digits."""
        dashed = b"-".join((key[:8], key[8:12], key[12:16], key[16:20], key[20:]))
        listed = '","'.join(tokens).encode("ascii")
        return b"".join((self.head, listed, self.before_key, dashed, self.before_msg_id, msg_id, self.tail))


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


def _drawing(content: Content) -> dict[str, Any]:
    """The fields that OneSignal checks or fetches: only what it can use (providers.md §1.6)."""
    fields: dict[str, Any] = {}
    if fetchable(content.image):
        fields |= {"big_picture": content.image, "ios_attachments": {"id": content.image}}
    if fetchable(content.icon):
        fields["large_icon"] = content.icon
    if fetchable(content.link):
        fields["url"] = content.link
    return fields


def render(content: Content, *, app_id: str, ttl: int) -> Template:
    """Render one translation; `ttl` is the remaining time to live in seconds.

    The chosen translation stands under `en`, which OneSignal demands whatever the language is.
    """
    fields = {
        "app_id": app_id,
        "include_subscription_ids": [_TOKENS],
        "idempotency_key": _KEY,
        "headings": {"en": content.title},
        "contents": {"en": content.text},
        "data": _data(content),
        "mutable_content": True,
        "priority": 10,
        "ttl": min(max(ttl, 0), LONGEST_TTL),
        **_drawing(content),
    }
    text = json.dumps(fields, ensure_ascii=False, separators=(",", ":"))
    return Template(*(part.encode() for part in _SLOTS.split(text)))
