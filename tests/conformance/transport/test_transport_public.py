"""Channels to the public internet only (reliability.md SS-3, SS-4, SS-7): to checked addresses, or not at all."""

import socket
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace

import pytest
from tests.conformance.transport.conftest import Certificates
from tests.conformance.transport.gathered_answers import Answers, requests
from tests.conformance.transport.scripted_peer import ScriptedPeer, answer, goaway

from clarion.foundation import addresses
from clarion.providers import resolving
from clarion.providers.http import PyreqwestTransport
from clarion.providers.http2 import Http2Transport
from clarion.providers.resolving import NotPublic, Resolve, public_addresses
from clarion.providers.transport import Answer, Channel, Failure

pytestmark = pytest.mark.anyio
HERE = "127.0.0.1"
Open = Callable[[Resolve], Http2Transport | PyreqwestTransport]


@dataclass
class Names:
    """A resolver that gives one scripted answer after the other; the last one stays."""

    answers: list[list[str]]
    asked: list[tuple[str, int]] = field(default_factory=list)

    async def __call__(self, host: str, port: int) -> Sequence[str]:
        self.asked.append((host, port))
        found = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if not found:
            raise socket.gaierror(socket.EAI_NONAME, "unknown")
        return found


@pytest.fixture(
    params=[
        lambda resolve: Http2Transport(resolve=resolve),
        lambda resolve: PyreqwestTransport(resolve=resolve),
    ],
    ids=["engine", "fallback"],
)
def opened(request: pytest.FixtureRequest) -> Open:
    made: Open = request.param
    return made


@asynccontextmanager
async def channel(
    opened: Open, names: Names, certificates: Certificates, origin: str
) -> AsyncIterator[tuple[Channel, Answers]]:
    answers = Answers()
    options = replace(certificates.options, public_only=True, connect_timeout=1.0)
    channel = opened(names).open(origin, answers, options)
    try:
        yield channel, answers
    finally:
        await channel.aclose(grace=0)


async def failed(opened: Open, names: Names, certificates: Certificates, origin: str) -> Answer:
    async with channel(opened, names, certificates, origin) as (way, answers):
        way.submit(requests(1))
        return await answers.one()


@pytest.fixture
def here_is_public(monkeypatch: pytest.MonkeyPatch) -> None:
    """Lets one local address pass for a public one, so that there is somewhere to connect to."""
    monkeypatch.setattr(resolving, "is_public", lambda text: text == HERE or addresses.is_public(text))


@pytest.mark.parametrize(
    "found", [[HERE], ["::1"], ["8.8.8.8", "10.0.0.1"], ["169.254.169.254"], ["::ffff:127.0.0.1"], []]
)
async def test_a_name_that_leads_inside_is_never_connected_to(
    opened: Open, certificates: Certificates, peer: ScriptedPeer, found: list[str]
) -> None:
    got = await failed(opened, Names([found]), certificates, peer.origin)
    assert (got.failure, got.detail) == (Failure.UNSENT, "connect: no connection")
    assert peer.accepted == 0


@pytest.mark.usefixtures("here_is_public")
async def test_the_connection_goes_to_the_address_that_was_checked_under_the_hosts_own_name(
    opened: Open, certificates: Certificates, peer: ScriptedPeer
) -> None:
    """The certificate is the name's; the name is resolved once for all requests of a connection."""
    names = Names([[HERE], ["10.0.0.1"]])
    async with channel(opened, names, certificates, peer.origin) as (way, answers):
        way.submit(requests(2))
        link = await peer.welcome()
        for got in await link.requests(2):
            link.send(answer(got.stream))
        await answers.count(2)
    assert names.asked == [("localhost", peer.port)]


@pytest.mark.usefixtures("here_is_public")
async def test_a_name_that_leads_elsewhere_the_second_time_is_checked_the_second_time(
    certificates: Certificates, peer: ScriptedPeer
) -> None:
    """DNS rebinding: an address was good once is no reason to trust the name."""
    names = Names([[HERE], ["10.0.0.1"]])
    async with channel(lambda resolve: Http2Transport(resolve=resolve), names, certificates, peer.origin) as made:
        way, answers = made
        way.submit(requests(1))
        link = await peer.welcome()
        got = await link.request()
        link.send(answer(got.stream) + goaway(got.stream))
        await answers.count(1)
        way.submit(requests(1, first=1))
        await answers.count(2)
    assert answers.by_tag[1].detail == "connect: no connection"
    assert len(names.asked) == 2


@pytest.mark.usefixtures("here_is_public")
async def test_whatever_prevents_a_connection_the_words_are_the_same(
    opened: Open, certificates: Certificates, peer: ScriptedPeer
) -> None:
    """Open, closed and wrongly certified ports must not be told apart (SS-7)."""
    with socket.socket() as unused:
        unused.bind((HERE, 0))
        closed = f"https://localhost:{unused.getsockname()[1]}"
        wrong = f"https://other.example:{peer.port}"
        for origin in (closed, wrong):
            got = await failed(opened, Names([[HERE]]), certificates, origin)
            assert (got.failure, got.detail) == (Failure.UNSENT, "connect: no connection")


async def test_one_private_address_spoils_all() -> None:
    with pytest.raises(NotPublic):
        await public_addresses("p.example", 443, resolve=Names([["8.8.8.8", "192.168.0.1"]]))
    assert await public_addresses("p.example", 443, resolve=Names([["8.8.8.8"]])) == ["8.8.8.8"]
