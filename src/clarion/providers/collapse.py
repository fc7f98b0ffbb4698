"""A user-chosen collapse key in the forms that providers take (providers.md §1.6). Pure."""

import hashlib
import re
import zlib
from base64 import urlsafe_b64encode

_TOPIC = re.compile(r"[A-Za-z0-9_-]{1,32}").fullmatch
_GROUPS = 100


def web_topic(key: str) -> str:
    """At most 32 characters of base64url: the key itself where it is such, else its digest."""
    return key if _TOPIC(key) else urlsafe_b64encode(hashlib.sha256(key.encode()).digest()[:24]).decode()


def group_number(key: str) -> int:
    """One of Huawei's groups 1 to 100: the key itself where it is such a number, else one drawn from its checksum."""
    if key.isascii() and key.isdigit() and 1 <= int(key) <= _GROUPS:
        return int(key)
    return zlib.crc32(key.encode()) % _GROUPS + 1
