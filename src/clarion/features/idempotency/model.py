"""Idempotency keys and the answers kept for them. Pure."""

import re
from dataclasses import dataclass

from clarion.foundation.errors import ClarionError, Conflict, InvalidInput

HEADER = "Idempotency-Key"
REPLAYED_HEADER = "Idempotent-Replayed"
"""`true` on an answer that was given before."""
KEY_LIMIT = 255
KEY_PATTERN = rf"^[\x21-\x7e]([\x20-\x7e]{{0,{KEY_LIMIT - 2}}}[\x21-\x7e])?$"
KEPT_HOURS = 24
"""How long an answer is kept at least."""
KEYS_LIMIT = 1_000_000
"""Keys that one account may use within the time for which answers are kept."""

_KEY = re.compile(KEY_PATTERN)


class KeyReused(ClarionError):
    """The idempotency key was used before for another request; nothing was changed."""

    code = "idempotency_key_reused"


class StillRunning(Conflict):
    """The first call with this idempotency key has not been answered yet; `retry_after` is in seconds."""

    code = "idempotency_key_in_use"

    def __init__(self, message: str, *, retry_after: int = 1) -> None:
        super().__init__(message)
        self.retry_after = retry_after


@dataclass(frozen=True, slots=True)
class StoredAnswer:
    """What a successful call answered."""

    status: int
    body: bytes


def checked_key(text: str) -> str:
    """The key; `InvalidInput` unless it has 1 to 255 printable ASCII characters."""
    if not _KEY.fullmatch(text):
        raise InvalidInput(f"{HEADER} must have from 1 to {KEY_LIMIT} printable ASCII characters")
    return text
