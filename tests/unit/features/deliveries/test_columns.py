"""Parameters of an insert; that rows read back equal is proved against PostgreSQL."""

from datetime import UTC, date, datetime, timedelta

from clarion.features.deliveries.columns import columns_of
from clarion.features.deliveries.model import Dimensions, Entry, Result

FIRST = datetime(2026, 11, 22, 10, tzinfo=UTC)
LATER = FIRST + timedelta(minutes=5)
SENT = Result(2, None, "OK", 1, may_be_sent=False)
WAITING = Result(1, None, "UNAVAILABLE", 1, may_be_sent=True)
DIMENSIONS = Dimensions(date(2026, 11, 22), 5, 7, 3, 11, "fcm", "en", "PT", "android")


def test_what_entries_share_is_given_once() -> None:
    columns = columns_of([Entry(DIMENSIONS, SENT, FIRST, FIRST, number, b"hash", None, None) for number in range(4)])
    assert columns["kinds"] == [1, 1, 1, 1]
    assert [columns[name] for name in ("app_ids", "send_ids", "codes", "states")] == [(5,), (7,), ("OK",), (2,)]
    assert columns["device_ids"] == (0, 1, 2, 3)
    assert columns["nexts"] == []


def test_a_kind_is_a_pair_of_dimensions_and_result_and_no_moment_is_number_0() -> None:
    columns = columns_of(
        [
            Entry(DIMENSIONS, SENT, FIRST, LATER, 1, b"", None, None),
            Entry(DIMENSIONS, WAITING, FIRST, None, 2, b"", None, LATER),
        ]
    )
    assert columns["kinds"] == [1, 2]
    assert columns["maybes"] == (False, True)
    moments = [None, *columns["moments"]]
    assert [moments[number] for number in columns["settled"]] == [LATER, None]
    assert [moments[number] for number in columns["nexts"]] == [None, LATER]


def test_no_entries_are_empty_columns() -> None:
    assert {len(column) for column in columns_of([]).values()} == {0}
