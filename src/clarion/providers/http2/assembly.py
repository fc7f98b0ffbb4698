"""Header blocks that arrive in several frames, and bodies that do. Both bounded."""

from dataclasses import dataclass

from clarion.providers.http2.frames import (
    END_HEADERS,
    END_STREAM,
    ErrorCode,
    ProtocolViolation,
    strip_padding,
)
from clarion.providers.transport import Answer

BLOCK_LIMIT = 65536
"""Bytes of one header block before decoding."""
BLOCK_FRAMES = 32
"""Frames of one header block; empty CONTINUATION frames must not go on for ever."""


@dataclass(frozen=True, slots=True)
class Block:
    """A complete header block."""

    stream: int
    ends_stream: bool
    data: bytes


class BlockAssembly:
    """Joins HEADERS and CONTINUATION (RFC 9113 §6.10)."""

    __slots__ = ("_data", "_ends_stream", "_frames", "stream")

    def __init__(self) -> None:
        self.stream = 0
        """The stream whose block is incomplete; 0: none. Nothing but its CONTINUATION may follow."""
        self._ends_stream = False
        self._data = bytearray()
        self._frames = 0

    def begin(self, flags: int, stream: int, payload: bytes) -> Block | None:
        """Take HEADERS; the block if it is complete."""
        self.stream = stream
        self._ends_stream = bool(flags & END_STREAM)
        self._data = bytearray()
        self._frames = 0
        return self._add(flags, strip_padding(flags, payload))

    def proceed(self, flags: int, stream: int, payload: bytes) -> Block | None:
        """Take CONTINUATION; the block if it is complete.

        Raises:
            ProtocolViolation: Nothing is to be continued on this stream, or the block does not end.
        """
        if not self.stream or stream != self.stream:
            raise ProtocolViolation(ErrorCode.PROTOCOL_ERROR, "CONTINUATION out of place")
        return self._add(flags, payload)

    def _add(self, flags: int, piece: bytes) -> Block | None:
        self._data += piece
        self._frames += 1
        if len(self._data) > BLOCK_LIMIT or self._frames > BLOCK_FRAMES:
            raise ProtocolViolation(ErrorCode.ENHANCE_YOUR_CALM, "a header block without end")
        if not flags & END_HEADERS:
            return None
        stream, self.stream = self.stream, 0
        return Block(stream, self._ends_stream, bytes(self._data))


class BodyAssembly:
    """Bodies of several DATA frames, each cut at a limit."""

    __slots__ = ("limit", "open")

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self.open: dict[int, bytearray] = {}
        """Incomplete bodies by stream; a plain attribute, as it is looked at for every answer."""

    def add(self, stream: int, payload: bytes) -> bool:
        """Append to a stream's body. False when it has passed the limit and the rest is not wanted."""
        body = self.open.setdefault(stream, bytearray())
        room = self.limit - len(body)
        body += payload[:room]
        return len(payload) <= room

    def finish(self, stream: int, answer: Answer) -> None:
        """Move a stream's body, if any, to its answer."""
        body = self.open.pop(stream, None)
        if body is not None:
            answer.body = bytes(body)

    def forget(self, stream: int) -> None:
        """Drop a stream's body."""
        self.open.pop(stream, None)
