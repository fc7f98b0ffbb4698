"""Header blocks (RFC 7541): constant blocks for what we send, decoding of what is not a plain 200.

We send no entry into the peer's dynamic table and forbid the peer one (SETTINGS_HEADER_TABLE_SIZE = 0). So every
block of ours is constant bytes, and once the peer has acknowledged our settings every block of its is stateless.
"""

import struct
from collections.abc import Iterator
from functools import lru_cache

from hpack import Decoder, HPACKError, OversizedHeaderListError
from hpack.huffman import HuffmanEncoder
from hpack.huffman_constants import REQUEST_CODES, REQUEST_CODES_LENGTH
from hpack.table import HeaderTable

from clarion.providers.http2.frames import (
    DATA,
    DEFAULT_FRAME_SIZE,
    END_HEADERS,
    END_STREAM,
    HEADERS,
    ErrorCode,
    ProtocolViolation,
)
from clarion.providers.transport import Head

PLAIN_200 = 0x88
"""First byte of a block that starts with `:status: 200` from the static table."""
SHRINK_TABLE = b"\x20"
"""Dynamic table size update to 0."""
HEADER_LIST_LIMIT = 32768
"""Bytes of decoded headers, counted as RFC 7541 §4.1 does."""

_WITHOUT_INDEXING, _NEVER_INDEXED = 0x00, 0x10
_CONTENT_LENGTH = b"\x0f\x0d"
_STATIC_NAMES = {name: index for index, (name, _) in reversed(list(enumerate(HeaderTable.STATIC_TABLE, 1)))}
_STATUS_NAMES = range(8, 15)
"""`:status` in the static table."""
_SENSITIVE = frozenset({"authorization", "cookie", "crypto-key"})
_HEADS_KEPT = 64
_SIZES_KEPT = 1024
_LAYOUTS_KEPT = 256
_frame_start = struct.Struct(">BHBB").pack


class MalformedAnswer(Exception):
    """One answer's headers break HTTP (RFC 9113 §8.1.1); other streams are not concerned."""


def _integer(first: int, bits: int, value: int) -> bytes:
    limit = (1 << bits) - 1
    if value < limit:
        return bytes((first | value,))
    out = bytearray((first | limit,))
    value -= limit
    while value >= 128:
        out.append(value & 127 | 128)
        value >>= 7
    out.append(value)
    return bytes(out)


_SHORT = tuple(_integer(0, 7, length) for length in range(256))


def _length(length: int) -> bytes:
    return _SHORT[length] if length < 256 else _integer(0, 7, length)


def _string(value: bytes) -> bytes:
    return _length(len(value)) + value


def _escaped(constant: bytes) -> bytes:
    """As it is written in a format."""
    return constant.replace(b"%", b"%%")


@lru_cache(maxsize=256)
def _spelled(name: str, *, never_indexed: bool) -> bytes:
    first = _NEVER_INDEXED if never_indexed else _WITHOUT_INDEXING
    index = _STATIC_NAMES.get(name.encode("ascii"))
    return _integer(first, 4, index) if index else bytes((first,)) + _string(name.encode("ascii"))


def literal(name: str, value: str, *, never_indexed: bool = False) -> bytes:
    """One header field that enters no table; `never_indexed` forbids that to proxies on the way, too."""
    return _spelled(name, never_indexed=never_indexed) + _string(value.encode("ascii"))


class HeadBlock:
    """The constant bytes of one head, ready to be joined with what is a message's own."""

    __slots__ = ("_front", "_layouts", "_names", "_shapes", "_tail", "_whole", "head", "path")

    def __init__(self, head: Head, authority: str) -> None:
        self.head = head
        method = b"\x83" if head.method == "POST" else literal(":method", head.method)
        self._front = method + b"\x87" + literal(":authority", authority)
        self._tail = b"".join(literal(name, value, never_indexed=name in _SENSITIVE) for name, value in head.headers)
        self._names = tuple(_spelled(name, never_indexed=True) for name in head.own)
        self._whole = self._front + literal(":path", head.path, never_indexed=True) + self._tail
        self._shapes: dict[int, tuple[bytes, bytes] | None] = {}
        self._layouts: dict[tuple[int, ...], bytes | None] = {}
        self.path = head.path.encode("ascii")

    def shape(self, size: int) -> tuple[bytes, bytes] | None:
        """Bytes before and between the two stream ids of HEADERS and DATA for a body of `size` > 0 bytes.

        None when block or body exceed what every peer takes in one frame.
        """
        try:
            return self._shapes[size]
        except KeyError:
            if len(self._shapes) >= _SIZES_KEPT:
                self._shapes.clear()
            shape = self._shapes[size] = self._make_shape(size)
            return shape

    def _make_shape(self, size: int) -> tuple[bytes, bytes] | None:
        block = self._whole + _content_length(size)
        if len(block) > DEFAULT_FRAME_SIZE or size > DEFAULT_FRAME_SIZE:
            return None
        return (
            _frame_start(0, len(block), HEADERS, END_HEADERS),
            block + _frame_start(0, size, DATA, END_STREAM),
        )

    def layout(self, size: int, path: bytes, own: tuple[bytes, ...]) -> bytes | None:
        """A format for HEADERS and DATA of messages with a path and headers of their own, for a body of `size` > 0.

        To be filled with stream id, path, own values, stream id and body; good for all values of these lengths. None
        as for `shape`.
        """
        lengths = (size, len(path), *map(len, own))
        try:
            return self._layouts[lengths]
        except KeyError:
            if len(self._layouts) >= _LAYOUTS_KEPT:
                self._layouts.clear()
            layout = self._layouts[lengths] = self._make_layout(*lengths)
            return layout

    def _make_layout(self, size: int, path: int, *own: int) -> bytes | None:
        fields = [self._front + b"\x14" + _length(path), self._tail]
        for name, length in zip(self._names, own, strict=True):
            fields[-1] += name + _length(length)
            fields.append(b"")
        fields[-1] += _content_length(size)
        block = sum(map(len, fields)) + path + sum(own)
        if block > DEFAULT_FRAME_SIZE or size > DEFAULT_FRAME_SIZE:
            return None
        constants = (_frame_start(0, block, HEADERS, END_HEADERS), *fields)
        data = _frame_start(0, size, DATA, END_STREAM)
        return b"%b".join(map(_escaped, constants)) + _escaped(data) + b"%b%b"

    def block(self, path: bytes | None, own: tuple[bytes, ...], size: int) -> bytes:
        """The whole header block of one message with a path or headers of its own."""
        parts = [self._whole] if path is None else [self._front, b"\x14", _string(path), self._tail]
        for name, value in zip(self._names, own, strict=True):
            parts += (name, _string(value))
        parts.append(_content_length(size))
        return b"".join(parts)


@lru_cache(maxsize=_SIZES_KEPT)
def _content_length(size: int) -> bytes:
    return _CONTENT_LENGTH + _string(b"%d" % size)


class HeadBlocks:
    """Keeps the blocks of the heads in use, the last 64 of them."""

    def __init__(self, authority: str) -> None:
        self._authority = authority
        self._blocks: dict[int, HeadBlock] = {}

    def of(self, head: Head) -> HeadBlock:
        """The block of this head object; found by identity, as hashing its headers would cost more than sending."""
        block = self._blocks.get(id(head))
        if block is None:
            if len(self._blocks) >= _HEADS_KEPT:
                del self._blocks[next(iter(self._blocks))]
            block = self._blocks[id(head)] = HeadBlock(head, self._authority)
        return block


def _spellings(status: int) -> Iterator[bytes]:
    """How a block may begin that says so: a literal that may, must not or must never enter a table."""
    text = b"%d" % status
    short = HuffmanEncoder(REQUEST_CODES, REQUEST_CODES_LENGTH).encode(text)
    for first in (form | name for form in (0x00, 0x10, 0x40) for name in _STATUS_NAMES):
        yield bytes((first, len(text))) + text
        yield bytes((first, 0x80 | len(short))) + short


_SPELLED = {spelling: status for status in (200, 201, 202, 204) for spelling in _spellings(status)}
_INDEXED = {b"\x88": 200, b"\x89": 204}


def usual_success(block: bytes) -> int:
    """The status of a usual success, without decoding anything else; 0 for all other blocks."""
    return _INDEXED.get(block[:1]) or _SPELLED.get(block[:5]) or _SPELLED.get(block[:4]) or 0


class AnswerDecoder:
    """Decodes the header blocks of answers with bounded work."""

    def __init__(self) -> None:
        self._decoder = Decoder(max_header_list_size=HEADER_LIST_LIMIT)
        self.stateless = False
        """The peer has acknowledged the empty table: a block may be skipped without harm to later ones."""

    def acknowledged(self) -> None:
        """The peer's encoder uses no dynamic table from now on."""
        self.stateless = True
        self._decoder.max_allowed_table_size = 0
        # A peer that announces nothing because it never used its table is as good as one that announces zero.
        self._decoder.header_table_size = 0

    def decode(self, block: bytes) -> tuple[int, tuple[tuple[str, str], ...]]:
        """Status and headers; a status of 0 where there is none (trailers).

        Raises:
            MalformedAnswer: This answer is unusable.
            ProtocolViolation: The block cannot be decoded, so nothing after it can be trusted.
        """
        if self.stateless and (status := usual_success(block.lstrip(SHRINK_TABLE))):
            return status, ()
        fields = [(name.decode("latin-1"), value.decode("latin-1")) for name, value in self._fields(block)]
        pseudo = [field for field in fields if field[0].startswith(":")]
        if not pseudo:
            return 0, tuple(fields)
        name, value = pseudo[0]
        if len(pseudo) > 1 or name != ":status" or len(value) != 3 or not (value.isascii() and value.isdigit()):
            raise MalformedAnswer("pseudo-headers of an answer")
        return int(value), tuple(field for field in fields if field is not pseudo[0])

    def _fields(self, block: bytes) -> list[tuple[bytes, bytes]]:
        try:
            return list(self._decoder.decode(block, raw=True))
        except OversizedHeaderListError as error:
            if self.stateless:
                raise MalformedAnswer("more headers than allowed") from error
            raise ProtocolViolation(ErrorCode.ENHANCE_YOUR_CALM, "more headers than allowed") from error
        except HPACKError as error:
            raise ProtocolViolation(ErrorCode.COMPRESSION_ERROR, str(error)) from error
