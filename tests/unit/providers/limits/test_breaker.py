"""The breaker: when it opens, how it probes, when it closes."""

from clarion.providers.contract import Outcome
from clarion.providers.limits import FAILURES, Breaker


def opened(now: float = 0.0) -> Breaker:
    breaker = Breaker()
    breaker.record(20, 20, now)
    assert not breaker.closed
    return breaker


def test_it_opens_at_twenty_answers_half_of_them_failed() -> None:
    breaker = Breaker()
    breaker.record(19, 19, 0)
    assert breaker.permits(500, 0) == 500
    breaker.record(1, 0, 1)
    assert breaker.permits(500, 1) == 0


def test_it_stays_closed_below_half() -> None:
    breaker = Breaker()
    for second in range(100):
        breaker.record(100, 49, second)
    assert breaker.closed


def test_failures_older_than_thirty_seconds_do_not_count() -> None:
    breaker = Breaker()
    breaker.record(19, 19, 0)
    breaker.record(10, 10, 31)
    assert breaker.closed
    breaker.record(10, 10, 32)
    assert not breaker.closed


def test_after_fifteen_seconds_exactly_one_probe_goes_out() -> None:
    breaker = opened()
    assert breaker.next_in(5) == 10
    assert breaker.permits(500, 14.9) == 0
    assert breaker.permits(500, 15) == 1
    assert breaker.permits(500, 15.1) == 0


def test_asking_for_nothing_uses_no_probe() -> None:
    breaker = opened()
    assert breaker.permits(0, 15) == 0
    assert breaker.permits(10, 15) == 1


def test_a_successful_probe_closes_it_and_is_announced() -> None:
    breaker = opened()
    breaker.permits(1, 15)
    assert breaker.record(1, 0, 15.5)
    assert breaker.permits(500, 15.5) == 500
    breaker.record(19, 19, 16)
    assert breaker.closed


def test_failed_probes_double_the_pause_up_to_five_minutes() -> None:
    breaker, now, pauses = opened(), 0.0, []
    for _ in range(7):
        pauses.append(breaker.next_in(now))
        now += pauses[-1]
        assert breaker.permits(10, now) == 1
        assert not breaker.record(1, 1, now)
    assert pauses == [15, 30, 60, 120, 240, 300, 300]


def test_the_pause_begins_anew_after_a_success() -> None:
    breaker = opened()
    breaker.permits(1, 15)
    breaker.record(1, 1, 15)
    breaker.permits(1, 45)
    breaker.record(1, 0, 45)
    breaker.record(20, 20, 50)
    assert breaker.next_in(50) == 15


def test_answers_to_requests_from_before_change_nothing_while_open() -> None:
    breaker = opened()
    assert not breaker.record(500, 0, 1)
    assert breaker.permits(10, 2) == 0
    breaker.record(500, 500, 3)
    assert breaker.next_in(3) == 12


def test_a_probe_that_was_not_sent_can_be_given_back() -> None:
    breaker = opened()
    breaker.permits(1, 15)
    breaker.recall(16)
    assert breaker.permits(10, 16) == 1


def test_a_probe_that_is_never_answered_is_repeated() -> None:
    breaker = opened()
    breaker.permits(1, 15)
    assert breaker.permits(1, 29) == 0
    assert breaker.permits(1, 30) == 1


def test_only_a_provider_that_does_not_work_counts_as_failure() -> None:
    assert {Outcome.TRANSIENT, Outcome.AMBIGUOUS, Outcome.UNSENT} == FAILURES


def test_the_operator_says_how_much_must_fail() -> None:
    breaker = Breaker(0.1)
    breaker.record(100, 9, 0)
    assert breaker.closed
    breaker.record(0, 1, 0)
    assert not breaker.closed
