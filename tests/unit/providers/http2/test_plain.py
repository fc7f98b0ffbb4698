"""The short way for usual answers: it takes exactly those, and stops before anything else."""

import pytest

from clarion.providers.http2.frames import (
    DATA,
    END_HEADERS,
    END_STREAM,
    HEADERS,
    PADDED,
    PING,
    RST_STREAM,
    frame,
)
from clarion.providers.http2.plain import take_plain
from clarion.providers.transport import Answer, Head, Request

HEAD = Head("/send", ())
BLOCK = b"\x88\x5f\x04text"


def requests(*streams: int) -> dict[int, Request | Answer]:
    return {stream: Request(HEAD, b"{}", f"tag {stream}") for stream in streams}


def answer(stream: int, body: bytes = b"ok") -> bytes:
    return frame(HEADERS, END_HEADERS, stream, BLOCK) + frame(DATA, END_STREAM, stream, body)


def test_answers_are_taken_in_order_with_their_bodies() -> None:
    streams, complete = requests(1, 3, 5), list[Answer]()
    data = answer(3) + answer(1, b"")
    assert take_plain(data, streams, complete, largest=16384) == (len(data), 2)
    assert [(one.tag, one.status, one.body) for one in complete] == [("tag 3", 200, b"ok"), ("tag 1", 200, b"")]
    assert list(streams) == [5]


class Kind(Request):
    """Providers have kinds of requests of their own."""


@pytest.mark.parametrize(("block", "status"), [(BLOCK, 200), (b"\x48\x82\x10\x03", 201), (b"\x89", 204)])
def test_answers_without_a_body_to_requests_of_any_kind_are_taken(block: bytes, status: int) -> None:
    streams: dict[int, Request | Answer] = {1: Kind(HEAD, b"{}", "tag 1")}
    complete = list[Answer]()
    data = frame(HEADERS, END_HEADERS | END_STREAM, 1, block)
    assert take_plain(data, streams, complete, largest=16384) == (len(data), 0)
    assert [(one.tag, one.status, one.body) for one in complete] == [("tag 1", status, b"")]
    assert not streams


def test_frames_of_several_streams_may_be_mixed() -> None:
    streams, complete = requests(1, 3), list[Answer]()
    first, second = answer(1, b"a"), answer(3, b"b")
    edge = 9 + len(BLOCK)
    take_plain(first[:edge] + second[:edge] + first[edge:] + second[edge:], streams, complete, largest=16384)
    assert [one.body for one in complete] == [b"a", b"b"]


@pytest.mark.parametrize("cut", range(1, len(answer(3))))
def test_what_is_incomplete_is_left_and_goes_on_with_the_next_read(cut: int) -> None:
    streams, complete = requests(1, 3), list[Answer]()
    data = answer(1) + answer(3)
    at, _ = take_plain(data[:-cut], streams, complete, largest=16384)
    assert at <= len(data) - cut
    assert [one.tag for one in complete] == ["tag 1"]
    take_plain(data[at:], streams, complete, largest=16384)
    assert [one.tag for one in complete] == ["tag 1", "tag 3"]


@pytest.mark.parametrize(
    "other",
    [
        frame(PING, 0, 0, bytes(8)),
        frame(RST_STREAM, 0, 3, bytes(4)),
        frame(HEADERS, END_HEADERS | PADDED, 3, b"\x00" + BLOCK),
        frame(HEADERS, 0, 3, BLOCK),
        frame(HEADERS, END_HEADERS, 3, b""),
        frame(HEADERS, END_HEADERS, 3, b"\x8d"),
        frame(HEADERS, END_HEADERS, 7, BLOCK),
        frame(DATA, END_STREAM, 3, b"a body before its headers"),
        frame(DATA, END_STREAM, 7, b"nobody waits for it"),
        frame(HEADERS, END_HEADERS, 3, BLOCK + bytes(20)),
    ],
    ids=(
        "ping",
        "reset",
        "padded",
        "to be continued",
        "an empty block",
        "not 200",
        "late",
        "headless",
        "a late body",
        "longer than wanted",
    ),
)
def test_anything_else_is_left_to_the_connection(other: bytes) -> None:
    streams, complete = requests(1, 3), list[Answer]()
    ready = answer(1)
    assert take_plain(ready + other + answer(3), streams, complete, largest=16) == (len(ready), 2)
    assert [one.tag for one in complete] == ["tag 1"]
    assert isinstance(streams[3], Request)


def test_the_body_of_an_answer_may_be_in_pieces_only_for_the_connection() -> None:
    streams, complete = requests(1), list[Answer]()
    headers = frame(HEADERS, END_HEADERS, 1, BLOCK)
    assert take_plain(headers + frame(DATA, 0, 1, b"o"), streams, complete, largest=16384) == (len(headers), 0)
    assert not complete
