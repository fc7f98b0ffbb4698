"""Event definitions: what travels, and the rules of codes (management-api.md §8)."""

import re

import msgspec

from clarion.foundation.errors import InvalidInput

CODE_LIMIT = 64
BITS = 126
"""Codes that one account can ever have, the system's and deleted ones included."""

_CODE = re.compile(r"[A-Za-z0-9_]+")


class EventDefinition(msgspec.Struct, frozen=True):
    """An event code of an account."""

    id: int
    name: str
    code: str
    status: int
    """1 active, 0 inactive: postbacks of an inactive code are ignored."""
    type: str
    """`CUSTOM` or `SYSTEM`."""


def checked_code(code: str) -> str:
    """The code; `InvalidInput` unless it is 1 to 64 letters, digits or underscores."""
    if not code:
        raise InvalidInput("code is required")
    if len(code) > CODE_LIMIT:
        raise InvalidInput(f"code must have at most {CODE_LIMIT} characters")
    if not _CODE.fullmatch(code):
        raise InvalidInput("code must hold letters, digits and underscores only")
    return code
