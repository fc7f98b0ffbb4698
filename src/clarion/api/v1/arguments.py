"""Checks of arguments in the addresses of `/api/v1`: page sizes, cursors, ids and texts to narrow by."""

import re

from clarion.api.decoding import NUMBER_LIMIT
from clarion.features.deliveries.seen import Position
from clarion.foundation.errors import InvalidInput

LIMIT = 50
LIMIT_MAX = 500
_TEXT_LIMIT = 256
_UNUSABLE = re.compile("[\x00\ud800-\udfff]")
_NUMBER = re.compile(r"[1-9][0-9]{0,18}")


def page_size(limit: int | None) -> int:
    """How many entries a page has: 50 unless told otherwise, at most 500."""
    size = LIMIT if limit is None else limit
    if not 1 <= size <= LIMIT_MAX:
        raise InvalidInput(f"limit must be from 1 to {LIMIT_MAX}")
    return size


def before_id(cursor: str | None) -> int | None:
    """The id that a list by falling ids goes on below; None at its beginning."""
    return _number(cursor) if cursor else None


def after_position(cursor: str | None) -> Position | None:
    """Where a list by app and device goes on; None at its beginning."""
    if not cursor:
        return None
    app_id, _, device_id = cursor.partition("-")
    return Position(_number(app_id), _number(device_id))


def position_cursor(position: Position | None) -> str | None:
    """The cursor of a position."""
    return f"{position.app_id}-{position.device_id}" if position else None


def optional_id(name: str, number: int | None) -> int | None:
    """An id to narrow by."""
    if number is not None and number < 1:
        raise InvalidInput(f"{name} must be 1 or more")
    return number


def optional_text(name: str, text: str | None) -> str | None:
    """A text to narrow by."""
    if text is not None and (len(text) > _TEXT_LIMIT or _UNUSABLE.search(text)):
        raise InvalidInput(f"{name} is too long or not text")
    return text


def _number(text: str) -> int:
    if not _NUMBER.fullmatch(text) or int(text) > NUMBER_LIMIT:
        raise InvalidInput("cursor is not one that this list gave out; leave it away to begin")
    return int(text)
