"""Names in the address of a call: which app, which device, and which network it comes from.

`<app>-<account>` and bare numbers (sdk-api.md §1, decisions.md 7-8); an installation token in place of a device id
(flutter, sdk-api.md §8).
"""

import asyncio
import ipaddress
import re
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Iterable

from clarion.features.devices.model import DEVICE_ID_LIMIT
from clarion.foundation.clock import Clock
from clarion.foundation.errors import InvalidInput, NotFound

APP_TTL = 5.0
"""Seconds that what we know of an app is used again."""
APP_LIMIT = 10_000
"""Apps remembered, existing or not."""

_APP = re.compile(r"([0-9]{1,100})(?:-([0-9]{1,100}))?")
_INTEGER = re.compile(r"[+-]?[0-9]+")
_UUID = re.compile(r"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")

NO_APP = "no such app"
NO_DEVICE = "no such instance"


class AppDirectory:
    """App id on the wire → (app, account)."""

    def __init__(self, account_of: Callable[[int], Awaitable[int | None]], *, clock: Clock) -> None:
        self._account_of = account_of
        self._clock = clock
        self._known: OrderedDict[int, tuple[float, asyncio.Future[int | None]]] = OrderedDict()

    async def find(self, text: str) -> tuple[int, int]:
        """The app and its account. `InvalidInput` if unparsable, `NotFound` if unknown or of another account."""
        match = _APP.fullmatch(text)
        if match is None:
            raise _unparsable(text)
        app_id = int(match[1])
        account_id = await self._account(app_id) if 0 < app_id <= DEVICE_ID_LIMIT else None
        if match[2] is None and account_id is None:
            raise _unparsable(text)
        if account_id is None or (match[2] is not None and int(match[2]) != account_id):
            raise NotFound(NO_APP)
        return app_id, account_id

    async def _account(self, app_id: int) -> int | None:
        """One look-up serves all calls that wait for it; a failed one is not kept."""
        now = self._clock.monotonic()
        known = self._known.get(app_id)
        if known is not None and now < known[0] and not _has_failed(known[1]):
            future = known[1]
        else:
            future = self._look_up(app_id, now)
        return future.result() if future.done() else await asyncio.shield(future)

    def _look_up(self, app_id: int, now: float) -> asyncio.Future[int | None]:
        future = asyncio.ensure_future(self._account_of(app_id))
        self._known[app_id] = (now + APP_TTL, future)
        self._known.move_to_end(app_id)
        if len(self._known) > APP_LIMIT:
            self._known.popitem(last=False)
        return future


def _has_failed(future: asyncio.Future[int | None]) -> bool:
    return future.done() and (future.cancelled() or future.exception() is not None)


def _unparsable(text: str) -> InvalidInput:
    return InvalidInput(f"can't parse app_id {text[:64]!r}")


def device_id(text: str) -> int | str:
    """The device id of a path, or the installation token that stands in its place.

    `InvalidInput` if it is neither; `NotFound` for an integer that no device can have.
    """
    if text.isascii() and text.isdigit() and len(text) < 20:
        number = int(text)
        if 0 < number <= DEVICE_ID_LIMIT:
            return number
    if _UUID.fullmatch(text):
        return text
    if _INTEGER.fullmatch(text):
        raise NotFound(NO_DEVICE)
    raise InvalidInput("can't parse ic_id")


def client_network(peer: str | None, headers: Iterable[tuple[bytes, bytes]]) -> str:
    """What creation is limited by: the client's IPv4 address or IPv6 /64.

    A peer on this machine or a private network is taken for a reverse proxy, whose last X-Forwarded-For entry counts.
    """
    address = _address(peer)
    if address is None or address.is_private:
        forwarded = [value for name, value in headers if name == b"x-forwarded-for"]
        last = forwarded[-1].decode("latin-1").rpartition(",")[2].strip() if forwarded else ""
        address = _address(last) or address
    if address is None:
        return "unknown"
    if isinstance(address, ipaddress.IPv6Address):
        return str(ipaddress.IPv6Network((address, 64), strict=False))
    return str(address)


def _address(text: str | None) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        address = ipaddress.ip_address(text or "")
    except ValueError:
        return None
    return getattr(address, "ipv4_mapped", None) or address
