"""Requests to addresses that accounts have named: only ever to the public internet (reliability.md SS-3, SS-4).

A name is resolved once, every address it has is checked, and the connection goes to a checked address: resolving the
name again, or following a redirect, could lead elsewhere.
"""

import asyncio
import socket
from collections import OrderedDict
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace

from clarion.foundation.addresses import Target, is_public, target_of
from clarion.providers.http import HttpAnswer, HttpClient, HttpError, HttpOptions
from clarion.providers.resolving import Resolve, public_addresses
from clarion.providers.transport import Failure

_CLIENTS = 64
_RESOLVERS = 16
_PORTS = frozenset({443, 8443})
_UNREACHABLE = "no connection"
"""For whatever prevents one: the text must not tell what exists inside the operator's network (SS-7)."""


class Refused(Exception):
    """The address is not one that may be reached."""


@dataclass(frozen=True, slots=True)
class GuardedOptions:
    """Bounds of every exchange. Seconds unless said otherwise."""

    hosts: tuple[str, ...] = ()
    """`host[:port]` that the operator allows whatever their addresses, ports and scheme."""
    timeout: float = 10.0
    """For resolving, connecting and the whole answer together."""
    connect_timeout: float = 5.0
    body_limit: int = 4096
    """Bytes of an answer that are read."""
    ca_file: str | None = None


def check_target(url: str, hosts: Sequence[str]) -> Target:
    """Where the address leads; `Refused` with the reason when it is never reached, whatever its name resolves to."""
    target = target_of(url)
    if target is None:
        raise Refused("must be an absolute https address without user information or fragment")
    if target.named_in(hosts):
        return target
    if target.scheme != "https":
        raise Refused("must begin with https://")
    if target.port not in _PORTS:
        raise Refused("must have port 443 or 8443")
    if target.literal is not None and not is_public(target.host):
        raise Refused("must lead to a public host")
    return target


class GuardedHttp:
    """A client for addresses that accounts name. No redirects, no proxy, no second resolution."""

    def __init__(self, options: GuardedOptions, *, resolve: Resolve | None = None) -> None:
        self._options = options
        self._resolvers = ThreadPoolExecutor(_RESOLVERS, thread_name_prefix="resolve")
        self._resolve = resolve or self._look_up
        self._clients: OrderedDict[tuple[Target, str], HttpClient] = OrderedDict()

    async def post(self, url: str, *, headers: Iterable[tuple[str, str]], body: bytes) -> HttpAnswer:
        """One exchange with an answer of whatever status, its body cut.

        Raises:
            HttpError: No complete answer in time, or no address that may be reached.
            Refused: The address itself is not allowed (any more).
        """
        target = check_target(url, self._options.hosts)
        try:
            async with asyncio.timeout(self._options.timeout):
                return await self._post(target, url, headers=list(headers), body=body)
        except TimeoutError:
            raise HttpError(Failure.AMBIGUOUS, "no answer in time") from None

    async def _post(self, target: Target, url: str, *, headers: list[tuple[str, str]], body: bytes) -> HttpAnswer:
        addresses = await self._checked_addresses(target)
        for address in addresses:
            try:
                return await self._client(target, address).request("POST", url, headers=headers, body=body)
            except HttpError as error:
                if error.failure is not Failure.UNSENT:
                    raise
        raise HttpError(Failure.UNSENT, _UNREACHABLE)

    async def _checked_addresses(self, target: Target) -> Sequence[str]:
        """The first two addresses of the host; none of them all may be private."""
        if target.literal is not None:
            return [target.host]
        trusted = target.named_in(self._options.hosts)
        try:
            if trusted:
                return (await self._resolve(target.host, target.port))[:2]
            return (await public_addresses(target.host, target.port, resolve=self._resolve))[:2]
        except OSError:
            raise HttpError(Failure.UNSENT, _UNREACHABLE) from None

    async def _look_up(self, host: str, port: int) -> Sequence[str]:
        def ask() -> list[str]:
            found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_ADDRCONFIG)
            return [str(entry[4][0]) for entry in found]

        return await asyncio.get_running_loop().run_in_executor(self._resolvers, ask)

    def _client(self, target: Target, address: str) -> HttpClient:
        """The pool of connections to one address of a host; the least recently used is forgotten."""
        key = target, address
        client = self._clients.pop(key, None) or HttpClient(self._http_options(target, address))
        self._clients[key] = client
        if len(self._clients) > _CLIENTS:
            self._clients.popitem(last=False)
        return client

    def _http_options(self, target: Target, address: str) -> HttpOptions:
        options = HttpOptions(
            connect_timeout=self._options.connect_timeout,
            timeout=self._options.timeout,
            body_limit=self._options.body_limit,
            ca_file=self._options.ca_file,
            plain=target.scheme == "http",
        )
        pinned = target.literal is None
        return replace(options, pinned=(target.host, address, target.port)) if pinned else options

    async def aclose(self) -> None:
        """Close all connections."""
        for client in self._clients.values():
            await client.aclose()
        self._clients.clear()
        self._resolvers.shutdown(wait=False, cancel_futures=True)
