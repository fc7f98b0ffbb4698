"""The frame codec: bytes in any pieces give the same frames, and nothing may be oversized."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clarion.providers.http2.frames import (
    CONTINUATION,
    DATA,
    END_HEADERS,
    END_STREAM,
    HEADERS,
    PADDED,
    WITH_PRIORITY,
    ErrorCode,
    FrameReader,
    ProtocolViolation,
    error_name,
    frame,
    goaway,
    header_frames,
    read_goaway,
    read_number,
    read_settings,
    strip_padding,
)

frames = st.lists(
    st.tuples(st.integers(0, 255), st.integers(0, 255), st.integers(0, 2**31 - 1), st.binary(max_size=60)), max_size=8
)


@given(frames, st.lists(st.integers(0, 600), max_size=12))
def test_frames_survive_any_split(sent: list[tuple[int, int, int, bytes]], cuts: list[int]) -> None:
    wire = b"".join(frame(*each) for each in sent)
    edges = sorted({0, len(wire), *(cut for cut in cuts if cut < len(wire))})
    reader = FrameReader()
    got = [each for begin, end in pairwise(edges) for each in reader.feed(wire[begin:end])]
    assert got == sent
    assert reader.violation is None


def test_the_reserved_bit_of_a_stream_id_is_ignored() -> None:
    assert FrameReader().feed(b"\0\0\0\0\1\x80\0\0\7") == [(DATA, END_STREAM, 7, b"")]


def test_frames_before_an_oversized_one_are_kept() -> None:
    reader = FrameReader(largest=20)
    assert reader.feed(frame(DATA, 0, 1, b"good") + frame(DATA, 0, 1, b"x" * 21)) == [(DATA, 0, 1, b"good")]
    assert reader.violation is not None
    assert reader.violation.code is ErrorCode.FRAME_SIZE_ERROR


def test_an_oversized_frame_is_noticed_from_its_head_alone() -> None:
    reader = FrameReader()
    reader.feed(frame(DATA, 0, 1, b"x" * 16385)[:9])
    assert reader.violation is not None


@given(st.binary(max_size=200), st.integers(1, 50), st.booleans())
def test_a_header_block_is_cut_to_the_frame_size_and_ends_once(block: bytes, largest: int, end_stream: bool) -> None:
    got = FrameReader().feed(header_frames(5, block, largest, end_stream=end_stream))
    assert b"".join(payload for *_, payload in got) == block
    assert [kind for kind, *_ in got] == [HEADERS] + [CONTINUATION] * (len(got) - 1)
    assert [bool(flags & END_HEADERS) for _, flags, *_ in got] == [False] * (len(got) - 1) + [True]
    assert bool(got[0][1] & END_STREAM) is end_stream
    assert all(len(payload) <= largest for *_, payload in got)


@pytest.mark.parametrize(
    ("flags", "payload", "bare"),
    [
        (0, b"\x05body", b"\x05body"),
        (PADDED, b"\x00body", b"body"),
        (PADDED, b"\x02body\0\0", b"body"),
        (PADDED, b"\x02\0\0", b""),
        (WITH_PRIORITY, b"12345body", b"body"),
        (PADDED | WITH_PRIORITY, b"\x0112345body\0", b"body"),
    ],
)
def test_padding_and_priority_are_cut_off(flags: int, payload: bytes, bare: bytes) -> None:
    assert strip_padding(flags, payload) == bare


@pytest.mark.parametrize(
    ("flags", "payload"),
    [(PADDED, b""), (PADDED, b"\x01"), (PADDED, b"\x05body"), (WITH_PRIORITY, b"1234"), (PADDED | 32, b"\x0112345")],
)
def test_padding_longer_than_the_frame_is_a_violation(flags: int, payload: bytes) -> None:
    with pytest.raises(ProtocolViolation):
        strip_padding(flags, payload)


def test_numbers_are_read_in_exactly_their_length() -> None:
    assert read_number(b"\0\0\1\0", "X") == 256
    assert read_goaway(goaway(7, ErrorCode.CANCEL, b"why")[9:]) == (7, 8, b"why")
    assert read_settings(b"\0\3\0\0\0\x64") == [(3, 100)]
    for wrong in (b"", b"123", b"12345"):
        with pytest.raises(ProtocolViolation):
            read_number(wrong, "X")
    with pytest.raises(ProtocolViolation):
        read_goaway(b"1234567")
    with pytest.raises(ProtocolViolation):
        read_settings(b"12345")


def test_error_codes_nobody_knows_have_a_name_too() -> None:
    assert [error_name(8), error_name(99)] == ["CANCEL", "0x63"]
