"""Stops sending through a credential whose provider does not work, and finds out when it works again."""

from enum import Enum, auto

from clarion.providers.contract import Outcome
from clarion.providers.limits.window import SlidingCounts

FAILURES = frozenset({Outcome.TRANSIENT, Outcome.AMBIGUOUS, Outcome.UNSENT})
"""Outcomes that say that the provider, or the way to it, does not work."""
_SPAN = 30
_LEAST_REQUESTS = 20
SHARE = 0.5
"""Part of the requests that must fail, where the operator has not said another one."""
_FIRST_PAUSE = 15.0
_LONGEST_PAUSE = 300.0


class _State(Enum):
    CLOSED = auto()
    OPEN = auto()
    PROBING = auto()


class Breaker:
    """Open after ≥ 20 requests in 30 s of which `share` or more failed; one probe after 15 s, then ×2 up to 5 min."""

    def __init__(self, share: float = SHARE) -> None:
        self._share = share
        self._state = _State.CLOSED
        self._counts = SlidingCounts(_SPAN)
        self._pause = _FIRST_PAUSE
        self._probe_at = 0.0

    @property
    def closed(self) -> bool:
        """Whether everything may pass."""
        return self._state is _State.CLOSED

    def permits(self, wanted: int, now: float) -> int:
        """How many of `wanted` requests may go out now. Those that are permitted must be sent, or `recall`ed."""
        if self._state is _State.CLOSED or wanted <= 0:
            return max(wanted, 0)
        if now < self._probe_at:
            return 0
        self._state = _State.PROBING
        self._probe_at = now + self._pause  # a probe that is never answered is repeated
        return 1

    def next_in(self, now: float) -> float:
        """Seconds until `permits` can say more than 0; 0 when it does now."""
        return 0.0 if self.closed else max(0.0, self._probe_at - now)

    def recall(self, now: float) -> None:
        """The permitted probe was not sent after all: another may go at once."""
        if self._state is _State.PROBING:
            self._state = _State.OPEN
            self._probe_at = now

    def record(self, answered: int, failed: int, now: float) -> bool:
        """Count a batch of answers, `failed` of which are `FAILURES`. True when this closed the breaker."""
        if self._state is _State.CLOSED:
            self._counts.add(now, first=answered, second=failed)
            if self._counts.first >= _LEAST_REQUESTS and self._counts.second >= self._share * self._counts.first:
                self._open(now, _FIRST_PAUSE)
        elif self._state is _State.PROBING and answered > failed:
            self._close()
            return True
        elif self._state is _State.PROBING and failed:
            self._open(now, min(self._pause * 2, _LONGEST_PAUSE))
        # While open, answers belong to requests from before: they say nothing new.
        return False

    def _open(self, now: float, pause: float) -> None:
        self._state = _State.OPEN
        self._pause = pause
        self._probe_at = now + pause

    def _close(self) -> None:
        self._state = _State.CLOSED
        self._counts.clear()
