"""When the demonstration counts every message as accounted for."""

import io

import pytest
from rich.console import Console

from clarion.cli.demonstration.summary import Counts, Line, Summary

LINES = (
    Line("Weather", "fcm", 10, Counts(sent=8, failed=2, delivered=8, clicked=3)),
    Line("Radio", "fcm.data", 5, Counts(sent=5, delivered=4)),
)


def summary(reported: Counts, lines: tuple[Line, ...] = LINES) -> Summary:
    return Summary(lines, reported, address="http://h", email="e@x", password="p", api_key="k")


def test_equal_counts_on_both_sides_are_complete() -> None:
    assert summary(Counts(sent=13, delivered=12, clicked=3)).faults == []


@pytest.mark.parametrize(
    "reported",
    [
        Counts(sent=14, delivered=12, clicked=3),
        Counts(sent=13, delivered=11, clicked=3),
        Counts(sent=13, delivered=12, clicked=4),
    ],
)
def test_any_difference_to_the_simulator_is_a_fault(reported: Counts) -> None:
    assert len(summary(reported).faults) == 1


def test_a_device_without_outcome_is_a_fault() -> None:
    lost = (Line("Weather", "fcm", 11, LINES[0].counts), LINES[1])
    faults = summary(Counts(sent=13, delivered=12, clicked=3), lost).faults
    assert faults == ["16 devices, but 13 messages sent and 2 failed"]


def test_what_was_counted_before_does_not_count() -> None:
    later, before = Counts(sent=8, delivered=7, clicked=3), Counts(sent=5, delivered=5, clicked=1)
    assert later - before == Counts(sent=3, delivered=2, clicked=2)


def test_the_table_names_everything_needed_to_go_on() -> None:
    console = Console(file=io.StringIO(), width=100)
    summary(Counts(sent=13, delivered=12, clicked=3)).show(console)
    assert isinstance(console.file, io.StringIO)
    text = console.file.getvalue()
    assert all(part in text for part in ("Weather", "fcm.data", "http://h", "e@x", "API key   k"))
