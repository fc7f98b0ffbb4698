"""The bound on messages that are in flight or not yet recorded: the duplicate window of this process.

No lane may fill the window alone, so that a provider which does not answer cannot stop the others.
"""

import asyncio
from collections import Counter
from dataclasses import dataclass

LaneKey = tuple[int, str]
"""(app, provider)."""


@dataclass(slots=True, eq=False)
class _Waiter:
    lane: LaneKey
    count: int
    cap: int | None
    ready: "asyncio.Future[None]"


class Window:
    """Places for messages between their hand-over and their record."""

    def __init__(self, capacity: int) -> None:
        self.capacity = capacity
        self.used: Counter[LaneKey] = Counter()
        self.total = 0
        self._waiters: list[_Waiter] = []

    @property
    def free(self) -> int:
        """Places left."""
        return self.capacity - self.total

    def _share(self) -> int:
        """Places that one lane may hold: seven eighths when alone, else an equal part of them."""
        return max(1, self.capacity * 7 // 8 // max(1, len(self.used)))

    @property
    def portion(self) -> int:
        """The most that is worth taking at once: small against the capacity, so that lanes take turns."""
        return max(1, self.capacity // 6)

    def _fits(self, lane: LaneKey, count: int, cap: int | None) -> bool:
        if count > self.free:
            return False
        held = self.used.get(lane, 0)
        limit = self._share() if cap is None else min(cap, self._share())
        return held == 0 or held + count <= limit

    def try_take(self, lane: LaneKey, count: int, *, cap: int | None = None) -> bool:
        """Take `count` places if they are free now and the lane then holds no more than `cap`."""
        if not self._fits(lane, count, cap):
            return False
        self.used[lane] += count
        self.total += count
        return True

    async def take(self, lane: LaneKey, count: int, *, cap: int | None = None) -> None:
        """Wait for `count` places, as `try_take`; `count` must not exceed the capacity."""
        if not self._waiters and self.try_take(lane, count, cap=cap):
            return
        waiter = _Waiter(lane, count, cap, asyncio.get_running_loop().create_future())
        self._waiters.append(waiter)
        try:
            await waiter.ready
        except asyncio.CancelledError:
            if waiter in self._waiters:
                self._waiters.remove(waiter)
            else:
                self.release(lane, count)
            raise

    def release(self, lane: LaneKey, count: int) -> None:
        """Give places back and let waiters in, oldest first; one that does not fit does not hold up the others."""
        self.total -= count
        self.used[lane] -= count
        if self.used[lane] <= 0:
            del self.used[lane]
        for waiter in list(self._waiters):
            if self.try_take(waiter.lane, waiter.count, cap=waiter.cap):
                self._waiters.remove(waiter)
                if waiter.ready.cancelled():
                    self.release(waiter.lane, waiter.count)
                else:
                    waiter.ready.set_result(None)
