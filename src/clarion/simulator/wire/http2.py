"""One HTTP/2 connection of a client, served honestly or with the faults of its plans and the wire settings."""

import asyncio
import struct
from typing import cast

import msgspec

from clarion.simulator.faults import Manner
from clarion.simulator.model import Head, Received, Reply
from clarion.simulator.wire import frames
from clarion.simulator.wire.fast import FastConnection
from clarion.simulator.wire.frames import ProtocolViolation
from clarion.simulator.wire.outbox import Outbox
from clarion.simulator.wire.plan import Hub, Plan

RECEIVE_WINDOW = 1 << 24
TOO_LARGE = Reply(413, b'{"error":{"code":413,"message":"Request too large","status":"INVALID_ARGUMENT"}}')


class Stream:
    """One request on its way in."""

    __slots__ = ("head", "pieces", "size")

    def __init__(self, head: Head) -> None:
        self.head = head
        self.pieces: list[bytes] = []
        self.size = 0


class Http2Connection(asyncio.Protocol):
    """Reads frames, asks the exchange, and writes the answers of one read at once."""

    def __init__(self, hub: Hub) -> None:
        self._hub = hub
        self._reader = frames.HeadReader(hub.heads)
        self._outbox = Outbox()
        self._streams: dict[int, Stream] = {}
        self._rest = b""
        self._greeted = False
        self._stopped = False
        self._frozen = False
        self._last_stream = 0
        self._leaving: int | None = None
        """Last stream id of a GOAWAY."""
        self._unacknowledged = 0
        self._unfinished: tuple[int, int, bytes] | None = None
        """Stream, flags and block so far of headers that CONTINUATION frames go on with."""
        self._narrow = hub.settings.streams_until_accepted is not None
        self._limits = [frames.MAX_STREAM_ID]
        """The stream limit the client has acknowledged, then those on their way."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Send the server's preface."""
        # uvloop's transports are no subclasses of asyncio's.
        self._transport = cast("asyncio.Transport", transport)
        self.note = self._hub.opened(self, 2)
        self.note.certificate = transport.get_extra_info("ssl_object").getpeercert(binary_form=True) or b""
        limit = self._limit()
        self._limits.append(limit)
        self._outbox.add(
            frames.settings_frame(
                header_table_size=self._hub.settings.header_table_size,
                max_concurrent_streams=limit,
                initial_window_size=RECEIVE_WINDOW,
            )
        )
        self._outbox.add(frames.window_frame(0, RECEIVE_WINDOW))
        self._flush()

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget the connection; answers still to come go nowhere."""
        self._stopped = True
        self._hub.closed(self)

    def pause_writing(self) -> None:
        """The client reads too slowly: stop taking its requests."""
        self._transport.pause_reading()

    def resume_writing(self) -> None:
        """The client has caught up."""
        if not self._frozen:
            self._transport.resume_reading()

    def data_received(self, data: bytes) -> None:
        """Work through all complete frames of one read."""
        if self._stopped:
            return
        self._rest += data
        try:
            if self._greeted or self._greet():
                self._read_frames()
        except ProtocolViolation as violation:
            self._outbox.add(frames.goaway_frame(self._last_stream, violation.code, str(violation).encode()))
            self._flush()
            self._transport.close()
            self._stopped = True
        else:
            self._flush()

    def settings_changed(self) -> None:
        """Announce a changed stream limit."""
        limit = self._limit()
        self._limits.append(limit)
        self._outbox.add(frames.settings_frame(max_concurrent_streams=limit))
        self._flush()

    def goaway(self) -> None:
        """Refuse streams from now on, answer the open ones, then close."""
        self._leave(self._last_stream)
        self._flush()
        self._close_if_done()

    def freeze(self) -> None:
        """Go half-open: nothing is read or written any more."""
        self._flush()
        self._frozen = True
        self._transport.pause_reading()

    def abort(self) -> None:
        """Break the connection without a word."""
        self._stopped = True
        self._transport.abort()

    def _greet(self) -> bool:
        if not frames.PREFACE.startswith(self._rest[: len(frames.PREFACE)]):
            raise ProtocolViolation(frames.PROTOCOL_ERROR, "no HTTP/2 preface")
        self._greeted = len(self._rest) >= len(frames.PREFACE)
        if self._greeted:
            self._rest = self._rest[len(frames.PREFACE) :]
        return self._greeted

    def _read_frames(self) -> None:
        data, at, size = self._rest, 0, len(self._rest)
        while size - at >= 9 and not self._stopped and not self._frozen:
            high, low, kind, flags, stream = frames.HEAD.unpack_from(data, at)
            end = at + 9 + (high << 8 | low)
            if end - at - 9 > frames.MAX_FRAME:
                raise ProtocolViolation(frames.FRAME_SIZE_ERROR, "frame above 16384 bytes")
            if end > size:
                break
            payload = data[at + 9 : end]
            if self._hub.fast and self._turn_fast(kind, flags, payload, rest=data[at:]):
                return
            self._frame(kind, flags, stream & frames.MAX_STREAM_ID, payload)
            at = end
        self._rest = data[at:]

    def _turn_fast(self, kind: int, flags: int, payload: bytes, *, rest: bytes) -> bool:
        if kind != frames.HEADERS or not flags & frames.END_HEADERS or self._last_stream:
            return False
        # A reader of its own: if the connection stays here, the block is decoded again.
        first = frames.HeadReader({}).read(frames.without_padding(flags, payload))
        reply = self._hub.exchange.fast_reply(first.path)
        if reply is None:
            return False
        self._flush()
        successor = FastConnection(self._hub, self.note, reply, window=self._outbox.window)
        self._hub.live.discard(self)
        self._stopped = True
        self._transport.set_protocol(successor)
        successor.connection_made(self._transport)
        successor.data_received(rest)
        return True

    def _frame(self, kind: int, flags: int, stream: int, payload: bytes) -> None:
        if self._unfinished is not None and kind != frames.CONTINUATION:
            raise ProtocolViolation(frames.PROTOCOL_ERROR, "a header block was interrupted")
        if kind == frames.HEADERS:
            self._headers(flags, stream, frames.without_padding(flags, payload))
        elif kind == frames.DATA:
            self._data(flags, stream, payload)
        elif kind == frames.CONTINUATION:
            self._continuation(flags, stream, payload)
        elif kind == frames.SETTINGS:
            self._settings(flags, payload)
        elif kind == frames.WINDOW_UPDATE:
            if not stream or stream in self._streams:
                self._outbox.widen(stream, int.from_bytes(payload, "big") & frames.MAX_STREAM_ID)
        elif kind == frames.PING:
            self._ping(flags, payload)
        elif kind == frames.RST_STREAM:
            self._forget(stream)
        elif kind == frames.PUSH_PROMISE:
            raise ProtocolViolation(frames.PROTOCOL_ERROR, "PUSH_PROMISE from a client")

    def _settings(self, flags: int, payload: bytes) -> None:
        if flags & frames.ACK:
            if len(self._limits) > 1:
                del self._limits[0]
            return
        for key, value in frames.settings_of(payload):
            if key == frames.INITIAL_WINDOW_SIZE:
                self._outbox.set_initial(value)
        self._outbox.add(frames.frame(frames.SETTINGS, frames.ACK, 0))

    def _ping(self, flags: int, payload: bytes) -> None:
        if not flags & frames.ACK and self._hub.settings.ping_ack:
            self._outbox.add(frames.frame(frames.PING, frames.ACK, 0, payload))

    def _headers(self, flags: int, stream: int, block: bytes) -> None:
        if flags & frames.END_HEADERS:
            self._head_complete(flags, stream, self._reader.read(block))
        else:
            self._unfinished = (stream, flags, block)

    def _continuation(self, flags: int, stream: int, payload: bytes) -> None:
        if self._unfinished is None or self._unfinished[0] != stream:
            raise ProtocolViolation(frames.PROTOCOL_ERROR, "CONTINUATION without HEADERS")
        _, first_flags, block = self._unfinished
        self._unfinished = None
        self._headers(first_flags | flags & frames.END_HEADERS, stream, block + payload)

    def _head_complete(self, flags: int, stream: int, head: Head) -> None:
        request = self._streams.get(stream)
        if request is None:
            request = self._open(stream, head)
        if request is not None and flags & frames.END_STREAM:
            self._complete(stream, request)

    def _open(self, stream: int, head: Head) -> Stream | None:
        if not stream & 1 or stream <= self._last_stream:
            raise ProtocolViolation(frames.PROTOCOL_ERROR, f"stream id {stream} is even or was used before")
        self._last_stream = stream
        if self._leaving is not None and stream > self._leaving:
            self._refuse(head, "refused:goaway")
            return None
        if len(self._streams) >= max(self._limits):
            self._refuse(head, "refused:streams")
            self._reset(stream, frames.REFUSED_STREAM)
            return None
        if self._hub.exchange.handle_early(head, connection=self.note.number, http=2):
            self.abort()
            return None
        request = self._streams[stream] = Stream(head)
        self.note.max_streams = max(self.note.max_streams, len(self._streams))
        return request

    def _refuse(self, head: Head, reason: str) -> None:
        self._hub.exchange.refuse(head, reason, connection=self.note.number, http=2)

    def _data(self, flags: int, stream: int, payload: bytes) -> None:
        self._unacknowledged += len(payload)
        if self._unacknowledged > RECEIVE_WINDOW // 4:
            self._outbox.add(frames.window_frame(0, self._unacknowledged))
            self._unacknowledged = 0
        request = self._streams.get(stream)
        if request is None:
            if stream > self._last_stream:
                raise ProtocolViolation(frames.PROTOCOL_ERROR, "DATA on an idle stream")
            return
        piece = frames.without_padding(flags & frames.PADDED, payload)
        request.size += len(piece)
        if request.size <= self._hub.settings.body_limit:
            request.pieces.append(piece)
        if flags & frames.END_STREAM:
            self._complete(stream, request)

    def _complete(self, stream: int, request: Stream) -> None:
        self.note.requests += 1
        settings = self._hub.settings
        if request.size > settings.body_limit:
            self._carry_out(stream, Plan(TOO_LARGE))
            return
        received = Received(request.head, b"".join(request.pieces), self._hub.clock(), self.note.number, 2)
        plan = self._hub.exchange.handle(received)
        if self._narrow and plan.accepted:
            self._narrow = False
            self.settings_changed()
        if settings.goaway_every and self.note.requests > settings.goaway_every - settings.goaway_unanswered:
            plan = msgspec.structs.replace(plan, delay=max(plan.delay, settings.goaway_linger))
        self._carry_out(stream, plan)
        if self.note.requests == settings.goaway_every:
            self._leave(stream)
        if self.note.requests == settings.silent_after:
            self.freeze()

    def _leave(self, last: int) -> None:
        settings = self._hub.settings
        debug = settings.goaway_debug.encode()
        if settings.goaway_warning:
            self._outbox.add(frames.goaway_frame(frames.MAX_STREAM_ID, frames.NO_ERROR, debug))
        self._outbox.add(frames.goaway_frame(last, settings.goaway_code, debug))
        self._leaving = last
        for stream in [stream for stream in self._streams if stream > last]:
            self._refuse(self._streams[stream].head, "refused:goaway")
            self._forget(stream)

    def _carry_out(self, stream: int, plan: Plan) -> None:
        if plan.delay or plan.hold:
            self._hub.later(plan, lambda: self._act_late(stream, plan))
        else:
            self._act(stream, plan)

    def _act_late(self, stream: int, plan: Plan) -> None:
        if not self._stopped:
            self._act(stream, plan)
            self._flush()

    def _act(self, stream: int, plan: Plan) -> None:
        match plan.manner:
            case Manner.ANSWER:
                self._answer(stream, plan)
            case Manner.TWICE:
                self._answer(stream, plan)
                self._answer(stream, plan)
            case Manner.CUT:
                self._answer_half(stream, plan.reply)
            case Manner.RAW:
                self._outbox.add(plan.reply.body)
            case Manner.RESET:
                self._reset(stream, plan.code)
            case Manner.DROP | Manner.DROP_EARLY:
                self._flush()
                self.abort()
            case Manner.SILENCE:
                return

    def _answer(self, stream: int, plan: Plan) -> None:
        reply = plan.reply
        if plan.interim:
            hint = frames.frame(frames.HEADERS, frames.END_HEADERS, stream, frames.reply_block(103, (), 0))
            self._outbox.add(hint * plan.interim)
        self._outbox.add(frames.head_frames(reply, stream, end=not reply.body))
        if not reply.body:
            self._outbox.ended.append(stream)
        elif plan.pace:
            self._trickle(stream, plan, 0)
        else:
            self._outbox.data(stream, reply.body, end=True)

    def _trickle(self, stream: int, plan: Plan, at: int) -> None:
        body = plan.reply.body
        if self._stopped or stream not in self._streams:
            return
        self._outbox.data(stream, body[at : at + 1], end=at + 1 == len(body))
        self._flush()
        if at + 1 < len(body):
            asyncio.get_running_loop().call_later(plan.pace, self._trickle, stream, plan, at + 1)

    def _answer_half(self, stream: int, reply: Reply) -> None:
        self._outbox.add(frames.head_frames(reply, stream, end=False))
        self._outbox.data(stream, reply.body[: len(reply.body) // 2], end=False)
        self._flush()
        self._stopped = True
        self._transport.close()

    def _reset(self, stream: int, code: int) -> None:
        self._outbox.add(frames.frame(frames.RST_STREAM, 0, stream, struct.pack(">I", code)))
        self._outbox.ended.append(stream)

    def _forget(self, stream: int) -> None:
        self._streams.pop(stream, None)
        self._outbox.forget(stream)

    def _limit(self) -> int:
        settings = self._hub.settings
        if self._narrow and settings.streams_until_accepted is not None:
            return settings.streams_until_accepted
        return settings.max_streams

    def _flush(self) -> None:
        self._hub.journal.commit()
        if self._frozen or self._transport.is_closing():
            return
        batch = self._outbox.take()
        if batch:
            self._transport.write(batch)
        for stream in self._outbox.ended:
            self._forget(stream)
        self._outbox.ended.clear()
        self._close_if_done()

    def _close_if_done(self) -> None:
        if self._leaving is not None and not self._streams and not self._stopped:
            self._stopped = True
            self._transport.close()
