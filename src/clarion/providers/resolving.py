"""Names to addresses, for connections that are only ever made to the public internet (reliability.md SS-3, SS-4).

Whoever connects must connect to an address from here and not resolve the name again: it could then lead elsewhere.
"""

import asyncio
import socket
from collections.abc import Awaitable, Callable, Sequence

from clarion.foundation.addresses import is_public

Resolve = Callable[[str, int], Awaitable[Sequence[str]]]
"""All IP addresses of a host, best first; `OSError` when it has none."""


class NotPublic(OSError):
    """A host has an address that does not belong to the public internet."""


async def look_up(host: str, port: int) -> Sequence[str]:
    """What the system's resolver says. Raises `OSError`."""
    loop = asyncio.get_running_loop()
    found = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_ADDRCONFIG)
    return [str(entry[4][0]) for entry in found]


async def public_addresses(host: str, port: int, *, resolve: Resolve = look_up) -> Sequence[str]:
    """The addresses of a host, all of which are public.

    One that is not spoils them all: whoever answers with both is up to something. Raises `OSError`, `NotPublic`.
    """
    addresses = await resolve(host, port)
    if not addresses or not all(map(is_public, addresses)):
        raise NotPublic(f"{host} leads to no public address")
    return addresses
