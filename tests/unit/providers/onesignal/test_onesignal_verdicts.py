"""Every row of the OneSignal table (providers.md §6.3): answer → class → next state; and what is never concluded."""

import json
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clarion.features.deliveries.decide import Standing, decide
from clarion.features.deliveries.model import State
from clarion.foundation.backoff import Backoff
from clarion.providers.contract import Outcome, Verdict
from clarion.providers.onesignal.verdicts import TABLE, Row, read, read_answer
from clarion.providers.transport import Answer, Failure

NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
A, B = "11111111-2222-3333-4444-555555555555", "aaaaaaaa-bbbb-cccc-dddd-eeeeeeeeeeee"
ID = "f3c1a6de-0000-4000-8000-000000000001"


@dataclass(frozen=True)
class Case:
    """A line of the table with an answer it speaks of."""

    line: str
    status: int
    body: object
    outcome: Outcome
    state: State
    code: str
    headers: tuple[tuple[str, str], ...] = ()


UNSUBSCRIBED = {"id": "", "errors": ["All included players are not subscribed"]}
CASES = [
    Case("accepted", 200, {"id": ID, "external_id": None}, Outcome.OK, State.SENT, "OK"),
    Case("nobody subscribed", 200, UNSUBSCRIBED, Outcome.TOKEN_GUARDED, State.FAILED, "not_subscribed"),
    Case("empty id", 200, {"id": "", "errors": ["no"]}, Outcome.MESSAGE, State.FAILED, "nothing_sent"),
    Case("missing id", 200, {"errors": ["no"]}, Outcome.MESSAGE, State.FAILED, "nothing_sent"),
    Case("app id", 400, {"errors": ["app_id not found"]}, Outcome.CREDENTIAL, State.WAITING, "app_id"),
    Case("bad request", 400, {"errors": ["contents"]}, Outcome.MESSAGE, State.FAILED, "HTTP_400"),
    Case("401", 401, {"errors": ["Access denied."]}, Outcome.CREDENTIAL, State.WAITING, "HTTP_401"),
    Case("403", 403, {"errors": ["Access denied."]}, Outcome.CREDENTIAL, State.WAITING, "HTTP_403"),
    Case("404", 404, "", Outcome.CREDENTIAL, State.WAITING, "HTTP_404"),
    Case("409", 409, {}, Outcome.TRANSIENT, State.WAITING, "HTTP_409"),
    Case("413", 413, "", Outcome.MESSAGE, State.FAILED, "HTTP_413"),
    Case("429", 429, {"errors": ["limit"]}, Outcome.THROTTLED_CREDENTIAL, State.WAITING, "HTTP_429"),
    Case("500", 500, "", Outcome.TRANSIENT, State.WAITING, "HTTP_500"),
    Case("503", 503, "", Outcome.TRANSIENT, State.WAITING, "HTTP_503", (("retry-after", "7"),)),
]


def answer(status: int, body: object, headers: tuple[tuple[str, str], ...] = ()) -> Answer:
    content = body if isinstance(body, bytes) else b"" if body == "" else json.dumps(body).encode()
    return Answer("tag", status, content, headers)


def next_state(verdict: Verdict) -> State:
    standing = Standing(1, NOW, NOW + timedelta(days=1))
    return decide(verdict, standing, now=NOW, backoff=Backoff(base=10)).state


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.line)
def test_each_row_leads_to_its_class_and_next_state(case: Case) -> None:
    verdict = read(answer(case.status, case.body, case.headers), NOW).common
    assert (verdict.outcome, verdict.code) == (case.outcome, case.code)
    assert next_state(verdict) is case.state
    assert verdict.known


def test_the_cases_cover_every_row() -> None:
    def row_of(case: Case) -> Row:
        reading = read_answer(answer(case.status, case.body))
        return next(row for row in TABLE if row.fits(reading))

    assert {id(row_of(case)) for case in CASES} == {id(row) for row in TABLE}


@pytest.mark.parametrize(
    "errors",
    [
        {"invalid_player_ids": [A]},
        {"invalid_subscription_ids": [A.upper()]},
        {"invalid_external_user_ids": [A]},
        {"invalid_aliases": {"onesignal_id": [A]}},
        [{"invalid_subscription_ids": [A]}],
        ["a text", {"invalid_player_ids": [A]}],
    ],
)
def test_partial_errors_of_every_shape_name_their_recipients(errors: object) -> None:
    verdict = read(answer(200, {"id": ID, "errors": errors}), NOW)
    assert (verdict.of(A).outcome, verdict.of(A).code) == (Outcome.TOKEN_GUARDED, "invalid_id")
    assert (verdict.of(B).outcome, verdict.of(B).provider_id) == (Outcome.OK, ID)


def test_waits_are_those_of_the_answer_or_of_the_table() -> None:
    assert read(answer(429, {}), NOW).common.default_wait == 60
    assert read(answer(409, {}), NOW).common.default_wait == 10
    assert read(answer(429, {}, (("retry-after", "3"),)), NOW).common.retry_after == 3


@pytest.mark.parametrize(
    ("failure", "outcome"), [(Failure.AMBIGUOUS, Outcome.AMBIGUOUS), (Failure.UNSENT, Outcome.UNSENT)]
)
def test_no_answer_is_ambiguous_unless_nothing_was_sent(failure: Failure, outcome: Outcome) -> None:
    assert read(Answer("tag", 0, failure=failure), NOW).common.outcome is outcome


@given(
    status=st.integers(200, 599), body=st.binary(max_size=200) | st.builds(lambda t: json.dumps(t).encode(), st.text())
)
def test_what_cannot_be_read_never_invalidates_a_token(status: int, body: bytes) -> None:
    verdict = read(answer(status, body), NOW)
    assert verdict.common.outcome is not Outcome.TOKEN_CERTAIN
    assert verdict.named == {}
    assert verdict.common.outcome is not Outcome.TOKEN_GUARDED
