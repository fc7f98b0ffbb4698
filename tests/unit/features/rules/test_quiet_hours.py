"""Quiet hours: when a device may be disturbed, whatever its clock does."""

from datetime import UTC, datetime, timedelta, tzinfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clarion.features.rules.quiet import Day, QuietHours
from clarion.foundation import zones
from clarion.foundation.errors import InvalidInput

NIGHT = QuietHours("22:00", "08:00")
ZONES = (
    "Europe/Lisbon", "America/New_York", "Australia/Lord_Howe", "Asia/Kathmandu", "Pacific/Apia", "Africa/Casablanca",
    "America/Santiago", "Asia/Beirut", "-43200", "50400", "20700",
)  # fmt: skip
moments = st.datetimes(datetime(2020, 1, 1), datetime(2035, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001
zone_infos = st.sampled_from(ZONES).map(lambda name: zones.told(name, "UTC"))
times = st.builds("{:02}:{:02}".format, st.integers(0, 23), st.integers(0, 59))


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def zone(name: str) -> tzinfo:
    return zones.told(name, "UTC")


def usable(begins: str, ends: str, days: list[Day] | None) -> QuietHours | None:
    quiet = QuietHours(begins, ends, days)
    try:
        quiet.check()
    except InvalidInput:
        return None
    return quiet


windows = st.builds(
    usable, times, times, st.none() | st.lists(st.sampled_from(Day), min_size=1, max_size=7, unique=True)
).filter(bool)


@pytest.mark.parametrize(
    ("now", "zone_name", "allowed"),
    [
        ("2026-01-15T21:59:59", "UTC", "2026-01-15T21:59:59"),
        ("2026-01-15T22:00:00", "UTC", "2026-01-16T08:00:00"),
        ("2026-01-16T07:59:59", "UTC", "2026-01-16T08:00:00"),
        ("2026-01-16T08:00:00", "UTC", "2026-01-16T08:00:00"),
        ("2026-01-15T21:00:00", "Asia/Kathmandu", "2026-01-16T02:15:00"),
        ("2026-01-15T21:00:00", "19800", "2026-01-16T02:30:00"),
        ("2026-07-15T03:00:00", "America/New_York", "2026-07-15T12:00:00"),
        ("2026-03-28T23:00:00", "Europe/Berlin", "2026-03-29T06:00:00"),
        ("2026-10-24T22:00:00", "Europe/Berlin", "2026-10-25T07:00:00"),
    ],
)
def test_a_message_waits_for_the_end_of_the_night_where_the_device_is(now: str, zone_name: str, allowed: str) -> None:
    assert NIGHT.next_allowed(utc(now), zone(zone_name)) == utc(allowed)


def test_an_end_that_comes_twice_is_the_second_one_and_one_that_is_skipped_comes_an_hour_later() -> None:
    early = QuietHours("22:00", "02:30")
    berlin = zone("Europe/Berlin")
    assert early.next_allowed(utc("2026-10-24T23:00:00"), berlin) == utc("2026-10-25T01:30:00")
    assert early.next_allowed(utc("2026-10-25T00:45:00"), berlin) == utc("2026-10-25T01:30:00")
    assert early.next_allowed(utc("2026-03-28T23:00:00"), berlin) == utc("2026-03-29T01:30:00")


def test_a_window_belongs_to_the_day_on_which_it_begins() -> None:
    friday = QuietHours("22:00", "08:00", [Day.FRI])
    assert friday.next_allowed(utc("2026-01-17T03:00:00"), UTC) == utc("2026-01-17T08:00:00")  # night to Saturday
    assert friday.next_allowed(utc("2026-01-16T03:00:00"), UTC) == utc("2026-01-16T03:00:00")  # night to Friday


def test_windows_that_touch_are_one() -> None:
    weekend = QuietHours("00:00", "24:00", [Day.SAT, Day.SUN])
    assert weekend.next_allowed(utc("2026-01-17T10:00:00"), UTC) == utc("2026-01-19T00:00:00")


@given(quiet=windows, now=moments, where=zone_infos)
def test_the_moment_that_is_found_lies_outside_of_every_window_and_no_earlier_one_does(
    quiet: QuietHours, now: datetime, where: tzinfo
) -> None:
    allowed = quiet.next_allowed(now, where)
    assert allowed >= now
    assert quiet.next_allowed(allowed, where) == allowed
    if allowed > now:
        just_before = allowed - timedelta(seconds=1)
        assert just_before < now or quiet.next_allowed(just_before, where) == allowed


@given(begins=times, ends=times, now=moments, where=zone_infos)
def test_a_window_of_every_day_holds_nothing_back_for_more_than_a_day(
    begins: str, ends: str, now: datetime, where: tzinfo
) -> None:
    """The longest window leaves an hour free, and a clock change adds at most as much; Apia skipped a whole day in 2011
    only."""
    quiet = usable(begins, ends, None)
    if quiet is not None:
        assert quiet.next_allowed(now, where) - now <= timedelta(hours=25)


@pytest.mark.parametrize(
    ("quiet", "fault"),
    [
        (QuietHours("24:00", "08:00"), "quiet_hours.from"),
        (QuietHours("22:00", "8:00"), "quiet_hours.to"),
        (QuietHours("22:00", "22:00"), "differ"),
        (QuietHours("22:00", "08:00", []), "days must not be empty"),
        (QuietHours("08:00", "07:30"), "an hour of each day"),
        (QuietHours("00:00", "24:00"), "an hour of each day"),
    ],
)
def test_a_window_that_makes_no_sense_is_refused(quiet: QuietHours, fault: str) -> None:
    with pytest.raises(InvalidInput, match=fault):
        quiet.check()
