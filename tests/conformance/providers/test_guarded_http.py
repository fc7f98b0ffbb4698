"""Requests to addresses that accounts name reach the public internet or nothing (reliability.md SS-3, SS-4, SS-7).

The tests' own servers stand for the public internet where a stubbed resolver says so: a name that the operator allows
may resolve to loopback. The canary stands for everything that must never be reached.
"""

import asyncio
import ssl
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from tests.conformance.transport.throwaway_authority import Authority

from clarion.providers.guarded import GuardedHttp, GuardedOptions, Refused, check_target
from clarion.providers.http import HttpError
from clarion.providers.transport import Failure

pytestmark = pytest.mark.anyio

HOST = "hooks.example"


@dataclass
class Server:
    """A listener that answers each request with the same bytes; None: never."""

    answer: bytes | None
    port: int = 0
    connections: int = 0
    requests: list[bytes] = field(default_factory=list)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection."""
        self.connections += 1
        try:
            self.requests.append(await reader.readuntil(b"\r\n\r\n"))
            if self.answer is None:
                await reader.read()
            else:
                writer.write(self.answer)
                await writer.drain()
                await reader.read()
        except (OSError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()


@asynccontextmanager
async def listening(
    answer: bytes | None = b"HTTP/1.1 204 No Content\r\n\r\n", tls: ssl.SSLContext | None = None
) -> AsyncIterator[Server]:
    server = Server(answer)
    listener = await asyncio.start_server(server.serve, "127.0.0.1", 0, ssl=tls)
    server.port = listener.sockets[0].getsockname()[1]
    try:
        yield server
    finally:
        listener.close()


@dataclass
class Names:
    """A resolver with scripted answers; the last one is given for ever."""

    answers: list[Sequence[str]]
    asked: int = 0

    async def resolve(self, host: str, port: int) -> Sequence[str]:
        """See `guarded.Resolve`."""
        del host, port
        self.asked += 1
        found = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if not found:
            raise OSError("no such name")
        return found


async def post(http: GuardedHttp, url: str) -> tuple[int, bytes]:
    answer = await http.post(url, headers=[("content-type", "application/json")], body=b"{}")
    return answer.status, answer.body


async def fault(http: GuardedHttp, url: str) -> tuple[Failure, str]:
    with pytest.raises(HttpError) as caught:
        await post(http, url)
    return caught.value.failure, str(caught.value)


@pytest.fixture
async def canary() -> AsyncIterator[Server]:
    """What must not be reached."""
    async with listening() as server:
        yield server
    assert server.connections == 0


PRIVATE_ANSWERS = [
    ["127.0.0.1"],
    ["::1"],
    ["::ffff:127.0.0.1"],
    ["64:ff9b::7f00:1"],
    ["169.254.169.254"],
    ["0.0.0.0"],  # noqa: S104 - nothing binds to it
    ["8.8.8.8", "127.0.0.1"],
    ["2606:4700:4700::1111", "::ffff:7f00:1"],
]


async def test_names_of_private_addresses_are_not_connected_to(canary: Server) -> None:
    """Nor are names that have one private address among public ones."""
    for answer in PRIVATE_ANSWERS:
        http = GuardedHttp(GuardedOptions(timeout=2), resolve=Names([answer]).resolve)
        assert await fault(http, f"https://{HOST}:8443/") == (Failure.UNSENT, "no connection"), answer
        await http.aclose()


async def test_a_name_is_resolved_once_for_each_request_and_the_connection_goes_to_what_was_checked() -> None:
    """Rebinding: a second resolution, which would give another address, never happens."""
    async with listening() as server:
        names = Names([["127.0.0.1"], ["127.0.0.2"]])
        http = GuardedHttp(GuardedOptions(hosts=(f"{HOST}:{server.port}",)), resolve=names.resolve)
        assert (await post(http, f"http://{HOST}:{server.port}/a"))[0] == 204
        assert names.asked == 1
        assert server.connections == 1
        assert f"host: {HOST}:{server.port}".encode() in server.requests[0].lower()
        assert (await fault(http, f"http://{HOST}:{server.port}/b"))[1] == "no connection"
        assert names.asked == 2
        await http.aclose()


async def test_a_name_that_turns_private_is_not_reached_over_the_addresses_of_before(canary: Server) -> None:
    names = Names([["192.0.2.1"], ["127.0.0.1"]])
    http = GuardedHttp(GuardedOptions(timeout=1), resolve=names.resolve)
    for _ in range(2):
        assert (await fault(http, f"https://{HOST}/"))[1] == "no connection"
    await http.aclose()


async def test_addresses_written_as_numbers_are_refused_before_anything_is_connected(canary: Server) -> None:
    http = GuardedHttp(GuardedOptions())
    for host in ["127.0.0.1", "[::1]", "[::ffff:127.0.0.1]", "10.0.0.1", "[64:ff9b::7f00:1]"]:
        for url in [f"https://{host}:{port}/" for port in (443, 8443, canary.port)]:
            with pytest.raises(Refused):
                await post(http, url)
    await http.aclose()


async def test_names_that_only_the_system_takes_for_addresses_are_refused(canary: Server) -> None:
    http = GuardedHttp(GuardedOptions())
    for host in ["127.1", "0x7f000001", "2130706433", "0177.0.0.1", "localhost."]:
        with pytest.raises(Refused):
            await post(http, f"https://{host}:8443/")
    assert (await fault(http, "https://localhost:8443/"))[1] == "no connection"
    await http.aclose()


async def test_redirects_are_answers_and_are_not_followed(canary: Server) -> None:
    moved = f"HTTP/1.1 307 Moved\r\nLocation: http://127.0.0.1:{canary.port}/\r\nContent-Length: 0\r\n\r\n"
    async with listening(moved.encode()) as server:
        http = GuardedHttp(GuardedOptions(hosts=(f"127.0.0.1:{server.port}",)))
        assert (await post(http, f"http://127.0.0.1:{server.port}/"))[0] == 307
        assert server.connections == 1
        await http.aclose()


async def test_proxies_of_the_environment_are_not_used(canary: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "https_proxy", "all_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, f"http://127.0.0.1:{canary.port}")
    async with listening() as server:
        http = GuardedHttp(GuardedOptions(hosts=(f"127.0.0.1:{server.port}",)))
        assert (await post(http, f"http://127.0.0.1:{server.port}/"))[0] == 204
        await http.aclose()


async def test_of_a_huge_answer_only_the_beginning_is_read() -> None:
    size = 10_000_000
    head = b"HTTP/1.1 500 No\r\nContent-Length: %d\r\n\r\n" % size
    for answer in (head + b"x" * size, head + b"x" * 100_000):  # the second never ends
        async with listening(answer) as server:
            http = GuardedHttp(GuardedOptions(hosts=(f"127.0.0.1:{server.port}",), timeout=3))
            status, body = await post(http, f"http://127.0.0.1:{server.port}/")
            assert (status, len(body)) == (500, 4096)
            await http.aclose()


async def test_what_never_answers_costs_no_more_than_the_time_limit() -> None:
    async with listening(None) as silent, listening(b"HTTP/1.1 200 OK\r\nX: ") as slow:
        for server in (silent, slow):
            http = GuardedHttp(GuardedOptions(hosts=(f"127.0.0.1:{server.port}",), timeout=0.3))
            started = time.monotonic()
            failure, _ = await fault(http, f"http://127.0.0.1:{server.port}/")
            assert failure is Failure.AMBIGUOUS
            assert time.monotonic() - started < 2
            await http.aclose()


async def test_a_name_that_is_never_resolved_costs_no_more_than_the_time_limit() -> None:
    async def never(host: str, port: int) -> Sequence[str]:
        await asyncio.Event().wait()
        return [host, str(port)]

    http = GuardedHttp(GuardedOptions(timeout=0.2), resolve=never)
    assert (await fault(http, f"https://{HOST}/"))[0] is Failure.AMBIGUOUS
    await http.aclose()


async def test_the_second_address_is_tried_when_the_first_cannot_be_connected_to() -> None:
    async with listening() as server:
        names = Names([["127.0.0.3", "127.0.0.1"]])
        http = GuardedHttp(GuardedOptions(hosts=(f"{HOST}:{server.port}",)), resolve=names.resolve)
        assert (await post(http, f"http://{HOST}:{server.port}/"))[0] == 204
        await http.aclose()


async def test_closed_private_and_unknown_hosts_look_the_same() -> None:
    async with listening() as server:
        closed = server.port
    faults = set()
    for answer, hosts in [([], ()), (["10.0.0.1"], ()), (["127.0.0.1"], (f"{HOST}:{closed}",))]:
        http = GuardedHttp(GuardedOptions(hosts=hosts), resolve=Names([answer]).resolve)
        faults.add(await fault(http, f"https://{HOST}:{closed if hosts else 443}/"))
        await http.aclose()
    assert len(faults) == 1


async def test_certificates_are_checked_by_name_although_the_address_is_pinned(tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    statuses: list[int | None] = []
    for name in (HOST, "another.example"):
        context = authority.server_context(authority.leaf(name, host=name), alpn=())
        async with listening(tls=context) as server:
            options = GuardedOptions(hosts=(f"{HOST}:{server.port}",), ca_file=str(authority.file))
            http = GuardedHttp(options, resolve=Names([["127.0.0.1"]]).resolve)
            try:
                statuses.append((await post(http, f"https://{HOST}:{server.port}/"))[0])
            except HttpError:
                statuses.append(None)
            await http.aclose()
    assert statuses == [204, None]


def test_the_operators_list_allows_exactly_what_it_names() -> None:
    check_target("http://127.0.0.1:9000/", ["127.0.0.1:9000"])
    for url in ("http://127.0.0.1:9001/", "http://127.0.0.1/", "http://localhost:9000/", "https://hooks.example:9000/"):
        with pytest.raises(Refused):
            check_target(url, ["127.0.0.1:9000"])
