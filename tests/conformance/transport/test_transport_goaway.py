"""GOAWAY: no answer is lost, nothing is sent twice (providers.md §3.6, reliability.md PF-4)."""

import asyncio

import pytest
from tests.conformance.transport.conftest import Lab
from tests.conformance.transport.gathered_answers import requests
from tests.conformance.transport.scripted_peer import (
    ACK,
    END_HEADERS,
    END_STREAM,
    HEADERS,
    OK,
    SETTINGS,
    answer,
    frame,
    goaway,
    settings,
)

from clarion.providers.transport import Failure

pytestmark = pytest.mark.anyio


async def test_streams_above_the_last_id_are_sent_again_at_once(lab: Lab) -> None:
    lab.channel().submit(requests(5))
    link = await lab.peer.welcome()
    got = await link.requests(5)
    link.send(goaway(got[1].stream))

    replacement = await lab.peer.welcome()
    again = await replacement.requests(3)
    assert [each.body for each in again] == [each.body for each in got[2:]]

    replacement.send(*(answer(each.stream) for each in again))
    link.send(answer(got[0].stream), answer(got[1].stream))
    await lab.answers.count(5)
    assert lab.answers.statuses() == {200: 5}


async def test_streams_up_to_the_last_id_are_awaited_on_the_old_connection(lab: Lab) -> None:
    channel = lab.channel()
    channel.submit(requests(3))
    link = await lab.peer.welcome()
    got = await link.requests(3)
    link.send(goaway(got[-1].stream))
    await link.ping()
    assert channel.pending == 3

    for each in got:
        link.send(answer(each.stream))
        await link.ping() if each is not got[-1] else None
    await lab.answers.count(3)
    assert lab.answers.statuses() == {200: 3}
    await link.closed()
    assert lab.peer.accepted == 1


async def test_no_stream_is_opened_after_goaway(lab: Lab) -> None:
    channel = lab.channel()
    channel.submit(requests(1))
    link = await lab.peer.welcome()
    (first,) = await link.requests(1)
    link.send(goaway(first.stream))
    await link.ping()

    channel.submit(requests(1, first=1))
    replacement = await lab.peer.welcome()
    (second,) = await replacement.requests(1)
    replacement.send(answer(second.stream))
    link.send(answer(first.stream))
    await lab.answers.count(2)


async def test_a_second_goaway_may_lower_the_last_id(lab: Lab) -> None:
    """Graceful shutdown announces 2³¹-1 first and the true id later (RFC 9113 §6.8)."""
    lab.channel().submit(requests(3))
    link = await lab.peer.welcome()
    got = await link.requests(3)
    link.send(goaway(2**31 - 1))
    await link.ping()
    link.send(goaway(got[0].stream), answer(got[0].stream))

    replacement = await lab.peer.welcome()
    again = await replacement.requests(2)
    replacement.send(*(answer(each.stream) for each in again))
    await lab.answers.count(3)
    assert lab.answers.statuses() == {200: 3}


async def test_streams_below_are_ambiguous_when_the_connection_ends_without_answer(lab: Lab) -> None:
    lab.channel().submit(requests(2))
    link = await lab.peer.welcome()
    got = await link.requests(2)
    link.send(goaway(got[1].stream, 11, b'{"reason":"Shutdown"}'))
    link.close()

    for each in await lab.answers.count(2):
        assert each.failure is Failure.AMBIGUOUS
        assert each.detail == 'goaway: ENHANCE_YOUR_CALM {"reason":"Shutdown"}'


async def test_a_request_refused_for_ever_comes_back_unsent_after_the_resend_limit(lab: Lab) -> None:
    channel = lab.channel(resend_limit=2)
    channel.submit(requests(1))
    for _ in range(3):
        link = await lab.peer.welcome()
        await link.request()
        link.send(goaway(0))

    only = await lab.answers.one()
    assert only.failure is Failure.UNSENT
    assert channel.counters.resends == 2


@pytest.mark.parametrize("at", range(1, 9 + 8 + 9))
async def test_goaway_split_at_any_byte_loses_nothing(lab: Lab, at: int) -> None:
    lab.channel().submit(requests(3))
    link = await lab.peer.welcome()
    got = await link.requests(3)
    wire = goaway(got[1].stream) + answer(got[0].stream) + answer(got[1].stream)
    link.send(wire[:at])
    await link.writer.drain()
    await asyncio.sleep(0.001)
    link.send(wire[at:])

    replacement = await lab.peer.welcome()
    again = await replacement.request()
    assert again.body == got[2].body
    replacement.send(answer(again.stream))
    await lab.answers.count(3)
    assert lab.answers.statuses() == {200: 3}


async def test_a_peer_that_recycles_connections_costs_no_message_and_doubles_none(lab: Lab) -> None:
    """GOAWAY every 100 requests, with later streams already on the wire and the last answers still due."""
    total, seen, links = 2000, [], []

    async def serve() -> None:
        while True:
            link = await lab.peer.accept()
            links.append(asyncio.create_task(serve_link(link)))

    async def serve_link(link) -> None:  # type: ignore[no-untyped-def]
        await link.greeting()
        link.send(settings(streams=50), frame(SETTINGS, ACK))
        due = []
        for number in range(100):
            got = await link.request()
            seen.append(got.body)
            due.append(got.stream)
            if number % 7 == 0 and number < 90:
                link.send(*(frame(HEADERS, END_HEADERS | END_STREAM, stream, OK) for stream in due))
                due.clear()
        link.send(goaway(got.stream))
        link.send(*(answer(stream) for stream in due))

    server = asyncio.create_task(serve())
    try:
        channel = lab.channel(connections=2)
        channel.submit(requests(total))
        await lab.answers.count(total, within=30)
        assert lab.answers.statuses() == {200: total}
        assert len(seen) == len(set(seen)) == total
    finally:
        for task in (server, *links):
            task.cancel()
