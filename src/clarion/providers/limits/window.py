"""A sliding window that counts two kinds of things, in slots of one second."""

from collections import deque


class SlidingCounts:
    """Two sums over the last `span` seconds. Memory is bounded by `span`, not by what is counted."""

    def __init__(self, span: int) -> None:
        self._span = span
        self._slots: deque[list[int]] = deque()
        self.first = 0
        self.second = 0

    def add(self, now: float, *, first: int = 0, second: int = 0) -> None:
        """Count at the monotonic second `now`."""
        self.expire(now)
        if not self._slots or self._slots[-1][0] != int(now):
            self._slots.append([int(now), 0, 0])
        self._slots[-1][1] += first
        self._slots[-1][2] += second
        self.first += first
        self.second += second

    def expire(self, now: float) -> None:
        """Forget what lies further back than the span."""
        while self._slots and self._slots[0][0] <= now - self._span:
            _, first, second = self._slots.popleft()
            self.first -= first
            self.second -= second

    def clear(self) -> None:
        """Forget everything."""
        self._slots.clear()
        self.first = self.second = 0
