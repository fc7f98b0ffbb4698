"""Further attempts of waiting deliveries: claimed row by row, sent through the same lanes."""

from collections import defaultdict
from collections.abc import Sequence
from datetime import date, datetime, timedelta

from clarion.features.deliveries.decide import Decision
from clarion.features.deliveries.dispatch import DispatchStore
from clarion.features.deliveries.model import Attempt, Reason, State, WaitingDelivery
from clarion.foundation.clock import Clock
from clarion.foundation.ids import MessageIds
from clarion.providers.contract import Outcome, Verdict
from clarion.providers.transport import Request
from clarion.worker.content import Renderer
from clarion.worker.lane import Lane, LaneBlocked
from clarion.worker.lanes import Lanes
from clarion.worker.plans import OpenSend, Plans
from clarion.worker.recorder import Recorder
from clarion.worker.window import Window

LEASE = 60.0
"""Seconds; longer than a request may take plus the flush."""
CLAIM = 500
_SOON = 1.0
_LONG = 900.0


class RetryJob:
    """Waiting deliveries of one send, app and provider; a `Job`."""

    def __init__(self, row: WaitingDelivery, *, recorder: Recorder, clock: Clock) -> None:
        self.account_id: int = row.account_id
        self.app_id: int = row.app_id
        self.send_id: int = row.send_id
        self.day: date = row.day
        self.provider: str = row.provider
        self.expires_at: datetime = row.expires_at
        self._recorder = recorder
        self._clock = clock

    def settled(self, count: int) -> None:
        """See `Job.settled`: nobody waits for a retry."""

    def give_back(self, attempt: Attempt, wait: float) -> None:
        """See `Job.give_back`: the row waits on, and the attempt does not count."""
        self.postpone(attempt, wait, code="postponed")

    def postpone(self, attempt: Attempt, wait: float, *, code: str) -> None:
        """Let the row wait `wait` seconds more (at least one) without using up an attempt."""
        now = self._clock.now()
        moment = now + timedelta(seconds=min(max(wait, _SOON), _LONG))
        if moment >= self.expires_at:
            decision = Decision(State.FAILED, Reason.EXPIRED)
        else:
            decision = Decision(State.WAITING, next_attempt_at=moment, counted=False)
        self._recorder.settle(attempt, Verdict(Outcome.UNSENT, code), decision, now)


class Retries:
    """The retry loop's one step."""

    def __init__(
        self,
        *,
        store: DispatchStore,
        lanes: Lanes,
        plans: Plans,
        recorder: Recorder,
        window: Window,
        ids: MessageIds,
        clock: Clock,
    ) -> None:
        self._store = store
        self._lanes = lanes
        self._plans = plans
        self._recorder = recorder
        self._window = window
        self._ids = ids
        self._clock = clock

    async def step(self) -> int:
        """Claim what is due, as much as fits, and hand it over or settle it; how many rows that was."""
        limit = min(CLAIM, self._window.free)
        if limit <= 0:
            return 0
        rows = await self._store.claim(limit=limit, seconds=LEASE)
        groups: defaultdict[tuple[int, str, int], list[WaitingDelivery]] = defaultdict(list)
        for row in rows:
            groups[row.app_id, row.provider, row.send_id].append(row)
        for (app_id, provider, _), group in groups.items():
            await self._group(await self._lane(app_id, provider), group)
        return len(rows)

    async def _lane(self, app_id: int, provider: str) -> Lane | None:
        try:
            return await self._lanes.open(app_id, provider)
        except LaneBlocked:
            return None

    async def _group(self, lane: Lane | None, rows: Sequence[WaitingDelivery]) -> None:
        job = RetryJob(rows[0], recorder=self._recorder, clock=self._clock)
        opened = await self._plans.open(job.send_id)
        key = (job.app_id, job.provider)
        await self._window.take(key, len(rows))
        now = self._clock.now()
        left: list[tuple[WaitingDelivery, Attempt]] = []
        for row in rows:
            attempt = _attempt(job, row)
            over = _over(row, now, known=row.push_id in opened.all_pushes)
            if over is None:
                left.append((row, attempt))
            else:
                self._recorder.settle(attempt, Verdict(Outcome.UNSENT, over[1]), over[0], now)
        granted, wait = await _granted(lane, len(left))
        for _, attempt in left[granted:]:
            job.postpone(attempt, wait, code="postponed")
        if lane is not None and granted:
            self._send(lane, job, left[:granted], opened)

    def _send(
        self, lane: Lane, job: RetryJob, rows: Sequence[tuple[WaitingDelivery, Attempt]], opened: OpenSend
    ) -> None:
        renderer, now = Renderer(lane.sender, self._ids), self._clock.now()
        renderer.set_moment(job.expires_at, now)
        requests: list[Request] = []
        for row, attempt in rows:
            message = renderer.again(attempt, row.token or "", row.transport or "", opened.all_pushes[row.push_id])
            if isinstance(message, Verdict):
                self._recorder.settle(attempt, message, Decision(State.FAILED, Reason.TOKEN), now)
            else:
                requests.append(message)
        lane.submit(requests)


def _attempt(job: RetryJob, row: WaitingDelivery) -> Attempt:
    return Attempt(
        job,
        row.device_id,
        row.country,
        row.platform,
        row.token_hash or b"",
        row.push_id,
        row.lang,
        row.created_at,
        number=row.attempt,
        has_row=True,
        may_be_sent=row.may_be_sent,
    )


def _over(row: WaitingDelivery, now: datetime, *, known: bool) -> tuple[Decision, str] | None:
    """How a waiting delivery ends without another attempt, with the code to keep; None when it goes on."""
    if row.send_state == "cancelled" or not known:
        return Decision(State.CANCELLED), "cancelled"
    if row.expires_at <= now:
        return Decision(State.FAILED, Reason.EXPIRED), "expired"
    if row.token is None:
        return Decision(State.FAILED, Reason.TOKEN), "no_valid_token"
    return None


async def _granted(lane: Lane | None, wanted: int) -> tuple[int, float]:
    """How many retries may go now, and how long the others wait (seconds)."""
    if lane is None:
        return 0, _LONG
    if not wanted:
        return 0, _SOON
    return await lane.take_retries(wanted)
