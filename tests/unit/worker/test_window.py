"""The bound on messages in flight or unrecorded: never exceeded, fairly shared, never stuck."""

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clarion.worker.window import LaneKey, Window

pytestmark = pytest.mark.anyio

A, B, C = (1, "fcm"), (2, "fcm"), (3, "apns")


def test_one_lane_never_fills_the_window_alone() -> None:
    window = Window(80)
    assert window.try_take(A, 1000) == 70
    assert window.try_take(A, 1) == 0
    assert window.try_take(B, 1) == 1


def test_a_lane_takes_no_more_than_its_cap() -> None:
    window = Window(100)
    assert window.try_take(A, 50, cap=20) == 20
    assert window.try_take(A, 1, cap=20) == 0


def test_every_newcomer_finds_places_while_others_hold_theirs() -> None:
    window = Window(1500)
    for number in range(3):
        assert window.try_take((number, "fcm"), 1500) > 0


async def test_a_waiting_lane_does_not_hold_up_another() -> None:
    window = Window(80)
    window.try_take(A, 80)
    waiting = asyncio.create_task(window.take(A, 10))
    await asyncio.sleep(0)
    assert await asyncio.wait_for(window.take(B, 5), 1) == 5
    assert not waiting.done()
    window.release(A, 70)
    assert await waiting == 10


async def test_a_cancelled_waiter_leaves_nothing_taken() -> None:
    window = Window(8)
    held = window.try_take(A, 8)
    waiting = asyncio.create_task(window.take(A, 1))
    await asyncio.sleep(0)
    window.release(A, held)
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    assert window.total == 0
    assert await asyncio.wait_for(window.take(B, 1), 1) == 1


@given(
    capacity=st.integers(1, 300),
    wishes=st.lists(st.tuples(st.sampled_from([A, B, C]), st.integers(1, 400), st.integers(1, 500)), max_size=40),
)
def test_the_capacity_is_never_exceeded_and_everybody_gets_through(
    capacity: int, wishes: list[tuple[LaneKey, int, int]]
) -> None:
    async def work() -> None:
        window = Window(capacity)

        async def one(lane: LaneKey, wanted: int, cap: int) -> None:
            while wanted:
                taken = await window.take(lane, wanted, cap=cap)
                assert 0 < taken <= wanted
                assert 0 < window.total <= capacity
                wanted -= taken
                await asyncio.sleep(0)
                window.release(lane, taken)

        async with asyncio.timeout(10):
            await asyncio.gather(*(one(*wish) for wish in wishes))
        assert window.total == 0
        assert not window.used

    asyncio.run(work())
