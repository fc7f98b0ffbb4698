"""What a browser's service worker receives (payloads.md §4). Pure.

A translation is rendered once; only the message id differs per device. Ids are ASCII without quotes and backslashes,
so they are JSON already.
"""

import json
from dataclasses import dataclass

from clarion.providers.contract import Content

LONGEST_TTL = 2_419_200
"""Seconds; a longer wait has no meaning to any push service."""


@dataclass(frozen=True, slots=True)
class Template:
    """One rendered translation with an open slot for the message id."""

    head: bytes

    def text(self, msg_id: bytes) -> bytes:
        """The plain text for one device."""
        return b"".join((self.head, msg_id, b'"}'))


def render(content: Content) -> Template:
    """Render one translation; keys without a value are left out."""
    fields = {
        "title": content.title,
        "body": content.text,
        "icon": content.icon,
        "image": content.image,
        "url": content.link,
    }
    told = {name: value for name, value in fields.items() if value} | {"msg_id": ""}
    return Template(json.dumps(told, ensure_ascii=False, separators=(",", ":"))[:-2].encode())


def seconds(ttl: int) -> int:
    """The TTL header's value for so many seconds left."""
    return min(max(ttl, 0), LONGEST_TTL)
