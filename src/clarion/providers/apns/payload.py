"""The body of an APNs notification (payloads.md §3). Pure.

A translation is rendered once; per device only the msg_id is spliced in, which is ASCII without quotes and backslashes
by construction, so it is JSON already.
"""

import json
from collections.abc import Sequence
from typing import NamedTuple

from clarion.providers import aps
from clarion.providers.contract import Content
from clarion.providers.options import merged
from clarion.providers.personal import encoded
from clarion.providers.px import px_keys

# A lone surrogate marks the slot: it survives json.dumps unescaped, and no text that can be encoded contains it.
_MSG_ID = "\ud800"


class Fragments(NamedTuple):
    """One rendered translation; `head + msg_id + tail` is the body."""

    head: bytes
    tail: bytes

    @property
    def fragments(self) -> Sequence[bytes]:
        """See `personal.Rendered`."""
        return self

    def with_fragments(self, fragments: Sequence[bytes]) -> "Fragments":
        """See `personal.Rendered`."""
        return Fragments(*fragments)


def _aps(content: Content) -> dict[str, object]:
    if content.options.silent:
        return aps.SILENT
    return {"alert": aps.alert(content), **aps.manner(content.options.ios)}


def render(content: Content) -> Fragments:
    """Render one translation."""
    message = {"aps": _aps(content), **px_keys(content, _MSG_ID)}
    text = json.dumps(merged(message, content.options.raw.apns), ensure_ascii=False, separators=(",", ":"))
    head, tail = text.split(_MSG_ID)
    return Fragments(encoded(head), encoded(tail))
