"""The management API's rate limit: one token bucket per API key and process (reliability.md BP-5)."""

import math
from collections import OrderedDict
from dataclasses import dataclass

from clarion.foundation.clock import Clock

_KEYS = 10_000


@dataclass(frozen=True, slots=True)
class Allowance:
    """The state of a key's bucket after one call."""

    limit: int
    """Calls per minute."""
    remaining: int
    """Calls that may follow at once."""
    wait: int
    """Seconds until the next call is allowed; 0 = this one was."""

    def headers(self) -> dict[str, str]:
        """How callers see it."""
        return {"X-RateLimit-Limit": str(self.limit), "X-RateLimit-Remaining": str(self.remaining)}


class RateLimiter:
    """Buckets that hold one minute's calls and refill evenly; the least recently used are forgotten."""

    def __init__(self, *, per_minute: int, clock: Clock) -> None:
        self._per_minute = per_minute
        self._clock = clock
        self._buckets: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def take(self, key: str) -> Allowance | None:
        """Count one call of a key; None when there is no limit."""
        if not self._per_minute:
            return None
        now = self._clock.monotonic()
        level, since = self._buckets.pop(key, (float(self._per_minute), now))
        level = min(self._per_minute, level + (now - since) * self._per_minute / 60)
        allowed = level >= 1
        self._buckets[key] = (level - 1 if allowed else level, now)
        if len(self._buckets) > _KEYS:
            self._buckets.popitem(last=False)
        return self._allowance(level, allowed=allowed)

    def _allowance(self, level: float, *, allowed: bool) -> Allowance:
        if allowed:
            return Allowance(self._per_minute, int(level - 1), 0)
        return Allowance(self._per_minute, 0, max(1, math.ceil((1 - level) * 60 / self._per_minute)))
