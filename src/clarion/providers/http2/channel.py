"""The channel: a queue of requests, a small pool of connections, and who gets what."""

import asyncio
import ssl
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from clarion.providers.http2.ages import AgeMarks
from clarion.providers.http2.connection import Connection
from clarion.providers.http2.dialling import DialError, dial, dial_public
from clarion.providers.http2.headers import HeadBlocks
from clarion.providers.http2.outcome import Outcome
from clarion.providers.http2.pacing import Pacing
from clarion.providers.resolving import Resolve, look_up
from clarion.providers.transport import Answer, ChannelOptions, Failure, Request, Sink, split_origin

_SHARE_FLOOR = 32
"""Fewer requests than this are not spread over several connections: one write is cheaper than four."""
_DRAINING_FACTOR = 4
"""Draining connections included, a channel has at most so many times `ChannelOptions.connections`."""


@dataclass(frozen=True, slots=True)
class Counters:
    """What a channel, or all channels of a transport, did and do; for metrics."""

    connections: int = 0
    """Open now, draining ones included."""
    in_flight: int = 0
    queued: int = 0
    stream_limit: int = 0
    """Streams that may be open at the same time now, by the peers' settings and our cap."""
    opened: int = 0
    """Connections opened since the start."""
    failed: int = 0
    """Connection attempts that failed."""
    late_answers: int = 0
    """Answers to requests that had been given up before."""
    resends: int = 0

    def __add__(self, other: "Counters") -> "Counters":
        return Counters(*(getattr(self, name) + getattr(other, name) for name in self.__slots__))


class Http2Channel:
    """`transport.Channel` over HTTP/2. Lives on one event loop; not thread-safe."""

    def __init__(
        self,
        origin: str,
        sink: Sink,
        options: ChannelOptions,
        *,
        context: ssl.SSLContext,
        requests_per_connection: int,
        closed: Callable[["Http2Channel"], None],
        resolve: Resolve = look_up,
    ) -> None:
        self._host, self._port, authority = split_origin(origin)
        self._sink = sink
        self._options = options
        self._context = context
        self._requests_per_connection = requests_per_connection
        self._on_closed = closed
        self._resolve = resolve
        self._blocks = HeadBlocks(authority)
        self._queue: deque[Request] = deque()
        self._submitted = 0
        self._taken = 0
        self._marks = AgeMarks()
        self._pending = 0
        self._connections: list[Connection] = []
        self._pacing = Pacing(options.reconnect_pause, options.open_interval)
        self._dialling: asyncio.Task[None] | None = None
        self._reopening: asyncio.TimerHandle | None = None
        self._sweeping: asyncio.TimerHandle | None = None
        self._sweep_interval = _interval(options.request_timeout, options.ping_after, options.ping_timeout, most=0.5)
        self._idle_interval = _interval(options.idle_ping, options.idle_close, most=60.0)
        self._delivering = False
        self._closing = False
        self._drained = asyncio.Event()
        self._opened = self._failed = self._late = self._resends = 0

    # The contract

    def submit(self, requests: Sequence[Request]) -> None:
        """Queue requests; returns at once. After `aclose` it raises `RuntimeError`."""
        if self._closing:
            raise RuntimeError("the channel is closed")
        was_idle = not self._pending
        self._queue.extend(requests)
        self._submitted += len(requests)
        self._pending += len(requests)
        if was_idle:
            self._schedule_sweep()
        if not self._delivering:
            self._pump()

    def withdraw(self) -> list[Request]:
        """Take back everything that has not been written yet."""
        requests = self._empty_queue()
        self._pending -= len(requests)
        self._note_drained()
        return requests

    @property
    def pending(self) -> int:
        """Requests submitted and not yet answered, written or not."""
        return self._pending

    @property
    def counters(self) -> Counters:
        """A snapshot for metrics."""
        connections = self._connections
        return Counters(
            connections=len(connections),
            in_flight=sum(connection.in_flight for connection in connections),
            queued=len(self._queue),
            stream_limit=sum(connection.stream_limit for connection in connections),
            opened=self._opened,
            failed=self._failed,
            late_answers=self._late + sum(connection.late for connection in connections),
            resends=self._resends,
        )

    async def aclose(self, *, grace: float = 20.0) -> None:
        """Wait up to `grace` seconds for answers, then report the rest (UNSENT or AMBIGUOUS) and close."""
        self._closing = True
        self._note_drained()
        try:
            async with asyncio.timeout(grace):
                await self._drained.wait()
        except TimeoutError:
            self._fail_queue("closed")
        self._stop()

    def _stop(self) -> None:
        for connection in list(self._connections):
            connection.close("closed")
        self._fail_queue("closed")
        if self._dialling:
            self._dialling.cancel()
        for timer in (self._reopening, self._sweeping):
            if timer:
                timer.cancel()
        self._reopening = self._sweeping = None
        self._on_closed(self)

    # What connections tell (connection.Owner)

    def progress(self, outcome: Outcome) -> None:
        """Something is complete, or there may be room again."""
        answers = outcome.answers
        if outcome.refused:
            answers = answers + self._take_back(outcome.refused, outcome.detail)
        self._deliver(answers)
        self._pump()

    def gone(self, connection: Connection, outcome: Outcome) -> None:
        """The connection takes no more part; this is the last outcome it reports."""
        if connection in self._connections:
            self._connections.remove(connection)
            self._late += connection.late
            if connection.proven:
                self._pacing.succeeded()
            else:
                self._connection_failed(outcome.detail, refused=not connection.greeted)
        self.progress(outcome)

    # Requests

    def _take_back(self, refused: list[Request], detail: str) -> list[Answer]:
        """Queue refused requests again, in front; answers for those that were refused too often."""
        limit = self._options.resend_limit
        again = [request for request in refused if request.resends < limit]
        answers = _unsent([request for request in refused if request.resends >= limit], detail)
        for request in again:
            request.resends += 1
        self._queue.extendleft(reversed(again))
        self._taken -= len(again)
        self._resends += len(again)
        return answers

    def _deliver(self, answers: list[Answer]) -> None:
        if not answers:
            return
        self._pending -= len(answers)
        self._delivering = True
        try:
            self._sink(answers)
        finally:
            self._delivering = False
            self._note_drained()

    def _note_drained(self) -> None:
        if self._closing and not self._pending:
            self._drained.set()

    def _empty_queue(self) -> list[Request]:
        requests = list(self._queue)
        self._queue.clear()
        self._taken += len(requests)
        return requests

    def _fail_queue(self, detail: str) -> None:
        self._deliver(_unsent(self._empty_queue(), detail))

    def _pump(self) -> None:
        """Give queued requests to connections with room, in fair shares, and see whether more are needed."""
        if not self._queue:
            return
        ready = [connection for connection in self._connections if connection.room]
        for left, connection in zip(range(len(ready), 0, -1), ready, strict=True):
            share = max(_SHARE_FLOOR, -(-len(self._queue) // left))
            self._taken += connection.pump(self._queue, share)
        if self._queue:
            self._want_connection()

    # Connections

    def _want_connection(self) -> None:
        if self._dialling or self._reopening:
            return
        usable = [connection for connection in self._connections if not connection.draining]
        limit = self._options.connections
        if len(usable) >= limit or len(self._connections) >= limit * _DRAINING_FACTOR:
            return
        if any(connection.warming for connection in usable):
            return
        loop = asyncio.get_running_loop()
        delay = self._pacing.wait(loop.time(), others=bool(usable))
        if delay > 0:
            self._reopening = loop.call_later(delay, self._reopen)
        else:
            self._dialling = loop.create_task(self._dial())

    def _reopen(self) -> None:
        self._reopening = None
        self._pump()

    async def _dial(self) -> None:
        self._pacing.attempted(asyncio.get_running_loop().time())
        connection = Connection(self, self._options, self._blocks, requests=self._requests_per_connection)
        try:
            await self._connect(connection)
        except DialError as error:
            self._connection_failed(str(error), refused=True)
        else:
            self._welcome(connection)
        finally:
            self._dialling = None
        self._pump()

    async def _connect(self, connection: Connection) -> None:
        where, context, within = (self._host, self._port), self._context, self._options.connect_timeout
        if self._options.public_only:
            await dial_public(connection, *where, context=context, within=within, resolve=self._resolve)
        else:
            await dial(connection, *where, context=context, within=within)

    def _welcome(self, connection: Connection) -> None:
        if connection.closed:
            self._connection_failed("connection: closed by the peer", refused=True)
            return
        self._opened += 1
        self._connections.append(connection)
        self._schedule_sweep()

    def _connection_failed(self, detail: str, *, refused: bool) -> None:
        """Wait before the next attempt; if the origin serves nobody now, say so to those who wait."""
        self._failed += 1
        self._pacing.failed(asyncio.get_running_loop().time())
        if refused and not any(connection.greeted and not connection.draining for connection in self._connections):
            self._fail_queue(detail)

    # Time

    def _schedule_sweep(self) -> None:
        loop = asyncio.get_running_loop()
        when = loop.time() + (self._sweep_interval if self._pending else self._idle_interval)
        if self._sweeping:
            if self._sweeping.when() <= when:
                return  # or steady work would put the next sweep off for ever
            self._sweeping.cancel()
        self._sweeping = loop.call_at(when, self._sweep)

    def _sweep(self) -> None:
        self._sweeping = None
        now = asyncio.get_running_loop().time()
        for connection in list(self._connections):
            connection.sweep(now)
        self._expire(now)
        if self._pending or self._connections:
            self._schedule_sweep()

    def _expire(self, now: float) -> None:
        """Requests that found no room in time come back unsent."""
        self._marks.note(now, self._submitted)
        count = self._marks.older_than(now - self._options.request_timeout) - self._taken
        expired = [self._queue.popleft() for _ in range(min(count, len(self._queue)))]
        self._taken += len(expired)
        self._deliver(_unsent(expired, "deadline"))
        self._pump()


def _unsent(requests: list[Request], detail: str) -> list[Answer]:
    return [Answer(request.tag, 0, failure=Failure.UNSENT, detail=detail) for request in requests]


def _interval(*timeouts: float, most: float) -> float:
    """How often to look, so that these timeouts are kept within an eighth."""
    return min(most, max(0.01, min(timeouts) / 8))
