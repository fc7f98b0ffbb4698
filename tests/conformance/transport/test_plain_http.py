"""An `http` origin, which only an operator can name, is served by the fallback over HTTP/1.1."""

import asyncio
import contextlib

import pytest

from clarion.providers.http import PyreqwestTransport
from clarion.providers.http2 import Http2Transport
from clarion.providers.transport import Answer, ChannelOptions, Head, Request

pytestmark = pytest.mark.anyio


class Relay:
    """Answers every HTTP/1.1 request with its own body."""

    def __init__(self) -> None:
        self.open = 0
        self.idle = asyncio.Event()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection, until the client closes it."""
        self.open += 1
        self.idle.clear()
        with contextlib.suppress(asyncio.IncompleteReadError):
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                lines = head.lower().split(b"\r\n")
                length = next(int(line[15:]) for line in lines if line.startswith(b"content-length:"))
                body = await reader.readexactly(length)
                writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n" % len(body) + body)
        writer.close()
        self.open -= 1
        if not self.open:
            self.idle.set()


async def test_messages_reach_a_plain_http_relay() -> None:
    answers: list[Answer] = []
    done = asyncio.Event()

    def sink(batch: list[Answer]) -> None:
        answers.extend(batch)
        if len(answers) == 50:
            done.set()

    relay = Relay()
    server = await asyncio.start_server(relay.serve, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    channel = PyreqwestTransport().open(f"http://127.0.0.1:{port}", sink, ChannelOptions())
    head = Head("/v1/send", (("content-type", "application/json"),))
    channel.submit([Request(head, b"message %d" % number, number) for number in range(50)])
    await asyncio.wait_for(done.wait(), 10)
    await channel.aclose()
    server.close()
    await asyncio.wait_for(relay.idle.wait(), 10)
    assert {answer.tag: answer.body for answer in answers} == {n: b"message %d" % n for n in range(50)}


def test_the_engine_refuses_an_address_without_tls() -> None:
    with pytest.raises(ValueError, match="not an https origin"):
        Http2Transport().open("http://127.0.0.1:80", lambda _answers: None, ChannelOptions())
