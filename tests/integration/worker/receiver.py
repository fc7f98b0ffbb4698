"""A customer's server that takes webhooks: scripted answers, and everything it was sent."""

import asyncio
import hashlib
import hmac
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

Answer = Callable[["Received"], int | None]
"""The status for a message; None: never an answer."""


@dataclass(frozen=True)
class Received:
    """One message as it came over the wire."""

    headers: dict[str, str]
    body: bytes

    @property
    def document(self) -> dict[str, Any]:
        """The body."""
        found: dict[str, Any] = json.loads(self.body)
        return found

    @property
    def kind(self) -> tuple[str, str]:
        """Object and type."""
        return self.document["object"], self.document["type"]

    def signed_with(self, secret: str) -> bool:
        """Whether one of the signatures was made with this secret: written from the documentation alone."""
        parts = [part.split("=", 1) for part in self.headers["clarion-signature"].split(",")]
        moment = next(value for name, value in parts if name == "t")
        expected = hmac.new(secret.encode(), moment.encode() + b"." + self.body, hashlib.sha256).hexdigest()
        return any(name == "v1" and hmac.compare_digest(value, expected) for name, value in parts)


@dataclass
class Receiver:
    """The server."""

    answer: Answer = lambda _: 204
    port: int = 0
    received: list[Received] = field(default_factory=list)
    changed: asyncio.Condition = field(default_factory=asyncio.Condition)

    @property
    def host(self) -> str:
        """As the operator's list names it."""
        return f"127.0.0.1:{self.port}"

    @property
    def url(self) -> str:
        """Where messages go."""
        return f"http://{self.host}/hook"

    async def until(self, count: int, *, seconds: float = 15) -> None:
        """Wait until so many messages have come."""
        async with asyncio.timeout(seconds), self.changed:
            await self.changed.wait_for(lambda: len(self.received) >= count)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection."""
        try:
            while True:
                await self._exchange(reader, writer)
        except (OSError, asyncio.IncompleteReadError):
            writer.close()

    async def _exchange(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")[1:-2]
        headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in head)}
        message = Received(headers, await reader.readexactly(int(headers["content-length"])))
        self.received.append(message)
        async with self.changed:
            self.changed.notify_all()
        status = self.answer(message)
        if status is None:
            await reader.read()
        writer.write(b"HTTP/1.1 %d X\r\nContent-Length: 2\r\n\r\nok" % (status or 500))
        await writer.drain()


@asynccontextmanager
async def receiving(answer: Answer = lambda _: 204) -> AsyncIterator[Receiver]:
    """A running receiver."""
    receiver = Receiver(answer)
    server = await asyncio.start_server(receiver.serve, "127.0.0.1", 0)
    receiver.port = server.sockets[0].getsockname()[1]
    try:
        yield receiver
    finally:
        server.close()
