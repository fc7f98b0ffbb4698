"""Whole runs against independent servers, with either transport: every request answered once, with its own answer."""

from collections.abc import Iterator
from dataclasses import replace

import pytest
from tests.conformance.transport.conftest import Certificates
from tests.conformance.transport.gathered_answers import HEAD, Answers, requests
from tests.conformance.transport.real_servers import SERVERS, running

from clarion.providers.http import PyreqwestTransport
from clarion.providers.http2 import Http2Transport
from clarion.providers.transport import Head, Request

pytestmark = pytest.mark.anyio


@pytest.fixture(scope="session")
def anyio_backend() -> str:
    """One loop is enough here: the servers differ, not our end."""
    return "asyncio"


@pytest.fixture(scope="module", params=SERVERS)
def origin(
    request: pytest.FixtureRequest, certificates: Certificates, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[str]:
    log = tmp_path_factory.mktemp("server") / "log"
    with running(request.param, certificates.good, log) as origin:
        yield origin


@pytest.fixture(params=[Http2Transport, PyreqwestTransport], ids=["engine", "fallback"])
def transport(request: pytest.FixtureRequest) -> Http2Transport | PyreqwestTransport:
    made: Http2Transport | PyreqwestTransport = request.param()
    return made


async def test_every_request_gets_its_own_answer_once(
    origin: str, transport: Http2Transport | PyreqwestTransport, certificates: Certificates
) -> None:
    total, answers = 5000, Answers()
    channel = transport.open(origin, answers, replace(certificates.options, connections=3, request_timeout=40))
    waiting = requests(total)
    channel.submit(waiting)
    await answers.count(total, within=50)
    assert answers.statuses() == {200: total}
    assert all(answers.by_tag[each.tag].body == each.body for each in waiting)
    assert channel.pending == 0
    await channel.aclose(grace=1)


async def test_large_bodies_go_both_ways_under_flow_control(
    origin: str, transport: Http2Transport | PyreqwestTransport, certificates: Certificates
) -> None:
    """60 bodies of 60 000 bytes: more than any initial window, and several frames each."""
    answers = Answers()
    channel = transport.open(origin, answers, replace(certificates.options, request_timeout=40))
    bodies = [bytes([n]) * 60_000 for n in range(60)]
    channel.submit([Request(HEAD, body, n) for n, body in enumerate(bodies)])
    await answers.count(60, within=50)
    assert [answers.by_tag[n].body for n in range(60)] == bodies
    await channel.aclose(grace=1)


async def test_paths_and_headers_of_single_messages_are_understood(
    origin: str, transport: Http2Transport | PyreqwestTransport, certificates: Certificates
) -> None:
    answers = Answers()
    channel = transport.open(origin, answers, certificates.options)
    head = Head(HEAD.path, HEAD.headers, own=("apns-id", "apns-expiration"))
    channel.submit([Request(head, b"{}", n, path=b"/3/device/%064x" % n, own=(b"id-%d" % n, b"0")) for n in range(300)])
    await answers.count(300)
    assert answers.statuses() == {200: 300}
    await channel.aclose(grace=1)
