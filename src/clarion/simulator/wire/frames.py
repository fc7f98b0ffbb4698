"""HTTP/2 frames (RFC 9113 §4, §6) and header blocks (RFC 7541) as a server needs them."""

import struct
from collections.abc import Iterator
from functools import lru_cache

import hpack

from clarion.simulator.model import Head, HeaderPairs, Reply

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
DATA, HEADERS, PRIORITY, RST_STREAM, SETTINGS, PUSH_PROMISE, PING, GOAWAY, WINDOW_UPDATE, CONTINUATION = range(10)
END_STREAM = ACK = 0x1
END_HEADERS = 0x4
PADDED = 0x8
WITH_PRIORITY = 0x20
NO_ERROR, PROTOCOL_ERROR, INTERNAL_ERROR, FLOW_CONTROL_ERROR = range(4)
FRAME_SIZE_ERROR, REFUSED_STREAM, CANCEL, COMPRESSION_ERROR, ENHANCE_YOUR_CALM = 6, 7, 8, 9, 11
HEADER_TABLE_SIZE, MAX_CONCURRENT_STREAMS, INITIAL_WINDOW_SIZE = 1, 3, 4
MAX_FRAME = 16384
MAX_STREAM_ID = (1 << 31) - 1
HEAD = struct.Struct(">HBBBI")
"""Frame head: length (16 + 8 bits), type, flags, stream id."""
STATIC_STATUSES = frozenset(("200", "204", "206", "304", "400", "404", "500"))
HEAD_CACHE = 4096


class ProtocolViolation(Exception):
    """The client broke HTTP/2; the connection ends with this error code."""

    def __init__(self, code: int, reason: str) -> None:
        super().__init__(reason)
        self.code = code


def frame(kind: int, flags: int, stream: int, payload: bytes = b"") -> bytes:
    """One frame on the wire."""
    size = len(payload)
    return HEAD.pack(size >> 8, size & 0xFF, kind, flags, stream) + payload


def settings_frame(**values: int) -> bytes:
    """A SETTINGS frame; keywords are the identifiers' names in lower case."""
    numbers = {
        "header_table_size": HEADER_TABLE_SIZE,
        "max_concurrent_streams": MAX_CONCURRENT_STREAMS,
        "initial_window_size": INITIAL_WINDOW_SIZE,
    }
    return frame(SETTINGS, 0, 0, b"".join(struct.pack(">HI", numbers[name], value) for name, value in values.items()))


def goaway_frame(last: int, code: int, debug: bytes = b"") -> bytes:
    """A GOAWAY frame."""
    return frame(GOAWAY, 0, 0, struct.pack(">II", last, code) + debug)


def window_frame(stream: int, size: int) -> bytes:
    """A WINDOW_UPDATE frame."""
    return frame(WINDOW_UPDATE, 0, stream, struct.pack(">I", size))


def settings_of(payload: bytes) -> Iterator[tuple[int, int]]:
    """The (identifier, value) pairs of a SETTINGS frame."""
    if len(payload) % 6:
        raise ProtocolViolation(FRAME_SIZE_ERROR, "SETTINGS of odd size")
    return struct.iter_unpack(">HI", payload)


def without_padding(flags: int, payload: bytes) -> bytes:
    """The content of a DATA or HEADERS frame, without padding and priority fields."""
    if not flags & (PADDED | WITH_PRIORITY):
        return payload
    end = len(payload)
    start = 0
    if flags & PADDED:
        start, end = 1, end - (payload[0] if payload else 0)
    if flags & WITH_PRIORITY:
        start += 5
    if start > end:
        raise ProtocolViolation(PROTOCOL_ERROR, "padding exceeds the frame")
    return payload[start:end]


def header_block(status: int, headers: HeaderPairs) -> bytes:
    """A response header block that neither uses nor changes the client's dynamic table."""
    code = str(status)
    pairs = [(":status", code, code not in STATIC_STATUSES), *((name, value, True) for name, value in headers)]
    return bytes(hpack.Encoder().encode(pairs))


@lru_cache(maxsize=1024)
def reply_block(status: int, headers: HeaderPairs, size: int) -> bytes:
    """The header block of a reply with a body of `size` bytes."""
    return header_block(status, (*headers, ("content-length", str(size))) if size else headers)


def head_frames(reply: Reply, stream: int, *, end: bool) -> bytes:
    """The HEADERS frame, with CONTINUATION where the block is long, that opens a reply."""
    block = reply_block(reply.status, reply.headers, len(reply.body))
    pieces = [block[at : at + MAX_FRAME] for at in range(0, len(block), MAX_FRAME)]
    kinds = [HEADERS, *[CONTINUATION] * (len(pieces) - 1)]
    flags = [0] * (len(pieces) - 1) + [END_HEADERS]
    flags[0] |= END_STREAM if end else 0
    return b"".join(map(frame, kinds, flags, [stream] * len(pieces), pieces))


class HeadReader:
    """Decodes the request header blocks of one connection; blocks without decoder state come from a shared cache."""

    def __init__(self, cache: dict[bytes, Head]) -> None:
        self._cache = cache
        self._decoder = hpack.Decoder()
        self._table = self._decoder.header_table.dynamic_entries

    def read(self, block: bytes) -> Head:
        """Decode one complete block, in the order of arrival."""
        stateless = not self._table
        known = self._cache.get(block)
        if known is not None and stateless:
            return known
        head = Head(self._decode(block))
        # A block that opens with a table size update (0x20-0x3f) changes the decoder and cannot be skipped.
        if stateless and not self._table and not 0x20 <= block[0] <= 0x3F and len(self._cache) < HEAD_CACHE:
            self._cache[block] = head
        return head

    def _decode(self, block: bytes) -> HeaderPairs:
        try:
            return tuple((name.decode(), value.decode()) for name, value in self._decoder.decode(block, raw=True))
        except (hpack.HPACKError, UnicodeDecodeError) as error:
            raise ProtocolViolation(COMPRESSION_ERROR, f"header block: {error}") from error
