"""The micro-batcher: merging, order, bounds, and failures that stay with their call."""

import asyncio
from collections.abc import Sequence

import pytest

from clarion.api.r_v2.batcher import Batcher
from clarion.foundation.errors import Unavailable

pytestmark = pytest.mark.anyio


class Recorder:
    """Work that notes its batches; `gate` holds it, calls below zero make their batch fail."""

    def __init__(self) -> None:
        self.batches: list[list[int]] = []
        self.begun = asyncio.Event()
        self.gate = asyncio.Event()
        self.gate.set()
        self.is_reachable = True

    async def work(self, calls: Sequence[int]) -> list[int]:
        """Ten times each call."""
        self.batches.append(list(calls))
        self.begun.set()
        await self.gate.wait()
        if not self.is_reachable:
            raise Unavailable("the database is away")
        if any(call < 0 for call in calls):
            raise ValueError("a poisoned row")
        return [call * 10 for call in calls]


async def test_calls_that_come_together_are_one_batch_and_get_their_own_answers() -> None:
    recorder = Recorder()
    batcher = Batcher(recorder.work)
    assert await asyncio.gather(*map(batcher.submit, range(5))) == [0, 10, 20, 30, 40]
    assert recorder.batches == [[0, 1, 2, 3, 4]]


async def test_a_full_batch_starts_without_waiting() -> None:
    recorder = Recorder()
    batcher = Batcher(recorder.work, batch_limit=3, linger=60)
    assert await asyncio.wait_for(asyncio.gather(*map(batcher.submit, range(3))), 5) == [0, 10, 20]


async def test_calls_that_arrive_during_a_batch_are_in_the_next_in_order() -> None:
    recorder = Recorder()
    recorder.gate.clear()
    batcher = Batcher(recorder.work, linger=0)
    first = batcher.submit(1)
    await recorder.begun.wait()
    later = [batcher.submit(number) for number in (2, 3, 4)]
    recorder.gate.set()
    assert await asyncio.gather(first, *later) == [10, 20, 30, 40]
    assert recorder.batches == [[1], [2, 3, 4]]


async def test_no_batch_is_larger_than_the_limit() -> None:
    recorder = Recorder()
    batcher = Batcher(recorder.work, batch_limit=4)
    await asyncio.gather(*map(batcher.submit, range(11)))
    assert [len(batch) for batch in recorder.batches] == [4, 4, 3]


async def test_a_poisoned_call_fails_alone() -> None:
    recorder = Recorder()
    batcher = Batcher(recorder.work)
    answers = await asyncio.gather(*map(batcher.submit, [1, 2, -3, 4, 5]), return_exceptions=True)
    assert isinstance(answers[2], Unavailable)
    assert answers[:2] + answers[3:] == [10, 20, 40, 50]


async def test_an_unreachable_database_fails_the_batch_at_once() -> None:
    recorder = Recorder()
    recorder.is_reachable = False
    batcher = Batcher(recorder.work)
    answers = await asyncio.gather(*map(batcher.submit, range(8)), return_exceptions=True)
    assert all(isinstance(answer, Unavailable) for answer in answers)
    assert len(recorder.batches) == 1


async def test_a_full_queue_refuses_and_says_early_that_it_is_busy() -> None:
    """BP-1."""
    recorder = Recorder()
    recorder.gate.clear()
    batcher = Batcher(recorder.work, batch_limit=1, pending_limit=4)
    waiting = [batcher.submit(0)]
    await recorder.begun.wait()
    busy = []
    for number in range(4):
        busy.append(batcher.is_busy)
        waiting.append(batcher.submit(number))
    assert busy == [False, False, True, True]
    with pytest.raises(Unavailable):
        batcher.submit(9)
    recorder.gate.set()
    await asyncio.gather(*waiting)


async def test_closing_finishes_what_waits_and_refuses_the_rest() -> None:
    recorder = Recorder()
    batcher = Batcher(recorder.work, linger=60)
    waiting = batcher.submit(1)
    await batcher.close()
    assert await waiting == 10
    with pytest.raises(Unavailable):
        batcher.submit(2)


async def test_a_caller_that_went_away_harms_nobody() -> None:
    recorder = Recorder()
    batcher = Batcher(recorder.work)
    gone, stays = batcher.submit(1), batcher.submit(2)
    gone.cancel()
    assert await stays == 20
