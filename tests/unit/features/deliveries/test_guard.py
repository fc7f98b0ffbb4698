"""The mass guard's rulings (providers.md §1.4)."""

import pytest

from clarion.features.deliveries.guard import Ruling, Shares, Window, judge

NOTHING = Ruling(suspects_only=False, trip=False, pause=False)


@pytest.mark.parametrize(
    ("window", "ruling"),
    [
        (Window(99, 99, 99, tripped=False), Ruling(suspects_only=True, trip=False, pause=False)),
        (Window(99, 99, 5000, tripped=False), NOTHING),
        (Window(99, 1, 5000, tripped=True), Ruling(suspects_only=True, trip=False, pause=False)),
        (Window(100, 30, 100, tripped=False), NOTHING),
        (Window(100, 31, 100, tripped=False), Ruling(suspects_only=True, trip=True, pause=False)),
        (Window(1000, 500, 9000, tripped=True), Ruling(suspects_only=True, trip=False, pause=False)),
        (Window(1000, 899, 9000, tripped=False), Ruling(suspects_only=True, trip=True, pause=False)),
        (Window(1000, 900, 9000, tripped=False), Ruling(suspects_only=True, trip=True, pause=True)),
        (Window(1000, 900, 9000, tripped=True), Ruling(suspects_only=True, trip=False, pause=True)),
    ],
)
def test_the_guard_holds_back_trips_and_pauses_at_its_thresholds(window: Window, ruling: Ruling) -> None:
    assert judge(window) == ruling


def test_the_operator_may_move_the_thresholds() -> None:
    window = Window(1000, 200, 9000, tripped=False)
    assert judge(window, Shares(trip=0.2, pause=0.9)) == NOTHING
    assert judge(window, Shares(trip=0.19, pause=0.2)) == Ruling(suspects_only=True, trip=True, pause=True)
