"""Rules of time without a clock: ages, keep-alive, pacing."""

from clarion.providers.http2.ages import AgeMarks
from clarion.providers.http2.keepalive import KeepAlive, Step
from clarion.providers.http2.pacing import Pacing
from clarion.providers.transport import ChannelOptions

OPTIONS = ChannelOptions(ping_after=10, ping_timeout=8, idle_ping=100, idle_close=1000)


def test_what_was_counted_by_a_moment_grows_old_together() -> None:
    marks = AgeMarks()
    marks.note(1.0, 10)
    marks.note(2.0, 25)
    assert marks.older_than(0.9) == 0
    assert marks.older_than(1.0) == 10
    assert marks.older_than(1.5) == 0, "told once"
    assert marks.older_than(5.0) == 25


def test_a_count_that_stands_still_takes_no_room() -> None:
    marks = AgeMarks()
    for moment in range(1000):
        marks.note(float(moment), 7)
    assert len(marks._marks) == 1
    assert marks.older_than(0.0) == 7


def test_silence_with_requests_in_flight_leads_to_ping_and_then_to_the_end() -> None:
    alive = KeepAlive(OPTIONS, 0)
    assert alive.step(9.9, in_flight=True) is Step.NOTHING
    assert alive.step(10, in_flight=True) is Step.PING
    assert alive.step(17.9, in_flight=True) is Step.NOTHING
    assert alive.step(18, in_flight=True) is Step.GIVE_UP


def test_half_open_connections_are_noticed_within_twenty_seconds() -> None:
    """reliability.md PF-3, with the default options and the engine's coarsest sweep."""
    options = ChannelOptions()
    assert options.ping_after + options.ping_timeout + 2 * 0.5 <= 20


def test_answers_and_acknowledgements_are_signs_of_life() -> None:
    alive = KeepAlive(OPTIONS, 0)
    alive.heard(5)
    assert alive.step(14, in_flight=True) is Step.NOTHING
    assert alive.step(15, in_flight=True) is Step.PING
    assert alive.in_doubt
    alive.acknowledged(16)
    assert not alive.in_doubt
    assert alive.step(25, in_flight=True) is Step.NOTHING


def test_an_idle_connection_is_pinged_seldom_and_closed_at_last() -> None:
    alive = KeepAlive(OPTIONS, 0)
    assert alive.step(99, in_flight=False) is Step.NOTHING
    assert alive.step(100, in_flight=False) is Step.PING
    alive.acknowledged(100)
    assert alive.step(105, in_flight=True) is Step.NOTHING
    alive.heard(1104)
    assert alive.step(1104, in_flight=False) is Step.NOTHING
    assert alive.step(1105, in_flight=False) is Step.CLOSE_IDLE


def test_distances_double_up_to_sixteen_times_and_end_with_success() -> None:
    pacing, now, waits = Pacing(1.0, 0.0), 100.0, []
    for _ in range(7):
        pacing.failed(now)
        waits.append(pacing.wait(now, others=False))
    assert waits == [1, 2, 4, 8, 16, 16, 16]
    pacing.succeeded()
    pacing.failed(now)
    assert pacing.wait(now, others=False) == 1


def test_a_further_connection_keeps_the_interval_a_replacement_does_not() -> None:
    pacing = Pacing(1.0, 5.0)
    pacing.attempted(100.0)
    assert pacing.wait(102.0, others=True) == 3
    assert pacing.wait(102.0, others=False) == 0
    assert pacing.wait(106.0, others=True) == 0
