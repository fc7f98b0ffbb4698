"""Identifiers: device ids, request ids, and the message identity that devices and providers see.

`msg_id` names (day, send, app, device) and carries a 64-bit keyed MAC, so that an event from a device finds its
delivery by primary key and a forged one is recognised without a look-up (design.md §4). The UUID that providers
need comes from the same fields. Both stay the same over all attempts.
"""

import hashlib
import hmac
import os
import secrets
import time
from dataclasses import dataclass
from datetime import date
from uuid import UUID

DEVICE_ID_BITS = 62
_MAC_DIGITS = 16
LONGEST_MSG_ID = len(b"%d.%d.%d.%d." % (date.max.toordinal(), 2**63 - 1, 2**63 - 1, 2**DEVICE_ID_BITS)) + _MAC_DIGITS
"""Bytes that a msg_id has at most."""
_ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"


def new_device_id() -> int:
    """A random 62-bit number, never 0: unguessable, since the device API knows no other secret."""
    return secrets.randbits(DEVICE_ID_BITS) or 1


def new_request_id() -> str:
    """26 characters, time-ordered (48 bits of milliseconds, 80 random bits), Crockford base 32."""
    number = (time.time_ns() // 1_000_000 << 80) | int.from_bytes(os.urandom(10), "big")
    return "".join(_ALPHABET[number >> shift & 31] for shift in range(125, -5, -5))


@dataclass(frozen=True, slots=True)
class MessageKey:
    """The key of one delivery. `device_id` is 0 where one msg_id serves a whole batch (OneSignal, Huawei)."""

    day: date
    send_id: int
    app_id: int
    device_id: int


class MessageIds:
    """Makes and checks message ids under the installation's message key."""

    def __init__(self, key: bytes) -> None:
        self._base = hashlib.blake2b(key=key, digest_size=24)

    def prefix(self, day: date, send_id: int, app_id: int) -> bytes:
        """The constant beginning of all message ids of one send and app, with its final dot."""
        return b"%d.%d.%d." % (day.toordinal(), send_id, app_id)

    def make(self, prefix: bytes, device_id: int) -> tuple[bytes, bytes]:
        """The msg_id and the 32 hex digits of the message's UUID, both as ASCII bytes."""
        fields = prefix + b"%d" % device_id
        digest = self._base.copy()
        digest.update(fields)
        text = digest.hexdigest().encode()
        return fields + b"." + text[:_MAC_DIGITS], text[_MAC_DIGITS:]

    def parse(self, msg_id: str) -> MessageKey | None:
        """The key inside a msg_id of ours; None for anything that we did not make."""
        if len(msg_id) > 128 or not msg_id.isascii():
            return None
        fields, _, mac = msg_id.rpartition(".")
        parts = fields.split(".")
        if len(parts) != 4 or not all(part.isdigit() for part in parts):
            return None
        digest = self._base.copy()
        digest.update(fields.encode())
        if not hmac.compare_digest(digest.hexdigest()[:_MAC_DIGITS], mac):
            return None
        day, send_id, app_id, device_id = map(int, parts)
        return MessageKey(date.fromordinal(day), send_id, app_id, device_id)


def dashed_uuid(digits: bytes) -> str:
    """The 8-4-4-4-12 form of 32 hex digits, lower case."""
    return str(UUID(hex=digits.decode()))
