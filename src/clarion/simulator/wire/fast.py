"""The fast mode: every message is answered with the same constant frames, without decoding its headers or body.

A load side can measure itself against this, since it costs far less than any client. Only the client's connection
window is obeyed; streams are not counted and nothing is journalled but the number of messages.
"""

import asyncio
import struct
from typing import cast

from clarion.simulator.journal import ConnectionNote
from clarion.simulator.model import Reply
from clarion.simulator.wire import frames
from clarion.simulator.wire.plan import Hub

ACKNOWLEDGE_ABOVE = 1 << 20


class FastConnection(asyncio.Protocol):
    """Takes over an HTTP/2 connection whose first request handed over a message."""

    def __init__(self, hub: Hub, note: ConnectionNote, reply: Reply, *, window: int) -> None:
        self.note = note
        self._hub = hub
        self._window = window
        self._rest = b""
        self._due: list[bytes] = []
        """Ids of streams to answer, as four bytes each."""
        self._unacknowledged = 0
        self._size = len(reply.body)
        block = frames.reply_block(reply.status, reply.headers, self._size)
        flags = frames.END_HEADERS | (0 if reply.body else frames.END_STREAM)
        self._opening = frames.frame(frames.HEADERS, flags, 0, block)[:5]
        middle = frames.frame(frames.DATA, frames.END_STREAM, 0, reply.body)
        self._middle = block + middle[:5] if reply.body else block
        self._closing = reply.body

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Register in place of the connection taken over."""
        # uvloop's transports are no subclasses of asyncio's.
        self._transport = cast("asyncio.Transport", transport)
        self._hub.live.add(self)

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget the connection."""
        self._hub.closed(self)

    def pause_writing(self) -> None:
        """The client reads too slowly: stop taking its requests."""
        self._transport.pause_reading()

    def resume_writing(self) -> None:
        """The client has caught up."""
        self._transport.resume_reading()

    def data_received(self, data: bytes) -> None:
        """Answer every request that ends in this read, in one write."""
        if self._rest:
            data = self._rest + data
        at, size, due = 0, len(data), self._due
        while size - at >= 9:
            end = at + 9 + (data[at] << 16 | data[at + 1] << 8 | data[at + 2])
            if end > size:
                break
            kind = data[at + 3]
            if kind > frames.HEADERS:
                self._control(kind, data[at + 4], data[at + 5 : at + 9], data[at + 9 : end])
            elif data[at + 4] & frames.END_STREAM:
                due.append(data[at + 5 : at + 9])
            at = end
        self._rest = data[at:]
        self._acknowledge(at)
        if due:
            self._answer()

    def settings_changed(self) -> None:
        """Stream limits are not enforced here."""

    def goaway(self) -> None:
        """Say GOAWAY for everything not yet begun and close."""
        self._transport.write(frames.goaway_frame(frames.MAX_STREAM_ID, frames.NO_ERROR))
        self._transport.close()

    def freeze(self) -> None:
        """Go half-open."""
        self._transport.pause_reading()

    def abort(self) -> None:
        """Break the connection."""
        self._transport.abort()

    def _answer(self) -> None:
        due = self._due
        if self._size * len(due) > self._window:
            due = due[: self._window // self._size]
        if not due:
            return
        opening, middle, closing = self._opening, self._middle, self._closing
        if self._size:
            batch = b"".join([opening + stream + middle + stream + closing for stream in due])
        else:
            batch = b"".join([opening + stream + middle for stream in due])
        self._transport.write(batch)
        self._window -= self._size * len(due)
        self.note.requests += len(due)
        self._hub.journal.count_fast(len(due))
        del self._due[: len(due)]

    def _acknowledge(self, size: int) -> None:
        # Frame heads and headers count as well: that is more than the window lost, and a wider window does no harm.
        self._unacknowledged += size
        if self._unacknowledged > ACKNOWLEDGE_ABOVE:
            self._transport.write(frames.window_frame(0, self._unacknowledged))
            self._unacknowledged = 0

    def _control(self, kind: int, flags: int, stream: bytes, payload: bytes) -> None:
        if kind == frames.WINDOW_UPDATE and stream == b"\0\0\0\0":
            self._window += struct.unpack(">I", payload)[0]
            self._answer()
        elif kind == frames.PING and not flags & frames.ACK:
            self._transport.write(frames.frame(frames.PING, frames.ACK, 0, payload))
        elif kind == frames.SETTINGS and not flags & frames.ACK:
            self._transport.write(frames.frame(frames.SETTINGS, frames.ACK, 0))
