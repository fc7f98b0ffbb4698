"""An `http` origin, which only an operator can name, is served by the fallback over HTTP/1.1."""

import asyncio
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from clarion.providers.http import PyreqwestTransport
from clarion.providers.http2 import Http2Transport
from clarion.providers.transport import Answer, ChannelOptions, Head, Request

pytestmark = pytest.mark.anyio


class Echo(BaseHTTPRequestHandler):
    """Answers every request with its own body."""

    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["content-length"]))
        self.send_response(200)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class names it
        """Nothing on stderr."""


@pytest.fixture
def relay() -> Iterator[str]:
    """The origin of a relay without TLS."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), Echo)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


async def test_messages_reach_a_plain_http_relay(relay: str) -> None:
    answers: list[Answer] = []
    done = asyncio.Event()

    def sink(batch: list[Answer]) -> None:
        answers.extend(batch)
        if len(answers) == 50:
            done.set()

    channel = PyreqwestTransport().open(relay, sink, ChannelOptions())
    head = Head("/v1/send", (("content-type", "application/json"),))
    channel.submit([Request(head, b"message %d" % number, number) for number in range(50)])
    await asyncio.wait_for(done.wait(), 10)
    await channel.aclose()
    assert {answer.tag: answer.body for answer in answers} == {n: b"message %d" % n for n in range(50)}


def test_the_engine_refuses_an_address_without_tls() -> None:
    with pytest.raises(ValueError, match="not an https origin"):
        Http2Transport().open("http://127.0.0.1:80", lambda _answers: None, ChannelOptions())
