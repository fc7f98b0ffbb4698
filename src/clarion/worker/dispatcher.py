"""The dispatch loop: leases slices, runs them side by side, keeps their leases, and obeys pause and cancel."""

import asyncio
from collections import deque

import structlog

from clarion.features.sends import LeasedSlice, SendService
from clarion.worker.kit import Kit
from clarion.worker.lane import LaneBlocked
from clarion.worker.metrics import WorkerMetrics
from clarion.worker.slice_run import LEASE, SliceRun, lease_clock

log = structlog.get_logger()

MAX_RUNS = 12
"""Slices that run at once."""
MAX_RUNS_OF_LANE = 4
"""Slices of one credential that run at once; a slow provider never holds all runs."""
MOST_LANES = 64
"""Credentials of which at least one slice runs, however many others hold all runs with providers that do not answer."""

SUSPECT_RESTS = 2.0
"""Seconds that a slice which may have killed workers rests while this one works on another such slice."""


class Dispatcher:
    """Slices in this process."""

    def __init__(self, kit: Kit, *, owner: str, sends: SendService, metrics: WorkerMetrics) -> None:
        self._kit = kit
        self._owner = owner
        self._sends = sends
        self._metrics = metrics
        self._runs: dict[tuple[int, int], SliceRun] = {}
        self._held: deque[tuple[LeasedSlice, float]] = deque()
        """Leased and not yet started, with the moment of the lease."""
        self._stopping = asyncio.Event()
        self.changed = asyncio.Event()
        """Set when a run ends, so that the next slice is leased without waiting."""
        self.through = asyncio.Event()
        """Set when the last run of a send ends here, so that its end is noticed without waiting."""

    @property
    def running(self) -> int:
        """Slices under way."""
        return len(self._runs)

    async def lease(self, tasks: asyncio.TaskGroup) -> int:
        """Lease what there is room for and start it; how many slices that was.

        When all runs are taken, a credential of which nothing runs gets one all the same: those that hold them may be
        waiting for providers that do not answer.
        """
        await self._start_held(tasks)
        keys = [run.key for run in self._runs.values()]
        full = len(keys) >= MAX_RUNS
        if self._stopping.is_set() or (full and len(set(keys)) >= MOST_LANES):
            return 0
        leased_at = lease_clock()
        room = 1 if full else min(2, MAX_RUNS - len(keys))
        crowded = {key for key in keys if full or keys.count(key) >= MAX_RUNS_OF_LANE}
        blocked = [*crowded, *self._kit.lanes.blocked()]
        slices = await self._sends.lease(owner=self._owner, limit=room, seconds=LEASE, blocked=blocked)
        self._held.extend((item, leased_at) for item in slices)
        await self._start_held(tasks)
        return len(slices)

    async def _start_held(self, tasks: asyncio.TaskGroup) -> None:
        """Start what is leased; while the database is away it stays held, for the next call."""
        while self._held:
            await self._start(tasks, *self._held[0])
            self._held.popleft()

    async def _start(self, tasks: asyncio.TaskGroup, item: LeasedSlice, leased_at: float) -> None:
        if self._stopping.is_set():
            await self._sends.leave(item, "ready")
            return
        if item.suspect and any(run.item.suspect for run in self._runs.values()):
            await self._sends.leave(
                item, "ready", rests=SUSPECT_RESTS
            )  # one at a time: the next death names the culprit
            return
        opened = await self._kit.plans.open(item.send_id)
        lane = None
        if self._kit.clock.now() < opened.plan.expires_at:
            try:
                lane = await self._kit.lanes.open(item.app_id, item.provider)
            except LaneBlocked:
                await self._sends.leave(item, "ready")
                return
            if lane is None:
                await self._sends.leave(item, "cancelled")
                return
        run = SliceRun(
            item,
            opened,
            lane,
            recorder=self._kit.recorder,
            window=self._kit.window,
            clock=self._kit.clock,
            metrics=self._metrics,
            leased_at=leased_at,
        )
        if self._stopping.is_set():
            run.stop("ready")
        self._runs[item.key] = run
        tasks.create_task(self._run(run))

    async def _run(self, run: SliceRun) -> None:
        try:
            await run.run(self._kit.store, self._sends, self._kit.ids)
        finally:
            if self._runs.get(run.item.key) is run:
                del self._runs[run.item.key]
            self.changed.set()
            if all(other.send_id != run.send_id for other in self._runs.values()):
                self.through.set()

    async def extend(self) -> None:
        """Renew the leases of all runs; a run whose lease is lost stops."""
        runs = list(self._runs.values())
        if not runs:
            return
        began = lease_clock()
        kept = await self._sends.extend([run.item for run in runs], seconds=LEASE)
        for run in runs:
            if run.item.key in kept:
                run.leased_at = began
            elif not run.leaving:
                self._metrics.lease_lost(run.provider)
                log.warning("lease_lost", send=run.send_id, slice=run.item.no)
                run.stop("ready")

    async def obey(self) -> None:
        """Stop what was cancelled, paused, archived or deleted meanwhile."""
        runs = list(self._runs.values())
        if not runs:
            return
        await self._kit.plans.refresh({run.send_id for run in runs})
        stops = await self._sends.stops([run.item for run in runs])
        for run in runs:
            leave_as = stops.get(run.item.key)
            if leave_as is not None and run.leave_as is None:
                run.stop(leave_as)

    def hold(self, send_id: int) -> None:
        """Stop the runs of a send that is about to be paused."""
        for run in list(self._runs.values()):
            if run.send_id == send_id:
                run.stop("ready")

    def stop(self) -> None:
        """Drain: start and feed nothing more, give back what is not written."""
        self._stopping.set()
        self.changed.set()
        self.through.set()
        for run in list(self._runs.values()):
            run.stop("ready")
