"""The bodies of Huawei data messages (payloads.md §6, providers.md §7.3). Pure.

A translation is rendered once; tokens and message id are spliced in between byte fragments. Both are ASCII without
quotes and backslashes, so they are JSON already, also inside the JSON text that `data` is.
"""

import json
import re
from collections.abc import Sequence
from dataclasses import replace
from typing import Any, NamedTuple

from clarion.providers.collapse import group_number
from clarion.providers.contract import Content
from clarion.providers.options import merged
from clarion.providers.personal import encoded, nested
from clarion.providers.px import android_keys, px_keys

LONGEST_TTL = 1_296_000
"""Seconds; Huawei refuses more than 15 days."""

# Lone surrogates mark the slots: they survive json.dumps unescaped, and no text that can be encoded contains them.
_MSG_ID, _TOKENS = "\ud800", "\ud801"
_SLOTS = re.compile(f"[{_MSG_ID}{_TOKENS}]")


class Template(NamedTuple):
    """One rendered translation with open slots."""

    head: bytes
    before_tokens: bytes
    tail: bytes

    @property
    def fragments(self) -> Sequence[bytes]:
        """See `personal.Rendered`."""
        return self

    def with_fragments(self, fragments: Sequence[bytes]) -> "Template":
        """See `personal.Rendered`."""
        return Template(*fragments)

    def body(self, tokens: Sequence[str], msg_id: bytes) -> bytes:
        """The request body for these tokens; a token that stands twice would get the message twice."""
        listed = '","'.join(tokens).encode("ascii")
        return b"".join((self.head, msg_id, self.before_tokens, listed, self.tail))


def _text(value: dict[str, Any]) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def _data(content: Content) -> str:
    inner = replace(content, title=nested(content.title), text=nested(content.text), link=nested(content.link))
    return _text(px_keys(inner, _MSG_ID) | android_keys(content))


def _android(content: Content, ttl: int) -> dict[str, Any]:
    options = content.options
    android: dict[str, Any] = {
        "urgency": "HIGH" if options.urgent else "NORMAL",
        "ttl": f"{min(max(ttl, 1), LONGEST_TTL)}s",
    }
    return android | {"collapse_key": group_number(options.collapse_key)} if options.collapse_key else android


def render(content: Content, *, ttl: int) -> Template:
    """Render one translation; `ttl` is the remaining time to live in seconds."""
    fields = merged({"android": _android(content, ttl)}, content.options.raw.huawei)
    message = {"data": _data(content), **fields, "token": [_TOKENS]}
    text = _text({"validate_only": False, "message": message})
    return Template(*(encoded(part) for part in _SLOTS.split(text)))
