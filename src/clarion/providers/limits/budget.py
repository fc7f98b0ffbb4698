"""Keeps retries a small part of the traffic, so that an outage does not end in a storm (reliability.md PF-1)."""

from clarion.providers.limits.window import SlidingCounts

_SPAN = 60
SHARE = 0.2
"""Retries for each first attempt, where the operator has not said another number."""
_FLOOR = 10.0
"""Retries per second that are always granted, whatever the first attempts."""


class RetryBudget:
    """Retries ≤ `share` of the first attempts of the last minute, plus a floor of 10 per second, per credential."""

    def __init__(self, share: float = SHARE) -> None:
        self._share = share
        self._counts = SlidingCounts(_SPAN)
        self._floor_rate = _FLOOR
        self._floor = 1.0
        self._filled: float | None = None

    def set_share(self, share: float) -> None:
        """This process's part (0 < share ≤ 1) of the floor."""
        self._floor_rate = _FLOOR * share

    def first(self, count: int, now: float) -> None:
        """So many messages were handed over for the first time."""
        self._counts.add(now, first=count)

    def take(self, wanted: int, now: float) -> int:
        """How many of `wanted` retries may go out now; they count as sent."""
        self._fill(now)
        self._counts.expire(now)
        from_share = max(0, min(wanted, int(self._share * self._counts.first) - self._counts.second))
        self._counts.add(now, second=from_share)
        from_floor = min(wanted - from_share, int(self._floor))
        self._floor -= from_floor
        return from_share + from_floor

    def next_in(self, now: float) -> float:
        """Seconds until `take` can grant at least one more."""
        self._fill(now)
        self._counts.expire(now)
        if int(self._share * self._counts.first) > self._counts.second:
            return 0.0
        return max(0.0, (1.0 - self._floor) / self._floor_rate)

    def _fill(self, now: float) -> None:
        elapsed = 0.0 if self._filled is None else now - self._filled
        self._floor = min(self._floor + elapsed * self._floor_rate, max(1.0, self._floor_rate))
        self._filled = now
