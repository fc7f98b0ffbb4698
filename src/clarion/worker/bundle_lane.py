"""A lane to a provider that takes bundles: one answer settles many messages.

Window, mass guard and retry budget count messages, as everywhere; the breaker counts requests. Where the provider knows
bundles by their keys, the rate and the retry budget count requests too, and bundles are kept before they are sent.
"""

from collections import Counter
from collections.abc import Collection, Sequence
from datetime import datetime

from clarion.features.deliveries.bundles import BundleStore, Member, SavedBundle
from clarion.features.deliveries.decide import Decision
from clarion.features.deliveries.model import Attempt, Job
from clarion.features.sends import LeasedSlice
from clarion.foundation.ids import MessageIds
from clarion.providers.bundles import BundleSender, BundleVerdict
from clarion.providers.contract import Credential, Outcome, Verdict
from clarion.providers.limits import FAILURES
from clarion.providers.transport import Answer, Request
from clarion.worker.bundles import Bundle, Bundler, bundle_of
from clarion.worker.lane import Lane, LaneParts


class BundleLane(Lane):
    """One credential of such a provider in this process."""

    sender: BundleSender

    def __init__(self, credential: Credential, parts: LaneParts, *, unproven: bool, store: BundleStore) -> None:
        super().__init__(credential, parts, unproven=unproven)
        self._store = store
        self._decisions: dict[tuple[int, int], Decision] = {}

    @property
    def whole(self) -> bool:
        """Whether bundles are kept and repeated whole."""
        return self.sender.bundling.whole

    def renderer(self, ids: MessageIds) -> Bundler:
        """See `Lane.renderer`."""
        return Bundler(self.sender, ids)

    # keeping

    async def keep(self, requests: Sequence[Request]) -> None:
        """See `Lane.keep`."""
        bundles = [bundle for bundle in map(bundle_of, requests) if not bundle.kept and bundle.saved is not None]
        if bundles:
            await self._store.keep([bundle.saved for bundle in bundles if bundle.saved is not None])
            for bundle in bundles:
                bundle.kept = True

    async def unfinished(self, item: LeasedSlice) -> list[tuple[SavedBundle, list[Member]]]:
        """What earlier leases of a slice may have sent without a record."""
        return await self._store.unfinished(item) if self.whole and item.attempt > 1 else []

    async def kept(self, job: Job, device_ids: Collection[int]) -> dict[int, SavedBundle]:
        """The bundles, by device, that must be repeated to learn what became of these messages."""
        if not self.whole:
            return {}
        found = await self._store.of_devices(job, device_ids)
        return {device_id: saved for saved in reversed(found) for device_id in saved.device_ids}

    # the way out

    def _cost(self, count: int) -> int:
        return min(count, 1) if self.whole else count

    def take_now(self, wanted: int) -> int:
        """See `Lane.take_now`: one request, where requests count. `submit` charges the rest."""
        if not self.whole:
            return super().take_now(wanted)
        parts, now = self.parts, self.parts.clock.monotonic()
        permitted = parts.breaker.permits(wanted, now)
        if permitted and not parts.limiter.take(1, now):
            parts.breaker.recall(now)
            return 0
        return permitted

    def submit(self, requests: list[Request]) -> None:
        """See `Lane.submit`."""
        if self.whole and len(requests) > 1:
            self.parts.limiter.charge(len(requests) - 1, self.parts.clock.monotonic())
        super().submit(requests)

    def _attempts(self, request: Request) -> Sequence[Attempt]:
        return bundle_of(request).attempts

    # answers

    def answers(self, answers: list[Answer]) -> None:
        """See `Lane.answers`."""
        now = self.parts.clock.now()
        outcomes: Counter[Outcome] = Counter()
        messages = faults = 0
        for answer in answers:
            bundle: Bundle = answer.tag  # type: ignore[assignment]  # every tag of ours is one
            verdict = self.sender.verdicts(answer)
            if not verdict.common.known:
                self._wonder(answer.status, verdict.common)
            messages += len(bundle.attempts)
            faults += verdict.common.outcome in FAILURES
            outcomes += self._settle(bundle, verdict, now)
        self._tell_breaker(len(answers), faults)
        self._weigh(messages, outcomes)
        self._measure(bundle.attempts[0], messages, outcomes, now)

    def _settle(self, bundle: Bundle, verdict: BundleVerdict, now: datetime) -> Counter[Outcome]:
        """Record what became of each message; how often each outcome occurred, other than success."""
        recorder = self.parts.recorder
        outcomes: Counter[Outcome] = Counter()
        self._decisions.clear()
        for attempt, token in zip(bundle.attempts, bundle.tokens, strict=True):
            one = verdict.of(token)
            if one.outcome is Outcome.OK:
                recorder.sent([(attempt, one)], now)
                attempt.request = None
                self._message_faults.pop(attempt.push_id, None)
            else:
                outcomes[one.outcome] += 1
                self._other(attempt, one, now)
        if bundle.saved is not None:
            recorder.answered_bundle(bundle.saved)
        return outcomes

    def _decide(self, attempt: Attempt, verdict: Verdict, now: datetime) -> Decision:
        """What waits, waits for the same moment: it is claimed together and repeated once."""
        key = (id(verdict), attempt.number)
        decision = self._decisions.get(key)
        if decision is None:
            decision = self._decisions[key] = super()._decide(attempt, verdict, now)
        return decision
