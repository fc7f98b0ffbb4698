"""Broken peers, dead networks, closing: what was not answered is reported truly, once (PF-2, PF-3, PF-12)."""

import asyncio
import struct
from itertools import pairwise

import pytest
from tests.conformance.transport.conftest import Lab
from tests.conformance.transport.gathered_answers import HEAD, requests
from tests.conformance.transport.scripted_peer import (
    ACK,
    CONTINUATION,
    DATA,
    GOAWAY,
    HEADERS,
    OK,
    PING,
    PRIORITY,
    PUSH_PROMISE,
    RST_STREAM,
    SETTINGS,
    WINDOW_UPDATE,
    answer,
    frame,
    goaway,
    reset,
    settings,
    window,
)

from clarion.providers.transport import Failure, Request

pytestmark = pytest.mark.anyio

PROTOCOL, FLOW, SIZE, COMPRESSION, CALM = 1, 3, 6, 9, 11


@pytest.mark.parametrize(
    ("wire", "code"),
    [
        pytest.param(frame(DATA, 0, 0, b"x"), PROTOCOL, id="DATA-on-0"),
        pytest.param(frame(DATA, 0, 2, b"x"), PROTOCOL, id="DATA-on-even"),
        pytest.param(frame(DATA, 0, 99, b"x"), PROTOCOL, id="DATA-on-idle"),
        pytest.param(frame(HEADERS, 5, 0, OK), PROTOCOL, id="HEADERS-on-0"),
        pytest.param(frame(HEADERS, 5, 99, OK), PROTOCOL, id="HEADERS-on-idle"),
        pytest.param(frame(HEADERS, 5 | 8, 1, b"\x09\x88"), PROTOCOL, id="padding-too-long"),
        pytest.param(frame(HEADERS, 5 | 8, 1, b""), PROTOCOL, id="padding-missing"),
        pytest.param(frame(HEADERS, 5 | 32, 1, b"\x88"), PROTOCOL, id="priority-cut"),
        pytest.param(frame(HEADERS, 1, 1, OK) + frame(DATA, 1, 1), PROTOCOL, id="DATA-inside-block"),
        pytest.param(frame(HEADERS, 1, 1, OK) + frame(99, 1, 1), PROTOCOL, id="unknown-frame-inside-block"),
        pytest.param(frame(HEADERS, 1, 1, OK) + frame(CONTINUATION, 4, 3), PROTOCOL, id="CONTINUATION-elsewhere"),
        pytest.param(frame(CONTINUATION, 4, 1, OK), PROTOCOL, id="CONTINUATION-alone"),
        pytest.param(frame(HEADERS, 1, 1, OK) + frame(CONTINUATION, 0, 1) * 100, CALM, id="CONTINUATION-flood"),
        pytest.param(
            frame(HEADERS, 1, 1, OK) + frame(CONTINUATION, 0, 1, b"x" * 16000) * 5, CALM, id="CONTINUATION-too-long"
        ),
        pytest.param(frame(HEADERS, 5, 1, b"\xff\xff\xff\xff\xff\xff"), COMPRESSION, id="block-of-garbage"),
        pytest.param(frame(HEADERS, 5, 1, b"\xbe"), COMPRESSION, id="entry-of-a-table-that-is-empty"),
        pytest.param(frame(HEADERS, 5, 1, b"\x3f\xe1\x1f\x48\x03400"), COMPRESSION, id="table-larger-than-allowed"),
        pytest.param(frame(PRIORITY, 0, 0, b"12345"), PROTOCOL, id="PRIORITY-on-0"),
        pytest.param(frame(RST_STREAM, 0, 1, b"123"), SIZE, id="RST_STREAM-length"),
        pytest.param(reset(0, 8), PROTOCOL, id="RST_STREAM-on-0"),
        pytest.param(reset(99, 8), PROTOCOL, id="RST_STREAM-on-idle"),
        pytest.param(frame(SETTINGS, 0, 1), PROTOCOL, id="SETTINGS-on-stream"),
        pytest.param(frame(SETTINGS, 0, 0, b"12345"), SIZE, id="SETTINGS-length"),
        pytest.param(frame(SETTINGS, ACK, 0, b"123456"), SIZE, id="SETTINGS-acknowledgement-with-payload"),
        pytest.param(settings(push=1), PROTOCOL, id="SETTINGS-push"),
        pytest.param(settings(frame_size=100), PROTOCOL, id="SETTINGS-frame-size-low"),
        pytest.param(settings(frame_size=1 << 24), PROTOCOL, id="SETTINGS-frame-size-high"),
        pytest.param(settings(window=1 << 31), FLOW, id="SETTINGS-window-high"),
        pytest.param(frame(PUSH_PROMISE, 4, 1, b"\0\0\0\2" + OK), PROTOCOL, id="PUSH_PROMISE"),
        pytest.param(frame(PING, 0, 0, b"short"), SIZE, id="PING-length"),
        pytest.param(frame(PING, 0, 1, b"12345678"), PROTOCOL, id="PING-on-stream"),
        pytest.param(frame(GOAWAY, 0, 0, b"1234567"), SIZE, id="GOAWAY-length"),
        pytest.param(frame(GOAWAY, 0, 1, b"12345678"), PROTOCOL, id="GOAWAY-on-stream"),
        pytest.param(frame(WINDOW_UPDATE, 0, 0, b"123"), SIZE, id="WINDOW_UPDATE-length"),
        pytest.param(window(0, 0), PROTOCOL, id="WINDOW_UPDATE-of-0"),
        pytest.param(window(1, 0), PROTOCOL, id="WINDOW_UPDATE-of-0-on-stream"),
        pytest.param(window(99, 1), PROTOCOL, id="WINDOW_UPDATE-on-idle"),
        pytest.param(window(0, 2**31 - 1), FLOW, id="WINDOW_UPDATE-past-the-end"),
        pytest.param(struct.pack(">I", 16385)[1:] + b"\0\0\0\0\0\1", SIZE, id="frame-too-long"),
        pytest.param(b"HTTP/1.1 400 Bad Request\r\n\r\n", SIZE, id="HTTP/1-answer"),
    ],
)
async def test_a_broken_protocol_ends_the_connection_and_nothing_else(lab: Lab, wire: bytes, code: int) -> None:
    """What was in flight is AMBIGUOUS, what was answered before stands, the next request gets a new connection."""
    channel = lab.channel()
    channel.submit(requests(2))
    link = await lab.peer.welcome()
    _, second = await link.requests(2)
    link.send(answer(second.stream), wire)
    await link.expect_error(code)
    await lab.answers.count(2)
    assert lab.answers.by_tag[0].failure is Failure.AMBIGUOUS
    assert lab.answers.by_tag[0].detail.startswith("protocol: ")
    assert lab.answers.by_tag[1].status == 200

    channel.submit(requests(1, first=2))
    link = await lab.peer.welcome()
    link.send(answer((await link.request()).stream))
    await lab.answers.count(3)


async def test_a_stream_window_past_the_end_ends_the_connection(lab: Lab) -> None:
    channel = lab.channel()
    channel.submit([Request(HEAD, b"x" * 70_000, 0)])
    link = await lab.peer.welcome()
    await link.expect(HEADERS)
    link.send(window(1, 2**31 - 1), window(1, 1))
    await link.expect_error(FLOW)
    assert (await lab.answers.one()).failure is Failure.AMBIGUOUS


async def test_the_first_frame_must_be_settings(lab: Lab) -> None:
    lab.channel().submit(requests(1))
    link = await lab.peer.accept()
    await link.greeting()
    await link.request()
    link.send(frame(PING, 0, 0, b"12345678"))
    await link.expect_error(PROTOCOL)
    assert (await lab.answers.one()).detail == "protocol: PROTOCOL_ERROR: the first frame is not SETTINGS"


async def test_an_http1_answer_on_the_http2_port_is_told_as_such(lab: Lab) -> None:
    lab.channel().submit(requests(1))
    link = await lab.peer.accept()
    await link.greeting()
    await link.request()
    link.send(b"HTTP/1.1 502 Bad Gateway\r\nContent-Type: text/html\r\n\r\n<html></html>")
    got = await lab.answers.one()
    assert got.failure is Failure.AMBIGUOUS
    assert "an HTTP/1 answer on an HTTP/2 connection" in got.detail


async def test_unknown_frames_settings_and_flags_are_ignored(lab: Lab) -> None:
    lab.channel().submit(requests(1))
    link = await lab.peer.welcome()
    got = await link.request()
    link.send(frame(77, 255, 5, b"extension"), frame(SETTINGS, 0, 0, struct.pack(">HI", 0x99, 1)))
    link.send(frame(PRIORITY, 0, 1, b"12345"), frame(HEADERS, 5 | 0xC0, got.stream, OK))
    assert (await lab.answers.one()).status == 200


async def test_pings_and_settings_are_acknowledged(lab: Lab) -> None:
    lab.channel().submit(requests(1))
    link = await lab.peer.welcome()
    link.send(frame(PING, 0, 0, b"12345678"), settings(streams=7))
    acknowledged = [await link.expect(kind) for kind in (SETTINGS, PING, SETTINGS)]
    assert [(each.flags, each.payload) for each in acknowledged] == [(1, b""), (1, b"12345678"), (1, b"")]


# Dead networks


@pytest.mark.parametrize("how", ["drop", "close"])
async def test_a_lost_connection_leaves_its_streams_ambiguous_and_serves_the_next(lab: Lab, how: str) -> None:
    channel = lab.channel()
    channel.submit(requests(3))
    link = await lab.peer.welcome()
    first, *_ = await link.requests(3)
    link.send(answer(first.stream))
    await link.ping()
    getattr(link, how)()
    await lab.answers.count(3)
    assert {lab.answers.by_tag[tag].failure for tag in (1, 2)} == {Failure.AMBIGUOUS}

    channel.submit(requests(1, first=3))
    link = await lab.peer.welcome()
    link.send(answer((await link.request()).stream))
    await lab.answers.count(4)


async def test_silence_is_answered_by_ping_and_then_given_up(lab: Lab) -> None:
    channel = lab.channel(ping_after=0.1, ping_timeout=0.1)
    channel.submit(requests(2))
    link = await lab.peer.welcome()
    await link.requests(2)
    await link.expect(PING)
    for each in await lab.answers.count(2):
        assert (each.failure, each.detail) == (Failure.AMBIGUOUS, "ping: no acknowledgement")
    await link.closed()
    assert channel.counters.connections == 0


async def test_a_peer_that_talks_but_no_longer_hears_is_given_up(lab: Lab) -> None:
    """A half-open connection that swallows our direction only."""
    lab.channel(ping_after=0.1, ping_timeout=0.2).submit(requests(1))
    link = await lab.peer.welcome()
    await link.request()
    while not lab.answers.all:
        link.send(frame(PING, 0, 0, b"12345678"))
        await asyncio.sleep(0.01)
    assert (await lab.answers.one()).detail == "ping: no acknowledgement"


async def test_a_slow_peer_that_acknowledges_pings_is_waited_for(lab: Lab) -> None:
    lab.channel(ping_after=0.05, ping_timeout=0.05).submit(requests(1))
    link = await lab.peer.welcome()
    got = await link.request()
    for _ in range(3):
        link.send(frame(PING, ACK, 0, (await link.expect(PING)).payload))
    link.send(answer(got.stream))
    assert (await lab.answers.one()).status == 200


async def test_an_idle_connection_is_pinged_and_closed_in_time(lab: Lab) -> None:
    channel = lab.channel(idle_ping=0.1, idle_close=1.2)
    channel.submit(requests(1))
    link = await lab.peer.welcome()
    link.send(answer((await link.request()).stream))
    await lab.answers.count(1)
    link.send(frame(PING, ACK, 0, (await link.expect(PING)).payload))
    await link.closed()
    assert channel.counters.connections == 0


# Closing


async def test_aclose_waits_for_answers_and_says_goodbye(lab: Lab) -> None:
    channel = lab.channel()
    channel.submit(requests(2))
    link = await lab.peer.welcome()
    got = await link.requests(2)
    closing = asyncio.create_task(channel.aclose(grace=5))
    await link.ping()
    assert not closing.done()
    with pytest.raises(RuntimeError):
        channel.submit(requests(1))
    link.send(*(answer(each.stream) for each in got))
    await closing
    assert lab.answers.statuses() == {200: 2}
    assert (await link.expect(GOAWAY)).payload[4:8] == b"\0\0\0\0"
    await link.closed()
    assert channel.pending == 0


async def test_aclose_reports_what_is_left_when_the_grace_is_over(lab: Lab) -> None:
    channel = lab.channel(streams=1)
    channel.submit(requests(3))
    link = await lab.peer.welcome()
    await link.request()
    await channel.aclose(grace=0.05)
    await lab.answers.count(3)
    assert lab.answers.statuses() == {"ambiguous: closed": 1, "unsent: closed": 2}
    assert lab.transport.counters.connections == 0


async def test_a_sink_may_submit_at_once(lab: Lab) -> None:
    class Chain:
        """Submits the next request while taking an answer."""

        left = 50

        def __call__(self, answers: list) -> None:  # type: ignore[type-arg]
            lab.answers(answers)
            for _ in answers:
                if self.left:
                    self.left -= 1
                    channel.submit(requests(1, first=100 + self.left))

    channel = lab.transport.open(lab.peer.origin, Chain(), lab.options)
    lab.opened.append(channel)
    channel.submit(requests(5))
    link = await lab.peer.welcome()
    for _ in range(55):
        link.send(answer((await link.request()).stream))
    await lab.answers.count(55)
    assert channel.pending == 0


# Pacing


async def test_a_peer_that_hangs_up_at_once_is_called_ever_less_often(lab: Lab) -> None:
    """GOAWAY before any answer is a failure of the connection: distances grow."""
    times: list[float] = []
    lab.channel(resend_limit=10, reconnect_pause=0.05).submit(requests(1))
    for _ in range(5):
        link = await lab.peer.welcome()
        times.append(asyncio.get_running_loop().time())
        await link.request()
        link.send(goaway(0))
    gaps = [later - earlier for earlier, later in pairwise(times)]
    for gap, least in zip(gaps, (0.05, 0.1, 0.2, 0.4), strict=True):
        assert gap >= least * 0.9
    link = await lab.peer.welcome()
    link.send(answer((await link.request()).stream))
    await lab.answers.count(1)


async def test_connections_open_no_faster_than_the_interval_while_one_is_usable(lab: Lab) -> None:
    lab.channel(connections=2, open_interval=0.3).submit(requests(20))
    link = await lab.peer.welcome(streams=5)
    begun = asyncio.get_running_loop().time()
    await link.requests(5)
    second = await lab.peer.welcome(streams=5)
    assert asyncio.get_running_loop().time() - begun > 0.2
    await second.requests(5)


async def test_steady_work_does_not_put_deadlines_off(lab: Lab) -> None:
    """One stream hangs while others come and go faster than the engine looks at its clock."""
    channel = lab.channel(request_timeout=0.3)
    channel.submit(requests(1))
    link = await lab.peer.welcome()
    await link.request()
    number = 0
    while 0 not in lab.answers.by_tag:
        number += 1
        channel.submit(requests(1, first=number))
        link.send(answer((await link.request()).stream))
        await link.ping()
    assert lab.answers.by_tag[0].detail == "deadline"
