"""The listening address: reserved before any process serves on it, and asked whether somebody does."""

import asyncio
import contextlib
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager

from clarion.foundation.errors import ConfigurationError

RETRY_SECONDS = 5.0
PAUSE_SECONDS = 0.1
ANSWER_SECONDS = 2.0


@contextmanager
def reserved_port(host: str, port: int) -> Iterator[int]:
    """Hold the address so that web processes can share it; gives the port, chosen by the system when `port` is 0.

    Waits a few seconds for a predecessor that is still draining. `ConfigurationError` when the address is taken.
    """
    family, address = _resolve(host, port)
    if port:
        _wait_until_free(family, address)
    with socket.socket(family, socket.SOCK_STREAM) as held:
        held.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        held.bind(address)
        yield int(held.getsockname()[1])


def is_free(host: str, port: int) -> bool:
    """Whether nobody listens on the address now."""
    try:
        _try_alone(*_resolve(host, port))
    except OSError:
        return False
    return True


def _resolve(host: str, port: int) -> tuple[socket.AddressFamily, tuple[str, int]]:
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    except OSError as error:
        raise ConfigurationError(f"CLARION_HOST: {host} cannot be listened on: {error.strerror}") from None
    family, address = found[0][0], found[0][4]
    return family, (str(address[0]), int(address[1]))


def _wait_until_free(family: socket.AddressFamily, address: tuple[str, int]) -> None:
    deadline = time.monotonic() + RETRY_SECONDS
    while True:
        try:
            return _try_alone(family, address)
        except OSError as error:
            if time.monotonic() > deadline:
                raise ConfigurationError(
                    f"cannot listen on {address[0]} port {address[1]}: {error.strerror}; choose another with --port"
                ) from None
        time.sleep(PAUSE_SECONDS)


def _try_alone(family: socket.AddressFamily, address: tuple[str, int]) -> None:
    """Bind without sharing: fails while anybody listens, also another installation that would share the port."""
    with socket.socket(family, socket.SOCK_STREAM) as trial:
        trial.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        trial.bind(address)


async def wait_until_ready(host: str, port: int) -> None:
    """Return when `GET /readyz` answers 200."""
    while not await _is_ready(host, port):  # noqa: ASYNC110 - another process becomes ready, no event of ours
        await asyncio.sleep(PAUSE_SECONDS)


async def _is_ready(host: str, port: int) -> bool:
    with contextlib.suppress(OSError, TimeoutError, asyncio.IncompleteReadError):
        return await asyncio.wait_for(_ask(host, port), ANSWER_SECONDS) == b"200"
    return False


async def _ask(host: str, port: int) -> bytes:
    reader, writer = await asyncio.open_connection(_reachable(host), port)
    try:
        writer.write(b"GET /readyz HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n")
        return (await reader.readuntil(b"\r\n")).split(b" ")[1]
    finally:
        writer.close()


def _reachable(host: str) -> str:
    """An address to connect to for an address to listen on."""
    return {"0.0.0.0": "127.0.0.1", "::": "::1", "": "127.0.0.1"}.get(host, host)  # noqa: S104 - read, not bound
