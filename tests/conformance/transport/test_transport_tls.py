"""TLS and connecting: nobody unknown gets a request, and every reason is told (PF-13, PF-14)."""

import asyncio
import socket
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
from tests.conformance.transport.conftest import Certificates
from tests.conformance.transport.gathered_answers import Answers, requests
from tests.conformance.transport.scripted_peer import ScriptedPeer, answer
from tests.conformance.transport.throwaway_authority import Authority

from clarion.providers.http import PyreqwestTransport
from clarion.providers.http2 import Http2Transport
from clarion.providers.transport import Answer, Channel, ChannelOptions, Failure

pytestmark = pytest.mark.anyio


@dataclass
class Caller:
    """Opens channels of one transport with the authority trusted."""

    transport: Http2Transport | PyreqwestTransport
    options: ChannelOptions

    @asynccontextmanager
    async def channel(self, origin: str, answers: Answers, **changes: object) -> AsyncIterator[Channel]:
        channel = self.transport.open(origin, answers, replace(self.options, **changes))  # type: ignore[arg-type]
        try:
            yield channel
        finally:
            await channel.aclose(grace=0)

    async def fails(self, origin: str, **changes: object) -> Answer:
        """What becomes of three requests; all must fare the same."""
        answers = Answers()
        async with self.channel(origin, answers, **changes) as channel:
            channel.submit(requests(3))
            first, *others = await answers.count(3)
        assert {(each.failure, each.status) for each in others} == {(first.failure, first.status)}
        return first


@pytest.fixture(params=["engine", "fallback"])
def caller(request: pytest.FixtureRequest, certificates: Certificates) -> Caller:
    transport = Http2Transport() if request.param == "engine" else PyreqwestTransport()
    return Caller(transport, certificates.options)


@pytest.mark.parametrize("fault", ["expired", "wrong-host", "unknown-authority"])
async def test_a_certificate_that_is_not_good_gets_no_request(
    caller: Caller, certificates: Certificates, tmp_path: Path, fault: str
) -> None:
    authority = certificates.authority
    leaf = {
        "expired": lambda: authority.leaf("expired", expired=True),
        "wrong-host": lambda: authority.leaf("elsewhere", host="push.example"),
        "unknown-authority": lambda: Authority(tmp_path, "another authority").leaf("stranger"),
    }[fault]()
    async with ScriptedPeer(authority.server_context(leaf)) as peer:
        got = await caller.fails(peer.origin)
    assert got.failure is Failure.UNSENT
    assert got.detail.startswith("tls: ")
    assert peer.accepted == 0


async def test_a_peer_without_http2_gets_no_request(certificates: Certificates) -> None:
    context = certificates.authority.server_context(certificates.good, alpn=("http/1.1",))
    async with ScriptedPeer(context) as peer:
        got = await Caller(Http2Transport(), certificates.options).fails(peer.origin)
    assert got.failure is Failure.UNSENT
    assert got.detail.startswith("tls: ")


async def test_a_peer_that_negotiates_nothing_gets_no_request(certificates: Certificates) -> None:
    async with ScriptedPeer(certificates.authority.server_context(certificates.good, alpn=())) as peer:
        got = await Caller(Http2Transport(), certificates.options).fails(peer.origin)
    assert (got.failure, got.detail) == (Failure.UNSENT, "tls: the peer does not offer HTTP/2 (ALPN h2)")


@pytest.mark.filterwarnings("ignore:ssl.TLSVersion:DeprecationWarning")
async def test_an_old_tls_version_is_refused(caller: Caller, certificates: Certificates) -> None:
    context = certificates.authority.server_context(certificates.good)
    context.set_ciphers("ALL:@SECLEVEL=0")
    context.minimum_version = ssl.TLSVersion.TLSv1
    context.maximum_version = ssl.TLSVersion.TLSv1_1
    async with ScriptedPeer(context) as peer:
        got = await caller.fails(peer.origin)
    assert got.failure is Failure.UNSENT
    assert peer.accepted == 0


async def test_a_peer_that_speaks_plain_text_gets_no_request(caller: Caller) -> None:
    async with ScriptedPeer(None) as peer:
        talk = asyncio.create_task(_greet_in_plain(peer))
        got = await caller.fails(peer.origin)
        await talk
    assert got.failure is Failure.UNSENT


async def _greet_in_plain(peer: ScriptedPeer) -> None:
    link = await peer.accept()
    link.send(b"HTTP/1.1 400 Bad Request\r\n\r\n")


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
async def test_a_client_certificate_is_shown(
    caller: Caller, certificates: Certificates, version: ssl.TLSVersion
) -> None:
    context = certificates.authority.server_context(certificates.good, clients=True)
    context.minimum_version = context.maximum_version = version
    ours = certificates.authority.leaf("client")
    answers = Answers()
    async with (
        ScriptedPeer(context) as peer,
        caller.channel(peer.origin, answers, client_certificate=str(ours.chain)) as channel,
    ):
        channel.submit(requests(1))
        link = await peer.welcome()
        assert "client" in str(link.writer.get_extra_info("peercert")["subject"])
        link.send(answer((await link.request()).stream))
        assert (await answers.one()).status == 200


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
async def test_a_missing_client_certificate_leaves_requests_unsent(
    certificates: Certificates, version: ssl.TLSVersion
) -> None:
    """With TLS 1.3 the refusal comes after the client's handshake, and after its first bytes."""
    context = certificates.authority.server_context(certificates.good, clients=True)
    context.minimum_version = context.maximum_version = version
    with socket.create_server(("127.0.0.1", 0)) as listener:
        refusing = asyncio.create_task(asyncio.to_thread(_refuse_handshake, listener, context))
        origin = f"https://localhost:{listener.getsockname()[1]}"
        got = await Caller(Http2Transport(), certificates.options).fails(origin)
        await refusing
    assert got.failure is Failure.UNSENT
    assert got.detail.startswith("tls: ")


def _refuse_handshake(listener: socket.socket, context: ssl.SSLContext) -> None:
    """Sends the alert, as real servers do and asyncio's do not, and reads on so that no reset overtakes it."""
    plain, _ = listener.accept()
    with context.wrap_socket(plain, server_side=True, do_handshake_on_connect=False) as link:
        with pytest.raises(ssl.SSLError):
            link.do_handshake()
        socket.socket.shutdown(link, socket.SHUT_WR)
        while socket.socket.recv(link, 65536):
            pass


async def test_a_refused_connection_leaves_requests_unsent(caller: Caller) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        got = await caller.fails(f"https://127.0.0.1:{taken.getsockname()[1]}")
    assert got.failure is Failure.UNSENT
    assert got.detail.startswith("connect: ")


@pytest.mark.parametrize("name", ["nobody.invalid", ".leading.invalid", "x" * 64 + ".invalid"])
async def test_a_name_that_does_not_exist_leaves_requests_unsent(caller: Caller, name: str) -> None:
    got = await caller.fails(f"https://{name}")
    assert got.failure is Failure.UNSENT
    assert got.detail.startswith("connect: ")


async def test_a_handshake_that_never_ends_is_given_up(caller: Caller) -> None:
    async with ScriptedPeer(None) as peer:
        got = await caller.fails(peer.origin, connect_timeout=0.2)
    assert (got.failure, got.detail) == (Failure.UNSENT, "connect: timeout")


async def test_after_a_failure_the_next_attempt_waits_and_then_succeeds(
    caller: Caller, certificates: Certificates
) -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    answers = Answers()
    async with caller.channel(f"https://localhost:{port}", answers, reconnect_pause=0.3) as channel:
        channel.submit(requests(1))
        await answers.count(1)
        failed_at = asyncio.get_running_loop().time()
        channel.submit(requests(1, first=1))
        async with ScriptedPeer(certificates.authority.server_context(certificates.good), port=port) as peer:
            link = await peer.welcome()
            assert asyncio.get_running_loop().time() - failed_at > 0.2
            link.send(answer((await link.request()).stream))
            await answers.count(2)
    assert answers.by_tag[0].failure is Failure.UNSENT
    assert answers.by_tag[1].status == 200


@pytest.mark.parametrize(
    "origin",
    [
        "ftp://localhost",
        "https://",
        "localhost",
        "https://a/b",
        "https://a?b",
        "https://u:p@a",
        "https://\xe9.example",
    ],
)
async def test_only_bare_origins_are_opened(caller: Caller, origin: str) -> None:
    with pytest.raises(ValueError, match="origin"):
        caller.transport.open(origin, Answers(), caller.options)


async def test_files_that_hold_no_certificate_are_told_at_once(caller: Caller, tmp_path: Path) -> None:
    nothing = tmp_path / "nothing.pem"
    nothing.write_text("no certificate")
    for options in (
        replace(caller.options, ca_file=str(tmp_path / "missing.pem")),
        replace(caller.options, ca_file=str(nothing)),
        replace(caller.options, client_certificate=str(nothing)),
    ):
        with pytest.raises((OSError, ValueError)):
            caller.transport.open("https://localhost", Answers(), options)
