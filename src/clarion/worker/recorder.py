"""Collects outcomes and writes them down in batches; frees the window when they are committed."""

import asyncio
import contextlib
import time
from collections import Counter
from collections.abc import Callable, Sequence
from datetime import datetime

import structlog

from clarion.features.deliveries.bundles import SavedBundle
from clarion.features.deliveries.decide import Decision
from clarion.features.deliveries.ledger import Batch, Ledger, Rulings
from clarion.features.deliveries.model import Attempt, Entry, Job, Result, State, TokenDrop, Whereabouts
from clarion.providers.contract import Credential, Outcome, Verdict
from clarion.worker.metrics import WorkerMetrics
from clarion.worker.window import LaneKey, Window

log = structlog.get_logger()

FLUSH_AFTER = 0.01
"""Seconds that an outcome waits for company at most."""
FLUSH_SIZE = 1000
_PARALLEL = 1
_HASH_PREFIX = 8
_SENT_AT_ONCE = Result(State.SENT, None, "OK", 1, may_be_sent=False)
_DROPS = {Outcome.TOKEN_CERTAIN: False, Outcome.TOKEN_GUARDED: True}


def _entry(
    attempt: Attempt, result: Result, verdict: Verdict, settled_at: datetime | None, next_at: datetime | None = None
) -> Entry:
    return Entry(
        attempt.dimensions,
        result,
        attempt.first_at,
        settled_at,
        attempt.device_id,
        attempt.token_hash[:_HASH_PREFIX],
        verdict.provider_id,
        next_at,
    )


def _nobody(_keys: list[LaneKey]) -> None:
    return None


class Recorder:
    """One process's way into the ledger. Its buffer never holds more than the window lets in."""

    def __init__(self, *, ledger: Ledger, window: Window, metrics: WorkerMetrics) -> None:
        self._ledger = ledger
        self._window = window
        self._metrics = metrics
        self._writing = 0
        self._size = min(FLUSH_SIZE, max(1, window.capacity // 4))
        self._batch = Batch()
        self._jobs: Counter[Job] = Counter()
        self._waiting = 0
        self._full = asyncio.Event()
        self._slots = asyncio.Semaphore(_PARALLEL)
        self.on_paused: Callable[[list[LaneKey]], None] = _nobody
        """Called with the credentials that the mass guard has paused."""

    def sent(self, accepted: Sequence[tuple[Attempt, Verdict]], now: datetime) -> None:
        """Providers accepted these messages."""
        batch = self._batch
        for attempt, verdict in accepted:
            if verdict.environment is not None:
                batch.found.append(Whereabouts(attempt.job.app_id, attempt.token_hash, verdict.environment))
            result = _SENT_AT_ONCE
            if attempt.has_row or attempt.may_be_sent:
                result = Result(State.SENT, None, verdict.code, attempt.number, attempt.may_be_sent)
            (batch.settlements if attempt.has_row else batch.entries).append(_entry(attempt, result, verdict, now))
        self._jobs.update([attempt.job for attempt, _ in accepted])
        self._note(len(accepted))

    def settle(self, attempt: Attempt, verdict: Verdict, decision: Decision, now: datetime) -> None:
        """A message ends or waits, as decided."""
        if verdict.outcome is Outcome.AMBIGUOUS:
            attempt.may_be_sent = True
        guarded = _DROPS.get(verdict.outcome)
        if guarded is not None:
            job = attempt.job
            drop = TokenDrop(
                job.app_id,
                job.provider,
                attempt.token_hash,
                verdict.code,
                guarded=guarded,
                since=verdict.dead_since,
            )
            self._batch.drops.append(drop)
        number = attempt.number if decision.counted or attempt.has_row else 0
        result = Result(decision.state, decision.reason, verdict.code or None, number, attempt.may_be_sent)
        settled_at = None if decision.state is State.WAITING else now
        self._add(attempt, _entry(attempt, result, verdict, settled_at, decision.next_attempt_at))
        if attempt.has_row and not decision.counted:
            self._batch.uncounted.add(self._batch.settlements[-1].key)
        self._by_rules(attempt, decision)

    def _by_rules(self, attempt: Attempt, decision: Decision) -> None:
        """What must be written besides when rules hold a message back, and when one that caps count does not leave."""
        batch, send_id = self._batch, attempt.job.send_id
        if decision.state is State.WAITING:
            if decision.reason is not None and decision.next_attempt_at is not None:
                batch.holds[send_id] = max(decision.next_attempt_at, batch.holds.get(send_id, decision.next_attempt_at))
                batch.parked.append((batch.settlements if attempt.has_row else batch.entries)[-1])
        elif attempt.job.capped and not attempt.may_be_sent:
            batch.unsent.append((send_id, attempt.device_id))

    def answered(self, credential: Credential, count: int) -> None:
        """So many provider answers came for a credential; the mass guard weighs drops against them."""
        self._batch.results[credential.app_id, credential.provider, credential.version] += count

    def answered_bundle(self, bundle: SavedBundle) -> None:
        """What was just told of a kept bundle's messages may have been the last; they must be told in one go."""
        self._batch.bundles.append(bundle)

    def _add(self, attempt: Attempt, entry: Entry) -> None:
        (self._batch.settlements if attempt.has_row else self._batch.entries).append(entry)
        self._jobs[attempt.job] += 1
        self._note(1)

    def _note(self, count: int) -> None:
        self._waiting += count
        if self._waiting >= self._size:
            self._full.set()

    async def run(self, stop: asyncio.Event) -> None:
        """Write batches until `stop` is set and everything is written. Raises what the ledger cannot handle."""
        async with asyncio.TaskGroup() as writes:
            while not (stop.is_set() and self._empty):
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(self._full.wait(), FLUSH_AFTER)
                self._full.clear()
                if not self._empty:
                    await self._slots.acquire()  # meanwhile the batch grows
                    self._full.clear()
                    writes.create_task(self._write(self._batch, self._jobs))
                    self._batch, self._jobs, self._waiting = Batch(), Counter(), 0

    @property
    def unrecorded(self) -> int:
        """Messages that have an outcome which is not committed yet."""
        return self._waiting + self._writing

    @property
    def _empty(self) -> bool:
        return not (self._batch.size or self._batch.results)

    async def _write(self, batch: Batch, jobs: Counter[Job]) -> None:
        began = time.monotonic()
        self._writing += batch.size
        try:
            rulings = await self._ledger.record(batch)
        finally:
            self._slots.release()
            self._writing -= batch.size
        self._metrics.flushed(time.monotonic() - began, batch.size)
        self._tell(rulings)
        for job, count in jobs.items():
            self._window.release((job.app_id, job.provider), count)
            job.settled(count)

    def _tell(self, rulings: Rulings) -> None:
        for app_id, provider in rulings.tripped:
            log.warning("mass_guard_tripped", app=app_id, provider=provider)
            self._metrics.guard_tripped(provider)
        if rulings.paused:
            self.on_paused(rulings.paused)
