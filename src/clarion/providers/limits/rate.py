"""How fast one credential is served: a token bucket that warms up, gives way when throttled and recovers."""

import math

WARMUP_START = 500.0
"""Messages per second at the beginning of the warm-up."""
WARMUP_DOUBLINGS = 6
"""In the whole warm-up: with 60 s, twice as much every 10 s (providers.md §2.5)."""
RECOVERY = 60.0
"""Seconds from a standstill back to the full rate; from the half it takes half as long."""
_IDLE = 60.0
"""Seconds without a message after which a warm-up begins anew (at least the warm-up's own length)."""
_BURST = 0.1
"""Seconds of the rate that may be saved up."""
_SLOWEST = 10.0
"""Messages per second that throttling leaves at least."""


def warmup_rate(rate: float, warmup: float, elapsed: float) -> float:
    """The rate so many seconds after the first message.

    From 500/s, never faster than the doubling, never above the straight line that reaches `rate` at the end.
    """
    start = min(WARMUP_START, rate)
    if elapsed >= warmup or start == rate:
        return rate
    growth = max(2.0**WARMUP_DOUBLINGS, rate / start)
    return min(start * math.pow(growth, elapsed / warmup), max(start, rate * elapsed / warmup))


class RateLimiter:
    """Grants permits for messages of one credential. Times are monotonic seconds.

    An unlimited limiter (rate 0) grants everything, until a provider throttles it: then it goes by the rate it had.
    """

    def __init__(self, rate: float, *, warmup: float = 0.0) -> None:
        self._rate = rate
        self._warmup = warmup
        self._share = 1.0
        self._permits: float | None = None
        self._filled = 0.0
        self._began = self._used = float("-inf")
        self._stopped_until = float("-inf")
        self._factor = 1.0
        self._factor_at = 0.0
        self._pace = _Pace()

    def set_share(self, share: float) -> None:
        """This process's part of the rate (0 < share ≤ 1), e.g. 1/N among N workers."""
        self._share = share

    def take(self, wanted: int, now: float) -> int:
        """How many of `wanted` messages may go out now; they count as sent."""
        if wanted <= 0 or now < self._stopped_until:
            return 0
        granted = min(wanted, self._available(now))
        if granted:
            self._used = now
            self._pace.add(granted, now)
            if self._permits is not None:
                self._permits -= granted
        return granted

    def charge(self, count: int, now: float) -> None:
        """So many went out beyond what was granted: what comes next waits until they are made up for."""
        self._pace.add(count, now)
        if self._permits is not None:
            self._permits -= count

    def next_in(self, now: float, wanted: int = 1) -> float:
        """Seconds until `wanted` permits (or as many as can be saved up) are there; 0 when they are."""
        wait = max(0.0, self._stopped_until - now)
        rate = self._present_rate(now)
        if rate == 0:
            return wait
        missing = min(float(wanted), _capacity(rate)) - self._level(rate, now)
        return max(wait, missing / rate)

    def stopped_for(self, now: float) -> float:
        """Seconds of rest that are left of what a provider asked for; 0 = none."""
        return max(0.0, self._stopped_until - now)

    def is_slowed(self, now: float) -> bool:
        """Whether it rests, or goes slower than its rate, because a provider asked for it or was away."""
        return now < self._stopped_until or self._present_factor(now) < 1

    def throttle(self, until: float, now: float) -> None:
        """The provider asks to slow down: nothing before `until`, then half the rate, which grows back slowly.

        What is still under way when it asks brings the same answer: it prolongs the stop, but halves nothing again.
        """
        if now >= self._stopped_until:
            self._slow_to(self._present_factor(now) / 2, max(until, now), now)
        self._stopped_until = max(self._stopped_until, until)

    def recover(self, now: float) -> None:
        """The provider is back after an outage: begin near zero and reach the full rate after `RECOVERY`."""
        self._slow_to(0.0, now, now)

    def _slow_to(self, factor: float, grows_from: float, now: float) -> None:
        if self._present_factor(now) >= 1:
            self._pace.keep(now)
        self._factor, self._factor_at = factor, grows_from

    def _present_factor(self, now: float) -> float:
        return min(1.0, self._factor + max(0.0, now - self._factor_at) / RECOVERY)

    def _present_rate(self, now: float) -> float:
        """Messages per second of this process now; 0 = unlimited."""
        factor = self._present_factor(now)
        if self._rate == 0:
            return 0.0 if factor >= 1 else max(self._pace.kept * factor, _SLOWEST * self._share)
        slowed = warmup_rate(self._rate, self._warmup, now - self._began) * factor
        return max(slowed, min(self._rate, _SLOWEST)) * self._share

    def _available(self, now: float) -> int:
        """Whole permits now; fills the bucket."""
        if now - self._used > max(_IDLE, self._warmup):
            self._began = now
        rate = self._present_rate(now)
        if rate == 0:
            self._permits = None
            return 2**31
        self._permits, self._filled = self._level(rate, now), now
        return max(0, int(self._permits))

    def _level(self, rate: float, now: float) -> float:
        if self._permits is None:
            return _capacity(rate)
        return min(_capacity(rate), self._permits + max(0.0, now - self._filled) * rate)


def _capacity(rate: float) -> float:
    return max(1.0, rate * _BURST)


class _Pace:
    """How fast messages went out lately; what an unlimited limiter goes by when it must slow down."""

    def __init__(self) -> None:
        self._second = 0
        self._count = 0
        self._before = 0
        self.kept = 0.0

    def add(self, count: int, now: float) -> None:
        self._turn(now)
        self._count += count

    def keep(self, now: float) -> None:
        """Remember the present pace: the better of this second and the one before."""
        self._turn(now)
        self.kept = float(max(self._count, self._before))

    def _turn(self, now: float) -> None:
        second = int(now)
        if second != self._second:
            self._before = self._count if second == self._second + 1 else 0
            self._second, self._count = second, 0
