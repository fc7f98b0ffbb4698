"""Header blocks: what we encode any decoder reads; what we are sent never breaks us."""

import hpack
import pytest
from hypothesis import given
from hypothesis import strategies as st

from clarion.providers.http2.frames import FrameReader, ProtocolViolation
from clarion.providers.http2.headers import AnswerDecoder, HeadBlock, HeadBlocks, MalformedAnswer, literal
from clarion.providers.transport import Head

names = st.from_regex(r"[a-z0-9-]{1,40}", fullmatch=True)
values = st.from_regex(r"[\x21-\x7e]([\x20-\x7e]{0,300}[\x21-\x7e])?", fullmatch=True)


@given(names, values, st.booleans())
def test_any_literal_is_read_back(name: str, value: str, never: bool) -> None:
    (field,) = hpack.Decoder().decode(literal(name, value, never_indexed=never))
    assert field == (name, value)
    assert getattr(field, "indexable", True) is not never


@given(st.lists(st.tuples(names, values), max_size=6), st.integers(1, 16000))
def test_the_constant_shape_equals_the_whole_block(headers: list[tuple[str, str]], size: int) -> None:
    """The two ways to encode a request agree byte for byte."""
    block = HeadBlock(Head("/v1/x", tuple(headers)), "push.example:2197")
    shape = block.shape(size)
    assert shape is not None
    name = b"\0\0\0\7"
    (_, flags, stream, got), (_, end, second, body) = FrameReader().feed(
        shape[0] + name + shape[1] + name + b"x" * size
    )
    assert (flags, end, stream, second, len(body)) == (4, 1, 7, 7, size)
    assert got == block.block(None, (), size)
    assert hpack.Decoder().decode(got) == [
        (":method", "POST"),
        (":scheme", "https"),
        (":authority", "push.example:2197"),
        (":path", "/v1/x"),
        *headers,
        ("content-length", str(size)),
    ]


def test_a_shape_is_refused_where_one_frame_does_not_hold_it() -> None:
    assert HeadBlock(Head("/", ()), "a").shape(16385) is None
    assert HeadBlock(Head("/", (("x", "v" * 16384),)), "a").shape(1) is None


def test_blocks_are_kept_for_heads_in_use_and_their_number_is_bounded() -> None:
    blocks = HeadBlocks("a")
    heads = [Head(f"/{n}", ()) for n in range(200)]
    assert blocks.of(heads[0]) is blocks.of(heads[0])
    for head in heads:
        assert blocks.of(head).head is head
    assert len(blocks._blocks) == 64


def test_shapes_are_bounded() -> None:
    block = HeadBlock(Head("/", ()), "a")
    for size in range(1, 3000):
        block.shape(size)
    assert len(block._shapes) <= 1024


@given(st.binary(max_size=300), st.booleans())
def test_no_block_raises_anything_unforeseen(block: bytes, acknowledged: bool) -> None:
    decoder = AnswerDecoder()
    if acknowledged:
        decoder.acknowledged()
    try:
        status, headers = decoder.decode(block)
    except (MalformedAnswer, ProtocolViolation):
        return
    assert 0 <= status <= 999
    assert all(isinstance(name, str) and isinstance(value, str) for name, value in headers)


def test_values_that_are_not_utf8_are_read_as_latin1() -> None:
    assert AnswerDecoder().decode(b"\x08\x03400\x00\x01a\x02\xff\xe9") == (400, (("a", "\xff\xe9"),))


def test_a_list_of_headers_past_the_limit_is_refused() -> None:
    decoder = AnswerDecoder()
    decoder.acknowledged()
    block = b"\x8d" + literal("x", "v" * 1000) * 40
    with pytest.raises(MalformedAnswer):
        decoder.decode(block)
    assert decoder.decode(b"\x8d") == (404, ()), "the next block is not concerned"
