"""Postbacks: a tracker or the owner's server says what a person did (sdk-api.md §7).

GET and POST count, HEAD and prefetches never do. There is no authentication: the external id is what the caller knows,
unless the account demands more.
"""

import re
from collections import OrderedDict
from collections.abc import Iterable
from urllib.parse import parse_qsl

from clarion.api.r_v2.addresses import client_network
from clarion.api.r_v2.answers import Answer, MethodNotAllowed, success
from clarion.features.devices.model import DEVICE_ID_LIMIT
from clarion.features.devices.service import DeviceService
from clarion.features.events.postbacks import Demands, PostbackService
from clarion.foundation.clock import Clock
from clarion.foundation.errors import Forbidden, InvalidInput, NotFound, Unavailable

PATHS = frozenset({"/api/postback", "/api/postback/", "/api/r/v2/postback", "/api/r/v2/postback/"})
PATTERN = "/api/postback"
CONCURRENCY = 500
"""Postbacks in progress per process."""
DEMANDS_KEPT = 3.0
"""Seconds after which an account's options are read again."""
ACCOUNTS_KEPT = 5_000
QUERY_LIMIT = 4096
PARAMETER_LIMIT = 256

_STATUS = re.compile(r"(.+)_([0-9]{1,19})", re.DOTALL)
_OK = success(200, b'{"status":"ok"}')
_PREFETCH_HEADERS = frozenset({b"sec-purpose", b"purpose", b"x-purpose", b"x-moz"})


Told = tuple[str, str, int, str | None]
"""Device reference, event code, account and transaction id."""


class Postbacks:
    """The postback address."""

    def __init__(self, devices: DeviceService, options: PostbackService, *, clock: Clock) -> None:
        self._devices = devices
        self._options = options
        self._clock = clock
        self._running = 0
        self._known: OrderedDict[int, tuple[float, Demands]] = OrderedDict()

    async def answer(
        self, method: str, query: bytes, headers: Iterable[tuple[bytes, bytes]], *, peer: str | None
    ) -> Answer:
        """Count one call. `InvalidInput` for missing parameters; `NotFound` for an unknown device or code and
        `Forbidden` for what the account does not accept, unless it wants quiet.
        """
        if method == "HEAD" or (method in {"GET", "POST"} and is_prefetch(headers)):
            return _OK
        if method not in {"GET", "POST"}:
            raise MethodNotAllowed(f"{method[:16]} is not allowed here")
        if self._running >= CONCURRENCY:
            raise Unavailable("too many calls are waiting", retry_after=5)
        told = read_query(query)
        self._running += 1
        try:
            await self._count(told, query, client_network(peer, headers))
        finally:
            self._running -= 1
        return _OK

    async def _count(self, told: Told, query: bytes, address: str) -> None:
        reference, code, account_id, txid = told
        demands = await self._demands(account_id)
        options = demands.options
        try:
            if refusal := demands.refuse(query.decode("ascii"), address):
                raise Forbidden(refusal)
            await self._devices.postback(
                account_id, code, reference=reference, txid=txid, fires=options.starts_auto_push
            )
        except (Forbidden, NotFound):
            if not options.quiet:
                raise

    async def _demands(self, account_id: int) -> Demands:
        """What the account demands, at most some seconds old."""
        now = self._clock.monotonic()
        kept = self._known.get(account_id)
        if kept is not None and kept[0] > now:
            return kept[1]
        demands = await self._options.demands(account_id)
        self._known[account_id] = now + DEMANDS_KEPT, demands
        self._known.move_to_end(account_id)
        if len(self._known) > ACCOUNTS_KEPT:
            self._known.popitem(last=False)
        return demands


def is_prefetch(headers: Iterable[tuple[bytes, bytes]]) -> bool:
    """Whether a browser or scanner only looks ahead."""
    return any(name in _PREFETCH_HEADERS and b"pre" in value.lower() for name, value in headers)


def read_query(query: bytes) -> Told:
    """What a postback's address tells."""
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
