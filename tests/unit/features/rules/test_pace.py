"""Pacing: how many messages may leave when."""

import random
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clarion.features.rules.pace import AHEAD, SLACK, Course, Pace, Per, Ramp, grant
from clarion.foundation.errors import InvalidInput

NOON = datetime(2026, 5, 1, 12, tzinfo=UTC)
HUNDRED = Pace(100)
RISING = Pace(100, ramp=Ramp(10, 1))
paces = st.builds(
    Pace, st.integers(2, 5000), st.sampled_from(Per), st.none() | st.builds(Ramp, st.just(1), st.integers(1, 30))
)


def at(seconds: float) -> datetime:
    return NOON + timedelta(seconds=seconds)


def run(pace: Pace, *, seconds: float, workers: int, seed: int) -> list[float]:
    """When messages leave if so many workers ask at random moments for as many as they can get."""
    chance = random.Random(seed)  # noqa: S311 - moments, not secrets
    course, left, moment = Course(NOON), [], 0.0
    while moment < seconds:
        granted = grant([(pace, course)], chance.randint(1, 300), at(moment))
        course = granted.courses[0]
        left += [moment] * granted.count
        moment += chance.uniform(0.001, 0.3 / workers)
    return left


@given(pace=paces, number=st.integers(0, 200_000))
def test_counting_messages_and_finding_their_moments_are_inverse(pace: Pace, number: int) -> None:
    moment = pace.leaves_after(number)
    assert pace.left_after(moment + 1e-6) >= number + 1
    assert pace.left_after(moment - 1e-3) <= number + pace.rate * 1e-3 + 1


def test_a_ramp_rises_evenly_from_its_start_to_the_full_pace() -> None:
    grown = [RISING.left_after(second + 1) - RISING.left_after(second) for second in (0, 20, 40, 60, 90)]
    assert grown == [10, 40, 70, 100, 100]
    assert RISING.left_after(60) == 3301  # half-way between 10 and 100 for a minute, and the first one


def test_a_pace_per_minute_lets_one_message_go_now_and_the_next_in_its_turn() -> None:
    pace = Pace(2, Per.MINUTE)
    first = grant([(pace, Course(NOON))], 5, NOON)
    second = grant([(pace, first.courses[0])], 5, at(1))
    assert (first.count, second.count) == (1, 0)
    assert second.wait == pytest.approx(29 - AHEAD)
    assert grant([(pace, second.courses[0])], 5, at(30)).count == 1


@pytest.mark.parametrize("workers", [1, 2, 5])
def test_however_many_ask_the_pace_is_kept_and_used(workers: int) -> None:
    left = run(HUNDRED, seconds=20, workers=workers, seed=workers)
    assert len(left) == pytest.approx(2000, rel=0.05)
    for begin in range(19):
        assert sum(begin <= moment < begin + 1 for moment in left) <= 100 * (1 + AHEAD + SLACK)


@given(silence=st.floats(2, 59))
def test_pace_that_was_not_used_is_not_saved_up(silence: float) -> None:
    course = grant([(HUNDRED, Course(NOON))], 25, NOON).courses[0]
    assert grant([(HUNDRED, course)], 10_000, at(silence)).count <= 100 * (SLACK + AHEAD) + 2


def test_after_a_long_silence_the_ramp_begins_anew() -> None:
    course = grant([(RISING, Course(NOON, 3300))], 10, at(60)).courses[0]
    assert course.granted > 3300
    assert grant([(RISING, course)], 100, at(200)).courses[0].granted < 10


def test_of_several_paces_the_strictest_decides_and_all_count() -> None:
    slow, fast = Pace(1, Per.MINUTE), Pace(1000)
    granted = grant([(fast, Course(NOON)), (slow, Course(NOON))], 50, NOON)
    assert granted.count == 1
    assert [course.granted for course in granted.courses] == [1, 1]


def test_without_a_pace_everything_leaves() -> None:
    assert grant([], 50, NOON).count == 50


def test_a_ramp_that_does_not_rise_is_refused() -> None:
    with pytest.raises(InvalidInput, match=r"pace\.ramp\.start"):
        Pace(10, ramp=Ramp(10, 1)).check()
