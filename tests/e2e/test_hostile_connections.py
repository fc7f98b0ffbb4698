"""What a hostile client can do with connections alone, through the real server's own door."""

import json
import socket
import time
from collections.abc import Iterator
from urllib.parse import urlsplit

import pytest
from tests.e2e.conftest import Clarion, command_line

from clarion.cli.web_role import HEADER_SECONDS

Address = tuple[str, int]
SILENT = 1500
"""More than granian's own default lets in."""
BROKEN_CHUNKS = {
    "a size that is no number": b"0x2\r\n{}\r\n0\r\n\r\n",
    "a size that is too large": b"fffffffffffffffff\r\n{}\r\n0\r\n\r\n",
    "an extension without end": b"2;" + b"a" * 200_000 + b"\r\n{}\r\n0\r\n\r\n",
    "trailers without end": b"2\r\n{}\r\n0\r\n" + b"x: y\r\n" * 50_000 + b"\r\n",
}


@pytest.fixture(scope="module")
def clarion() -> Iterator[Clarion]:
    with command_line() as command:
        yield command


@pytest.fixture(scope="module")
def address(clarion: Clarion) -> Address:
    parts = urlsplit(clarion.start("serve").address())
    assert parts.hostname
    assert parts.port
    return parts.hostname, parts.port


@pytest.fixture(scope="module")
def api_key(clarion: Clarion, address: Address) -> str:
    key: str = json.loads(clarion.ok("account", "create", "owner@example.com"))["api_key"]
    return key


def exchange(address: Address, *parts: bytes, seconds: float = 10) -> bytes:
    """Everything that the server answers until it closes the connection."""
    with socket.create_connection(address, timeout=seconds) as connection:
        received = []
        try:
            for part in parts:
                connection.sendall(part)
            while data := connection.recv(65_536):
                received.append(data)
        except ConnectionError:  # closed while there was more to send
            pass
        return b"".join(received)


def test_silent_connections_keep_nobody_out_and_are_closed(address: Address) -> None:
    silent = [socket.create_connection(address, timeout=5) for _ in range(SILENT)]
    try:
        request = b"GET /healthz HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n"
        assert exchange(address, request, seconds=5).startswith(b"HTTP/1.1 200 ")
        silent[0].settimeout(HEADER_SECONDS + 5)
        assert silent[0].recv(1) == b""
    finally:
        for connection in silent:
            connection.close()


def test_http2_is_not_spoken(address: Address) -> None:
    """It has no deadline for headers, and allows 16 MiB of them."""
    started = time.monotonic()
    answer = exchange(address, b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\x00\x00\x00\x04\x00\x00\x00\x00\x00")
    assert not answer.startswith(b"\x00")
    assert time.monotonic() - started < 5


@pytest.mark.parametrize("chunks", BROKEN_CHUNKS.values(), ids=BROKEN_CHUNKS.keys())
def test_a_body_that_is_framed_wrongly_is_refused(address: Address, api_key: str, chunks: bytes) -> None:
    """Also when what came of it would do; and what follows it is never read as a request of its own."""
    authorization = f"authorization: Bearer {api_key}\r\n".encode()
    for path, header in ((b"/api/b/v2/apps", authorization), (b"/api/r/v2/apps/1-1/instances", b"")):
        head = b"POST %b HTTP/1.1\r\nhost: x\r\n%btransfer-encoding: chunked\r\n\r\n" % (path, header)
        answer = exchange(address, head, chunks, b"GET /version HTTP/1.1\r\nhost: smuggled\r\n\r\n")
        assert answer.startswith(b"HTTP/1.1 400 ")
        assert answer.count(b"HTTP/1.1 ") == 1
        assert b"malformed" in answer or b"framed wrongly" in answer


LENGTHS = {
    "both": b"content-length: 5\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n",
    "both, in the other order": b"transfer-encoding: chunked\r\ncontent-length: 5\r\n\r\n0\r\n\r\n",
    "two lengths": b"content-length: 2\r\ncontent-length: 3\r\n\r\n{}",
    "chunked is not last": b"transfer-encoding: chunked, identity\r\n\r\n0\r\n\r\n",
    "a space before the colon": b"content-length : 2\r\n\r\n{}",
    "a sign": b"content-length: +2\r\n\r\n{}",
}


@pytest.mark.parametrize("framing", LENGTHS.values(), ids=LENGTHS.keys())
def test_what_a_proxy_could_read_otherwise_smuggles_no_second_request(address: Address, framing: bytes) -> None:
    head = b"POST /api/r/v2/apps/1-1/instances HTTP/1.1\r\nhost: x\r\n"
    answer = exchange(address, head + framing, b"GET /version HTTP/1.1\r\nhost: smuggled\r\n\r\n")
    assert answer.startswith(b"HTTP/1.1 4")
    assert answer.count(b"HTTP/1.1 ") == 1
