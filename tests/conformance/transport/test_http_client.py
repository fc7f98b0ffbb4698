"""The general HTTP client: what token endpoints, webhooks and relays may and may not do to us (providers.md §1.8)."""

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace

import pytest
from tests.conformance.transport.conftest import Certificates

from clarion.providers.http import HttpClient, HttpError, HttpOptions
from clarion.providers.transport import Failure

pytestmark = pytest.mark.anyio


class Site:
    """An HTTP/1.1 server over TLS that keeps what it was sent and answers the same bytes each time."""

    def __init__(self, certificates: Certificates) -> None:
        self._certificates = certificates
        self.options = HttpOptions(ca_file=certificates.options.ca_file, timeout=5)
        self.seen: list[bytes] = []
        self.open = self.most_open = 0

    @asynccontextmanager
    async def answering(self, wire: bytes, *, then_hang: bool = False) -> AsyncIterator[str]:
        async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            self.open += 1
            self.most_open = max(self.most_open, self.open)
            head = await reader.readuntil(b"\r\n\r\n")
            length = [line for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:")]
            body = await reader.readexactly(int(length[0].split(b":")[1])) if length else b""
            self.seen.append(head + body)
            writer.write(wire)
            if then_hang:
                await reader.read()
            writer.close()
            self.open -= 1

        context = self._certificates.authority.server_context(self._certificates.good, alpn=("http/1.1",))
        server = await asyncio.start_server(serve, "127.0.0.1", 0, ssl=context)
        try:
            yield f"https://localhost:{server.sockets[0].getsockname()[1]}"
        finally:
            server.close()


@pytest.fixture
def site(certificates: Certificates) -> Site:
    return Site(certificates)


@asynccontextmanager
async def client(options: HttpOptions) -> AsyncIterator[HttpClient]:
    made = HttpClient(options)
    try:
        yield made
    finally:
        await made.aclose()


def reply(status: str, body: bytes = b"", *headers: bytes) -> bytes:
    lines = [b"HTTP/1.1 " + status.encode(), b"Content-Length: %d" % len(body), *headers, b"", b""]
    return b"\r\n".join(lines) + body


async def test_an_exchange_carries_exactly_what_was_given(site: Site) -> None:
    async with site.answering(reply("200 OK", b"{}", b"X-A: b")) as origin, client(site.options) as http:
        got = await http.request("POST", f"{origin}/token?a=1", headers=[("x-one", "1")], body=b"grant=x")
    assert (got.status, got.body) == (200, b"{}")
    assert ("x-a", "b") in got.headers
    (seen,) = site.seen
    assert seen.startswith(b"POST /token?a=1 HTTP/1.1\r\n")
    assert seen.endswith(b"\r\n\r\ngrant=x")
    names = {line.split(b":")[0].lower() for line in seen.split(b"\r\n\r\n")[0].split(b"\r\n")[1:]}
    assert names <= {b"host", b"x-one", b"content-length", b"user-agent", b"accept"}


@pytest.mark.parametrize("status", ["301 Moved", "302 Found", "303 See Other", "307 Temporary", "308 Permanent"])
async def test_no_redirect_is_followed(site: Site, status: str) -> None:
    async with site.answering(reply(status, b"", b"Location: /elsewhere")) as origin, client(site.options) as http:
        got = await http.request("GET", origin)
    assert got.status == int(status[:3])
    assert len(site.seen) == 1


async def test_the_environment_names_no_proxy(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HTTPS_PROXY", "https_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    async with site.answering(reply("200 OK")) as origin, client(site.options) as http:
        assert (await http.request("GET", origin)).status == 200


async def test_a_body_is_cut_at_the_limit(site: Site) -> None:
    async with site.answering(reply("200 OK", b"x" * 10_000_000)) as origin, client(site.options) as http:
        assert (await http.request("GET", origin)).body == b"x" * 65536


async def test_a_compressed_body_is_not_unpacked(site: Site) -> None:
    """No decompression bombs: encodings are neither asked for nor undone."""
    wire = reply("200 OK", b"\x1f\x8b not gzip", b"Content-Encoding: gzip")
    async with site.answering(wire) as origin, client(site.options) as http:
        assert (await http.request("GET", origin)).body == b"\x1f\x8b not gzip"


async def test_the_deadline_covers_the_whole_exchange(site: Site) -> None:
    wire = b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf"
    async with (
        site.answering(wire, then_hang=True) as origin,
        client(replace(site.options, timeout=0.3)) as http,
    ):
        with pytest.raises(HttpError) as caught:
            await http.request("GET", origin)
    assert (caught.value.failure, str(caught.value)) == (Failure.AMBIGUOUS, "deadline")


async def test_a_truncated_answer_is_ambiguous(site: Site) -> None:
    wire = b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf"
    async with site.answering(wire) as origin, client(site.options) as http:
        with pytest.raises(HttpError) as caught:
            await http.request("GET", origin)
    assert caught.value.failure is Failure.AMBIGUOUS


async def test_what_could_not_be_sent_is_told_apart() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        async with client(HttpOptions()) as http:
            with pytest.raises(HttpError) as caught:
                await http.request("GET", f"https://127.0.0.1:{taken.getsockname()[1]}")
    assert caught.value.failure is Failure.UNSENT


@pytest.mark.parametrize(
    ("url", "headers"),
    [
        ("http://localhost/", ()),
        ("ftp://localhost/", ()),
        ("nonsense", ()),
        ("https://localhost/", (("x", "a\r\nb: c"),)),
        ("https://localhost/", (("a b", "c"),)),
    ],
)
async def test_malformed_requests_are_the_callers_error(url: str, headers: tuple[tuple[str, str], ...]) -> None:
    async with client(HttpOptions()) as http:
        with pytest.raises(ValueError):
            await http.request("GET", url, headers=headers)


async def test_exchanges_at_the_same_time_are_bounded(site: Site) -> None:
    async with (
        site.answering(b"", then_hang=True) as origin,
        client(replace(site.options, parallel=3, timeout=0.2)) as http,
    ):
        got = await asyncio.gather(*(http.request("GET", origin) for _ in range(9)), return_exceptions=True)
    assert all(isinstance(each, HttpError) for each in got)
    assert len(site.seen) == 9
    assert site.most_open == 3
