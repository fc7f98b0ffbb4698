"""The bodies of Huawei data messages (payloads.md §6, providers.md §7.3). Pure.

A translation is rendered once; tokens and message id are spliced in between byte fragments. Both are ASCII without
quotes and backslashes, so they are JSON already, also inside the JSON text that `data` is.
"""

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from clarion.providers.contract import Content

LONGEST_TTL = 1_296_000
"""Seconds; Huawei refuses more than 15 days."""

# Lone surrogates mark the slots: they survive json.dumps unescaped, and no text that can be encoded contains them.
_MSG_ID, _TOKENS = "\ud800", "\ud801"
_SLOTS = re.compile(f"[{_MSG_ID}{_TOKENS}]")


@dataclass(frozen=True, slots=True)
class Template:
    """One rendered translation with open slots."""

    head: bytes
    before_tokens: bytes
    tail: bytes

    def body(self, tokens: Sequence[str], msg_id: bytes) -> bytes:
        """The request body for these tokens; a token that stands twice would get the message twice."""
        listed = '","'.join(tokens).encode("ascii")
        return b"".join((self.head, msg_id, self.before_tokens, listed, self.tail))


def _text(value: dict[str, Any]) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


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


def render(content: Content, *, ttl: int) -> Template:
    """Render one translation; `ttl` is the remaining time to live in seconds."""
    message = {
        "data": _text(_data(content)),
        "android": {"urgency": "HIGH", "ttl": f"{min(max(ttl, 1), LONGEST_TTL)}s"},
        "token": [_TOKENS],
    }
    text = _text({"validate_only": False, "message": message})
    return Template(*(part.encode() for part in _SLOTS.split(text)))
