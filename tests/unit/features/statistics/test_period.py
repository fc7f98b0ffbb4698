"""The period of statistics: dates are whole days, instants are widened to whole hours."""

from datetime import UTC, datetime, timedelta

import pytest

from clarion.features.statistics import Counts, period_of
from clarion.foundation.errors import InvalidInput

NOW = datetime(2026, 3, 31, 12, 34, tzinfo=UTC)


def moment(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("begin", "end", "first", "last"),
    [
        (None, None, "2026-03-01T13:00", "2026-03-31T13:00"),
        ("2026-03-30", None, "2026-03-30", "2026-03-31T13:00"),
        (None, "2026-03-01", "2026-01-31", "2026-03-02"),
        ("2026-03-01", "2026-03-01", "2026-03-01", "2026-03-02"),
        ("2026-03-01T10:59:59.5Z", "2026-03-01T11:00:00Z", "2026-03-01T10:00", "2026-03-01T11:00"),
        ("2026-03-01T00:30:00+05:30", "2026-03-01", "2026-02-28T19:00", "2026-03-02"),
        ("2024-02-29", "2024-02-29", "2024-02-29", "2024-03-01"),
    ],
)
def test_a_period_is_read(begin: str | None, end: str | None, first: str, last: str) -> None:
    period = period_of(begin, end, now=NOW)
    assert (period.begin, period.end) == (moment(first), moment(last))


@pytest.mark.parametrize(
    ("begin", "end"),
    [
        ("2026-04-01", None),
        ("2026-03-02", "2026-03-01"),
        ("2026-03-01T10:00:00Z", "2026-03-01T10:00:00Z"),
        ("2026-02-29", None),
        ("2026-03-01T24:00:00Z", None),
        ("2026-03-01T10:00:00", None),
        ("0001-01-01T00:00:00+14:00", None),
        (None, "9999-12-31"),
        ("2026-W10-1", None),
        ("", None),
        ("٢٠٢٦-٠٣-٠١", None),
    ],
)
def test_what_is_no_period_is_refused(begin: str | None, end: str | None) -> None:
    with pytest.raises(InvalidInput):
        period_of(begin, end, now=NOW)


def test_a_period_without_beginning_has_thirty_days() -> None:
    period = period_of(None, "2026-03-01T00:00:00Z", now=NOW)
    assert period.end - period.begin == timedelta(days=30)


def test_rates_need_something_to_divide_by() -> None:
    assert (Counts().delivery_rate, Counts().click_rate) == (None, None)
    counts = Counts(sent=3, delivered=2, clicked=1)
    assert (counts.delivery_rate, counts.click_rate) == (0.666667, 0.5)
