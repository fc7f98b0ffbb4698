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
    wanted: int
    cap: int | None
    ready: "asyncio.Future[int]"


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

    @property
    def portion(self) -> int:
        """The most that is worth taking at once: small against the capacity, so that lanes take turns."""
        return max(1, self.capacity // 6)

    def _room(self, lane: LaneKey, cap: int | None) -> int:
        """Places that a lane may take now: seven eighths of what the others leave, and no more than an equal part."""
        held = self.used.get(lane, 0)
        lanes = len(self.used) + (held == 0)
        left = self.capacity - (self.total - held)
        limit = min(left * 7 // 8, self.capacity * 7 // 8 // lanes)
        if cap is not None:
            limit = min(limit, cap)
        return min(self.free, max(1, limit) - held)

    def try_take(self, lane: LaneKey, wanted: int, *, cap: int | None = None) -> int:
        """Take up to `wanted` places now, so that the lane then holds no more than `cap`; how many that was."""
        count = max(0, min(wanted, self._room(lane, cap)))
        if count:
            self.used[lane] += count
            self.total += count
        return count

    async def take(self, lane: LaneKey, wanted: int, *, cap: int | None = None) -> int:
        """Wait until `try_take` gives something; how many places that was, at least one."""
        if not any(waiter.lane == lane for waiter in self._waiters):
            count = self.try_take(lane, wanted, cap=cap)
            if count:
                return count
        waiter = _Waiter(lane, wanted, cap, asyncio.get_running_loop().create_future())
        self._waiters.append(waiter)
        try:
            return await waiter.ready
        except asyncio.CancelledError:
            if waiter in self._waiters:
                self._waiters.remove(waiter)
            elif not waiter.ready.cancelled():
                self.release(lane, waiter.ready.result())
            raise

    def release(self, lane: LaneKey, count: int) -> None:
        """Give places back and let waiters in, oldest first; one that gets nothing does not hold up the others."""
        self.total -= count
        self.used[lane] -= count
        if self.used[lane] <= 0:
            del self.used[lane]
        for waiter in list(self._waiters):
            if not self.free:
                return
            if waiter.ready.cancelled():
                self._waiters.remove(waiter)
            elif taken := self.try_take(waiter.lane, waiter.wanted, cap=waiter.cap):
                self._waiters.remove(waiter)
                waiter.ready.set_result(taken)
