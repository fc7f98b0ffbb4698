"""Days as people mean them, and how totals of them are read."""

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

from clarion.console.periods import Days
from clarion.features.statistics.reading import Period
from clarion.features.statistics.totals import cut_of

MARCH = datetime(2026, 3, 1, tzinfo=UTC)


def test_days_are_compared_with_as_many_days_right_before() -> None:
    days = Days(date(2026, 3, 1), date(2026, 3, 7))
    assert days.number == 7
    assert days.before() == Days(date(2026, 2, 22), date(2026, 2, 28))
    assert list(days)[-1] == days.last


def test_a_day_is_that_of_its_zone_also_when_clocks_change() -> None:
    lisbon = Days(date(2026, 3, 29), date(2026, 3, 29)).period(ZoneInfo("Europe/Lisbon"))
    assert lisbon.end - lisbon.begin == timedelta(hours=23)
    kolkata = Days(date(2026, 3, 2), date(2026, 3, 2)).period(ZoneInfo("Asia/Kolkata"))
    assert kolkata == Period(MARCH + timedelta(hours=18), MARCH + timedelta(hours=42)), "in whole hours"


def test_long_periods_are_cut_into_weeks_that_cover_each_day_once() -> None:
    days = Days.until(date(2026, 11, 22), number=366)
    steps = list(days.steps())
    assert [day for step in steps for day in step] == list(days)
    assert steps[-1].number == 7
    assert len(list(Days.until(days.last, number=92).steps())) == 92


def test_whole_days_are_read_as_days_and_only_what_is_rolled_up() -> None:
    hours = lambda n: MARCH + timedelta(hours=n)  # noqa: E731
    far = hours(10_000)
    cut = cut_of(Period(hours(5), hours(100)), far)
    assert (cut.first_day, cut.last_day, cut.rolled) == (hours(24), hours(96), hours(100))
    cut = cut_of(Period(hours(5), hours(100)), hours(50))
    assert (cut.first_day, cut.last_day, cut.rolled) == (hours(24), hours(48), hours(50))
    cut = cut_of(Period(hours(5), hours(20)), far)
    assert (cut.first_day, cut.last_day, cut.rolled) == (hours(5), hours(5), hours(20)), "no whole day"
    cut = cut_of(Period(hours(5), hours(100)), hours(1))
    assert cut.rolled == hours(5), "nothing of it is rolled up"
