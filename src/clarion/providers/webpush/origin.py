"""One push service as one app sees it: its channel, its token, and whether it has to be left alone.

All limits are per push service, so that one that is down, slow or hostile does not hold up the others
(providers.md §5.5): the lane never hears of such trouble except through verdicts marked `origin_only`.
"""

import asyncio
from collections import deque
from collections.abc import Callable, Sequence

from clarion.foundation.clock import Clock
from clarion.providers.contract import Outcome, Verdict
from clarion.providers.limits import FAILURES, Breaker, RateLimiter
from clarion.providers.transport import Answer, Channel, Head, Transport
from clarion.providers.webpush.message import OWN, Judged, Label, Message
from clarion.providers.webpush.settings import WebPushSettings
from clarion.providers.webpush.vapid import VapidToken
from clarion.providers.webpush.verdicts import ACCEPTED, Standing, read, resting

_HEADS = 64
_REFUSED_PAUSE = 900.0
"""Seconds between probes of a push service that refuses the app (providers.md §1.1)."""
_THROTTLED_PAUSE = 60.0
_STALLED_PAUSE = 15.0
_WORKS_FOR = 60.0
"""Seconds for which an acceptance proves that the push service takes the app's messages."""
_CROWD, _CROWD_SECONDS = 10, 10.0
_LET_OUT = 32
"""Messages that are waited for when a rate is reached, so that they leave together."""
_SHORTEST_WAIT = 0.005
_WINDOWS = ".notify.windows.com"


class Origin:
    """The way to one push service.

    `judged` receives an answer to every message exactly once, unless it is withdrawn: a `Judged` or a success.
    """

    def __init__(
        self,
        origin: str,
        *,
        token: VapidToken,
        settings: WebPushSettings,
        transport: Transport,
        clock: Clock,
        judged: Callable[[Sequence[Answer]], None],
    ) -> None:
        self._windows = origin.endswith(_WINDOWS)
        self._token = token
        self._settings = settings
        self._clock = clock
        self._judged = judged
        self._channel: Channel = transport.open(origin, self._on_answers, settings.channel_to(origin))
        self._breaker = Breaker(settings.breaker_share)
        self._limiter = RateLimiter(settings.rate, warmup=settings.warmup)
        self._queue: deque[Message] = deque()
        """Messages that the rate does not let out yet. The lane's window bounds them."""
        self._waking: asyncio.TimerHandle | None = None
        self._authorization = ""
        self._heads: dict[Label, Head] = {}
        self._rest_until = self._heard_at = self._used_at = clock.monotonic()
        self._worked_at = float("-inf")
        self._refusal: Verdict | None = None
        self._probe_at = 0.0
        self._unauthorized = False
        self._throttled: dict[bytes | None, float] = {}

    @property
    def pending(self) -> int:
        """Messages handed over and not answered."""
        return self._channel.pending + len(self._queue)

    def set_share(self, share: float) -> None:
        """This process's part of the rate."""
        self._limiter.set_share(share)

    def refused_for(self) -> float:
        """Seconds until the push service, which refuses the app, is tried again; 0 = it does not refuse it."""
        return 0.0 if self._refusal is None else max(0.0, self._probe_at - self._clock.monotonic())

    def idle_since(self) -> float:
        """The monotonic moment of the last hand-over."""
        return self._used_at

    def fault(self) -> Verdict | None:
        """What becomes of messages now, if none may be handed over."""
        now = self._clock.monotonic()
        if self._refusal is not None and now < self._probe_at:
            return self._refusal
        if self._stalled(now):
            return resting(_STALLED_PAUSE)
        wait = max(self._rest_until - now, self._breaker.next_in(now))
        return resting(wait) if wait > 0 else None

    def room(self, wanted: int) -> tuple[int, Verdict | None]:
        """How many of `wanted` messages may be handed over now, and what becomes of the others."""
        now = self._used_at = self._clock.monotonic()
        fault = self.fault()
        if fault is not None:
            return 0, fault
        if self._refusal is not None:
            self._probe_at = now + _REFUSED_PAUSE
            return 1, self._refusal
        permitted = self._breaker.permits(wanted, now)
        return permitted, None if permitted == wanted else resting(self._breaker.next_in(now))

    def hand_over(self, messages: Sequence[Message]) -> None:
        """Give encrypted messages to the network, for which there was `room`, as fast as the rate allows."""
        self._queue.extend(messages)
        if self._waking is None:
            self._let_out()

    def _let_out(self) -> None:
        """Send what may go now, and come back for the rest."""
        now = self._clock.monotonic()
        count = self._limiter.take(len(self._queue), now)
        if count:
            self._send([self._queue.popleft() for _ in range(count)])
        if self._queue:
            wait = self._limiter.next_in(now, min(len(self._queue), _LET_OUT))
            self._waking = asyncio.get_running_loop().call_later(max(wait, _SHORTEST_WAIT), self._wake)

    def _wake(self) -> None:
        self._waking = None
        fault = self.fault()
        if fault is None:
            self._let_out()
        else:
            self._judged([Judged(message, fault) for message in self._take_queue()])

    def _take_queue(self) -> list[Message]:
        if self._waking is not None:
            self._waking.cancel()
            self._waking = None
        taken = list(self._queue)
        self._queue.clear()
        return taken

    def _send(self, messages: Sequence[Message]) -> None:
        if not self._channel.pending:
            self._heard_at = self._clock.monotonic()
        authorization = self._token.authorization(self._clock.now())
        if authorization != self._authorization:
            self._authorization = authorization
            self._heads.clear()
        head_of = self._heads.get
        for one in messages:
            one.tag = one
            one.head = head_of(one.label) or self._head(one.label)
        self._channel.submit(messages)

    def _head(self, label: Label) -> Head:
        if len(self._heads) >= _HEADS:
            self._heads.clear()
        head = self._heads[label] = Head("/", self._headers(label.ttl, label.urgency), own=OWN)
        return head

    def _headers(self, ttl: str, urgency: str) -> tuple[tuple[str, str], ...]:
        headers = (
            ("authorization", self._authorization),
            ("content-encoding", "aes128gcm"),
            ("content-type", "application/octet-stream"),
            ("ttl", ttl),
            ("urgency", urgency),
        )
        # Windows takes a message that may not be stored only when told so twice (providers.md §5.3).
        return (*headers, ("x-wns-cache-policy", "no-cache")) if self._windows and ttl == "0" else headers

    def withdraw(self) -> list[Message]:
        """Take back what has not been written."""
        taken = [*map(_message, self._channel.withdraw()), *self._take_queue()]
        for one in taken:
            one.tag = one.owner
        return taken

    def renew(self) -> None:
        """Sign a new token if the present one was refused."""
        if self._unauthorized:
            self._unauthorized = False
            self._token.renew()

    def look(self) -> None:
        """Give back what waits behind requests that are not answered. To be called several times a second."""
        if self._stalled(self._clock.monotonic()):
            waiting = self.withdraw()
            if waiting:
                self._judged([Judged(message, resting(_STALLED_PAUSE)) for message in waiting])

    def _stalled(self, now: float) -> bool:
        return self._channel.pending > 0 and now - self._heard_at > self._settings.stall_after

    def _on_answers(self, answers: list[Answer]) -> None:
        now = self._heard_at = self._clock.monotonic()
        failed, worked = 0, False
        for place, answer in enumerate(answers):
            message = _message(answer.tag)
            message.tag = answer.tag = message.owner
            if answer.status in ACCEPTED:
                worked = True
            else:
                judged = answers[place] = self._judge(message, answer, now)
                failed += judged.verdict.outcome in FAILURES
        if worked:
            self._worked_at = now
            self._refusal = None
        if self._breaker.record(len(answers), failed, now):
            self._limiter.recover(now)
        self._judged(answers)

    def _judge(self, message: Message, answer: Answer, now: float) -> Judged:
        standing = Standing()
        if answer.status in (401, 403):
            standing = Standing(renewed=message.renewed, works=self._works(now))
        elif answer.status == 429:
            standing = Standing(crowded=self._is_crowded(message.path, now))
        verdict = read(answer, self._clock.now(), standing)
        self._heed(message, verdict, now)
        return Judged(message, verdict, status=answer.status)

    def _heed(self, message: Message, verdict: Verdict, now: float) -> None:
        """Draw the consequences for the messages that come after."""
        match verdict.outcome:
            case Outcome.AUTH:
                message.renewed = self._unauthorized = True
            case Outcome.CREDENTIAL if not self._works(now):
                self._refusal, self._probe_at = verdict, now + _REFUSED_PAUSE
            case Outcome.THROTTLED_PROVIDER:
                wait = verdict.retry_after if verdict.retry_after is not None else verdict.default_wait
                self._rest_until = now + (_THROTTLED_PAUSE if wait is None else wait)
                self._limiter.throttle(self._rest_until, now)
            case _:
                return

    def _works(self, now: float) -> bool:
        return now - self._worked_at < _WORKS_FOR

    def _is_crowded(self, path: bytes | None, now: float) -> bool:
        self._throttled[path] = now
        if len(self._throttled) >= _CROWD:
            self._throttled = {one: at for one, at in self._throttled.items() if now - at <= _CROWD_SECONDS}
        return len(self._throttled) >= _CROWD

    async def aclose(self, *, grace: float) -> None:
        """Finish what is in flight and close connections; what the rate still holds back is not sent."""
        waiting = self._take_queue()
        if waiting:
            self._judged([Judged(message, resting(_STALLED_PAUSE)) for message in waiting])
        await self._channel.aclose(grace=grace)


def _message(one: object) -> Message:
    assert isinstance(one, Message)  # noqa: S101 - narrows the type only
    return one
