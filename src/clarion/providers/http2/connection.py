"""One HTTP/2 connection: streams from the first byte of a request to the last byte of its answer.

States: *dialled* → *greeted* (the peer's SETTINGS came) → *draining* (no new streams: GOAWAY, ids used up, retired)
→ *closed*. A stream is in `_streams` while it is unanswered: as its `Request` until response headers came, as its
unfinished `Answer` after that. Ids grow, so the dict is ordered by age, which is what deadlines use.
"""

import asyncio
import ssl
from collections import deque
from typing import Protocol, cast

from clarion.providers.http2.ages import AgeMarks
from clarion.providers.http2.assembly import Block, BlockAssembly, BodyAssembly
from clarion.providers.http2.flow import SendFlow
from clarion.providers.http2.frames import (
    ACK,
    CONTINUATION,
    DEFAULT_FRAME_SIZE,
    END_HEADERS,
    END_STREAM,
    HEADERS,
    LARGEST_STREAM,
    PADDED,
    PING,
    SETTINGS,
    WITH_PRIORITY,
    ErrorCode,
    FrameReader,
    ProtocolViolation,
    error_name,
    frame,
    goaway,
    read_goaway,
    read_number,
    rst_stream,
    strip_padding,
    window_update,
)
from clarion.providers.http2.headers import (
    PLAIN_200,
    AnswerDecoder,
    HeadBlocks,
    MalformedAnswer,
    usual_success,
)
from clarion.providers.http2.keepalive import KeepAlive, Step
from clarion.providers.http2.outcome import Outcome
from clarion.providers.http2.peer import RECEIVE_WINDOW, PeerSettings, greeting
from clarion.providers.http2.plain import take_plain
from clarion.providers.http2.writing import RequestWriter
from clarion.providers.transport import Answer, ChannelOptions, Failure, Request

INTERIM_LIMIT = 64
"""1xx answers while one stream waits for its final one."""
CONTROL_LIMIT = 65536
"""Bytes of control frames that may wait while the peer does not read."""
WRITE_REQUESTS = 64
"""Requests joined into one write, before back-pressure is looked at again."""
WRITE_HIGH_WATER = 262144
"""Bytes the transport buffers before it pauses us."""

_PING_DATA = b"clarion!"


class Owner(Protocol):
    """What a connection tells its channel."""

    def progress(self, outcome: Outcome) -> None:
        """Something is complete, or there may be room again."""

    def gone(self, connection: "Connection", outcome: Outcome) -> None:
        """The connection takes no more part; this is the last outcome it reports."""


class Connection(asyncio.Protocol):
    """The protocol state of one connection. Needs no task; `sweep` wants to be called from time to time."""

    def __init__(self, owner: Owner, options: ChannelOptions, blocks: HeadBlocks, *, requests: int) -> None:
        self._owner = owner
        self._options = options
        self._loop = asyncio.get_running_loop()
        self._transport: asyncio.Transport | None = None
        self._reader = FrameReader()
        self._decoder = AnswerDecoder()
        self._flow = SendFlow()
        self._peer = PeerSettings()
        self._writer = RequestWriter(blocks, self._flow, self._peer, requests=requests)
        self._block = BlockAssembly()
        self._bodies = BodyAssembly(options.body_limit)
        self._alive = KeepAlive(options, self._loop.time())
        self._marks = AgeMarks()
        self._streams: dict[int, Request | Answer] = {}
        self._interim: dict[int, int] = {}
        self._control = bytearray()
        self._answers: list[Answer] = []
        self._refused: list[Request] = []
        self._unreturned = 0
        self._paused = False
        self._accepted = not options.first_alone
        self._reason = ""
        self.speaks_http2 = False
        """The peer chose `h2` in the TLS handshake."""
        self.draining = False
        self.closed = False
        self.proven = False
        """An answer has arrived over it."""
        self.late = 0
        """Answers that came for streams we no longer wait for."""
        self._handlers = (
            self._on_data,
            self._on_headers,
            self._on_priority,
            self._on_reset,
            self._on_settings,
            self._on_push,
            self._on_ping,
            self._on_goaway,
            self._on_window_update,
            self._on_continuation,
        )

    # What the channel asks

    @property
    def in_flight(self) -> int:
        """Streams without a complete answer."""
        return len(self._streams)

    @property
    def greeted(self) -> bool:
        """The peer's SETTINGS have come."""
        return self._peer.greeted

    @property
    def warming(self) -> bool:
        """It takes one request at a time until the peer has shown itself; then it may take many."""
        return not (self._peer.greeted and self._accepted)

    @property
    def stream_limit(self) -> int:
        """How many streams may be open now; 0 when none may be opened any more."""
        if self.closed or self.draining or self._transport is None:
            return 0
        own = 1 if self.warming else self._options.streams
        return own if self._peer.streams is None else min(own, self._peer.streams)

    @property
    def room(self) -> int:
        """How many requests may be written now."""
        if self._paused or self._flow.window <= 0:
            return 0
        return max(0, self.stream_limit - len(self._streams))

    def pump(self, queue: deque[Request], most: int) -> int:
        """Write up to `most` requests from the head of `queue`, as far as there is room. How many it took."""
        before = len(queue)
        while queue and (count := min(self.room, most - before + len(queue), WRITE_REQUESTS)) > 0:
            self._write(self._writer.write(queue, count, self._streams))
            if self._writer.exhausted:
                self._drain("stream ids used up")
        return before - len(queue)

    def sweep(self, now: float) -> None:
        """Apply deadlines, keep-alive and idle rules. Times are the event loop's."""
        if self.closed:
            return
        self._marks.note(now, self._writer.next_stream)
        self._expire(self._marks.older_than(now - self._options.request_timeout))
        match self._alive.step(now, in_flight=bool(self._streams)):
            case Step.PING:
                self._control += frame(PING, 0, 0, _PING_DATA)
            case Step.GIVE_UP:
                self._end(ErrorCode.NO_ERROR, "ping: no acknowledgement")
            case Step.CLOSE_IDLE:
                self._end(ErrorCode.NO_ERROR, "idle")
        self._settle()

    def close(self, detail: str) -> None:
        """End the connection now; what is in flight is AMBIGUOUS."""
        self._end(ErrorCode.NO_ERROR, detail)

    # What the event loop calls

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Greet the peer, if it speaks HTTP/2."""
        tls = transport.get_extra_info("ssl_object")
        self.speaks_http2 = tls is not None and tls.selected_alpn_protocol() == "h2"
        # uvloop's transports do not derive from asyncio's.
        stream_transport = cast("asyncio.Transport", transport)
        if not self.speaks_http2:
            self.closed = True
            stream_transport.abort()
            return
        self._transport = stream_transport
        stream_transport.set_write_buffer_limits(high=WRITE_HIGH_WATER)
        stream_transport.write(greeting(self._bodies.limit))

    def data_received(self, data: bytes) -> None:
        """Take frames; hand on the answers among them together."""
        if self.closed:
            return
        try:
            self._take(data)
        except ProtocolViolation as violation:
            self._end(violation.code, f"protocol: {violation}")
        self._settle()

    def _take(self, data: bytes) -> None:
        handlers, block, peer, heard = self._handlers, self._block, self._peer, False
        data = self._take_plain(data)
        for kind, flags, stream, payload in self._reader.feed(data):
            if block.stream and kind != CONTINUATION:
                raise ProtocolViolation(ErrorCode.PROTOCOL_ERROR, "a frame inside a header block")
            if not peer.greeted and kind != SETTINGS:
                raise ProtocolViolation(ErrorCode.PROTOCOL_ERROR, "the first frame is not SETTINGS")
            if kind <= CONTINUATION:
                handlers[kind](flags, stream, payload)
                heard |= kind <= HEADERS
        if heard:
            self._alive.heard(self._loop.time())
        if self._reader.violation:
            raise self._reader.violation

    def _take_plain(self, data: bytes) -> bytes:
        """Take the usual answers that a read begins with, unless something unusual is open; what is left of it."""
        unusual = self._block.stream or self._bodies.open or self._interim or self._flow.waiting
        if unusual or not (self._accepted and self._peer.greeted and self._decoder.stateless):
            return data
        data = self._reader.joined(data)
        largest = min(DEFAULT_FRAME_SIZE, self._bodies.limit)
        at, received = take_plain(data, self._streams, self._answers, largest=largest)
        if at:
            self._alive.heard(self._loop.time())
        self._unreturned += received
        return data[at:]

    def pause_writing(self) -> None:
        """The transport's buffer is full: write no more requests."""
        self._paused = True

    def resume_writing(self) -> None:
        """The transport's buffer has drained."""
        self._paused = False
        self._settle()

    def connection_lost(self, exc: Exception | None) -> None:
        """The peer or the network ended it."""
        if self.closed:
            return
        if isinstance(exc, ssl.SSLError) and not self._peer.greeted:
            # TLS 1.3 tells about a rejected client certificate only after the handshake; nothing was served.
            self._finish(Failure.UNSENT, f"tls: {exc.reason or exc}")
            return
        self._finish(Failure.AMBIGUOUS, self._reason or f"connection: {exc or 'closed by the peer'}")

    # Frames

    def _on_headers(self, flags: int, stream: int, payload: bytes) -> None:
        if (
            flags & (END_HEADERS | PADDED | WITH_PRIORITY) == END_HEADERS
            and payload
            and self._decoder.stateless
            and (status := 200 if payload[0] == PLAIN_200 else usual_success(payload))
            and isinstance(request := self._streams.get(stream), Request)
        ):
            self._on_head(stream, Answer(request.tag, status), complete=bool(flags & END_STREAM))
            return
        self._require_used(stream, "HEADERS")
        if block := self._block.begin(flags, stream, payload):
            self._on_block(block)

    def _on_continuation(self, flags: int, stream: int, payload: bytes) -> None:
        if block := self._block.proceed(flags, stream, payload):
            self._on_block(block)

    def _on_block(self, block: Block) -> None:
        entry = self._streams.get(block.stream)
        try:
            status, headers = self._decoder.decode(block.data)
            if entry is None:
                self.late += 1
            elif isinstance(entry, Answer):
                self._on_trailers(block, entry, status)
            elif 100 <= status < 200:
                self._on_interim(block)
            elif status:
                self._on_head(block.stream, Answer(entry.tag, status, headers=headers), complete=block.ends_stream)
            else:
                raise MalformedAnswer("no status")
        except MalformedAnswer as error:
            self._give_up(block.stream, ErrorCode.PROTOCOL_ERROR, f"malformed answer: {error}")

    def _on_head(self, stream: int, answer: Answer, *, complete: bool) -> None:
        if complete:
            self._complete(stream, answer)
        else:
            self._streams[stream] = answer

    def _on_interim(self, block: Block) -> None:
        if block.ends_stream:
            raise MalformedAnswer("an interim answer ends the stream")
        count = self._interim[block.stream] = self._interim.get(block.stream, 0) + 1
        if count > INTERIM_LIMIT:
            raise MalformedAnswer("too many interim answers")

    def _on_trailers(self, block: Block, answer: Answer, status: int) -> None:
        if status or not block.ends_stream:
            raise MalformedAnswer("a second answer on one stream")
        self._complete(block.stream, answer)

    def _on_data(self, flags: int, stream: int, payload: bytes) -> None:
        self._unreturned += len(payload)
        entry = self._streams.get(stream)
        if not isinstance(entry, Answer):
            self._on_unexpected_data(stream, entry)
            return
        if flags & PADDED:
            payload = self._unpad(stream, payload)
        if flags & END_STREAM and not self._bodies.open and len(payload) <= self._bodies.limit:
            entry.body = payload
            self._complete(stream, entry)
        elif not self._bodies.add(stream, payload):
            self._control += rst_stream(stream, ErrorCode.CANCEL)
            self._complete(stream, entry)
        elif flags & END_STREAM:
            self._complete(stream, entry)

    def _unpad(self, stream: int, payload: bytes) -> bytes:
        bare = strip_padding(PADDED, payload)
        # Padding uses up the stream's window although nothing of it is kept.
        self._control += window_update(stream, len(payload) - len(bare))
        return bare

    def _on_unexpected_data(self, stream: int, entry: Request | None) -> None:
        self._require_used(stream, "DATA")
        if entry is not None:
            self._give_up(stream, ErrorCode.PROTOCOL_ERROR, "malformed answer: a body before its headers")

    def _on_reset(self, _flags: int, stream: int, payload: bytes) -> None:
        code = read_number(payload, "RST_STREAM")
        self._require_used(stream, "RST_STREAM")
        entry = self._remove(stream)
        if code == ErrorCode.REFUSED_STREAM and isinstance(entry, Request):
            self._refused.append(entry)
        elif entry is not None:
            self._fail(entry, Failure.AMBIGUOUS, f"reset: {error_name(code)}")

    def _on_settings(self, flags: int, stream: int, payload: bytes) -> None:
        _require_connection(stream, "SETTINGS")
        if not flags & ACK:
            self._peer.take(payload, self._flow)
            self._control += frame(SETTINGS, ACK, 0)
        elif payload:
            raise ProtocolViolation(ErrorCode.FRAME_SIZE_ERROR, "SETTINGS acknowledgement with a payload")
        else:
            self._decoder.acknowledged()

    def _on_ping(self, flags: int, stream: int, payload: bytes) -> None:
        _require_connection(stream, "PING")
        if len(payload) != len(_PING_DATA):
            raise ProtocolViolation(ErrorCode.FRAME_SIZE_ERROR, "PING of a wrong length")
        if not flags & ACK:
            self._control += frame(PING, ACK, 0, payload)
        elif payload == _PING_DATA:
            self._alive.acknowledged(self._loop.time())

    def _on_goaway(self, _flags: int, stream: int, payload: bytes) -> None:
        _require_connection(stream, "GOAWAY")
        last, code, debug = read_goaway(payload)
        self._drain(f"goaway: {error_name(code)} {debug[:128].decode('ascii', 'replace')}".rstrip())
        for above in [stream for stream in self._streams if stream > last]:
            entry = self._remove(above)
            if isinstance(entry, Request):
                self._refused.append(entry)
            elif entry is not None:
                self._fail(entry, Failure.AMBIGUOUS, self._reason)

    def _on_window_update(self, _flags: int, stream: int, payload: bytes) -> None:
        increment = read_number(payload, "WINDOW_UPDATE") & LARGEST_STREAM
        if stream:
            self._require_used(stream, "WINDOW_UPDATE")
            self._flow.widen_stream(stream, increment)
        else:
            self._flow.widen(increment)

    def _on_priority(self, _flags: int, stream: int, payload: bytes) -> None:
        if not stream or len(payload) != 5:
            raise ProtocolViolation(ErrorCode.PROTOCOL_ERROR, "PRIORITY out of place")

    def _on_push(self, _flags: int, _stream: int, _payload: bytes) -> None:
        raise ProtocolViolation(ErrorCode.PROTOCOL_ERROR, "PUSH_PROMISE although push is off")

    def _require_used(self, stream: int, what: str) -> None:
        if not self._writer.opened(stream):
            raise ProtocolViolation(ErrorCode.PROTOCOL_ERROR, f"{what} on a stream that we have not opened")

    # Ends of streams

    def _complete(self, stream: int, answer: Answer) -> None:
        del self._streams[stream]
        if self._bodies.open:
            self._bodies.finish(stream, answer)
        if self._interim:
            self._interim.pop(stream, None)
        if self._flow.waiting and self._flow.forget(stream):
            # An early answer: the rest of the body interests nobody (RFC 9113 §8.1).
            self._control += rst_stream(stream, ErrorCode.CANCEL)
        if not self._accepted and 200 <= answer.status < 300:
            self._accepted = True
        self._answers.append(answer)

    def _remove(self, stream: int) -> Request | Answer | None:
        self._flow.forget(stream)
        self._bodies.forget(stream)
        self._interim.pop(stream, None)
        return self._streams.pop(stream, None)

    def _fail(self, entry: Request | Answer, failure: Failure, detail: str) -> None:
        self._answers.append(Answer(entry.tag, 0, failure=failure, detail=detail))

    def _give_up(self, stream: int, code: ErrorCode, detail: str) -> None:
        """Reset a stream that has not been answered."""
        entry = self._remove(stream)
        if entry is not None:
            self._control += rst_stream(stream, code)
            self._fail(entry, Failure.AMBIGUOUS, detail)

    def _expire(self, before: int) -> None:
        expired = []
        for stream in self._streams:
            if stream >= before:
                break
            expired.append(stream)
        for stream in expired:
            self._give_up(stream, ErrorCode.CANCEL, "deadline")

    # Life and death

    def _drain(self, reason: str) -> None:
        self.draining = True
        self._reason = reason

    def _settle(self) -> None:
        """After any event: send what is due, hand over what is complete, close if nothing is left to do."""
        if self.closed:
            return
        self._send_due()
        if self.draining and not self._streams:
            self._end(ErrorCode.NO_ERROR, self._reason)
        if not self.closed:
            self._owner.progress(self._outcome(self._reason or "reset: REFUSED_STREAM"))

    def _send_due(self) -> None:
        if self._unreturned >= RECEIVE_WINDOW // 2:
            self._control += window_update(0, self._unreturned)
            self._unreturned = 0
        if self._control and not self._paused:
            self._write(bytes(self._control))
            self._control.clear()
        while self._flow.waiting and not self._paused and (data := self._flow.resume(self._peer.frame_size)):
            self._write(data)
        if len(self._control) > CONTROL_LIMIT:
            self._end(ErrorCode.ENHANCE_YOUR_CALM, "protocol: the peer sends but does not read")

    def _write(self, data: bytes) -> None:
        if self._transport is not None and data:
            self._transport.write(data)

    def _outcome(self, detail: str) -> Outcome:
        answers, self._answers = self._answers, []
        refused, self._refused = self._refused, []
        if answers and not self.proven:
            self.proven = any(answer.status for answer in answers)
        return Outcome(answers, refused, detail)

    def _end(self, code: ErrorCode, detail: str) -> None:
        if self.closed:
            return
        if self._transport is not None:
            self._write(goaway(0, code))
            if self._paused or self._alive.in_doubt:
                self._transport.abort()
            else:
                self._transport.close()
        self._finish(Failure.AMBIGUOUS, detail)

    def _finish(self, failure: Failure, detail: str) -> None:
        self.closed = True
        streams, self._streams = self._streams, {}
        for entry in streams.values():
            self._fail(entry, failure, detail)
        self._owner.gone(self, self._outcome(detail))


def _require_connection(stream: int, what: str) -> None:
    if stream:
        raise ProtocolViolation(ErrorCode.PROTOCOL_ERROR, f"{what} on a stream")
