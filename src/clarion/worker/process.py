"""One worker process: all its loops, from the first lease to an orderly end."""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Coroutine
from functools import partial

import structlog

from clarion.foundation.errors import Unavailable
from clarion.worker.assembly import Worker, build_worker

__all__ = ["build_worker", "run_worker"]

log = structlog.get_logger()

CLOCK_PERIOD = 0.25
LEASE_PERIOD = 0.25
OBEY_PERIOD = 0.5
RETRY_PERIOD = 0.5
TRIGGER_PERIOD = 0.25
TURN_PERIOD = 0.25
SWEEP_PERIOD = 60.0
EXTEND_PERIOD = 5.0
FINISH_PERIOD = 0.5
WEBHOOK_PERIOD = 0.5
SHOW_PERIOD = 1.0
ROLL_PERIOD = 60.0
GROWTH_PERIOD = 300.0
HOUR = 3600.0
_DATABASE_PAUSE = 1.0
_LAST_STEP = 10.0
"""Seconds that loops have to end their step when the worker stops."""


async def run_worker(worker: Worker, stop: asyncio.Event) -> None:
    """Work until `stop` is set, then drain: no new work, unsent messages given back, answers awaited and recorded."""
    await worker.housekeeping.heartbeat()
    written = asyncio.Event()
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(worker.recorder.run(written))
        async with asyncio.TaskGroup() as runs:
            loops = [tasks.create_task(loop) for loop in _loops(worker, runs, stop)]
            await stop.wait()
            worker.dispatcher.stop()
            worker.retries.changed.set()
            closing = tasks.create_task(worker.lanes.aclose())
            _, late = await asyncio.wait(loops, timeout=_LAST_STEP)
            for loop in late:
                loop.cancel()
        await closing
        await worker.sealer.aclose()
        await worker.webhooks.aclose()
        written.set()
    await worker.vitals.show()
    with contextlib.suppress(Unavailable):
        await worker.housekeeping.farewell()


def _loops(worker: Worker, runs: asyncio.TaskGroup, stop: asyncio.Event) -> list[Coroutine[None, None, None]]:
    dispatcher = worker.dispatcher

    async def start_due() -> int:
        return await worker.services.schedulers.start_due(worker.clock.now())

    async def tell_owners() -> None:
        await worker.remarks.write(worker.lanes.present())

    steps: list[tuple[Callable[[], Awaitable[object]], float]] = [
        (start_due, CLOCK_PERIOD),
        (worker.triggers.fire, TRIGGER_PERIOD),
        (worker.turns.step, TURN_PERIOD),
        (worker.triggers.sweep, SWEEP_PERIOD),
        (dispatcher.obey, OBEY_PERIOD),
        (dispatcher.extend, EXTEND_PERIOD),
        (worker.store.hasten_cancelled, FINISH_PERIOD),
        (worker.housekeeping.heartbeat, EXTEND_PERIOD),
        (worker.lanes.refresh, EXTEND_PERIOD / 2),
        (tell_owners, EXTEND_PERIOD),
        (worker.services.reach.settle, EXTEND_PERIOD),
        (worker.services.reach.prune, HOUR),
        (worker.services.totals.roll, ROLL_PERIOD),
        (worker.services.growth.note, GROWTH_PERIOD),
        (worker.services.growth.count_cohorts, GROWTH_PERIOD),
        (worker.vitals.show, SHOW_PERIOD),
        (worker.housekeeping.hourly, HOUR),
        (worker.books.forget, HOUR),
        (worker.webhook_queue.tidy, EXTEND_PERIOD),
        (worker.webhook_queue.forget, HOUR),
    ]
    return [
        _repeat(partial(dispatcher.lease, runs), LEASE_PERIOD, stop=stop, wake=dispatcher.changed),
        _repeat(worker.services.sends.finish, FINISH_PERIOD, stop=stop, wake=dispatcher.through),
        _repeat(worker.webhooks.step, WEBHOOK_PERIOD, stop=stop, wake=worker.webhooks.changed),
        _repeat(partial(worker.retries.step, runs), RETRY_PERIOD, stop=stop, wake=worker.retries.changed),
        *(_repeat(step, period, stop=stop) for step, period in steps),
    ]


async def _repeat(
    step: Callable[[], Awaitable[object]], period: float, *, stop: asyncio.Event, wake: asyncio.Event | None = None
) -> None:
    """Repeat `step` until `stop`: at once while it finds work (a number above 0), else after `period` seconds or when
    woken.

    While the database is away the step is tried again every second; any other error ends the process.
    """
    while not stop.is_set():
        if wake is not None:
            wake.clear()  # before the step: what happens during it wakes at once
        try:
            found = await step()
        except Unavailable as error:
            log.warning("database_unavailable", error=str(error))
            await _rest(stop, _DATABASE_PAUSE)
            continue
        if isinstance(found, int) and found:
            continue
        await _rest(wake or stop, period)


async def _rest(event: asyncio.Event, seconds: float) -> None:
    with contextlib.suppress(TimeoutError):
        await asyncio.wait_for(event.wait(), seconds)
