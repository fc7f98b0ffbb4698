"""What callers may rely on whichever transport is configured: one suite, run against both."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace

import pytest
from tests.conformance.transport.conftest import Certificates
from tests.conformance.transport.gathered_answers import HEAD, Answers, requests
from tests.conformance.transport.scripted_peer import (
    DATA,
    END_HEADERS,
    END_STREAM,
    HEADERS,
    OK,
    Link,
    Received,
    ScriptedPeer,
    answer,
    block,
    frame,
)

from clarion.providers.http import PyreqwestTransport
from clarion.providers.http2 import Http2Transport
from clarion.providers.transport import Channel, Failure, Head, Request

pytestmark = pytest.mark.anyio


@dataclass
class Stage:
    """One channel of either transport to a scripted peer."""

    transport: Http2Transport | PyreqwestTransport
    certificates: Certificates
    peer: ScriptedPeer
    answers: Answers = field(default_factory=Answers)

    @asynccontextmanager
    async def channel(self, **changes: object) -> AsyncIterator[Channel]:
        options = replace(self.certificates.options, **changes)  # type: ignore[arg-type]
        channel = self.transport.open(self.peer.origin, self.answers, options)
        try:
            yield channel
        finally:
            await channel.aclose(grace=0)

    async def asked(self, *submitted: Request) -> tuple[Link, list[Received]]:
        """The peer's view of requests that the caller has submitted."""
        link = await self.peer.welcome()
        return link, await link.requests(len(submitted))


@pytest.fixture(params=[Http2Transport, PyreqwestTransport], ids=["engine", "fallback"])
def stage(request: pytest.FixtureRequest, certificates: Certificates, peer: ScriptedPeer) -> Stage:
    return Stage(request.param(), certificates, peer)


async def test_a_request_arrives_as_it_was_given(stage: Stage) -> None:
    head = Head(HEAD.path, HEAD.headers, own=("apns-id",))
    sent = Request(head, b"\0\xff{}", "tag", path=b"/3/device/ab", own=(b"1",))
    async with stage.channel() as channel:
        channel.submit([sent])
        link, (got,) = await stage.asked(sent)
        link.send(answer(got.stream, 200))
        assert (await stage.answers.one()).tag == "tag"
    assert got.body == b"\0\xff{}"
    assert (got.headers[":method"], got.path) == ("POST", "/3/device/ab")
    assert [each for each in got.fields if each[0] in {"authorization", "content-type", "apns-id"}] == [
        ("authorization", "Bearer secret"),
        ("content-type", "application/json"),
        ("apns-id", "1"),
    ]


async def test_nothing_that_the_caller_did_not_give_tells_about_the_host(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No proxy, cookie, netrc or referer header, and no proxy is asked (providers.md §1.8)."""
    for name in ("HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    async with stage.channel() as channel:
        channel.submit(requests(1))
        link, (got,) = await stage.asked(*requests(1))
        link.send(answer(got.stream, 200, b"", ("set-cookie", "a=b")))
        await stage.answers.count(1)
        channel.submit(requests(1, first=1))
        second = await link.request()
        link.send(answer(second.stream))
        await stage.answers.count(2)
    allowed = {":method", ":scheme", ":authority", ":path", "authorization", "content-type", "content-length"}
    for each in (got, second):
        assert set(each.headers) - allowed <= {"user-agent", "accept"}


@pytest.mark.parametrize("status", [200, 201, 204, 301, 307, 400, 401, 403, 404, 410, 413, 429, 500, 503])
async def test_every_status_is_handed_on_and_no_redirect_followed(stage: Stage, status: int) -> None:
    async with stage.channel() as channel:
        channel.submit(requests(1))
        link, (got,) = await stage.asked(*requests(1))
        link.send(answer(got.stream, status, b"", ("location", "https://localhost/elsewhere"), ("retry-after", "7")))
        received = await stage.answers.one()
    assert (received.status, received.failure) == (status, None)
    if status not in {200, 201, 204}:
        assert dict(received.headers)["retry-after"] == "7"


@pytest.mark.parametrize(
    "body",
    [b"", b"<html>\xff\xfe</html>", b'{"error":', b"[1]", b"\0" * 1000, b"x" * 65536, b"x" * 65537, b"x" * 300_000],
    ids=["empty", "html", "truncated", "wrong-type", "zeros", "at-the-limit", "past-the-limit", "far-past-the-limit"],
)
async def test_any_body_is_handed_on_up_to_the_limit_and_disturbs_nobody(stage: Stage, body: bytes) -> None:
    async with stage.channel() as channel:
        channel.submit(requests(2))
        link, (first, second) = await stage.asked(*requests(2))
        link.send(frame(HEADERS, END_HEADERS, first.stream, block(500, ("content-type", "text/html"))))
        link.send(*(frame(DATA, 0, first.stream, body[at : at + 16384]) for at in range(0, len(body), 16384)))
        link.send(frame(DATA, END_STREAM, first.stream), answer(second.stream, 200, b"ok"))
        await stage.answers.count(2)
    by_body = {received.status: received.body for received in stage.answers.all}
    assert by_body == {500: body[:65536], 200: b"ok"}


async def test_a_slow_answer_is_ambiguous_at_the_deadline(stage: Stage) -> None:
    async with stage.channel(request_timeout=0.3) as channel:
        channel.submit(requests(1))
        await stage.asked(*requests(1))
        got = await stage.answers.one()
        assert (got.failure, got.detail) == (Failure.AMBIGUOUS, "deadline")
        assert channel.pending == 0


async def test_a_dripping_body_is_ambiguous_at_the_deadline(stage: Stage) -> None:
    async with stage.channel(request_timeout=0.3) as channel:
        channel.submit(requests(1))
        link, (got,) = await stage.asked(*requests(1))
        link.send(frame(HEADERS, END_HEADERS, got.stream, OK))
        while not stage.answers.all:
            link.send(frame(DATA, 0, got.stream, b"."))
            await asyncio.sleep(0.01)
        received = await stage.answers.one()
        assert (received.failure, received.detail) == (Failure.AMBIGUOUS, "deadline")


async def test_a_connection_that_breaks_after_the_request_leaves_it_ambiguous(stage: Stage) -> None:
    async with stage.channel() as channel:
        channel.submit(requests(1))
        link, _ = await stage.asked(*requests(1))
        link.drop()
        assert (await stage.answers.one()).failure is Failure.AMBIGUOUS


async def test_the_first_request_goes_alone_until_one_is_accepted(stage: Stage) -> None:
    async with stage.channel(first_alone=True) as channel:
        channel.submit(requests(4))
        link, (first,) = await stage.asked(*requests(1))
        assert not any(each.kind == HEADERS for each in await link.ping())
        link.send(answer(first.stream, 403))
        second = await link.request()
        assert not any(each.kind == HEADERS for each in await link.ping())
        link.send(answer(second.stream, 200))
        for got in await link.requests(2):
            link.send(answer(got.stream))
        await stage.answers.count(4)


async def test_pending_counts_down_and_withdraw_gives_back_the_rest(stage: Stage) -> None:
    sent = requests(6)
    async with stage.channel(streams=2) as channel:
        channel.submit(sent)
        assert channel.pending == 6
        link, got = await stage.asked(*sent[:2])
        assert channel.withdraw() == sent[2:]
        assert channel.pending == 2
        link.send(*(answer(each.stream) for each in got))
        await stage.answers.count(2)
        assert channel.pending == 0


async def test_closing_waits_for_answers_and_refuses_new_work(stage: Stage) -> None:
    async with stage.channel() as channel:
        channel.submit(requests(1))
        link, (got,) = await stage.asked(*requests(1))
        closing = asyncio.create_task(channel.aclose(grace=5))
        await link.ping()
        with pytest.raises(RuntimeError):
            channel.submit(requests(1, first=1))
        link.send(answer(got.stream))
        await closing
        assert stage.answers.statuses() == {200: 1}


async def test_closing_without_grace_reports_written_and_unwritten_apart(stage: Stage) -> None:
    async with stage.channel(streams=1) as channel:
        channel.submit(requests(3))
        await stage.asked(*requests(1))
        await channel.aclose(grace=0.05)
        await stage.answers.count(3)
        assert stage.answers.statuses() == {"ambiguous: closed": 1, "unsent: closed": 2}
        assert channel.pending == 0


async def test_requests_that_wait_too_long_come_back_unsent(stage: Stage) -> None:
    async with stage.channel(streams=1, request_timeout=0.3) as channel:
        channel.submit(requests(4))
        await stage.asked(*requests(1))
        await stage.answers.count(4)
        assert stage.answers.by_tag[0].failure is Failure.AMBIGUOUS
        assert stage.answers.by_tag[3].failure is Failure.UNSENT
        assert stage.answers.by_tag[3].detail == "deadline"
