"""The rate limiter: steady rate, warm-up, shares, throttling and recovery, on a clock of the test."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clarion.providers.limits import RateLimiter
from clarion.providers.limits.rate import warmup_rate


def sent(limiter: RateLimiter, start: float, seconds: float, *, step: float = 0.02, wanted: int = 10_000) -> int:
    """What a greedy caller gets out of the limiter."""
    return sum(limiter.take(wanted, start + step * index) for index in range(round(seconds / step)))


def test_a_steady_rate_is_kept_and_used_up() -> None:
    limiter = RateLimiter(1000)
    first = sent(limiter, 0, 1)
    assert 1000 <= first <= 1100  # a tenth of a second may be saved up at the start
    assert sent(limiter, 1, 10) == pytest.approx(10_000, rel=0.01)


def test_permits_are_not_saved_up_beyond_a_tenth_of_a_second() -> None:
    limiter = RateLimiter(1000)
    limiter.take(100, 0)
    assert limiter.take(10_000, 30) == 100


def test_a_slow_rate_still_grants_single_permits() -> None:
    limiter = RateLimiter(0.5)
    assert [limiter.take(5, now) for now in (0, 1, 2, 3, 4)] == [1, 0, 1, 0, 1]


def test_next_in_names_the_moment_of_the_next_permit() -> None:
    limiter = RateLimiter(10)
    assert limiter.next_in(0) == 0
    assert limiter.take(1, 0) == 1
    assert limiter.next_in(0) == pytest.approx(0.1)
    assert limiter.take(1, 0.09) == 0
    assert limiter.take(1, 0.1001) == 1


def test_next_in_waits_for_a_batch_but_never_for_more_than_can_be_saved_up() -> None:
    limiter = RateLimiter(1000)
    limiter.take(100, 0)
    assert limiter.next_in(0, 50) == pytest.approx(0.05)
    assert limiter.next_in(0, 5000) == pytest.approx(0.1)


def test_no_rate_means_no_limit() -> None:
    limiter = RateLimiter(0)
    assert limiter.take(1_000_000, 0) == 1_000_000
    assert limiter.take(1_000_000, 0) == 1_000_000
    assert limiter.next_in(0) == 0


def test_warmup_doubles_every_ten_seconds_and_takes_the_whole_minute() -> None:
    rates = [warmup_rate(9000, 60, second) for second in (0, 10, 20, 30, 59.9, 60)]
    assert rates[:4] == pytest.approx([500, 1000, 2000, 4000])
    assert 8000 < rates[4] < 9000
    assert rates[5] == 9000


@pytest.mark.parametrize("rate", [600, 9000, 100_000])
@pytest.mark.parametrize("warmup", [5, 60, 600])
def test_warmup_never_falls_and_ends_on_time(rate: float, warmup: float) -> None:
    rates = [warmup_rate(rate, warmup, warmup * part / 100) for part in range(101)]
    assert rates == sorted(rates)
    assert rates[0] == 500
    assert rates[-1] == rate


def test_warmup_is_not_for_rates_below_its_beginning() -> None:
    assert warmup_rate(300, 60, 0) == 300
    assert warmup_rate(9000, 0, 0) == 9000


def test_warmup_counts_from_the_first_message_and_again_after_a_pause() -> None:
    limiter = RateLimiter(9000, warmup=60)
    assert sent(limiter, 1000, 1) == pytest.approx(550, rel=0.1)
    assert sent(limiter, 1001, 70) > 200_000
    assert sent(limiter, 1071, 1) == pytest.approx(9000, rel=0.02)
    assert sent(limiter, 1100, 1) > 8900
    assert sent(limiter, 1200, 1) == pytest.approx(550, rel=0.1)


def test_workers_share_a_rate_and_its_warmup() -> None:
    limiters = [RateLimiter(9000, warmup=60) for _ in range(4)]
    for limiter in limiters:
        limiter.set_share(1 / 4)
    assert sum(sent(limiter, 0, 1) for limiter in limiters) == pytest.approx(550, rel=0.1)
    for limiter in limiters:
        sent(limiter, 1, 60)
    assert sum(sent(limiter, 61, 1) for limiter in limiters) == pytest.approx(9000, rel=0.02)


def test_a_throttled_credential_stops_then_goes_at_half_the_rate_and_recovers() -> None:
    limiter = RateLimiter(1000)
    sent(limiter, 0, 5)
    limiter.throttle(35, 5)
    assert limiter.next_in(5) == pytest.approx(30)
    assert sent(limiter, 5, 30) == 0
    assert sent(limiter, 35.01, 1) == pytest.approx(500, rel=0.15)
    assert sent(limiter, 36.01, 14) < 14 * 800
    sent(limiter, 50.01, 16)
    assert sent(limiter, 66.01, 1) == pytest.approx(1000, rel=0.02)


def test_throttling_slows_down_during_the_warmup_too() -> None:
    limiter = RateLimiter(9000, warmup=60)
    sent(limiter, 0, 1)
    limiter.throttle(2, 1)
    assert sent(limiter, 2, 1) == pytest.approx(270, rel=0.2)


def test_one_storm_halves_the_rate_once_although_many_answers_report_it() -> None:
    limiter = RateLimiter(1000)
    for index in range(50):
        limiter.throttle(10 + index / 10, 5 + index / 100)
    assert sent(limiter, 14.8, 0.1) == 0
    assert sent(limiter, 15, 1) >= 500


def test_repeated_storms_slow_down_further_but_never_to_a_standstill() -> None:
    limiter = RateLimiter(1000)
    now = 0.0
    for _ in range(20):
        limiter.throttle(now + 1, now)
        now += 1.1
    assert 5 <= sent(limiter, now, 1) < 300


def test_an_unlimited_credential_is_halved_from_the_pace_it_had() -> None:
    limiter = RateLimiter(0)
    for step in range(300):
        assert limiter.take(20, step / 100) == 20  # 2000/s
    limiter.throttle(13, 3)
    assert limiter.take(1, 12.9) == 0
    assert sent(limiter, 13, 1) == pytest.approx(1000, rel=0.15)
    assert limiter.take(10**6, 60) == 10**6


@given(
    st.floats(0.5, 20_000),
    st.sampled_from([0.0, 10.0, 60.0]),
    st.lists(st.tuples(st.floats(0, 5), st.integers(0, 5000), st.booleans()), max_size=60),
)
def test_never_more_than_the_rate_allows_whatever_the_calls(
    rate: float, warmup: float, calls: list[tuple[float, int, bool]]
) -> None:
    limiter, now, granted, stopped_until = RateLimiter(rate, warmup=warmup), 0.0, 0, 0.0
    for pause, wanted, throttled in calls:
        now += pause
        taken = limiter.take(wanted, now)
        assert 0 <= taken <= wanted
        assert taken == 0 or now >= stopped_until
        granted += taken
        assert granted <= rate * now + max(1.0, rate / 10) + 1e-6
        if throttled:
            stopped_until = max(stopped_until, now + 2)
            limiter.throttle(now + 2, now)
        wait = limiter.next_in(now)
        assert wait >= 0
        if wait == 0 and not taken:
            assert limiter.take(1, now) == 1
            granted += 1


def test_after_an_outage_the_rate_grows_over_a_minute() -> None:
    limiter = RateLimiter(6000)
    sent(limiter, 0, 2)
    limiter.recover(100)
    rates = [sent(limiter, 100 + 10 * step, 10) / 10 for step in range(7)]
    assert rates[0] < 700
    assert all(later > earlier for earlier, later in pairwise(rates))
    assert rates[5] < 6000
    assert rates[6] == pytest.approx(6000, rel=0.02)
