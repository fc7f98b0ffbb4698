"""Token buckets of API keys."""

from datetime import UTC, datetime

from clarion.api.rate_limit import Allowance, RateLimiter


class ManualClock:
    """Stands still until it is moved."""

    seconds = 0.0

    def now(self) -> datetime:
        return datetime.fromtimestamp(self.seconds, UTC)

    def monotonic(self) -> float:
        return self.seconds


def allowance(limiter: RateLimiter, key: str = "k") -> Allowance:
    taken = limiter.take(key)
    assert taken is not None
    return taken


def test_a_minutes_calls_may_come_at_once_and_refill_evenly() -> None:
    clock = ManualClock()
    limiter = RateLimiter(per_minute=60, clock=clock)
    assert [allowance(limiter).wait for _ in range(60)] == [0] * 60
    assert allowance(limiter).wait == 1
    clock.seconds += 1
    assert allowance(limiter).wait == 0
    assert allowance(limiter).wait == 1


def test_refused_calls_cost_nothing() -> None:
    clock = ManualClock()
    limiter = RateLimiter(per_minute=6, clock=clock)
    for _ in range(100):
        limiter.take("k")
    assert allowance(limiter).wait == 10
    clock.seconds += 10
    assert allowance(limiter).wait == 0


def test_a_bucket_never_holds_more_than_a_minutes_calls() -> None:
    clock = ManualClock()
    limiter = RateLimiter(per_minute=3, clock=clock)
    allowance(limiter)
    clock.seconds += 3600
    assert [allowance(limiter).remaining for _ in range(3)] == [2, 1, 0]
    assert allowance(limiter).wait == 20


def test_keys_do_not_share_a_bucket_and_the_least_used_is_forgotten() -> None:
    limiter = RateLimiter(per_minute=1, clock=ManualClock())
    assert allowance(limiter, "first").wait == 0
    assert allowance(limiter, "first").wait == 60
    for number in range(10_000):
        limiter.take(f"key {number}")
    assert allowance(limiter, "first").wait == 0


def test_zero_means_no_limit() -> None:
    assert RateLimiter(per_minute=0, clock=ManualClock()).take("k") is None
