"""A connection fed with anything: it never raises, and accounts for every request exactly once (PF-12)."""

import asyncio
from collections import deque
from dataclasses import dataclass, field

from hypothesis import given, settings
from hypothesis import strategies as st

from clarion.providers.http2.connection import Connection
from clarion.providers.http2.frames import frame
from clarion.providers.http2.headers import HeadBlocks
from clarion.providers.http2.outcome import Outcome
from clarion.providers.transport import ChannelOptions, Head, Request

HEAD = Head("/", ())
GREETING = frame(4, 0, 0) + frame(4, 1, 0)

streams = st.sampled_from([0, 1, 3, 5, 7, 2, 99])
likely = st.one_of(
    st.tuples(st.just(0), st.sampled_from([0, 1, 8, 9]), streams, st.binary(max_size=30)),
    st.tuples(
        st.just(1),
        st.sampled_from([0, 1, 4, 5, 12, 36]),
        streams,
        st.one_of(
            st.sampled_from([b"\x88", b"\x20\x88", b"\x8d", b"\x08\x03103", b"\x00\x01a\x01b"]), st.binary(max_size=9)
        ),
    ),
    st.tuples(st.just(3), st.just(0), streams, st.sampled_from([b"\0\0\0\7", b"\0\0\0\x08", b"\0"])),
    st.tuples(
        st.just(4), st.sampled_from([0, 1]), st.just(0), st.sampled_from([b"", b"\0\3\0\0\0\1", b"\0\4\0\0\0\0", b"x"])
    ),
    st.tuples(st.just(6), st.sampled_from([0, 1]), st.just(0), st.binary(min_size=7, max_size=8)),
    st.tuples(st.just(7), st.just(0), st.just(0), st.sampled_from([b"\0\0\0\3\0\0\0\0", b"\0\0\0\0\0\0\0\1why"])),
    st.tuples(st.just(8), st.just(0), streams, st.sampled_from([b"\0\0\0\1", b"\x7f\xff\xff\xff", b"\0\0\0\0"])),
    st.tuples(st.just(9), st.sampled_from([0, 4]), streams, st.binary(max_size=9)),
)
anything = st.tuples(st.integers(0, 20), st.integers(0, 255), streams, st.binary(max_size=20))


class Wire:
    """An asyncio transport that has agreed on HTTP/2 and swallows what is written."""

    def get_extra_info(self, name: str) -> "Wire | None":
        return self if name == "ssl_object" else None

    def selected_alpn_protocol(self) -> str:
        return "h2"

    def set_write_buffer_limits(self, high: int) -> None:
        assert high > 0

    def write(self, data: bytes) -> None:
        assert data

    def close(self) -> None:
        pass

    def abort(self) -> None:
        pass


@dataclass
class Book:
    """The channel's side: every request that was written, and what became of it."""

    settled: list[object] = field(default_factory=list)
    ends: int = 0

    def progress(self, outcome: Outcome) -> None:
        assert all(bool(answer.status) != bool(answer.failure) for answer in outcome.answers)
        self.settled += [answer.tag for answer in outcome.answers]
        self.settled += [request.tag for request in outcome.refused]

    def gone(self, connection: Connection, outcome: Outcome) -> None:
        self.ends += 1
        self.progress(outcome)


async def feed(pieces: list[bytes]) -> None:
    book = Book()
    connection = Connection(book, ChannelOptions(body_limit=40), HeadBlocks("a"), requests=1000)
    connection.connection_made(Wire())  # type: ignore[arg-type]
    connection.data_received(GREETING)
    queue = deque(Request(HEAD, b"x" * 20_000 * (number % 2), number) for number in range(4))
    taken = connection.pump(queue, 100)
    for piece in pieces:
        connection.data_received(piece)
        connection.sweep(asyncio.get_running_loop().time())
        assert len(book.settled) + connection.in_flight == taken
    connection.close("done")
    assert sorted(book.settled, key=str) == list(range(taken))
    assert book.ends == 1
    connection.connection_lost(None)
    assert book.ends == 1


@settings(deadline=None, max_examples=300)
@given(st.lists(st.one_of(likely, likely, anything), max_size=25))
def test_any_sequence_of_frames(script: list[tuple[int, int, int, bytes]]) -> None:
    asyncio.run(feed([frame(*each) for each in script]))


@settings(deadline=None)
@given(st.lists(st.binary(max_size=60), max_size=6))
def test_any_bytes(pieces: list[bytes]) -> None:
    asyncio.run(feed(pieces))
