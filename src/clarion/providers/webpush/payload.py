"""What a browser's service worker receives (payloads.md §4). Pure.

A translation is rendered once; only the message id differs per device. Ids are ASCII without quotes and backslashes,
so they are JSON already.
"""

import json
from collections.abc import Sequence
from typing import Any, NamedTuple

import msgspec

from clarion.providers.contract import Content
from clarion.providers.options import merged
from clarion.providers.personal import encoded

# A lone surrogate marks the slot: it survives json.dumps unescaped, and no text that can be encoded contains it.
_MSG_ID = "\ud800"


class Template(NamedTuple):
    """One rendered translation with an open slot for the message id."""

    head: bytes
    tail: bytes

    @property
    def fragments(self) -> Sequence[bytes]:
        """See `personal.Rendered`."""
        return self

    def with_fragments(self, fragments: Sequence[bytes]) -> "Template":
        """See `personal.Rendered`."""
        return Template(*fragments)

    def text(self, msg_id: bytes) -> bytes:
        """The plain text for one device."""
        return b"".join((self.head, msg_id, self.tail))


def _look(content: Content) -> dict[str, Any]:
    """Clarion's own keys: how its service worker shows the notification."""
    options, web = content.options, content.options.web
    return {
        "actions": msgspec.to_builtins(web.actions or options.actions),
        "require_interaction": web.require_interaction,
        "tag": web.tag,
        "renotify": web.renotify,
        "silent": web.silent or options.silent,
    }


def render(content: Content) -> Template:
    """Render one translation; keys without a value are left out."""
    fields = {
        "title": content.title,
        "body": content.text,
        "icon": content.icon,
        "image": content.image,
        "url": content.link,
        **_look(content),
    }
    told = {name: value for name, value in fields.items() if value} | {"msg_id": _MSG_ID}
    text = json.dumps(merged(told, content.options.raw.webpush), ensure_ascii=False, separators=(",", ":"))
    head, tail = text.split(_MSG_ID)
    return Template(encoded(head), encoded(tail))
