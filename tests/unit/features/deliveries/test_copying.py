"""The frame of binary COPY data; that its rows read back equal is proved against PostgreSQL."""

from clarion.features.deliveries.copying import COLUMNS, encode


def test_no_entries_are_a_header_and_a_trailer() -> None:
    assert encode([]) == b"PGCOPY\n\xff\r\n\0" + bytes(8) + b"\xff\xff"


def test_columns_have_one_name_each() -> None:
    assert len(set(COLUMNS)) == len(COLUMNS) == 20
