"""The micro-batcher: many calls, one transaction, and no answer before its commit (design.md §6).

Batches follow each other, so calls keep their order; whoever arrives while one is under way is in the next. Everything
is bounded: a full batcher refuses with `Unavailable`, and half full it says so, that callers can shed what may be shed.
"""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
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
"""Calls that wait."""
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
        batch_limit: int = BATCH_LIMIT,
        linger: float = LINGER,
        pending_limit: int = PENDING_LIMIT,
    ) -> None:
        self._work = work
        self._batch_limit = batch_limit
        self._linger = linger
        self._pending_limit = pending_limit
        self._pending: deque[_Pending[Call, Answer]] = deque()
        self._timer: asyncio.TimerHandle | None = None
        self._running: asyncio.Task[None] | None = None
        self._is_closed = False

    @property
    def is_busy(self) -> bool:
        """Whether half of what may wait is waiting: the moment to shed."""
        return 2 * len(self._pending) >= self._pending_limit

    def submit(self, call: Call) -> asyncio.Future[Answer]:
        """The future answer of a call. `Unavailable` when too many wait, or after `close`."""
        if self._is_closed or len(self._pending) >= self._pending_limit:
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
        """Work off what waits, then refuse; bounded by the database's own time limits."""
        self._is_closed = True
        if self._pending:
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
        try:
            while self._pending:
                size = min(self._batch_limit, len(self._pending))
                await self._settle([self._pending.popleft() for _ in range(size)])
        finally:
            self._running = None

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
