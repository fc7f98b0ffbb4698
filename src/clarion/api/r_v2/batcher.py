"""The micro-batcher: many calls, one transaction, and no answer before its commit (design.md §6).

Calls wait in lanes; a lane works off one batch at a time, so calls with the same key keep their order. Everything is
bounded: a full lane refuses with `Unavailable`, and half full it says so, so that callers can shed what may be shed.
"""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Hashable, Sequence
from typing import Generic, TypeVar

import structlog

from clarion.foundation.errors import Unavailable

log = structlog.get_logger("clarion.device_api")

Call = TypeVar("Call")
Answer = TypeVar("Answer")
_Pending = tuple[Call, asyncio.Future[Answer]]

BATCH_LIMIT = 200
LINGER = 0.010
"""Seconds that the first call of a batch waits for others."""
PENDING_LIMIT = 4000
"""Calls that wait in one lane."""
RETRY_AFTER = 5


class Batcher(Generic[Call, Answer]):
    """Hands calls to `work` in batches and gives each caller its answer, or the batch's error.

    If a batch fails for another reason than an unreachable database, its halves are tried on their own, down to the
    call that is at fault: that one is answered `Unavailable`, the others are not harmed.
    """

    def __init__(
        self,
        work: Callable[[Sequence[Call]], Awaitable[Sequence[Answer]]],
        *,
        lanes: int = 1,
        batch_limit: int = BATCH_LIMIT,
        linger: float = LINGER,
        pending_limit: int = PENDING_LIMIT,
    ) -> None:
        self._work = work
        self._lanes = [_Lane(self._settle, batch_limit, linger, pending_limit) for _ in range(lanes)]

    def submit(self, call: Call, *, key: Hashable = 0) -> "asyncio.Future[Answer]":
        """The future answer of a call; calls of equal keys keep their order. `Unavailable` when the lane is full."""
        return self._lane(key).put(call)

    def is_busy(self, key: Hashable = 0) -> bool:
        """Whether calls of this key wait in a lane that is half full: the moment to shed."""
        return self._lane(key).is_half_full

    async def close(self) -> None:
        """Work off what waits, then refuse; bounded by the database's own time limits."""
        await asyncio.gather(*(lane.close() for lane in self._lanes))

    def _lane(self, key: Hashable) -> "_Lane[Call, Answer]":
        return self._lanes[hash(key) % len(self._lanes)]

    async def _settle(self, batch: Sequence[_Pending[Call, Answer]]) -> None:
        try:
            answers = await self._work([call for call, _ in batch])
        except Unavailable as error:
            _fail(batch, error)
        except Exception as error:
            if len(batch) == 1:
                log.error("device call failed", exc_info=error)
                _fail(batch, Unavailable("temporarily out of service", retry_after=RETRY_AFTER))
                return
            middle = len(batch) // 2
            await self._settle(batch[:middle])
            await self._settle(batch[middle:])
        else:
            for (_, future), answer in zip(batch, answers, strict=True):
                if not future.done():
                    future.set_result(answer)


def _fail(batch: Sequence[_Pending[Call, Answer]], error: Exception) -> None:
    for _, future in batch:
        if not future.done():
            future.set_exception(error)


class _Lane(Generic[Call, Answer]):
    """A queue whose batches follow each other."""

    def __init__(
        self,
        settle: Callable[[Sequence[_Pending[Call, Answer]]], Awaitable[None]],
        batch_limit: int,
        linger: float,
        pending_limit: int,
    ) -> None:
        self._settle = settle
        self._batch_limit = batch_limit
        self._linger = linger
        self._pending_limit = pending_limit
        self._pending: deque[_Pending[Call, Answer]] = deque()
        self._timer: asyncio.TimerHandle | None = None
        self._running: asyncio.Task[None] | None = None
        self._closed = False

    @property
    def is_half_full(self) -> bool:
        return 2 * len(self._pending) >= self._pending_limit

    def put(self, call: Call) -> "asyncio.Future[Answer]":
        if self._closed or len(self._pending) >= self._pending_limit:
            raise Unavailable("too many calls are waiting", retry_after=RETRY_AFTER)
        loop = asyncio.get_running_loop()
        future: asyncio.Future[Answer] = loop.create_future()
        self._pending.append((call, future))
        if self._running is None:
            if len(self._pending) >= self._batch_limit:
                self._start()
            elif self._timer is None:
                self._timer = loop.call_later(self._linger, self._start)
        return future

    async def close(self) -> None:
        self._closed = True
        if self._pending and self._running is None:
            self._start()
        if self._running is not None:
            await self._running

    def _start(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._running is None:
            self._running = asyncio.get_running_loop().create_task(self._drain())

    async def _drain(self) -> None:
        """Work off what waits, batch after batch; whoever arrives meanwhile is in the next one."""
        try:
            while self._pending:
                size = min(self._batch_limit, len(self._pending))
                await self._settle([self._pending.popleft() for _ in range(size)])
        finally:
            self._running = None
