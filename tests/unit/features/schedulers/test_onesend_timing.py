"""From date, time and offset to an instant."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from clarion.features.schedulers.calendar import Late
from clarion.features.schedulers.timing import (
    FARTHEST,
    OnesendTiming,
    arm,
    parse_offset,
    parse_onesend,
    timing_at,
    too_late,
)
from clarion.foundation.errors import InvalidInput

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)


def armed(timing: OnesendTiming, now: datetime = NOW) -> datetime:
    return arm(timing, late=Late.AT_ONCE, now=now).next_due_at


@pytest.mark.parametrize(
    ("date", "time", "zone", "expected"),
    [
        ("2031-05-04", "18:30", "+03:00", "2031-05-04T15:30"),
        ("2031-05-04", "18-30", "+03:00", "2031-05-04T15:30"),
        ("2031-05-04", "00:15", "+05:45", "2031-05-03T18:30"),
        ("2031-12-31", "23:59", "-12:00", "2032-01-01T11:59"),
        ("2028-02-29", "00:00", "-00:00", "2028-02-29T00:00"),
        ("2031-01-01", "00:00", "+14:00", "2030-12-31T10:00"),
    ],
)
def test_the_offset_is_subtracted(date: str, time: str, zone: str, expected: str) -> None:
    timing = parse_onesend(date=date, time=time, zone=zone)
    expected_at = datetime.fromisoformat(f"{expected}:00+00:00")
    assert armed(timing, expected_at - timedelta(days=1)) == expected_at
    assert (timing.date, timing.time, timing.timezone) == (date, time.replace("-", ":"), zone)


@pytest.mark.parametrize(
    ("date", "time", "zone"),
    [
        ("2027-02-29", "10:00", "+00:00"),
        ("2027-13-01", "10:00", "+00:00"),
        ("2027-00-10", "10:00", "+00:00"),
        ("0000-01-01", "10:00", "+00:00"),
        ("0001-01-01", "00:00", "+14:00"),
        ("9999-12-31", "23:59", "-12:00"),
        ("27-01-01", "10:00", "+00:00"),
        ("2027-1-1", "10:00", "+00:00"),
        ("2027-01-01", "24:00", "+00:00"),
        ("2027-01-01", "23:60", "+00:00"),
        ("2027-01-01", "23:59:60", "+00:00"),
        ("2027-01-01", "9:00", "+00:00"),
        ("2027-01-01", "10:00", "+14:01"),
        ("2027-01-01", "10:00", "-15:00"),
        ("2027-01-01", "10:00", "+01:60"),
        ("2027-01-01", "10:00", "03:00"),
        ("2027-01-01", "10:00", "+0300"),
        ("2027-01-01", "10:00", "Z"),
        ("2027-01-01", "10:00", ""),
        ("2027-01-01\n", "10:00", "+00:00"),
        ("٢٠٢٧-٠١-٠١", "10:00", "+00:00"),
    ],
)
def test_what_is_no_moment_is_refused(date: str, time: str, zone: str) -> None:
    with pytest.raises(InvalidInput):
        parse_onesend(date=date, time=time, zone=zone)


def _texts(*parts: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    return st.one_of(st.tuples(*parts).map("".join), st.text(max_size=12))


def _digits(count: int) -> st.SearchStrategy[str]:
    return st.text("0123456789", min_size=count, max_size=count)


@given(
    date=_texts(_digits(4), st.just("-"), _digits(2), st.just("-"), _digits(2)),
    time=_texts(_digits(2), st.sampled_from(":-"), _digits(2)),
    zone=_texts(st.sampled_from("+-"), _digits(2), st.just(":"), _digits(2)),
)
@example(date="9999-12-31", time="23:59", zone="-14:00")
@example(date="0001-01-01", time="00:00", zone="+14:00")
def test_any_text_is_a_moment_or_invalid_input(date: str, time: str, zone: str) -> None:
    try:
        timing = parse_onesend(date=date, time=time, zone=zone)
        instant = armed(timing)
    except InvalidInput:
        return
    assert NOW <= instant <= NOW + FARTHEST
    assert parse_onesend(date=timing.date, time=timing.time, zone=timing.timezone) == timing


@given(st.integers(-14 * 60, 14 * 60))
def test_every_offset_of_the_earth_is_read(minutes: int) -> None:
    sign = "-" if minutes < 0 else "+"
    text = f"{sign}{abs(minutes) // 60:02}:{abs(minutes) % 60:02}"
    assert parse_offset(text) == timedelta(minutes=minutes)


def test_only_the_next_five_years_are_ahead() -> None:
    assert armed(timing_at(NOW)) == NOW
    assert armed(timing_at(NOW + FARTHEST)) == NOW + FARTHEST
    with pytest.raises(InvalidInput, match="past"):
        armed(timing_at(NOW), NOW + timedelta(microseconds=1))
    with pytest.raises(InvalidInput, match="five years"):
        armed(timing_at(NOW + FARTHEST + timedelta(minutes=1)))


def test_the_timing_of_an_instant_reads_back_to_its_minute() -> None:
    timing = timing_at(datetime(2026, 3, 1, 23, 59, 58, tzinfo=UTC))
    assert parse_onesend(date=timing.date, time=timing.time, zone=timing.timezone) == timing
    assert armed(timing) == datetime(2026, 3, 1, 23, 59, tzinfo=UTC)


def test_too_late_begins_after_24_hours() -> None:
    assert not too_late(NOW, NOW + timedelta(hours=24))
    assert too_late(NOW, NOW + timedelta(hours=24, seconds=1))
