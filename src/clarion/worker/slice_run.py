"""Working through one leased slice: read, render, hand over, and leave it in the state it deserves."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import date, datetime
from functools import partial

import structlog

from clarion.features.deliveries.decide import Decision
from clarion.features.deliveries.dispatch import DispatchStore
from clarion.features.deliveries.model import Attempt, Reason, Recipient, State
from clarion.features.rules.judging import Judgement
from clarion.features.sends import LeasedSlice, SendService
from clarion.features.sends.model import FEW, FIRST_DEVICE_ID, STRIKES
from clarion.foundation.clock import Clock
from clarion.foundation.errors import Unavailable
from clarion.foundation.ids import MessageIds
from clarion.providers.contract import Outcome, Verdict
from clarion.providers.transport import Request
from clarion.worker.bundle_lane import BundleLane
from clarion.worker.bundles import open_attempts
from clarion.worker.content import Rendering, dimensions
from clarion.worker.lane import PATIENCE, Lane, LaneBlocked
from clarion.worker.metrics import WorkerMetrics
from clarion.worker.picking import Pick, by_share, in_turn
from clarion.worker.plans import OpenSend
from clarion.worker.recorder import Recorder
from clarion.worker.regime import UNSENT, Regime
from clarion.worker.window import LaneKey, Window
from clarion.worker.wording import EXPIRED, refusal

log = structlog.get_logger()

QUARANTINED = Verdict(Outcome.CODE, "quarantined", text="the worker died of this message again and again")
CHUNK = 256
"""Messages handed over at once."""
LEASE = 45.0
"""Seconds; extended while the run lives."""
SAFE_LEFT = 20.0
"""Seconds of lease that must be left for a hand-over: request timeout, flush and margin (reliability.md §2.4)."""
_DATABASE_PAUSE = 1.0
_Step = Callable[[Sequence[Recipient]], Awaitable[int]]
"""Deals with as many of the recipients as it can; how many that was."""


def lease_clock() -> float:
    """Seconds of a clock that also runs while the machine is suspended, where the system has one."""
    return time.clock_gettime(getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC))


class SliceRun:
    """One leased slice in this process; a `Job`."""

    def __init__(
        self,
        item: LeasedSlice,
        opened: OpenSend,
        lane: Lane | None,
        *,
        recorder: Recorder,
        window: Window,
        clock: Clock,
        metrics: WorkerMetrics,
        leased_at: float,
    ) -> None:
        plan = opened.plan
        self.item = item
        self.account_id: int = plan.account_id
        self.app_id: int = item.app_id
        self.send_id: int = plan.id
        self.day: date = plan.day
        self.provider: str = item.provider
        self.cutoff_at: datetime = plan.cutoff_at
        self.expires_at: datetime = plan.expires_at
        self.capped = False
        self.key: LaneKey = (item.app_id, item.provider)
        self.lane = lane
        """None for what is left of an expired send: it is only written down."""
        self.leased_at = leased_at
        self.leave_as: str | None = None
        """Set to stop the run: the state to leave the slice in."""
        self._opened = opened
        self._recorder = recorder
        self._window = window
        self._clock = clock
        self._metrics = metrics
        self._begins = item.attempt == 1 and item.id_from == FIRST_DEVICE_ID
        """This run sends the first message of the send for its app and provider."""
        self._had: Mapping[int, Sequence[int]] = {}
        """Of a weekly scheduler: what the devices of the present page have had."""
        self._open = 0
        self._idle = asyncio.Event()
        self._idle.set()
        self._incomplete = False
        self.leaving = False
        """All is written, and the lease is being given up."""
        self._watched = 0
        """Messages that have gone out with care."""
        self._rests = 0.0
        """Seconds for which its pace lets nothing more go."""

    # a job's side

    def settled(self, count: int) -> None:
        """See `Job.settled`."""
        self._open -= count
        if self._open == 0:
            self._idle.set()

    def give_back(self, attempt: Attempt, wait: float) -> None:
        """See `Job.give_back`: the device has no delivery yet, so whoever leases the slice next finds it again."""
        del attempt, wait
        self._incomplete = True
        self._window.release(self.key, 1)
        self.settled(1)

    # the work

    async def run(self, store: DispatchStore, sends: SendService, ids: MessageIds) -> None:
        """Work until the slice is through or must be left."""
        try:
            if self.lane is None:
                await self._feed(store, self._expire)
            else:
                if isinstance(self.lane, BundleLane):
                    await self._repeat(self.lane, ids)
                step = partial(self._by_rules, partial(self._hand_over, self.lane, self.lane.renderer(ids)))
                if self.item.suspect:
                    step = partial(self._with_care, sends, step)
                await self._feed(store, step)
        except (LaneBlocked, Unavailable):
            self._incomplete = True
        if self.lane is not None and (self._incomplete or self.leave_as):
            self.lane.recall(self)
        await self._idle.wait()
        if self.lane is not None and (self._incomplete or self.leave_as):
            await self.lane.quiet()
        await self._leave(sends, self.leave_as or ("ready" if self._incomplete else "done"))

    async def _leave(self, sends: SendService, state: str) -> None:
        """Give the lease up, or let it run out while the database is away."""
        self.leaving = True
        while lease_clock() < self.leased_at + LEASE:
            try:
                await sends.leave(self.item, state, rests=self._rests)
            except Unavailable:
                await asyncio.sleep(_DATABASE_PAUSE)
            else:
                return

    def stop(self, leave_as: str) -> None:
        """Stop at the next chunk and take back what is not written."""
        self.leave_as = leave_as
        if self.lane is not None:
            self.lane.recall(self)

    async def _feed(self, store: DispatchStore, step: _Step) -> None:
        """Read page by page and let `step` take as many recipients at a time as it can."""
        personal = any(push.personal for push in self._opened.pushes)
        async for page in store.recipients(self.item, self._opened.plan, self._opened.conditions, personal=personal):
            if self._opened.plan.rotates:
                self._had = await store.had_of(self._opened.plan, self.app_id, [row[0] for row in page])
            start = 0
            while start < len(page):
                if self._must_stop():
                    return
                start += await step(page[start : start + CHUNK])

    def _pick(self) -> Pick:
        """How devices come by their push, from the pushes as they are now."""
        pushes, plan = self._opened.pushes, self._opened.plan
        if plan.rotates:
            return in_turn(pushes, self._had)
        return by_share(pushes, plan.share_of, seed=plan.scheduler_id)

    def _must_stop(self) -> bool:
        if self.leave_as is None and not self._opened.pushes:
            self.leave_as = "cancelled"
        if self.leave_as is None and self.leased_at + LEASE - lease_clock() < SAFE_LEFT:
            self.leave_as = "ready"
        return self.leave_as is not None

    async def _repeat(self, lane: BundleLane, ids: MessageIds) -> None:
        """Repeat whole what earlier leases left without a record, and wait until it is recorded."""
        bundler = lane.renderer(ids)
        for saved, members in await lane.unfinished(self.item):
            push = self._opened.all_pushes.get(saved.push_id)
            while members and push is not None and not self._must_stop():
                count = await lane.admit(len(members))
                now = self._clock.now()
                if self._must_stop() or now >= self.expires_at:
                    lane.forgo(count)
                    return
                self._take(count)
                bundler.set_moment(self, now)
                attempts = open_attempts(self, saved, members[:count], now)
                lane.submit([bundler.repeat(saved, attempts, push, members[0].facts)])
                members = members[count:]
        await self._idle.wait()

    async def _hand_over(self, lane: Lane, renderer: Rendering, recipients: Sequence[Recipient]) -> int:
        """Send as many of the recipients as may go now; how many that was."""
        if self._clock.now() >= self.expires_at:
            return await self._expire(recipients)
        count = await lane.admit(len(recipients))
        if self._must_stop():
            lane.forgo(count)
            return 0
        now = self._clock.now()
        requests, refused = renderer.render(self, recipients[:count], self._pick(), now)
        if not await self._kept(lane, requests, count):
            return 0
        self._take(count)
        for attempt, verdict in refused:
            self._recorder.settle(attempt, verdict, refusal(verdict), now)
        self._recorder.answered(lane.credential, sum(verdict is not EXPIRED for _, verdict in refused))
        lane.submit(requests)
        if self._begins:
            self._begins = False
            self._metrics.first_message(self.provider, (now - self._opened.plan.due_at).total_seconds())
        return count

    async def _kept(self, lane: Lane, requests: Sequence[Request], count: int) -> bool:
        """Let the lane write down what it must; False when the run has to stop meanwhile."""
        try:
            await lane.keep(requests)
        except Unavailable:
            lane.forgo(count)
            raise
        if self._must_stop():
            lane.forgo(count)
            return False
        return True

    async def _by_rules(self, hand_over: _Step, recipients: Sequence[Recipient]) -> int:
        """Hand over what the rules let go as they are now; how many recipients were dealt with."""
        regime, plan = self._opened.regime(self.app_id), self._opened.plan
        self.capped = regime is not None and regime.capped
        self.cutoff_at = plan.cutoff_at
        self.expires_at = plan.expires_at if regime is None else regime.expiry(plan.expires_at, plan.cutoff_at)
        if regime is None or not regime.orders:
            return await hand_over(recipients)
        return await self._under_rules(regime, hand_over, recipients)

    async def _under_rules(self, regime: Regime, hand_over: _Step, recipients: Sequence[Recipient]) -> int:
        """Hand over whom the rules let go, and write down what becomes of the others; how many recipients that was."""
        due_at, turns = self._opened.plan.due_at, 0
        found = await regime.judge({recipient[0]: due_at for recipient in recipients}, self._clock.now())
        going = [recipient for recipient in recipients if found.may_leave(recipient[0])]
        staying = [recipient for recipient in recipients if not found.may_leave(recipient[0])]
        while staying and not self._must_stop():
            staying = staying[await self._put_off(regime, found, staying) :]
        while going and not self._must_stop():
            turns = turns or await self._turns(regime, len(going))
            if turns:
                count = await hand_over(going[:turns])
                going, turns = going[count:], turns - count
        self._incomplete = self._incomplete or bool(going or staying)
        return len(recipients)

    async def _turns(self, regime: Regime, wanted: int) -> int:
        """How many may leave now; waits for a moment when none may, and leaves the slice when that is not enough."""
        count, wait = await regime.take_turns(wanted)
        if wait > PATIENCE:
            self.leave_as, self._rests = "ready", wait
        elif not count:
            await asyncio.sleep(wait)
        elif regime.paced:
            self.cutoff_at = self._clock.now()  # their time begins with their turn
            self.expires_at = regime.expiry(self._opened.plan.expires_at, self.cutoff_at)
        return count

    async def _put_off(self, regime: Regime, found: Judgement, recipients: Sequence[Recipient]) -> int:
        """Write down that rules keep some of them from leaving; how many that was."""
        pick, now = self._pick(), self._clock.now()
        part = await self._portion(recipients)
        for recipient in part:
            device_id, _, _, country, lang, platform, token_hash, _ = recipient
            push = pick(device_id)
            common = dimensions(self, push.id, push.language_for(lang), country, platform)
            attempt = Attempt(self, common, device_id, token_hash, now)
            self._recorder.settle(attempt, UNSENT, regime.decision(found, device_id), now)
        return len(part)

    async def _with_care(self, sends: SendService, step: _Step, recipients: Sequence[Recipient]) -> int:
        """A few messages at a time are sent and recorded, and after a further death one after the other at first, until
        the one that killed workers must be behind us (reliability.md DD-7).

        So a death among a few leaves the culprit among the first that are left, and one of a message alone leaves it as
        the very first.
        """
        if self._watched >= self._window.capacity:
            return await step(recipients)
        alone = self.item.alone and self._watched < FEW
        part = recipients[: 1 if alone else FEW]
        first = alone and not self._watched and self.item.lost
        if first and await sends.strike(self.item, part[0][0]) >= STRIKES:
            log.error("message_quarantined", send=self.send_id, app=self.app_id, slice=self.item.no)
            self._metrics.quarantined(self.provider)
            count = await self._give_up(part, QUARANTINED, Decision(State.FAILED, Reason.INTERNAL))
        else:
            count = await step(part)
        self._watched += count
        await self._idle.wait()
        return count

    async def _expire(self, recipients: Sequence[Recipient]) -> int:
        """Write down that some of them did not get it in time; how many that was."""
        return await self._give_up(recipients, EXPIRED, refusal(EXPIRED))

    async def _give_up(self, recipients: Sequence[Recipient], verdict: Verdict, decision: Decision) -> int:
        """Write down that some of them do not get it; how many that was."""
        push, now = self._opened.plan.push_ids[0], self._clock.now()
        part = await self._portion(recipients)
        for recipient in part:
            device_id, _, _, country, lang, platform, token_hash, _ = recipient
            attempt = Attempt(self, dimensions(self, push, lang, country, platform), device_id, token_hash, now)
            self._recorder.settle(attempt, verdict, decision, now)
        return len(part)

    async def _portion(self, recipients: Sequence[Recipient]) -> Sequence[Recipient]:
        """As many as there are places for, which they take."""
        wanted = min(len(recipients), self._window.portion)
        part = recipients[: await self._window.take(self.key, wanted)]
        self._take(len(part))
        return part

    def _take(self, count: int) -> None:
        self._open += count
        self._idle.clear()
