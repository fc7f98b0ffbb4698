"""From a verdict to what happens next (providers.md §1.1-1.3). Pure; nothing else decides about retries."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from clarion.features.deliveries.model import Reason, State
from clarion.foundation.backoff import Backoff, later
from clarion.providers.contract import Outcome, Verdict

MAX_ATTEMPTS = 8
RETRY_PERIOD = timedelta(minutes=60)
PLATFORM_PAUSE = 900.0
"""Seconds that devices of one platform wait when the credential is refused for that platform only."""

_FINAL = {
    Outcome.TOKEN_CERTAIN: Reason.TOKEN,
    Outcome.TOKEN_GUARDED: Reason.TOKEN,
    Outcome.MESSAGE: Reason.MESSAGE,
    Outcome.CODE: Reason.INTERNAL,
}


@dataclass(frozen=True, slots=True)
class Decision:
    """The next state of one message."""

    state: State
    reason: Reason | None = None
    next_attempt_at: datetime | None = None
    counted: bool = True
    """Whether this attempt uses up one of the message's attempts."""


@dataclass(frozen=True, slots=True)
class Standing:
    """Where a message stands when its verdict arrives."""

    number: int
    """Of the attempt just made, from 1."""
    first_at: datetime
    expires_at: datetime


def decide(verdict: Verdict, standing: Standing, *, now: datetime, backoff: Backoff) -> Decision:
    """The next state after `verdict`.

    CREDENTIAL and AUTH concern the credential, not the message: they arrive here only for one platform, or when the
    message must wait for its credential, and never use up an attempt.
    """
    if verdict.outcome is Outcome.OK:
        return Decision(State.SENT)
    if verdict.outcome in _FINAL:
        return Decision(State.FAILED, _FINAL[verdict.outcome])
    if verdict.outcome in (Outcome.CREDENTIAL, Outcome.AUTH):
        return _wait(PLATFORM_PAUSE, standing, now=now, counted=False)
    if _used_up(verdict, standing):
        return Decision(State.FAILED, Reason.EXPIRED)
    return _wait(_delay(verdict, standing.number, backoff), standing, now=now, counted=True)


def _used_up(verdict: Verdict, standing: Standing) -> bool:
    limit = MAX_ATTEMPTS if verdict.max_retries is None else verdict.max_retries + 1
    return standing.number >= limit


def _delay(verdict: Verdict, number: int, backoff: Backoff) -> float:
    """Seconds: what the provider asked for, else its default, else exponential backoff."""
    asked = verdict.retry_after if verdict.retry_after is not None else verdict.default_wait
    if asked is None and verdict.waits:
        asked = verdict.waits[min(number, len(verdict.waits)) - 1]
    if asked is not None:
        return max(verdict.floor, later(asked))
    return backoff.delay(number, floor=verdict.floor)


def _wait(seconds: float, standing: Standing, *, now: datetime, counted: bool) -> Decision:
    moment = now + timedelta(seconds=seconds)
    last = standing.expires_at if not counted else min(standing.expires_at, standing.first_at + RETRY_PERIOD)
    if moment >= last:
        return Decision(State.FAILED, Reason.EXPIRED)
    return Decision(State.WAITING, next_attempt_at=moment, counted=counted)
