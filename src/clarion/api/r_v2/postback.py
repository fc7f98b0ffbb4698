"""Postbacks: a tracker or the owner's server says what a person did (sdk-api.md §7).

GET and POST count, HEAD and prefetches never do. There is no authentication: the external id is what the caller knows.
"""

import re
from collections.abc import Iterable
from urllib.parse import parse_qsl

from clarion.api.r_v2.answers import Answer, MethodNotAllowed, success
from clarion.features.devices.model import DEVICE_ID_LIMIT
from clarion.features.devices.service import DeviceService
from clarion.foundation.errors import InvalidInput, Unavailable

PATHS = frozenset({"/api/postback", "/api/postback/", "/api/r/v2/postback", "/api/r/v2/postback/"})
PATTERN = "/api/postback"
CONCURRENCY = 500
"""Postbacks in progress per process."""
QUERY_LIMIT = 4096
PARAMETER_LIMIT = 256

_STATUS = re.compile(r"(.+)_([0-9]{1,19})", re.DOTALL)
_OK = success(200, b'{"status":"ok"}')
_PREFETCH_HEADERS = frozenset({b"sec-purpose", b"purpose", b"x-purpose", b"x-moz"})


class Postbacks:
    """The postback address."""

    def __init__(self, devices: DeviceService) -> None:
        self._devices = devices
        self._running = 0

    async def answer(self, method: str, query: bytes, headers: Iterable[tuple[bytes, bytes]]) -> Answer:
        """Count one call. `InvalidInput` for missing parameters, `NotFound` for an unknown device or code."""
        if method == "HEAD" or (method in {"GET", "POST"} and is_prefetch(headers)):
            return _OK
        if method not in {"GET", "POST"}:
            raise MethodNotAllowed(f"{method[:16]} is not allowed here")
        if self._running >= CONCURRENCY:
            raise Unavailable("too many calls are waiting", retry_after=5)
        reference, code, account_id, txid = read_query(query)
        self._running += 1
        try:
            await self._devices.postback(account_id, code, reference=reference, txid=txid)
        finally:
            self._running -= 1
        return _OK


def is_prefetch(headers: Iterable[tuple[bytes, bytes]]) -> bool:
    """Whether a browser or scanner only looks ahead."""
    return any(name in _PREFETCH_HEADERS and b"pre" in value.lower() for name, value in headers)


def read_query(query: bytes) -> tuple[str, str, int, str | None]:
    """Device reference, event code, account and transaction id of a postback's address."""
    if len(query) > QUERY_LIMIT:
        raise InvalidInput(f"the query has more than {QUERY_LIMIT} bytes")
    try:
        told = dict(parse_qsl(query.decode("ascii"), errors="strict", max_num_fields=64))
    except (ValueError, UnicodeError):
        raise InvalidInput("the query is malformed") from None
    for name, value in told.items():
        if len(value) > PARAMETER_LIMIT or "\0" in value:
            raise InvalidInput(f"{name[:32]} is too long or not text")
    reference, status = told.get("id"), told.get("status")
    if not reference or not status:
        raise InvalidInput("id is required" if not reference else "status is required")
    match = _STATUS.fullmatch(status)
    if match is None or int(match[2]) > DEVICE_ID_LIMIT:
        raise InvalidInput("status must be an event code, an underscore and the account id")
    return reference, match[1], int(match[2]), told.get("txid")
