"""Every row of the Huawei table (providers.md §7.4): answer → class → next state; and what is never concluded."""

import json
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clarion.features.deliveries.decide import Standing, decide
from clarion.features.deliveries.model import State
from clarion.foundation.backoff import Backoff
from clarion.providers.contract import Outcome
from clarion.providers.huawei.verdicts import CODES, STATUSES, read, refuses_token
from clarion.providers.transport import Answer, Failure

NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
# Written out once more, from the specification and not from the code.
EXPECTED = {
    Outcome.OK: "80000000",
    Outcome.MESSAGE: "80100001 80100002 80100003 80100004 80100013 80100016 80100020 80100022 "
    "80300008 80300029 80300030",
    Outcome.THROTTLED_CREDENTIAL: "80100017",
    Outcome.AUTH: "80200001 80200003 80200005",
    Outcome.CREDENTIAL: "80300002 80300011 80300037",
    Outcome.TOKEN_GUARDED: "80300007 80300028",
    Outcome.CODE: "80300010 80300036",
    Outcome.TRANSIENT: "80300017 80600003 80000001 81000001",
}
BY_CODE = [(code, outcome) for outcome, codes in EXPECTED.items() for code in codes.split()]
BY_STATUS = [
    (400, Outcome.MESSAGE),
    (401, Outcome.AUTH),
    (404, Outcome.CREDENTIAL),
    (500, Outcome.TRANSIENT),
    (502, Outcome.TRANSIENT),
    (503, Outcome.THROTTLED_CREDENTIAL),
]
NEXT = {
    Outcome.OK: State.SENT,
    Outcome.MESSAGE: State.FAILED,
    Outcome.TOKEN_GUARDED: State.FAILED,
    Outcome.CODE: State.FAILED,
}


def body(code: str | int, msg: str = "text") -> bytes:
    return json.dumps({"code": code, "msg": msg, "requestId": "157440955549500001002006"}).encode()


def partial(**report: object) -> Answer:
    return Answer("tag", 200, body("80100000", json.dumps(report)))


@pytest.mark.parametrize(("code", "outcome"), BY_CODE)
@pytest.mark.parametrize("status", [200, 400])
def test_the_code_decides_whatever_the_status(code: str, outcome: Outcome, status: int) -> None:
    for form in (code, int(code)):
        verdict = read(Answer("tag", status, body(form)), NOW).common
        assert verdict.outcome is outcome
        assert verdict.code == ("OK" if outcome is Outcome.OK else code)
        assert verdict.known
    standing = Standing(1, NOW, NOW + timedelta(days=1))
    decision = decide(verdict, standing, now=NOW, backoff=Backoff(base=10))
    assert decision.state is NEXT.get(outcome, State.WAITING)


@pytest.mark.parametrize(("status", "outcome"), BY_STATUS)
def test_without_a_code_the_status_decides(status: int, outcome: Outcome) -> None:
    verdict = read(Answer("tag", status, b"<html>"), NOW).common
    assert (verdict.outcome, verdict.code, verdict.known) == (outcome, f"HTTP_{status}", True)


def test_the_expectations_cover_every_row() -> None:
    assert {code for code, _ in BY_CODE} == {code for row in CODES for code in row.codes}
    assert {status for status, _ in BY_STATUS} == set(STATUSES)


def test_503_is_flow_control_even_with_a_code() -> None:
    verdict = read(Answer("tag", 503, body("80000001")), NOW).common
    assert (verdict.outcome, verdict.default_wait) == (Outcome.THROTTLED_CREDENTIAL, 30)


def test_a_partial_success_names_its_illegal_tokens() -> None:
    verdict = read(partial(success=1, failure=1, illegal_tokens=["dead"]), NOW)
    assert (verdict.of("dead").outcome, verdict.of("dead").code) == (Outcome.TOKEN_GUARDED, "80100000")
    assert verdict.of("alive").outcome is Outcome.OK


@pytest.mark.parametrize(
    "answer",
    [
        Answer("tag", 200, body("80100000", '{"success":1,"fail')),
        Answer("tag", 200, body("80100000", "")),
        partial(success=1, failure=2),
        partial(success=1, failure=2, illegal_tokens=[]),
        partial(success=1, failure=1, illegal_tokens=[7]),
    ],
)
def test_a_report_that_cannot_be_read_makes_the_whole_bundle_ambiguous(answer: Answer) -> None:
    verdict = read(answer, NOW)
    assert (verdict.common.outcome, verdict.common.code, verdict.named) == (Outcome.AMBIGUOUS, "80100000", {})


def test_an_unknown_code_with_200_is_no_success() -> None:
    verdict = read(Answer("tag", 200, body("80999999")), NOW).common
    assert (verdict.outcome, verdict.code, verdict.known) == (Outcome.MESSAGE, "80999999", False)


def test_only_refusals_of_the_access_token_ask_for_another() -> None:
    assert refuses_token(Answer("tag", 401, b""))
    assert refuses_token(Answer("tag", 200, body("80200003")))
    assert not refuses_token(Answer("tag", 200, body("80000000")))
    assert not refuses_token(Answer("tag", 0, failure=Failure.AMBIGUOUS))


@given(status=st.integers(200, 599), content=st.binary(max_size=200))
def test_what_cannot_be_read_never_invalidates_a_token(status: int, content: bytes) -> None:
    verdict = read(Answer("tag", status, content), NOW)
    assert verdict.common.outcome not in {Outcome.TOKEN_CERTAIN, Outcome.TOKEN_GUARDED}
    assert verdict.named == {}
