"""The bodies of OneSignal notifications (payloads.md §5, providers.md §6.2). Pure.

A translation is rendered once; recipients, key and message id are spliced in between byte fragments. All of them are
ASCII without quotes and backslashes, so they are JSON already.
"""

import json
import re
from collections.abc import Sequence
from typing import Any, NamedTuple

import msgspec

from clarion.providers.collapse import web_topic
from clarion.providers.contract import Content
from clarion.providers.links import fetchable
from clarion.providers.options import LONGEST_TTL, Action, merged
from clarion.providers.personal import encoded
from clarion.providers.px import px_keys

_UUID = re.compile(r"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}").fullmatch

# Lone surrogates mark the slots: they survive json.dumps unescaped, and no text that can be encoded contains them.
_TOKENS, _KEY, _MSG_ID = "\ud800", "\ud801", "\ud802"
_SLOTS = re.compile(f"[{_TOKENS}{_KEY}{_MSG_ID}]")


class Template(NamedTuple):
    """One rendered translation with open slots."""

    head: bytes
    before_key: bytes
    before_msg_id: bytes
    tail: bytes

    @property
    def fragments(self) -> Sequence[bytes]:
        """See `personal.Rendered`."""
        return self

    def with_fragments(self, fragments: Sequence[bytes]) -> "Template":
        """See `personal.Rendered`."""
        return Template(*fragments)

    def body(self, tokens: Sequence[str], key: bytes, msg_id: bytes) -> bytes:
        """The request body for these subscriptions; `key` is 32 hex digits."""
        dashed = b"-".join((key[:8], key[8:12], key[12:16], key[16:20], key[20:]))
        listed = '","'.join(tokens).encode("ascii")
        return b"".join((self.head, listed, self.before_key, dashed, self.before_msg_id, msg_id, self.tail))


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


def _look(content: Content) -> dict[str, Any]:
    """The push's options in OneSignal's words; only what is set."""
    options, android, ios = content.options, content.options.android, content.options.ios
    channel = "android_channel_id" if _UUID(android.channel_id) else "existing_android_channel_id"
    look = {
        channel: android.channel_id,
        "android_sound": android.sound,
        "android_accent_color": f"FF{android.color[1:].upper()}" if android.color else "",
        "ios_sound": "nil" if ios.sound == "" else ios.sound,
        "thread_id": ios.thread_id,
        "ios_category": ios.category,
        "ios_interruption_level": (ios.interruption_level or "").replace("-", "_"),
        "ios_relevance_score": ios.relevance_score,
        "subtitle": {"en": ios.subtitle} if ios.subtitle else None,
        "buttons": [{"id": one.id, "text": one.title} for one in options.actions],
        "web_buttons": [_web_button(one) for one in options.web.actions or options.actions],
    }
    if ios.badge is not None:
        look |= {"ios_badgeType": "SetTo", "ios_badgeCount": ios.badge}
    return {name: value for name, value in look.items() if value not in (None, "", [])}


def _web_button(action: Action) -> dict[str, str]:
    button = {"id": action.id, "text": action.title}
    return button | {"url": action.link} if fetchable(action.link) else button


def _replacing(key: str) -> dict[str, str]:
    """What makes a later message take the place of this one."""
    return {"collapse_id": key, "web_push_topic": web_topic(key)} if key else {}


def _shown(content: Content) -> dict[str, Any]:
    """Words and looks; a silent notification has neither."""
    if content.options.silent:
        return {"content_available": True}
    words = {"headings": {"en": content.title}, "contents": {"en": content.text}, "mutable_content": True}
    return words | _drawing(content) | _look(content)


def render(content: Content, *, app_id: str, ttl: int) -> Template:
    """Render one translation; `ttl` is the remaining time to live in seconds.

    The chosen translation stands under `en`, which OneSignal demands whatever the language is.
    """
    fields = {
        "data": px_keys(content, _MSG_ID),
        "priority": 10 if content.options.urgent else 5,
        "ttl": min(max(ttl, 0), LONGEST_TTL),
        **_replacing(content.options.collapse_key),
        **_shown(content),
    }
    text = json.dumps(
        {
            "app_id": app_id,
            "include_subscription_ids": [_TOKENS],
            "idempotency_key": _KEY,
            **merged(fields, content.options.raw.onesignal),
        },
        ensure_ascii=False,
        separators=(",", ":"),
    )
    return Template(*(encoded(part) for part in _SLOTS.split(text)))


def counted(body: bytes) -> int:
    """Bytes of the `data` of a body, which OneSignal limits (providers.md §1.7)."""
    return len(msgspec.json.encode(msgspec.json.decode(body)["data"]))
