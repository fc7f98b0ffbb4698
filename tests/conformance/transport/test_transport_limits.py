"""Limits in force: the peer's streams and windows, up and down, and our own bounds (PF-5, BP-1)."""

import struct
from collections import deque

import pytest
from tests.conformance.transport.conftest import Lab
from tests.conformance.transport.gathered_answers import HEAD, requests
from tests.conformance.transport.scripted_peer import (
    ACK,
    DATA,
    HEADERS,
    RST_STREAM,
    SETTINGS,
    WINDOW_UPDATE,
    answer,
    frame,
    reset,
    settings,
    window,
)

from clarion.providers.http2 import Http2Transport
from clarion.providers.transport import Failure, Request

pytestmark = pytest.mark.anyio


# Streams


async def test_one_stream_until_the_first_settings(lab: Lab) -> None:
    lab.channel().submit(requests(10))
    link = await lab.peer.accept()
    await link.greeting()
    await link.request()
    # Frames are taken in order: had there been room, more requests would stand before this answer to our PING.
    link.send(settings(), frame(SETTINGS, ACK))
    assert len(await link.requests(9)) == 9
    assert not [each for each in link.others if each.kind == HEADERS]


async def test_the_peers_stream_limit_is_obeyed_down_and_up(lab: Lab) -> None:
    channel = lab.channel()
    channel.submit(requests(20))
    link = await lab.peer.welcome(streams=4)
    open_streams = deque(got.stream for got in await link.requests(4))
    assert not any(each.kind == HEADERS for each in await link.ping())

    link.send(settings(streams=2), *(answer(open_streams.popleft()) for _ in range(2)))
    assert not any(each.kind == HEADERS for each in await link.ping()), "two are still open, and two is the limit now"

    link.send(answer(open_streams.popleft()))
    open_streams.append((await link.request()).stream)
    assert not any(each.kind == HEADERS for each in await link.ping())

    link.send(settings(streams=6))
    open_streams.extend(got.stream for got in await link.requests(4))
    assert not any(each.kind == HEADERS for each in await link.ping())
    assert channel.counters.stream_limit == 6
    assert channel.counters.in_flight == 6


async def test_a_limit_of_zero_stops_and_a_later_one_starts_again(lab: Lab) -> None:
    lab.channel().submit(requests(2))
    link = await lab.peer.welcome(streams=0)
    first = await link.request()  # was on its way before our peer's settings could arrive
    link.send(answer(first.stream))
    assert not any(each.kind == HEADERS for each in await link.ping())
    link.send(settings(streams=1))
    link.send(answer((await link.request()).stream))
    await lab.answers.count(2)


async def test_our_own_cap_holds_where_the_peer_sets_none(lab: Lab) -> None:
    lab.channel(streams=3).submit(requests(10))
    link = await lab.peer.welcome()
    await link.requests(3)
    assert not any(each.kind == HEADERS for each in await link.ping())


async def test_first_alone_waits_for_an_accepted_answer(lab: Lab) -> None:
    """APNs allows one stream until it has accepted a token (providers.md §3.6)."""
    lab.channel(first_alone=True).submit(requests(5))
    link = await lab.peer.welcome(streams=100)
    for status in (403, 503):
        got = await link.request()
        assert not any(each.kind == HEADERS for each in await link.ping())
        link.send(answer(got.stream, status))
    got = await link.request()
    link.send(answer(got.stream, 200))
    assert len(await link.requests(2)) == 2


async def test_a_refused_stream_leaves_room_for_the_next(lab: Lab) -> None:
    lab.channel(streams=1).submit(requests(2))
    link = await lab.peer.welcome()
    link.send(reset((await link.request()).stream, 8))
    link.send(answer((await link.request()).stream))
    await lab.answers.count(2)


async def test_work_spreads_over_connections_up_to_the_bound(lab: Lab) -> None:
    lab.channel(connections=3).submit(requests(100))
    links = []
    for _ in range(3):
        link = await lab.peer.welcome(streams=10)
        await link.requests(10)
        links.append(link)
    for link in links:
        await link.ping()
    assert lab.peer.accepted == 3


async def test_stream_ids_that_are_used_up_lead_to_a_new_connection(lab: Lab) -> None:
    lab.transport = Http2Transport(requests_per_connection=3)
    lab.channel().submit(requests(7))
    for count in (3, 3, 1):
        link = await lab.peer.welcome()
        for got in await link.requests(count):
            link.send(answer(got.stream))
        if count == 3:
            assert got.stream == 5
            await link.closed()
    await lab.answers.count(7)
    assert lab.answers.statuses() == {200: 7}


# Windows for what we send


async def test_bodies_wait_for_the_connection_window(lab: Lab) -> None:
    body = b"b" * 4000
    lab.channel().submit([Request(HEAD, body, n) for n in range(40)])
    link = await lab.peer.welcome()
    assert sum(len(each.payload) for each in await link.ping() if each.kind == DATA) == 65535

    link.send(window(0, 1_000_000))
    got = 65535
    while got < 40 * 4000:
        got += len((await link.expect(DATA)).payload)
    assert got == 40 * 4000


async def test_a_body_larger_than_a_streams_window_is_sent_in_pieces(lab: Lab) -> None:
    body = bytes(range(256)) * 4
    lab.channel().submit([Request(HEAD, b"", "first"), Request(HEAD, body, 0)])
    link = await lab.peer.welcome(window=100)
    first = await link.request()
    link.send(answer(first.stream))
    stream = (await link.expect(HEADERS)).stream
    got = b""
    while len(got) < len(body):
        piece = await link.expect(DATA, stream=stream)
        assert len(piece.payload) <= 100
        got += piece.payload
        link.send(window(stream, 100))
    assert got == body
    assert piece.flags & 1


async def test_a_waiting_body_does_not_hold_up_other_streams(lab: Lab) -> None:
    channel = lab.channel()
    channel.submit([Request(HEAD, b"", "first")])
    link = await lab.peer.welcome(window=10)
    link.send(answer((await link.request()).stream))
    channel.submit([Request(HEAD, b"x" * 50, "long"), Request(HEAD, b"short", "short")])
    await link.expect(DATA, stream=3)
    piece = await link.expect(DATA, stream=5)
    assert (piece.payload, piece.flags) == (b"short", 1)
    link.send(answer(5))
    await lab.answers.count(2)


async def test_the_initial_window_may_shrink_below_zero_and_grow_again(lab: Lab) -> None:
    """RFC 9113 §6.9.2: a change moves the windows of open streams by the difference."""
    channel = lab.channel()
    channel.submit([Request(HEAD, b"", "first")])
    link = await lab.peer.welcome(window=100)
    link.send(answer((await link.request()).stream))
    channel.submit([Request(HEAD, b"x" * 300, "long")])
    assert len((await link.expect(DATA, stream=3)).payload) == 100

    link.send(settings(window=20))  # the stream's window is -80 now
    await link.ping()
    link.send(window(3, 80))  # 0
    assert not any(each.kind == DATA for each in await link.ping())
    link.send(window(3, 5))
    assert len((await link.expect(DATA, stream=3)).payload) == 5
    link.send(settings(window=1000))
    rest = await link.expect(DATA, stream=3)
    assert (len(rest.payload), rest.flags) == (195, 1)


async def test_the_peers_frame_size_is_obeyed_up_and_down(lab: Lab) -> None:
    channel = lab.channel()
    channel.submit([Request(HEAD, b"", "first")])
    link = await lab.peer.welcome(frame_size=20000, window=1 << 20)
    link.send(window(0, 1 << 20), answer((await link.request()).stream))
    channel.submit([Request(HEAD, b"x" * 50_000, 0)])
    assert [len((await link.expect(DATA, stream=3)).payload) for _ in range(3)] == [20000, 20000, 10000]
    link.send(settings(frame_size=16384))
    await link.ping()
    channel.submit([Request(HEAD, b"x" * 20_000, 1)])
    assert [len((await link.expect(DATA, stream=5)).payload) for _ in range(2)] == [16384, 3616]


# Windows for what we receive


async def test_the_connection_window_is_given_back(lab: Lab) -> None:
    """More is answered over one connection than its window holds."""
    total, body = 400, b"y" * 65000
    lab.channel(streams=10).submit(requests(total))
    link = await lab.peer.welcome()
    grown = 0
    for _ in range(total):
        got = await link.request()
        link.send(frame(HEADERS, 4, got.stream, b"\x88"))
        link.send(*(frame(DATA, 0, got.stream, body[at : at + 16384]) for at in range(0, len(body), 16384)))
        link.send(frame(DATA, 1, got.stream))
        await link.writer.drain()
    await lab.answers.count(total)
    await link.ping()
    grown = sum(
        struct.unpack(">I", each.payload)[0] for each in link.others if each.kind == WINDOW_UPDATE and each.stream == 0
    )
    assert grown >= 1 << 24
    assert lab.answers.statuses() == {200: total}


async def test_padding_does_not_use_up_a_streams_window(lab: Lab) -> None:
    """1 byte of body and 256 of padding, until five windows' worth have come."""
    lab.channel().submit(requests(1))
    link = await lab.peer.welcome()
    stream = (await link.request()).stream
    link.send(frame(HEADERS, 4, stream, b"\x88"))
    room = link.settings[4]
    for _ in range(5 * room // 257):
        link.send(frame(DATA, 8, stream, b"\xff" + b"x" + b"\0" * 255))
        room -= 257
        while room < 257:
            room += struct.unpack(">I", (await link.expect(WINDOW_UPDATE, stream=stream)).payload)[0]
    link.send(frame(DATA, 1, stream))
    assert len((await lab.answers.one()).body) == 5 * link.settings[4] // 257


async def test_we_tell_the_peer_our_limits(lab: Lab) -> None:
    lab.channel(body_limit=200_000).submit(requests(1))
    link = await lab.peer.accept()
    await link.greeting()
    assert link.settings == {1: 0, 2: 0, 4: 216384, 6: 32768}


# Bounds of what waits


async def test_requests_are_not_written_while_the_peer_does_not_read(lab: Lab) -> None:
    channel = lab.channel(streams=10_000)
    channel.submit([Request(HEAD, b"", "first")])
    link = await lab.peer.welcome(window=2**31 - 1)
    link.send(window(0, 2**31 - 1 - 65535), answer((await link.request()).stream))
    await lab.answers.count(1)
    await link.ping()
    link.writer.transport.pause_reading()
    channel.submit([Request(HEAD, b"z" * 4096, n) for n in range(10_000)])
    in_flight = channel.counters.in_flight
    assert in_flight < 5000, "40 MB do not fit into any buffer; the rest stays in the caller's hands"
    assert len(channel.withdraw()) == 10_000 - in_flight

    link.writer.transport.resume_reading()
    for _ in range(in_flight):
        link.send(answer((await link.request()).stream))
    await lab.answers.count(1 + in_flight)


async def test_a_peer_that_pings_but_does_not_read_is_cut_off(lab: Lab) -> None:
    channel = lab.channel(streams=10_000)
    channel.submit([Request(HEAD, b"", "first")])
    link = await lab.peer.welcome(window=2**31 - 1)
    link.send(window(0, 2**31 - 1 - 65535), answer((await link.request()).stream))
    await lab.answers.count(1)
    await link.ping()
    link.writer.transport.pause_reading()
    channel.submit([Request(HEAD, b"z" * 4096, n) for n in range(10_000)])
    in_flight = channel.counters.in_flight
    channel.withdraw()
    link.send(*(frame(6, 0, 0, b"pingpong") for _ in range(10_000)))
    await lab.answers.count(1 + in_flight)
    assert lab.answers.by_tag[0].failure is Failure.AMBIGUOUS
    assert lab.answers.by_tag[0].detail == "protocol: the peer sends but does not read"


async def test_requests_that_find_no_room_in_time_come_back_unsent(lab: Lab) -> None:
    lab.channel(streams=1, request_timeout=0.2).submit(requests(3))
    link = await lab.peer.welcome()
    await link.request()
    await lab.answers.count(3)
    assert lab.answers.by_tag[0].failure is Failure.AMBIGUOUS
    assert {lab.answers.by_tag[tag].failure for tag in (1, 2)} <= {Failure.UNSENT, Failure.AMBIGUOUS}
    assert lab.answers.by_tag[2].failure is Failure.UNSENT
    assert {each.detail for each in lab.answers.all} == {"deadline"}
    assert (await link.expect(RST_STREAM)).stream == 1


async def test_withdraw_takes_back_what_was_not_written(lab: Lab) -> None:
    channel = lab.channel(streams=2)
    sent = requests(10)
    channel.submit(sent)
    link = await lab.peer.welcome()
    got = await link.requests(2)
    assert channel.withdraw() == sent[2:]
    assert channel.pending == 2
    link.send(*(answer(each.stream) for each in got))
    await lab.answers.count(2)
    assert channel.pending == 0
