"""Slices cover every device id exactly once."""

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from clarion.features.sends.model import LAST_DEVICE_ID, SLICE_LIMIT, SLICE_TARGET, slice_ranges, slice_target


@given(matches=st.integers(0, 3 * SLICE_TARGET * 1000))
def test_ranges_follow_each_other_without_gap_or_overlap_from_the_first_id_to_the_last(matches: int) -> None:
    ranges = list(slice_ranges(matches))
    assert ranges[0][0] == 1
    assert ranges[-1][1] == LAST_DEVICE_ID
    assert all(low <= high for low, high in ranges)
    assert all(earlier[1] + 1 == later[0] for earlier, later in pairwise(ranges))


@given(matches=st.integers(1, 3 * SLICE_TARGET * 1000))
def test_ranges_are_equal_so_that_each_holds_its_share(matches: int) -> None:
    sizes = [high - low for low, high in slice_ranges(matches)]
    assert max(sizes) - min(sizes) <= 1
    assert (len(sizes) - 1) * SLICE_TARGET < matches <= len(sizes) * SLICE_TARGET


def test_the_number_of_slices_is_bounded() -> None:
    assert sum(1 for _ in slice_ranges(10**12)) == SLICE_LIMIT


def test_a_slow_pace_makes_small_slices_and_a_fast_one_none_larger_than_usual() -> None:
    assert [slice_target(rate) for rate in (None, 0.1, 20.0, 1e6)] == [SLICE_TARGET, 20, 200, SLICE_TARGET]
    assert len(list(slice_ranges(1000, slice_target(20.0)))) == 5
