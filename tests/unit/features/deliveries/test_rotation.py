"""Which push of a weekly scheduler a device gets next."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clarion.features.deliveries.rotation import next_push


@pytest.mark.parametrize(
    ("had", "push_ids", "expected"),
    [
        ([], [1, 2, 3], 1),
        ([1], [1, 2, 3], 2),
        ([1, 3], [1, 2, 3], 2),
        ([1, 2, 3], [1, 2, 3], 1),
        ([2, 3, 1], [1, 2, 3], 2),  # not the last one again
        ([1, 2], [4, 1, 2], 4),  # a new one comes next
        ([1, 2, 9], [1, 2], 1),  # one that is bound no more
        ([1], [1], 1),
    ],
)
def test_the_next_is_the_first_not_had_and_never_the_last_one_twice(
    had: list[int], push_ids: list[int], expected: int
) -> None:
    assert next_push(had, push_ids) == expected


@given(st.lists(st.integers(1, 9), min_size=1, unique=True), st.integers(1, 4))
def test_a_cycle_has_each_push_once(push_ids: list[int], cycles: int) -> None:
    had: list[int] = []
    for _ in range(cycles):
        cycle = []
        for _ in push_ids:
            push_id = next_push(had, push_ids)
            had = [push_id] if push_id in had else [*had, push_id]
            cycle.append(push_id)
        assert sorted(cycle) == sorted(push_ids)
