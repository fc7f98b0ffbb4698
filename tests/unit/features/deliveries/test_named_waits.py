"""A provider's own series of waits takes the place of the ordinary backoff."""

from datetime import UTC, datetime, timedelta

import pytest

from clarion.features.deliveries.decide import Standing, decide
from clarion.features.deliveries.model import Reason, State
from clarion.foundation.backoff import Backoff
from clarion.providers.contract import Outcome, Verdict

NOW = datetime(2026, 11, 22, tzinfo=UTC)
SERIES = (60.0, 900.0, 1800.0)


def wait_after(number: int, verdict: Verdict, *, first: datetime = NOW) -> float | None:
    """Seconds until the next attempt; None when there is none."""
    standing = Standing(number, first, NOW + timedelta(days=1))
    decision = decide(verdict, standing, now=NOW, backoff=Backoff(base=0.1))
    if decision.state is not State.WAITING:
        assert decision.reason is Reason.EXPIRED
        return None
    assert decision.next_attempt_at is not None
    return (decision.next_attempt_at - NOW).total_seconds()


@pytest.mark.parametrize(("number", "least"), [(1, 60.0), (2, 900.0), (3, 1800.0), (5, 1800.0)])
def test_each_attempt_has_its_wait_and_the_last_one_stays(number: int, least: float) -> None:
    wait = wait_after(number, Verdict(Outcome.TRANSIENT, "InternalServerError", waits=SERIES))
    assert wait is not None
    assert least <= wait <= least * 1.2


def test_what_the_provider_asks_for_now_wins() -> None:
    wait = wait_after(1, Verdict(Outcome.TRANSIENT, "ServiceUnavailable", waits=SERIES, retry_after=5.0))
    assert wait is not None
    assert 5 <= wait <= 6


def test_a_wait_that_leaves_the_hour_of_retries_ends_the_message() -> None:
    verdict = Verdict(Outcome.TRANSIENT, "ServiceUnavailable", waits=SERIES)
    assert wait_after(3, verdict, first=NOW - timedelta(minutes=40)) is None
