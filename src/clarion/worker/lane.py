"""A lane: one credential's way out in this process, with its limiter, breaker and retry budget.

Answers come in on the event loop, become verdicts, and go to the recorder. A credential that its provider refuses
closes its lane: what was not written goes back to its jobs, unrecorded and uncounted.
"""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from operator import attrgetter

import structlog

from clarion.features.deliveries.decide import Decision, Standing, decide
from clarion.features.deliveries.model import Attempt, Job
from clarion.foundation.backoff import Backoff
from clarion.foundation.clock import Clock
from clarion.foundation.errors import Unavailable
from clarion.foundation.ids import MessageIds
from clarion.providers.contract import Credential, CredentialRefused, ManyServices, Outcome, Refusal, Sender, Verdict
from clarion.providers.limits import FAILURES, Breaker, RateLimiter, RetryBudget
from clarion.providers.transport import Answer, Request
from clarion.worker.content import Renderer, Rendering
from clarion.worker.metrics import WorkerMetrics
from clarion.worker.recorder import Recorder
from clarion.worker.remarks import Hindrance, Remarks
from clarion.worker.window import LaneKey, Window

log = structlog.get_logger()

_OK = Outcome.OK
_THROTTLES = (Outcome.THROTTLED_CREDENTIAL, Outcome.THROTTLED_PROVIDER)
_DEFAULT_THROTTLE = 60.0
_TOKEN_TROUBLE = 15.0
"""Seconds without sending after the token endpoint failed for now."""
_TICK = 0.001
_DATABASE_PAUSE = 0.5
HELD = 15.0
"""Seconds for which the owner is told that retries wait for the retry budget."""
PATIENCE = 1.0
"""Seconds that work waits at a lane; with a longer wait ahead it is put back instead."""
FIRST_CAP = 500
"""Messages that a new lane may have in flight or unrecorded; doubles with every such number of good answers, so that
a credential that makes all tokens look dead is noticed after few hand-overs (reliability.md PF-8)."""
MESSAGE_FAULTS = 20
"""Consecutive refusals of one push that pause its send (providers.md §1.1)."""


class LaneBlocked(Exception):
    """Nothing can be sent here for `seconds`."""

    def __init__(self, seconds: float) -> None:
        super().__init__(f"blocked for {seconds:.0f} s")
        self.seconds = seconds


@dataclass(frozen=True, slots=True)
class LaneParts:
    """What a lane is made of."""

    window: Window
    recorder: Recorder
    limiter: RateLimiter
    breaker: Breaker
    budget: RetryBudget
    backoff: Backoff
    clock: Clock
    pause: Callable[[Credential, str], Awaitable[None]]
    resume: Callable[[Credential], Awaitable[None]]
    push_refused: Callable[[int, str], Awaitable[None]]
    """Called with a send and the provider's words when a push keeps being refused."""
    metrics: WorkerMetrics
    remarks: Remarks


class Lane:
    """One credential in this process."""

    def __init__(self, credential: Credential, parts: LaneParts, *, unproven: bool) -> None:
        self.credential = credential
        self.key: LaneKey = (credential.app_id, credential.provider)
        self.parts = parts
        self.sender: Sender
        self.unproven = unproven
        """The credential is new or paused: one message must be answered well before others follow."""
        self._trial: asyncio.Event | None = None
        self.closed = False
        """Nothing more goes out here: the credential was refused, replaced or paused, or this process ends."""
        self._cap = FIRST_CAP
        self._good = 0
        self._blocked_until = self._held_until = float("-inf")
        self._renewing: list[Attempt] = []
        self._tasks: set[asyncio.Task[None]] = set()
        self._message_faults: dict[int, int] = {}

    def renderer(self, ids: MessageIds) -> Rendering:
        """What makes requests for this lane."""
        return Renderer(self.sender, ids)

    async def keep(self, requests: Sequence[Request]) -> None:
        """Write down what a repetition of the requests will need, if anything. Raises `Unavailable`."""

    # the way out

    def blocked_for(self) -> float:
        """Seconds until something may be sent; 0 = now."""
        if self.closed:
            return float("inf")
        now = self.parts.clock.monotonic()
        waits = self._blocked_until - now, self.parts.breaker.next_in(now), self.parts.limiter.next_in(now)
        return max(0.0, *waits)

    def hindrance(self) -> Hindrance | None:
        """What keeps messages back although the credential is in use; the longest if there are several."""
        now = self.parts.clock.monotonic()
        waits = [
            Hindrance("breaker", self.parts.breaker.next_in(now)),
            Hindrance("throttled", self.parts.limiter.stopped_for(now)),
            Hindrance("access_token", self._blocked_until - now),
            Hindrance("retry_budget", self._held_until - now),
            *(Hindrance(f"push_service {one.host}", one.seconds) for one in self.refusals()),
        ]
        longest = max(waits, key=attrgetter("seconds"))
        return longest if longest.seconds > 0 and not self.closed else None

    def is_slowed(self) -> bool:
        """Whether its provider made it go slower than its rate allows."""
        return self.parts.limiter.is_slowed(self.parts.clock.monotonic())

    def refusals(self) -> Sequence[Refusal]:
        """Those of the sender's services that refuse the credential while others go on."""
        return self.sender.refusals() if isinstance(self.sender, ManyServices) else ()

    async def admit(self, count: int) -> int:
        """Wait until up to `count` messages may go, and take places for them; how many. Raises `LaneBlocked`."""
        window, granted = self.parts.window, 0
        while not granted:
            await self._passable()
            wanted = 1 if self.unproven else min(count, window.portion)
            held = await window.take(self.key, wanted, cap=self._cap)
            granted = self._grant(held)
            if granted < held:
                window.release(self.key, held - granted)
        return granted

    async def _passable(self) -> None:
        """Wait while nothing may go, as long as that is not for long."""
        while True:
            blocked = self.blocked_for()
            if blocked > PATIENCE:
                raise LaneBlocked(blocked)
            if blocked:
                await asyncio.sleep(max(blocked, _TICK))
            elif self._trial is not None:
                await self._trial.wait()
            else:
                await self._ready()
                return

    def _grant(self, held: int) -> int:
        """How many of `held` places can be used now."""
        if self._trial is not None or self.blocked_for():
            return 0
        granted = self.take_now(1 if self.unproven else held)
        if granted and self.unproven:
            self._trial = asyncio.Event()
        self.parts.budget.first(self._cost(granted), self.parts.clock.monotonic())
        return granted

    def _cost(self, count: int) -> int:
        """What so many messages count in the retry budget."""
        return count

    def take_now(self, wanted: int) -> int:
        """How many of `wanted` messages breaker and limiter let go at once; they count as sent."""
        parts, now = self.parts, self.parts.clock.monotonic()
        permitted = parts.breaker.permits(wanted, now)
        granted = parts.limiter.take(permitted, now)
        if permitted and not granted:
            parts.breaker.recall(now)
        return granted

    async def _ready(self) -> None:
        try:
            await self.sender.ready()
        except CredentialRefused as error:
            self._unready(error.verdict)
            raise LaneBlocked(self.blocked_for() or _DEFAULT_THROTTLE) from error
        except asyncio.CancelledError:
            task = asyncio.current_task()
            if self.closed and task is not None and not task.cancelling():
                raise LaneBlocked(PATIENCE) from None  # the sender was closed while we waited for its access token
            raise

    def _unready(self, verdict: Verdict) -> None:
        """No access token: the credential is refused, or its token endpoint is in trouble."""
        if verdict.outcome in (Outcome.CREDENTIAL, Outcome.AUTH):
            self._refuse(verdict)
        else:
            wait = verdict.retry_after or _TOKEN_TROUBLE
            self._blocked_until = self.parts.clock.monotonic() + wait

    @property
    def cap(self) -> int:
        """Messages that may be in flight or unrecorded here."""
        return self._cap

    async def take_retries(self, wanted: int, *, first: int = 0) -> tuple[int, float]:
        """How many of `wanted` waiting messages may go now (their places are taken already), and the others' wait in
        seconds. The first `first` of them are no retries, and count in the retry budget as what it is measured by.
        """
        if self.closed:
            return 0, PATIENCE
        blocked = self.blocked_for()
        if not blocked:
            try:
                async with asyncio.timeout(PATIENCE):
                    await self._ready()
            except LaneBlocked as error:
                blocked = error.seconds
            except TimeoutError:
                blocked = PATIENCE
        if blocked or self._trial is not None or self.closed:
            return 0, blocked or PATIENCE
        now = self.parts.clock.monotonic()
        if self.unproven:
            granted = self.take_now(1)
            self._trial = asyncio.Event() if granted else None
            return granted, PATIENCE
        again = self.parts.budget.take(wanted - first, now)
        if again < wanted - first:
            self._held_until = now + HELD
            self.parts.metrics.retries_held(self.key[1], wanted - first - again)
        granted = self.take_now(first + again)
        self.parts.budget.first(self._cost(min(first, granted)), now)
        return granted, max(PATIENCE, self.parts.budget.next_in(now))

    def submit(self, requests: list[Request]) -> None:
        """Hand admitted messages over; the tag of each is its `Attempt`."""
        if self.closed:
            self._give_back(requests)
        else:
            self.sender.submit(requests)
        self._forget_trial()

    def forgo(self, count: int) -> None:
        """Admitted messages are not sent after all."""
        self.parts.window.release(self.key, count)
        self.parts.breaker.recall(self.parts.clock.monotonic())
        self._forget_trial()

    def _forget_trial(self) -> None:
        """A trial whose message never left proves nothing; the next one is a trial again."""
        if self._trial is not None and not self.sender.pending and not self._renewing:
            self._end_trial(good=False)

    def recall(self, job: Job | None = None) -> None:
        """Take back what has not been written: of one job, or of all."""
        withdrawn = self.sender.withdraw()
        mine = [request for request in withdrawn if job is None or self._attempts(request)[0].job is job]
        self._give_back(mine)
        if len(mine) < len(withdrawn):
            self.sender.submit([request for request in withdrawn if self._attempts(request)[0].job is not job])
        self._forget_trial()

    def _attempts(self, request: Request) -> Sequence[Attempt]:
        """The messages that a request carries, all of one job."""
        attempt: Attempt = request.tag  # type: ignore[assignment]  # every tag of ours is one
        return (attempt,)

    def _give_back(self, requests: Iterable[Request]) -> None:
        for request in requests:
            for attempt in self._attempts(request):
                attempt.job.give_back(attempt, 0.0)

    def shut(self) -> None:
        """Hand over nothing more; what was not written goes back to its jobs, unrecorded and uncounted."""
        if not self.closed:
            self.closed = True
            renewing, self._renewing = self._renewing, []
            for attempt in renewing:
                attempt.job.give_back(attempt, 0.0)
            self.recall()

    async def quiet(self) -> None:
        """Wait until what this lane has to write down about its credential is written."""
        if self._tasks:
            await asyncio.wait(self._tasks)

    # answers

    def answers(self, answers: list[Answer]) -> None:
        """The sink of the channel: judge and record."""
        now, sender, recorder = self.parts.clock.now(), self.sender, self.parts.recorder
        outcomes: Counter[Outcome] = Counter()
        elsewhere: Counter[Outcome] = Counter()
        accepted: list[tuple[Attempt, Verdict]] = []
        for answer in answers:
            attempt: Attempt = answer.tag  # type: ignore[assignment]  # every tag of ours is one
            verdict = sender.verdict(answer)
            if verdict.outcome is _OK:
                accepted.append((attempt, verdict))
                attempt.request = None
                if self._message_faults:
                    self._message_faults.pop(attempt.push_id, None)
            else:
                if not verdict.known:
                    self._wonder(answer.status, verdict)
                (elsewhere if verdict.origin_only else outcomes)[verdict.outcome] += 1
                self._other(attempt, verdict, now)
        recorder.sent(accepted, now)
        here = len(answers) - elsewhere.total()
        self._tell_breaker(here, sum(outcomes[outcome] for outcome in FAILURES))
        self._weigh(here, outcomes)
        self._measure(attempt, len(answers), outcomes + elsewhere, now)

    def _wonder(self, status: int, verdict: Verdict) -> None:
        """An answer that no table explains."""
        log.warning("unknown_answer", provider=self.key[1], status=status, text=verdict.text)
        self.parts.metrics.unknown(self.key[1])
        self.parts.remarks.unknown(self.credential, f"{verdict.code}: {verdict.text}")

    def _measure(self, attempt: Attempt, messages: int, outcomes: Counter[Outcome], now: datetime) -> None:
        """Count a batch of answers, with all outcomes but success; the time is that of one of its messages."""
        metrics, provider = self.parts.metrics, self.key[1]
        metrics.answered(provider, messages - outcomes.total(), outcomes)
        if not attempt.has_row:
            metrics.latency(provider, (now - attempt.first_at).total_seconds())

    def _tell_breaker(self, requests: int, faults: int) -> None:
        now = self.parts.clock.monotonic()
        if self.parts.breaker.record(requests, faults, now):
            self.parts.limiter.recover(now)

    def _weigh(self, answers: int, outcomes: Counter[Outcome]) -> None:
        """Tell the mass guard; end a trial."""
        faults = sum(outcomes[outcome] for outcome in FAILURES)
        good = answers - faults - outcomes[Outcome.CREDENTIAL] - outcomes[Outcome.AUTH]
        if good:
            self.parts.recorder.answered(self.credential, good)
        self._widen(good - outcomes[Outcome.TOKEN_GUARDED])
        if self._trial is not None:
            self._end_trial(good=good > 0)

    def _widen(self, good: int) -> None:
        self._good += good
        if self._good >= self._cap <= self.parts.window.capacity:
            self._cap *= 2
            self._good = 0

    def _end_trial(self, *, good: bool) -> None:
        trial, self._trial = self._trial, None
        if good and not self.closed:
            self.unproven = False
            self._start(partial(self.parts.resume, self.credential))
        if trial is not None:
            trial.set()

    def _other(self, attempt: Attempt, verdict: Verdict, now: datetime) -> None:
        if verdict.outcome is Outcome.AUTH and not attempt.refreshed:
            if self.closed:
                attempt.job.give_back(attempt, 0.0)
            else:
                self._renew_later(attempt)
            return
        whole = verdict.platform_only is None and not verdict.origin_only
        if whole and verdict.outcome in (Outcome.CREDENTIAL, Outcome.AUTH):
            self._refuse(verdict)
            attempt.job.give_back(attempt, 0.0)
            return
        if whole and verdict.outcome in _THROTTLES:
            self._throttle(verdict)
        self.parts.recorder.settle(attempt, verdict, self._decide(attempt, verdict, now), now)
        attempt.request = None
        self._watch_push(attempt, verdict)

    def _decide(self, attempt: Attempt, verdict: Verdict, now: datetime) -> Decision:
        standing = Standing(attempt.number, attempt.first_at, attempt.job.expires_at)
        return decide(verdict, standing, now=now, backoff=self.parts.backoff)

    def _throttle(self, verdict: Verdict) -> None:
        wait = verdict.retry_after if verdict.retry_after is not None else verdict.default_wait
        seconds = _DEFAULT_THROTTLE if wait is None else max(1.0, wait)
        now, limiter = self.parts.clock.monotonic(), self.parts.limiter
        before = limiter.stopped_for(now)
        limiter.throttle(now + seconds, now)
        self.parts.metrics.throttled(self.key[1], limiter.stopped_for(now) - before)

    def _watch_push(self, attempt: Attempt, verdict: Verdict) -> None:
        """Pause the send of a push that every device's provider call refuses."""
        if verdict.outcome is not Outcome.MESSAGE:
            self._message_faults.pop(attempt.push_id, None)
            return
        count = self._message_faults.get(attempt.push_id, 0) + 1
        self._message_faults[attempt.push_id] = count
        if count % MESSAGE_FAULTS == 0:
            reason = f"{verdict.code}: {verdict.text}"
            self._start(partial(self.parts.push_refused, attempt.job.send_id, reason))

    def _refuse(self, verdict: Verdict) -> None:
        """The provider does not accept the credential: pause it."""
        if self.closed:
            return
        reason = f"{verdict.code}: {verdict.text}" if verdict.text else verdict.code
        self.parts.metrics.refused(self.key[1])
        log.warning("credential_paused", app=self.key[0], provider=self.key[1], code=verdict.code)
        self._start(partial(self.parts.pause, self.credential, reason))
        self.shut()

    # renewing the access token

    def _renew_later(self, attempt: Attempt) -> None:
        attempt.refreshed = True
        self._renewing.append(attempt)
        if len(self._renewing) == 1:
            self.parts.metrics.renewed(self.key[1])
            self.sender.refresh()
            self._start(self._renew)

    async def _renew(self) -> None:
        try:
            await self.sender.ready()
        except CredentialRefused as error:
            self._unready(error.verdict)
            attempts, self._renewing = self._renewing, []
            for attempt in attempts:
                attempt.job.give_back(attempt, self.parts.backoff.delay(1))
            return
        attempts, self._renewing = self._renewing, []
        self.submit(list(dict.fromkeys(attempt.request for attempt in attempts if attempt.request is not None)))

    def _start(self, work: Callable[[], Awaitable[None]]) -> None:
        """Do something that nobody waits for; what the database cannot take now is tried again."""

        async def run() -> None:
            while True:
                try:
                    return await work()
                except Unavailable:
                    await asyncio.sleep(_DATABASE_PAUSE)

        task = asyncio.create_task(run())
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def aclose(self, *, grace: float) -> None:
        """Take back what was not written, wait for the rest, close connections."""
        self.shut()
        await self.sender.aclose(grace=grace)
        await self.quiet()
