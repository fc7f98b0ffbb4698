"""HTTP/2 frames as bytes (RFC 9113 §4, §6): cutting them out of a stream, and building them. Pure; for either side."""

import struct
from enum import IntEnum

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
HEADER_SIZE = 9
DEFAULT_FRAME_SIZE = 16384
LARGEST_FRAME_SIZE = (1 << 24) - 1
DEFAULT_WINDOW = 65535
LARGEST_WINDOW = (1 << 31) - 1
LARGEST_STREAM = (1 << 31) - 1

# Plain integers, not an enum: they are compared once or twice for every frame.
DATA, HEADERS, PRIORITY, RST_STREAM, SETTINGS, PUSH_PROMISE, PING, GOAWAY, WINDOW_UPDATE, CONTINUATION = range(10)

END_STREAM = ACK = 0x1
END_HEADERS = 0x4
PADDED = 0x8
WITH_PRIORITY = 0x20

Frame = tuple[int, int, int, bytes]
"""Kind, flags, stream id, payload."""

read_header = struct.Struct(">BHBBI").unpack_from
"""Size (one byte, then two), kind, flags, and the stream with its reserved bit, at an offset."""
_write_header = struct.Struct(">BHBBI").pack
_settings_entry = struct.Struct(">HI")
_pair = struct.Struct(">II")


class ErrorCode(IntEnum):
    """RFC 9113 §7."""

    NO_ERROR = 0
    PROTOCOL_ERROR = 1
    INTERNAL_ERROR = 2
    FLOW_CONTROL_ERROR = 3
    SETTINGS_TIMEOUT = 4
    STREAM_CLOSED = 5
    FRAME_SIZE_ERROR = 6
    REFUSED_STREAM = 7
    CANCEL = 8
    COMPRESSION_ERROR = 9
    CONNECT_ERROR = 10
    ENHANCE_YOUR_CALM = 11
    INADEQUATE_SECURITY = 12
    HTTP_1_1_REQUIRED = 13


class Setting(IntEnum):
    """RFC 9113 §6.5.2."""

    HEADER_TABLE_SIZE = 1
    ENABLE_PUSH = 2
    MAX_CONCURRENT_STREAMS = 3
    INITIAL_WINDOW_SIZE = 4
    MAX_FRAME_SIZE = 5
    MAX_HEADER_LIST_SIZE = 6


class ProtocolViolation(Exception):
    """The peer broke the protocol in a way that ends the connection (RFC 9113 §5.4.1)."""

    def __init__(self, code: ErrorCode, detail: str) -> None:
        super().__init__(f"{code.name}: {detail}")
        self.code = code


def error_name(code: int) -> str:
    """The name of an error code; unknown codes as a number, as the RFC lets peers invent some."""
    try:
        return ErrorCode(code).name
    except ValueError:
        return f"0x{code:x}"


class FrameReader:
    """Cuts frames out of a byte stream that arrives in pieces of any size. Holds less than one frame."""

    __slots__ = ("_largest", "_rest", "violation")

    def __init__(self, largest: int = DEFAULT_FRAME_SIZE) -> None:
        self._largest = largest
        self._rest = b""
        self.violation: ProtocolViolation | None = None
        """Set once a frame announces more than the size we allow; the frames before it are still good."""

    def joined(self, data: bytes) -> bytes:
        """`data` behind the incomplete frame that was held, which is not held any more."""
        rest, self._rest = self._rest, b""
        return rest + data

    def feed(self, data: bytes) -> list[Frame]:
        """The frames completed by `data`; look at `violation` after using them."""
        data = self.joined(data)
        frames: list[Frame] = []
        at, end = 0, len(data)
        while end - at >= HEADER_SIZE:
            high, low, kind, flags, stream = read_header(data, at)
            size = high << 16 | low
            if size > self._largest:
                self.violation = ProtocolViolation(ErrorCode.FRAME_SIZE_ERROR, _describe_oversize(data, at, size))
                at = end
                break
            start = at + HEADER_SIZE
            if end - start < size:
                break
            at = start + size
            frames.append((kind, flags, stream & LARGEST_STREAM, data[start:at]))
        self._rest = data[at:]
        return frames


def _describe_oversize(data: bytes, at: int, size: int) -> str:
    if data.startswith(b"HTTP/", at):
        return "an HTTP/1 answer on an HTTP/2 connection"
    return f"a frame of {size} bytes"


def frame(kind: int, flags: int, stream: int, payload: bytes = b"") -> bytes:
    """One frame."""
    size = len(payload)
    return _write_header(size >> 16, size & 0xFFFF, kind, flags, stream) + payload


def header_frames(stream: int, block: bytes, largest: int, *, end_stream: bool) -> bytes:
    """A header block as HEADERS, followed by CONTINUATION where it exceeds `largest` bytes."""
    flags = END_STREAM if end_stream else 0
    if len(block) <= largest:
        return frame(HEADERS, flags | END_HEADERS, stream, block)
    pieces = [block[at : at + largest] for at in range(0, len(block), largest)]
    middle = [frame(CONTINUATION, 0, stream, piece) for piece in pieces[1:-1]]
    return b"".join(
        (frame(HEADERS, flags, stream, pieces[0]), *middle, frame(CONTINUATION, END_HEADERS, stream, pieces[-1]))
    )


def settings_frame(values: dict[Setting, int]) -> bytes:
    """SETTINGS with these values, in order."""
    return frame(SETTINGS, 0, 0, b"".join(_settings_entry.pack(key, value) for key, value in values.items()))


def read_settings(payload: bytes) -> list[tuple[int, int]]:
    """The entries of a SETTINGS frame, unknown ones included.

    Raises:
        ProtocolViolation: Its length is no multiple of six.
    """
    if len(payload) % _settings_entry.size:
        raise ProtocolViolation(ErrorCode.FRAME_SIZE_ERROR, "SETTINGS of a wrong length")
    return list(_settings_entry.iter_unpack(payload))


def window_update(stream: int, increment: int) -> bytes:
    """WINDOW_UPDATE; stream 0 is the connection."""
    return frame(WINDOW_UPDATE, 0, stream, increment.to_bytes(4, "big"))


def rst_stream(stream: int, code: ErrorCode) -> bytes:
    """RST_STREAM."""
    return frame(RST_STREAM, 0, stream, code.to_bytes(4, "big"))


def goaway(last_stream: int, code: ErrorCode, debug: bytes = b"") -> bytes:
    """GOAWAY."""
    return frame(GOAWAY, 0, 0, _pair.pack(last_stream, code) + debug)


def read_goaway(payload: bytes) -> tuple[int, int, bytes]:
    """Last stream id, error code and debug data of a GOAWAY.

    Raises:
        ProtocolViolation: It is shorter than eight bytes.
    """
    if len(payload) < _pair.size:
        raise ProtocolViolation(ErrorCode.FRAME_SIZE_ERROR, "GOAWAY of a wrong length")
    last_stream, code = _pair.unpack_from(payload)
    return last_stream & LARGEST_STREAM, code, payload[_pair.size :]


def read_number(payload: bytes, what: str) -> int:
    """The one 32-bit number of RST_STREAM and WINDOW_UPDATE.

    Raises:
        ProtocolViolation: The payload is not four bytes long.
    """
    if len(payload) != 4:
        raise ProtocolViolation(ErrorCode.FRAME_SIZE_ERROR, f"{what} of a wrong length")
    return int.from_bytes(payload, "big")


def strip_padding(flags: int, payload: bytes) -> bytes:
    """The payload of DATA or HEADERS without padding and without a priority section.

    Raises:
        ProtocolViolation: The padding is longer than the frame (RFC 9113 §6.1).
    """
    begin, end = 0, len(payload)
    if flags & PADDED:
        begin = 1
        end -= payload[0] if payload else 1
    if flags & WITH_PRIORITY:
        begin += 5
    if begin > end:
        raise ProtocolViolation(ErrorCode.PROTOCOL_ERROR, "padding longer than the frame")
    return payload[begin:end]
