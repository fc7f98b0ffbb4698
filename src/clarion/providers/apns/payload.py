"""The body of an APNs notification (payloads.md §3). Pure.

A translation is rendered once; per device only the msg_id is spliced in, which is ASCII without quotes and backslashes
by construction, so it is JSON already.
"""

import json
from typing import NamedTuple

from clarion.providers.contract import Content

# A lone surrogate marks the slot: it survives json.dumps unescaped, and no text that can be encoded contains it.
_MSG_ID = "\ud800"


class Fragments(NamedTuple):
    """One rendered translation; `head + msg_id + tail` is the body."""

    head: bytes
    tail: bytes


def render(content: Content) -> Fragments:
    """Render one translation.

    Apple fetches no pictures: `mutable-content` lets the app's extension do it, which reads `px.image`.
    """
    message = {
        "aps": {"alert": {"title": content.title, "body": content.text}, "sound": "default", "mutable-content": 1},
        "px.fmt_ver": "1",
        "px.msg_id": _MSG_ID,
        "px.title": content.title,
        "px.body": content.text,
        "px.image": content.image,
        "px.icon": content.icon,
        "px.link": content.link,
    }
    text = json.dumps(message, ensure_ascii=False, separators=(",", ":"))
    head, tail = text.split(_MSG_ID)
    return Fragments(head.encode(), tail.encode())
