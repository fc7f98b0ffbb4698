"""Frames on their way to one HTTP/2 client, held back by its flow-control windows (RFC 9113 §5.2)."""

from clarion.simulator.wire.frames import (
    DATA,
    END_STREAM,
    FLOW_CONTROL_ERROR,
    MAX_FRAME,
    MAX_STREAM_ID,
    ProtocolViolation,
    frame,
)

DEFAULT_WINDOW = 65535


class Outbox:
    """Collects frames of one batch; bodies beyond the windows wait for WINDOW_UPDATE."""

    def __init__(self) -> None:
        self._frames: list[bytes] = []
        self.window = DEFAULT_WINDOW
        """What the client still takes on the whole connection."""
        self._initial = DEFAULT_WINDOW
        self._shifts: dict[int, int] = {}
        """How far a stream's window is from the initial one."""
        self._blocked: dict[int, tuple[bytes, bool]] = {}
        self.ended: list[int] = []
        """Streams whose last frame is in this batch."""

    def add(self, raw: bytes) -> None:
        """Queue bytes that are not under flow control."""
        self._frames.append(raw)

    def data(self, stream: int, body: bytes, *, end: bool) -> None:
        """Queue (a piece of) a body, as DATA frames."""
        before, _ = self._blocked.pop(stream, (b"", False))
        if not before and len(body) <= min(self.window, self._room(stream), MAX_FRAME):
            self._emit(stream, body, end=end)
        else:
            self._blocked[stream] = (before + body, end)
            self._push(stream)

    def widen(self, stream: int, size: int) -> None:
        """A WINDOW_UPDATE of the client; stream 0 is the connection."""
        if stream:
            self._shifts[stream] = self._shifts.get(stream, 0) + size
        else:
            self.window += size
        if self.window > MAX_STREAM_ID:
            raise ProtocolViolation(FLOW_CONTROL_ERROR, "connection window above 2^31-1")
        for blocked in list(self._blocked):
            self._push(blocked)

    def set_initial(self, size: int) -> None:
        """The client's SETTINGS_INITIAL_WINDOW_SIZE."""
        self._initial = size
        for blocked in list(self._blocked):
            self._push(blocked)

    def forget(self, stream: int) -> None:
        """The stream is over."""
        self._shifts.pop(stream, None)
        self._blocked.pop(stream, None)

    def take(self) -> bytes:
        """Everything of this batch, in order."""
        batch = b"".join(self._frames)
        self._frames.clear()
        return batch

    def _room(self, stream: int) -> int:
        return self._initial + self._shifts.get(stream, 0)

    def _push(self, stream: int) -> None:
        body, end = self._blocked.pop(stream)
        at = 0
        while at < len(body):
            size = min(self.window, self._room(stream), MAX_FRAME, len(body) - at)
            if size <= 0:
                self._blocked[stream] = (body[at:], end)
                return
            at += size
            self._emit(stream, body[at - size : at], end=end and at == len(body))
            self._shifts[stream] = self._shifts.get(stream, 0) - size

    def _emit(self, stream: int, piece: bytes, *, end: bool) -> None:
        self.window -= len(piece)
        self._frames.append(frame(DATA, END_STREAM if end else 0, stream, piece))
        if end:
            self.ended.append(stream)
