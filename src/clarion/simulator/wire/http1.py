"""One HTTP/1.1 connection of a client: enough of RFC 9112 for general HTTP clients, with the same faults."""

import asyncio
from http.client import responses
from typing import cast

from clarion.simulator.faults import Manner
from clarion.simulator.model import Head, Received, Reply
from clarion.simulator.wire.plan import Hub, Plan

HEAD_LIMIT = 65536
BAD_REQUEST = Reply(400, b'{"error":{"code":400,"message":"Bad Request","status":"INVALID_ARGUMENT"}}')


class BadRequest(Exception):
    """The client's bytes are not an HTTP/1.1 request."""


class Http1Connection(asyncio.Protocol):
    """Serves requests one after the other; pipelined ones wait."""

    def __init__(self, hub: Hub) -> None:
        self._hub = hub
        self._buffer = b""
        self._head: Head | None = None
        self._busy = False
        self._keep = True

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Register the connection."""
        # uvloop's transports are no subclasses of asyncio's.
        self._transport = cast("asyncio.Transport", transport)
        self.note = self._hub.opened(self, 1)

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget the connection."""
        self._hub.closed(self)

    def data_received(self, data: bytes) -> None:
        """Collect requests."""
        self._buffer += data
        try:
            self._read()
        except BadRequest:
            self._keep = False
            self._write(BAD_REQUEST, BAD_REQUEST.body)

    def settings_changed(self) -> None:
        """HTTP/1.1 has no settings."""

    def goaway(self) -> None:
        """Close after the answer under way."""
        self._keep = False
        if not self._busy:
            self._transport.close()

    def freeze(self) -> None:
        """Go half-open."""
        self._busy = True
        self._transport.pause_reading()

    def abort(self) -> None:
        """Break the connection."""
        self._transport.abort()

    def _read(self) -> None:
        while not self._busy and not self._transport.is_closing():
            if self._head is None and not self._read_head():
                return
            body = self._read_body()
            if body is None:
                return
            self._complete(body)

    def _read_head(self) -> bool:
        text, mark, rest = self._buffer.partition(b"\r\n\r\n")
        if len(text) > HEAD_LIMIT:
            raise BadRequest
        if not mark:
            return False
        self._buffer = rest
        self._head = parse_head(text)
        if self._hub.exchange.handle_early(self._head, connection=self.note.number, http=1):
            self.abort()
            return False
        if self._head.fields.get("expect", "").lower() == "100-continue":
            self._transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        return True

    def _read_body(self) -> bytes | None:
        assert self._head is not None  # noqa: S101 – narrows the type only
        if "chunked" in self._head.fields.get("transfer-encoding", ""):
            found = take_chunks(self._buffer, self._hub.settings.body_limit)
        else:
            size = content_length(self._head, self._hub.settings.body_limit)
            found = (self._buffer[:size], size) if len(self._buffer) >= size else None
        if found is None:
            return None
        self._buffer = self._buffer[found[1] :]
        return found[0]

    def _complete(self, body: bytes) -> None:
        head, self._head = self._head, None
        assert head is not None  # noqa: S101 – narrows the type only
        self.note.requests += 1
        self.note.max_streams = max(self.note.max_streams, 1)
        self._keep = self._keep and head.fields.get("connection", "").lower() != "close"
        self._busy = True
        plan = self._hub.exchange.handle(Received(head, body, self._hub.clock(), self.note.number, 1))
        self._hub.journal.commit()
        if plan.delay or plan.hold:
            self._hub.later(plan, lambda: self._act_late(plan))
        else:
            self._act(plan)

    def _act_late(self, plan: Plan) -> None:
        if not self._transport.is_closing():
            self._act(plan)
            self._read()

    def _act(self, plan: Plan) -> None:
        body = plan.reply.body
        match plan.manner:
            case Manner.ANSWER if plan.pace:
                self._write(plan.reply, b"")
                self._trickle(plan, 0)
            case Manner.ANSWER:
                self._transport.write(b"HTTP/1.1 103 Early Hints\r\n\r\n" * plan.interim)
                self._finish(plan.reply, body)
            case Manner.TWICE:
                self._write(plan.reply, body)
                self._finish(plan.reply, body)
            case Manner.CUT:
                self._keep = False
                self._finish(plan.reply, body[: len(body) // 2])
            case Manner.RAW:
                self._transport.write(body)
                self._busy = False
            case Manner.RESET | Manner.DROP | Manner.DROP_EARLY:
                self.abort()
            case Manner.SILENCE:
                return

    def _trickle(self, plan: Plan, at: int) -> None:
        if self._transport.is_closing():
            return
        self._transport.write(plan.reply.body[at : at + 1])
        if at + 1 < len(plan.reply.body):
            asyncio.get_running_loop().call_later(plan.pace, self._trickle, plan, at + 1)
        else:
            self._busy = False

    def _finish(self, reply: Reply, body: bytes) -> None:
        self._write(reply, body)
        self._busy = False

    def _write(self, reply: Reply, body: bytes) -> None:
        phrase = responses.get(reply.status, "Unknown")
        lines = [f"HTTP/1.1 {reply.status} {phrase}", *(f"{name}: {value}" for name, value in reply.headers)]
        lines.append(f"content-length: {len(reply.body)}")
        if not self._keep:
            lines.append("connection: close")
        self._transport.write("\r\n".join((*lines, "", "")).encode("latin-1") + body)
        if not self._keep:
            self._transport.close()


def parse_head(text: bytes) -> Head:
    """A request's head, in the shape of HTTP/2 (pseudo-headers first)."""
    request, *lines = text.decode("latin-1").split("\r\n")
    parts = request.split(" ")
    if len(parts) != 3 or parts[2] not in ("HTTP/1.1", "HTTP/1.0"):
        raise BadRequest
    pairs = [(":method", parts[0]), (":path", parts[1])]
    for line in lines:
        name, colon, value = line.partition(":")
        if not colon or not name or name != name.strip():
            raise BadRequest
        pairs.append((name.lower(), value.strip()))
        if name.lower() == "host":
            pairs.append((":authority", value.strip()))
    return Head(tuple(pairs))


def content_length(head: Head, limit: int) -> int:
    """The size of the body; `BadRequest` if it is malformed or above the limit."""
    text = head.fields.get("content-length", "0")
    if not text.isascii() or not text.isdigit() or len(text) > 12 or int(text) > limit:
        raise BadRequest
    return int(text)


def take_chunks(data: bytes, limit: int) -> tuple[bytes, int] | None:
    """A chunked body and the number of bytes it took; `None` while it is incomplete."""
    pieces: list[bytes] = []
    at = total = 0
    while (end := data.find(b"\r\n", at)) >= 0:
        size = chunk_size(data[at:end])
        total += size
        if total > limit:
            raise BadRequest
        at = end + 2 + size + 2
        if len(data) < at:
            return None
        if not size:
            return b"".join(pieces), at
        pieces.append(data[end + 2 : at - 2])
    return None


def chunk_size(line: bytes) -> int:
    """The size in a chunk's first line."""
    try:
        return int(line.partition(b";")[0].strip() or b"x", 16)
    except ValueError as error:
        raise BadRequest from error
