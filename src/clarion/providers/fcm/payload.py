"""The bodies of FCM messages: `fcm.data` (payloads.md §1) and `fcm` (payloads.md §2). Pure.

A translation is rendered once. What differs per device is spliced in between byte fragments; those values are ASCII
without quotes and backslashes (tokens by the pattern of providers.md §2.3, ids by construction), so they are JSON
already.
"""

import json
import re
from collections.abc import Sequence
from typing import Any, Protocol, Self

import msgspec

from clarion.providers import aps
from clarion.providers.collapse import web_topic
from clarion.providers.contract import Content
from clarion.providers.links import fetchable
from clarion.providers.options import LONGEST_TTL, Action, merged
from clarion.providers.personal import encoded
from clarion.providers.px import android_keys, px_keys

DATA_ONLY = "fcm.data"
"""The transport without a `notification` block; every other one gets the block."""

# Lone surrogates mark the slots: they survive json.dumps unescaped, and no text that can be encoded contains them.
_TOKEN, _MSG_ID, _UUID = "\ud800", "\ud801", "\ud802"
_SLOTS = re.compile(f"([{_TOKEN}{_MSG_ID}{_UUID}])")


class Template(Protocol):
    """One rendered translation with open slots."""

    @property
    def fragments(self) -> Sequence[bytes]:
        """The bytes between the slots."""

    def with_fragments(self, fragments: Sequence[bytes]) -> Self:
        """The same slots between other bytes."""

    def body(self, token: bytes, msg_id: bytes, uuid: bytes) -> bytes:
        """The request body for one device; `uuid` is 32 hex digits."""


class _DataTemplate:
    """The usual data message."""

    __slots__ = ("fragments",)

    def __init__(self, fragments: Sequence[bytes]) -> None:
        self.fragments = tuple(fragments)

    def with_fragments(self, fragments: Sequence[bytes]) -> Self:
        return type(self)(fragments)

    def body(self, token: bytes, msg_id: bytes, uuid: bytes) -> bytes:
        head, middle, tail = self.fragments
        return b"".join((head, token, middle, msg_id, tail))


class _NotificationTemplate(_DataTemplate):
    """The usual notification."""

    __slots__ = ()

    def body(self, token: bytes, msg_id: bytes, uuid: bytes) -> bytes:
        dashed = _dashed(uuid)
        head, middle, before_tag, before_collapse_id, tail = self.fragments
        return b"".join((head, token, middle, msg_id, before_tag, dashed, before_collapse_id, dashed, tail))


class _FreeTemplate:
    """Any message: options and raw blocks take slots away or move them."""

    __slots__ = ("_slots", "fragments")

    def __init__(self, fragments: Sequence[bytes], slots: Sequence[str]) -> None:
        self.fragments = tuple(fragments)
        self._slots = tuple(slots)

    def with_fragments(self, fragments: Sequence[bytes]) -> Self:
        return type(self)(fragments, self._slots)

    def body(self, token: bytes, msg_id: bytes, uuid: bytes) -> bytes:
        values = {_TOKEN: token, _MSG_ID: msg_id, _UUID: _dashed(uuid)}
        parts = [self.fragments[0]]
        for slot, fragment in zip(self._slots, self.fragments[1:], strict=True):
            parts += (values[slot], fragment)
        return b"".join(parts)


_USUAL: dict[tuple[str, ...], type[_DataTemplate]] = {
    (_TOKEN, _MSG_ID): _DataTemplate,
    (_TOKEN, _MSG_ID, _UUID, _UUID): _NotificationTemplate,
}


def _dashed(uuid: bytes) -> bytes:
    return b"-".join((uuid[:8], uuid[8:12], uuid[12:16], uuid[16:20], uuid[20:]))


def _android(content: Content, ttl: int) -> dict[str, Any]:
    options = content.options
    android = {"priority": "HIGH" if options.urgent else "NORMAL", "ttl": f"{min(max(ttl, 0), LONGEST_TTL)}s"}
    return android | {"collapse_key": options.collapse_key} if options.collapse_key else android


def _android_notification(content: Content) -> dict[str, Any]:
    """The look on Android, with the identity that makes a second delivery replace the first (providers.md §1.5)."""
    android = content.options.android
    look = {"channel_id": android.channel_id, "sound": android.sound, "color": android.color}
    tag = android.tag or content.options.collapse_key or _UUID
    return {"tag": tag, **{name: value for name, value in look.items() if value}}


def _notification(content: Content) -> dict[str, Any]:
    """What the system draws."""
    ios = content.options.ios
    notification = {"title": content.title, "body": content.text}
    headers = {"apns-collapse-id": content.options.collapse_key or _UUID}
    if not content.options.urgent:
        headers["apns-priority"] = "5"
    look = aps.manner(ios)
    if ios.subtitle:
        look = {"alert": aps.alert(content), **look}
    apns: dict[str, Any] = {"headers": headers, "payload": {"aps": look}}
    if fetchable(content.image):
        notification["image"] = content.image
        apns["fcm_options"] = {"image": content.image}
    return {"notification": notification, "apns": apns, **_webpush(content)}


def _webpush(content: Content) -> dict[str, Any]:
    """What browsers are told; nothing unless the push says something about them."""
    options, web = content.options, content.options.web
    headers = {
        "Urgency": "" if options.urgent else "normal",
        "Topic": web_topic(options.collapse_key) if options.collapse_key else "",
    }
    look = {
        "actions": [_button(one) for one in web.actions or options.actions],
        "requireInteraction": web.require_interaction,
        "tag": web.tag,
        "renotify": web.renotify,
        "silent": web.silent,
    }
    blocks = {"headers": _told(headers), "notification": _told(look)}
    return {"webpush": _told(blocks)} if any(blocks.values()) else {}


def _button(action: Action) -> dict[str, str]:
    return {"action": action.id, "title": action.title}


def _told(values: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in values.items() if value}


def _silent() -> dict[str, Any]:
    """What iOS needs to wake the app without showing anything (providers.md §3.4)."""
    headers = {"apns-push-type": "background", "apns-priority": "5"}
    return {"apns": {"headers": headers, "payload": {"aps": aps.SILENT}}}


def _message(content: Content, *, transport: str, ttl: int) -> dict[str, Any]:
    data, android = px_keys(content, _MSG_ID), _android(content, ttl)
    if transport == DATA_ONLY:
        return {"data": data | android_keys(content), "android": android}
    if content.options.silent:
        return {"data": data, "android": android, **_silent()}
    return {"data": data, "android": android | {"notification": _android_notification(content)}} | _notification(
        content
    )


def render(content: Content, *, transport: str, ttl: int, target: str = "token") -> Template:
    """Render one translation; `ttl` is the remaining time to live in seconds, `target` the recipient's field name."""
    message = {target: _TOKEN, **merged(_message(content, transport=transport, ttl=ttl), content.options.raw.fcm)}
    text = json.dumps({"message": message}, ensure_ascii=False, separators=(",", ":"))
    parts = _SLOTS.split(text)
    fragments, slots = [encoded(part) for part in parts[::2]], tuple(parts[1::2])
    usual = _USUAL.get(slots)
    return usual(fragments) if usual else _FreeTemplate(fragments, slots)


def counted(body: bytes) -> int:
    """What FCM counts of a body: keys and values of `notification` and `data` (providers.md §1.7)."""
    message = msgspec.json.decode(body)["message"]
    return sum(_size(message.get(block, {})) for block in ("notification", "data"))


def _size(block: Any) -> int:
    if not isinstance(block, dict):
        return len(str(block).encode())
    return sum(len(name.encode()) + _size(value) for name, value in block.items())
