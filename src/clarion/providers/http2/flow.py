"""Flow control of what we send (RFC 9113 §5.2): windows, and bodies that wait for them."""

from clarion.providers.http2.frames import (
    DATA,
    DEFAULT_WINDOW,
    END_STREAM,
    LARGEST_WINDOW,
    ErrorCode,
    ProtocolViolation,
    frame,
)


class _Waiting:
    """A body of which a part could not be sent yet."""

    __slots__ = ("at", "body", "window")

    def __init__(self, body: bytes, window: int) -> None:
        self.body = body
        self.at = 0
        self.window = window


class SendFlow:
    """Windows of one connection. Bodies wait here only for streams that are open, so the stream limit bounds them."""

    __slots__ = ("initial", "waiting", "window")

    def __init__(self) -> None:
        self.window = DEFAULT_WINDOW
        """Bytes the connection still takes."""
        self.initial = DEFAULT_WINDOW
        """Bytes a new stream takes."""
        self.waiting: dict[int, _Waiting] = {}
        """Unsent rests of bodies by stream; a plain attribute, as it is looked at for every answer."""

    def begin(self, stream: int, body: bytes, largest: int) -> bytes:
        """DATA frames for as much of `body` as the windows take; the rest waits."""
        waiting = _Waiting(body, self.initial)
        sent = self._advance(stream, waiting, largest)
        if waiting.at < len(body):
            self.waiting[stream] = waiting
        return sent

    def resume(self, largest: int) -> bytes:
        """DATA frames of the first waiting body that its windows let on; empty when none can go on."""
        for stream, waiting in self.waiting.items():
            if self.window <= 0:
                break
            if waiting.window > 0:
                sent = self._advance(stream, waiting, largest)
                if waiting.at == len(waiting.body):
                    del self.waiting[stream]
                return sent
        return b""

    def _advance(self, stream: int, waiting: _Waiting, largest: int) -> bytes:
        out, size = [], len(waiting.body)
        while waiting.at < size:
            room = min(self.window, waiting.window, largest, size - waiting.at)
            if room <= 0:
                break
            piece = waiting.body[waiting.at : waiting.at + room]
            waiting.at += room
            waiting.window -= room
            self.window -= room
            out.append(frame(DATA, END_STREAM if waiting.at == size else 0, stream, piece))
        return b"".join(out)

    def forget(self, stream: int) -> bool:
        """Stop sending this stream's body. True when a part of it had not been sent."""
        return self.waiting.pop(stream, None) is not None

    def widen(self, increment: int) -> None:
        """WINDOW_UPDATE of the connection.

        Raises:
            ProtocolViolation: An increment of 0, or a window past 2³¹-1.
        """
        self.window = _widened(self.window, increment)

    def widen_stream(self, stream: int, increment: int) -> None:
        """WINDOW_UPDATE of a stream; without effect where nothing waits.

        Raises:
            ProtocolViolation: As for `widen`. We end the connection: a peer that miscounts one stream is not trusted.
        """
        waiting = self.waiting.get(stream)
        window = _widened(waiting.window if waiting else 0, increment)
        if waiting:
            waiting.window = window

    def set_initial(self, size: int) -> None:
        """SETTINGS_INITIAL_WINDOW_SIZE, which also moves the windows of open streams, below zero if need be.

        Raises:
            ProtocolViolation: A size past 2³¹-1, or one that takes an open stream's window past it.
        """
        if size > LARGEST_WINDOW:
            raise ProtocolViolation(ErrorCode.FLOW_CONTROL_ERROR, "SETTINGS_INITIAL_WINDOW_SIZE out of range")
        change, self.initial = size - self.initial, size
        for waiting in self.waiting.values():
            waiting.window += change
            if waiting.window > LARGEST_WINDOW:
                raise ProtocolViolation(ErrorCode.FLOW_CONTROL_ERROR, "a stream's window out of range")


def _widened(window: int, increment: int) -> int:
    if not increment:
        raise ProtocolViolation(ErrorCode.PROTOCOL_ERROR, "WINDOW_UPDATE of 0")
    if window + increment > LARGEST_WINDOW:
        raise ProtocolViolation(ErrorCode.FLOW_CONTROL_ERROR, "a window out of range")
    return window + increment
