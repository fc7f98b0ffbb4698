"""From a verdict to the next state (providers.md §1.1-1.2)."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clarion.features.deliveries.decide import MAX_ATTEMPTS, PLATFORM_PAUSE, RETRY_PERIOD, Standing, decide
from clarion.features.deliveries.model import Reason, State
from clarion.foundation.backoff import Backoff
from clarion.providers.contract import Outcome, Verdict

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
FRESH = Standing(1, NOW, NOW + timedelta(hours=24))
BACKOFF = Backoff()


@pytest.mark.parametrize(
    ("outcome", "state", "reason"),
    [
        (Outcome.OK, State.SENT, None),
        (Outcome.TOKEN_CERTAIN, State.FAILED, Reason.TOKEN),
        (Outcome.TOKEN_GUARDED, State.FAILED, Reason.TOKEN),
        (Outcome.MESSAGE, State.FAILED, Reason.MESSAGE),
        (Outcome.CODE, State.FAILED, Reason.INTERNAL),
        (Outcome.TRANSIENT, State.WAITING, None),
        (Outcome.AMBIGUOUS, State.WAITING, None),
        (Outcome.UNSENT, State.WAITING, None),
        (Outcome.THROTTLED_DEVICE, State.WAITING, None),
        (Outcome.THROTTLED_CREDENTIAL, State.WAITING, None),
        (Outcome.THROTTLED_PROVIDER, State.WAITING, None),
        (Outcome.CREDENTIAL, State.WAITING, None),
        (Outcome.AUTH, State.WAITING, None),
    ],
)
def test_each_outcome_has_its_next_state(outcome: Outcome, state: State, reason: Reason | None) -> None:
    decision = decide(Verdict(outcome, "X"), FRESH, now=NOW, backoff=BACKOFF)
    assert (decision.state, decision.reason) == (state, reason)


def wait_of(verdict: Verdict, number: int = 1) -> float:
    decision = decide(verdict, Standing(number, NOW, FRESH.expires_at), now=NOW, backoff=BACKOFF)
    assert decision.next_attempt_at is not None
    return (decision.next_attempt_at - NOW).total_seconds()


def test_what_the_provider_asked_for_is_kept_and_only_lengthened() -> None:
    assert 30 <= wait_of(Verdict(Outcome.THROTTLED_PROVIDER, "X", retry_after=30, default_wait=60)) <= 36


def test_without_a_wish_the_default_of_the_table_holds() -> None:
    assert 60 <= wait_of(Verdict(Outcome.THROTTLED_CREDENTIAL, "X", default_wait=60)) <= 72


def test_backoff_doubles_and_keeps_the_providers_floor() -> None:
    assert 20 <= wait_of(Verdict(Outcome.TRANSIENT, "X"), number=3) <= 40
    assert wait_of(Verdict(Outcome.TRANSIENT, "X", floor=10.0)) == 10


def test_a_platform_that_is_refused_waits_without_using_up_an_attempt() -> None:
    verdict = Verdict(Outcome.CREDENTIAL, "THIRD_PARTY_AUTH_ERROR", platform_only="*")
    assert not decide(verdict, FRESH, now=NOW, backoff=BACKOFF).counted
    assert wait_of(verdict) == PLATFORM_PAUSE


@pytest.mark.parametrize(("limit", "last"), [(None, MAX_ATTEMPTS), (2, 3), (0, 1)])
def test_attempts_end_with_the_last_that_is_allowed(limit: int | None, last: int) -> None:
    verdict = Verdict(Outcome.TRANSIENT, "X", max_retries=limit)
    states = [
        decide(verdict, Standing(number, NOW, FRESH.expires_at), now=NOW, backoff=Backoff(base=0.01)).state
        for number in (max(1, last - 1), last)
    ]
    assert states[-1] is State.FAILED
    assert last == 1 or states[0] is State.WAITING


@given(
    outcome=st.sampled_from(list(Outcome)),
    number=st.integers(1, 20),
    age=st.integers(0, 90_000),
    left=st.integers(-10, 90_000),
    retry_after=st.none() | st.floats(1, 3600),
)
def test_nothing_is_retried_past_its_expiry_or_after_an_hour(
    outcome: Outcome, number: int, age: int, left: int, retry_after: float | None
) -> None:
    standing = Standing(number, NOW - timedelta(seconds=age), NOW + timedelta(seconds=left))
    decision = decide(Verdict(outcome, "X", retry_after=retry_after), standing, now=NOW, backoff=BACKOFF)
    if decision.state is not State.WAITING:
        assert decision.next_attempt_at is None
        return
    assert decision.next_attempt_at is not None
    assert NOW < decision.next_attempt_at < standing.expires_at
    assert not decision.counted or decision.next_attempt_at < standing.first_at + RETRY_PERIOD
