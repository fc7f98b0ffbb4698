"""The simulator's port: TLS with HTTP/2 and HTTP/1.1, refusing or swallowing connections on demand."""

import asyncio
import contextlib
import socket
import ssl
from collections.abc import Callable
from enum import StrEnum
from typing import cast

from clarion.simulator.wire.http1 import Http1Connection
from clarion.simulator.wire.http2 import Http2Connection
from clarion.simulator.wire.plan import Hub

HOST = "127.0.0.1"
BACKLOG = 1024


class Mode(StrEnum):
    """What happens to somebody who connects."""

    OPEN = "open"
    REFUSE = "refuse"
    """Connection refused; open connections are broken."""
    BLACKHOLE = "blackhole"
    """TCP connects, then nothing ever comes; open connections fall silent too."""


class _Greeter(asyncio.Protocol):
    """Waits for the handshake and hands over to the protocol that ALPN agreed on."""

    def __init__(self, hub: Hub) -> None:
        self._hub = hub

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        stream = cast("asyncio.Transport", transport)
        agreed = stream.get_extra_info("ssl_object").selected_alpn_protocol()
        protocol = Http2Connection(self._hub) if agreed == "h2" else Http1Connection(self._hub)
        stream.set_protocol(protocol)
        protocol.connection_made(stream)


class _Swallower(asyncio.Protocol):
    """A connection that never says anything."""

    def __init__(self, kept: set[asyncio.BaseTransport]) -> None:
        self._kept = kept

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport
        self._kept.add(transport)

    def connection_lost(self, exc: Exception | None) -> None:
        self._kept.discard(self._transport)


class Listener:
    """One port on the loopback address, kept for this simulator even while it refuses connections."""

    def __init__(self, hub: Hub, context: ssl.SSLContext) -> None:
        self._hub = hub
        self._context = context
        self._server: asyncio.Server | None = None
        self._swallowed: set[asyncio.BaseTransport] = set()
        self._reserved: socket.socket | None = None
        self._back: asyncio.TimerHandle | None = None
        self._changes: set[asyncio.Task[None]] = set()
        self.port = 0
        self.accepting = asyncio.Event()
        """Set while the port is open."""

    async def open(self, port: int) -> None:
        """Reserve the port (0 = any free one) and listen; `OSError` if it is taken."""
        # Bound, but never listening: a refused port cannot be given to somebody else meanwhile.
        self._reserved = _bound(port)
        self.port = self._reserved.getsockname()[1]
        await self.change(Mode.OPEN)

    async def close(self) -> None:
        """Break all connections and give the port back."""
        await self.change(Mode.REFUSE)
        for change in list(self._changes):
            change.cancel()
        if self._reserved is not None:
            self._reserved.close()

    async def change(self, mode: Mode, *, seconds: float | None = None) -> None:
        """Treat connections in this way; after `seconds` open again."""
        if self._back is not None:
            self._back.cancel()
            self._back = None
        await self._stop()
        self.accepting.clear()
        self._treat_live(mode)
        factory = self._factory(mode)
        if factory is not None:
            await self._start(factory, tls=mode is Mode.OPEN)
        if mode is Mode.OPEN:
            self.accepting.set()
        if seconds is not None and mode is not Mode.OPEN:
            self._back = asyncio.get_running_loop().call_later(seconds, self._reopen)

    def _factory(self, mode: Mode) -> Callable[[], asyncio.BaseProtocol] | None:
        if mode is Mode.OPEN:
            return lambda: _Greeter(self._hub)
        return (lambda: _Swallower(self._swallowed)) if mode is Mode.BLACKHOLE else None

    def _treat_live(self, mode: Mode) -> None:
        for connection in list(self._hub.live):
            if mode is Mode.REFUSE:
                connection.abort()
            elif mode is Mode.BLACKHOLE:
                connection.freeze()
        if mode is not Mode.BLACKHOLE:
            for transport in list(self._swallowed):
                transport.close()

    async def _start(self, factory: Callable[[], asyncio.BaseProtocol], *, tls: bool) -> None:
        self._server = await asyncio.get_running_loop().create_server(
            factory, sock=_bound(self.port), ssl=self._context if tls else None, backlog=BACKLOG
        )

    async def _stop(self) -> None:
        if self._server is None:
            return
        # Not `wait_closed`: frozen connections may outlive their server.
        self._server.close()
        self._server = None
        await asyncio.sleep(0)

    def _reopen(self) -> None:
        change = asyncio.get_running_loop().create_task(self.change(Mode.OPEN))
        self._changes.add(change)
        change.add_done_callback(self._changes.discard)


def _bound(port: int) -> socket.socket:
    with contextlib.ExitStack() as undo:
        bound = undo.enter_context(socket.socket(socket.AF_INET, socket.SOCK_STREAM))
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        bound.bind((HOST, port))
        undo.pop_all()
        return bound
