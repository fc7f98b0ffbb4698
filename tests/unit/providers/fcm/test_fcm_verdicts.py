"""Every row of the FCM error table (providers.md §2.4), its reading order, and what is never concluded."""

import json
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clarion.providers.contract import SAME_PLATFORM, Outcome
from clarion.providers.fcm.verdicts import FLOOR, TABLE, Mark, Row, read
from clarion.providers.transport import Answer, Failure

NOW = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)
FCM_ERROR = "type.googleapis.com/google.firebase.fcm.v1.FcmError"
BAD_REQUEST = "type.googleapis.com/google.rpc.BadRequest"
QUOTA_FAILURE = "type.googleapis.com/google.rpc.QuotaFailure"
TOKEN_OUTCOMES = {Outcome.TOKEN_CERTAIN, Outcome.TOKEN_GUARDED}


def fcm_error(code: str) -> dict[str, Any]:
    return {"@type": FCM_ERROR, "errorCode": code}


def violation(name: str) -> dict[str, Any]:
    return {"@type": BAD_REQUEST, "fieldViolations": [{"field": name, "description": "no"}]}


def error_body(status: str = "", *details: object, message: str = "Something failed.", code: int = 400) -> bytes:
    error: dict[str, Any] = {"code": code, "message": message}
    if status:
        error["status"] = status
    if details:
        error["details"] = list(details)
    return json.dumps({"error": error}).encode()


def answer(status: int, body: bytes = b"", **headers: str) -> Answer:
    return Answer("tag", status, body, tuple((name.replace("_", "-"), value) for name, value in headers.items()))


@dataclass(frozen=True)
class Case:
    """A line of providers.md §2.4 with an answer it speaks of."""

    line: str
    status: int
    body: bytes
    outcome: Outcome
    code: str
    headers: dict[str, str] = field(default_factory=dict)
    expected: dict[str, Any] = field(default_factory=dict)


HTML = b"<html><title>502 Bad Gateway</title></html>"
CASES = [
    Case("200", 200, b'{"name":"projects/p/messages/0:1%a"}', Outcome.OK, "OK", expected={"provider_id": "0:1%a"}),
    Case(
        "400 field message.token",
        400,
        error_body("INVALID_ARGUMENT", fcm_error("INVALID_ARGUMENT"), violation("message.token")),
        Outcome.TOKEN_GUARDED,
        "INVALID_ARGUMENT",
    ),
    Case(
        "400 words about the token",
        400,
        error_body("INVALID_ARGUMENT", message="The registration token is not a valid FCM registration token"),
        Outcome.TOKEN_GUARDED,
        "INVALID_ARGUMENT",
    ),
    Case(
        "400 other field",
        400,
        error_body("INVALID_ARGUMENT", violation("message.data[0].value")),
        Outcome.MESSAGE,
        "INVALID_ARGUMENT",
    ),
    Case("400 no details", 400, error_body("INVALID_ARGUMENT"), Outcome.MESSAGE, "INVALID_ARGUMENT"),
    Case(
        "401 THIRD_PARTY_AUTH_ERROR",
        401,
        error_body("UNAUTHENTICATED", fcm_error("THIRD_PARTY_AUTH_ERROR")),
        Outcome.CREDENTIAL,
        "THIRD_PARTY_AUTH_ERROR",
        expected={"platform_only": SAME_PLATFORM},
    ),
    Case(
        "401 APNS_AUTH_ERROR",
        401,
        error_body("UNAUTHENTICATED", fcm_error("APNS_AUTH_ERROR")),
        Outcome.CREDENTIAL,
        "APNS_AUTH_ERROR",
        expected={"platform_only": SAME_PLATFORM},
    ),
    Case("401 UNAUTHENTICATED", 401, error_body("UNAUTHENTICATED"), Outcome.AUTH, "UNAUTHENTICATED"),
    Case(
        "403 SENDER_ID_MISMATCH",
        403,
        error_body("PERMISSION_DENIED", fcm_error("SENDER_ID_MISMATCH")),
        Outcome.TOKEN_GUARDED,
        "SENDER_ID_MISMATCH",
    ),
    Case("403 PERMISSION_DENIED", 403, error_body("PERMISSION_DENIED"), Outcome.CREDENTIAL, "PERMISSION_DENIED"),
    Case(
        "404 UNREGISTERED",
        404,
        error_body("NOT_FOUND", fcm_error("UNREGISTERED")),
        Outcome.TOKEN_CERTAIN,
        "UNREGISTERED",
    ),
    Case("404 without FcmError", 404, error_body("NOT_FOUND"), Outcome.CREDENTIAL, "NOT_FOUND"),
    Case("404 HTML", 404, HTML, Outcome.CREDENTIAL, "HTTP_404"),
    Case("404 cut", 404, error_body("NOT_FOUND", fcm_error("UNREGISTERED"))[:-9], Outcome.CREDENTIAL, "HTTP_404"),
    Case("413", 413, HTML, Outcome.MESSAGE, "HTTP_413"),
    Case(
        "429 project",
        429,
        error_body("RESOURCE_EXHAUSTED", fcm_error("QUOTA_EXCEEDED")),
        Outcome.THROTTLED_CREDENTIAL,
        "QUOTA_EXCEEDED",
        expected={"default_wait": 60.0, "retry_after": None},
    ),
    Case(
        "429 without details",
        429,
        error_body("RESOURCE_EXHAUSTED", message="Too many requests from all devices"),
        Outcome.THROTTLED_CREDENTIAL,
        "RESOURCE_EXHAUSTED",
        {"retry_after": "30"},
        {"retry_after": 30.0},
    ),
    Case(
        "429 words about the device",
        429,
        error_body("RESOURCE_EXHAUSTED", fcm_error("QUOTA_EXCEEDED"), message="Device message rate exceeded"),
        Outcome.THROTTLED_DEVICE,
        "QUOTA_EXCEEDED",
        expected={"default_wait": 60.0},
    ),
    Case(
        "429 QuotaFailure of the device",
        429,
        error_body("RESOURCE_EXHAUSTED", {"@type": QUOTA_FAILURE, "violations": [{"subject": "device:abc"}]}),
        Outcome.THROTTLED_DEVICE,
        "RESOURCE_EXHAUSTED",
    ),
    Case(
        "500", 500, error_body("INTERNAL", fcm_error("INTERNAL")), Outcome.TRANSIENT, "INTERNAL", {}, {"floor": FLOOR}
    ),
    Case("502", 502, HTML, Outcome.AMBIGUOUS, "HTTP_502", expected={"floor": FLOOR}),
    Case("504", 504, b"", Outcome.AMBIGUOUS, "HTTP_504", expected={"floor": FLOOR}),
    Case(
        "503 with Retry-After",
        503,
        error_body("UNAVAILABLE"),
        Outcome.THROTTLED_PROVIDER,
        "UNAVAILABLE",
        {"retry_after": "7"},
        {"retry_after": 7.0},
    ),
    Case("503", 503, error_body("UNAVAILABLE"), Outcome.TRANSIENT, "UNAVAILABLE", expected={"floor": FLOOR}),
    Case(
        "any UNSPECIFIED_ERROR",
        400,
        error_body("INVALID_ARGUMENT", fcm_error("UNSPECIFIED_ERROR")),
        Outcome.TRANSIENT,
        "UNSPECIFIED_ERROR",
        expected={"max_retries": 2},
    ),
]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.line)
def test_specified_answer(case: Case) -> None:
    verdict = read(answer(case.status, case.body, **case.headers), NOW)
    assert (verdict.outcome, verdict.code, verdict.known) == (case.outcome, case.code, True)
    for name, value in case.expected.items():
        assert getattr(verdict, name) == value


def answers_for(row: Row) -> list[Answer]:
    """The plainest answers that a row of the table speaks of, one for each of its statuses and codes."""
    headers = {"retry_after": "5"} if Mark.RETRY_AFTER in row.has else {}
    made = []
    for status in row.statuses or {418}:
        for code in row.codes or {""}:
            details: list[object] = []
            if code and Mark.FCM_ERROR not in row.lacks:
                details.append(fcm_error(code))
            if Mark.TOKEN in row.has:
                details.append(violation("message.token"))
            if Mark.DEVICE in row.has:
                details.append({"@type": QUOTA_FAILURE, "violations": [{"subject": "device"}]})
            made.append(answer(status, error_body(code, *details), **headers))
    return made


@pytest.mark.parametrize("row", TABLE, ids=lambda row: f"{sorted(row.statuses)}-{row.meaning}")
def test_row_of_the_table_decides(row: Row) -> None:
    for given_answer in answers_for(row):
        verdict = read(given_answer, NOW)
        assert verdict.known
        assert verdict.outcome is row.outcome
        assert verdict.max_retries == row.max_retries
        assert verdict.default_wait == row.default_wait
        assert verdict.platform_only == row.platform_only


@pytest.mark.parametrize(
    ("status", "headers", "outcome"),
    [
        (204, {}, Outcome.OK),
        (302, {}, Outcome.CREDENTIAL),
        (401, {}, Outcome.AUTH),
        (403, {}, Outcome.CREDENTIAL),
        (405, {}, Outcome.MESSAGE),
        (408, {}, Outcome.TRANSIENT),
        (418, {}, Outcome.MESSAGE),
        (425, {}, Outcome.TRANSIENT),
        (429, {}, Outcome.THROTTLED_CREDENTIAL),
        (500, {}, Outcome.TRANSIENT),
        (500, {"retry_after": "9"}, Outcome.THROTTLED_PROVIDER),
        (599, {}, Outcome.TRANSIENT),
        (700, {}, Outcome.TRANSIENT),
    ],
)
def test_answer_without_a_row_goes_by_its_status(status: int, headers: dict[str, str], outcome: Outcome) -> None:
    verdict = read(answer(status, b"who knows", **headers), NOW)
    assert (verdict.outcome, verdict.code, verdict.known) == (outcome, f"HTTP_{status}", False)
    assert verdict.text == "who knows"


@pytest.mark.parametrize(
    "body",
    [
        error_body("NOT_FOUND", fcm_error("UNREGISTERED")),
        error_body("PERMISSION_DENIED", fcm_error("SENDER_ID_MISMATCH")),
    ],
)
@pytest.mark.parametrize("status", [301, 400, 401, 410, 429, 500, 503])
def test_token_code_under_another_status_drops_no_token(status: int, body: bytes) -> None:
    assert read(answer(status, body), NOW).outcome not in TOKEN_OUTCOMES


@pytest.mark.parametrize("status", [403, 404])
def test_token_code_outside_an_fcm_error_drops_no_token(status: int) -> None:
    for code in ("UNREGISTERED", "SENDER_ID_MISMATCH"):
        assert read(answer(status, error_body(code)), NOW).outcome is Outcome.CREDENTIAL
        other = {"@type": "type.googleapis.com/other.Error", "errorCode": code}
        assert read(answer(status, error_body("NOT_FOUND", other)), NOW).outcome is Outcome.CREDENTIAL


json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.text(max_size=8)
    | st.sampled_from(["UNREGISTERED", "INVALID_ARGUMENT", "SENDER_ID_MISMATCH", FCM_ERROR, BAD_REQUEST]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["error", "details", "@type", "errorCode", "status", "message", "fieldViolations", "field"])
            | st.text(max_size=3),
            inner,
            max_size=4,
        )
    ),
    max_leaves=20,
)
bodies = (
    st.binary(max_size=200)
    | json_values.map(lambda value: json.dumps(value).encode())
    | json_values.map(lambda value: json.dumps({"error": {"details": [value]}}).encode())
    | st.sampled_from([b"[" * 65536, b'{"error":' * 7000, b"\xff" * 65536, b'"' + b"x" * 65536, b"null", b"{}", b"[]"])
)


def says(body: bytes, *words: str) -> bool:
    return all(word.encode() in body for word in words)


@given(st.integers(100, 999), bodies, st.sampled_from([{}, {"retry_after": "3"}, {"retry_after": "soon"}]))
def test_arbitrary_answers_are_read_and_never_drop_a_token(status: int, body: bytes, headers: dict[str, str]) -> None:
    verdict = read(answer(status, body, **headers), NOW)
    if verdict.outcome is Outcome.TOKEN_CERTAIN:
        assert status == 404
        assert says(body, FCM_ERROR, "UNREGISTERED")
    elif verdict.outcome is Outcome.TOKEN_GUARDED:
        assert says(body, "INVALID_ARGUMENT") if status == 400 else status == 403 and says(body, "SENDER_ID_MISMATCH")
    assert len(verdict.text) <= 512
    assert verdict.text.isprintable()
    assert verdict.code.isascii()


@pytest.mark.parametrize(
    ("body", "provider_id"),
    [
        (b'{"name":"projects/p/messages/0:15%31bd"}', "0:15%31bd"),
        (b'{\n  "name": "projects/my-project/messages/abc"\n}\n', "abc"),
        (b"", None),
        (b"<html>", None),
        (b'{"name":5}', None),
        (b'{"name":"projects/p/messages/', None),
        (b'{"name":"projects/p/messages/' + b"x" * 65536, None),
        (b'{"name":"projects/p/messages/\xff"}', None),
    ],
)
def test_accepted_message_yields_its_id_whatever_the_body_is(body: bytes, provider_id: str | None) -> None:
    verdict = read(answer(200, body), NOW)
    assert (verdict.outcome, verdict.provider_id) == (Outcome.OK, provider_id)


@pytest.mark.parametrize(
    ("failure", "outcome"), [(Failure.UNSENT, Outcome.UNSENT), (Failure.AMBIGUOUS, Outcome.AMBIGUOUS)]
)
def test_missing_answer_keeps_the_transports_distinction(failure: Failure, outcome: Outcome) -> None:
    verdict = read(Answer("tag", 0, failure=failure, detail="reset: CANCEL"), NOW)
    assert (verdict.outcome, verdict.text, verdict.floor) == (outcome, "reset: CANCEL", FLOOR)


def http_date(seconds: float) -> str:
    return format_datetime(NOW + timedelta(seconds=seconds), usegmt=True)


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("30", 30.0),
        ("0", 1.0),
        ("999999999999999999", 3600.0),
        ("-5", None),
        ("soon", None),
        ("1.5", None),
        ("٣", None),
        (http_date(90), 90.0),
        (http_date(86_400), 3600.0),
        (http_date(-30), None),
        ("Sat, 99 Nov 2026 12:00:00 GMT", None),
    ],
)
def test_retry_after(value: str, seconds: float | None) -> None:
    body = error_body("RESOURCE_EXHAUSTED")
    assert read(Answer("tag", 429, body, (("retry-after", value),)), NOW).retry_after == seconds


def test_stored_text_holds_no_token() -> None:
    token = "cAFe-1_x:APA91b" + "Ab3_" * 30
    known = read(answer(400, error_body("INVALID_ARGUMENT", message=f"token {token}\x00 is wrong")), NOW)
    unknown = read(answer(418, f"<p>Bearer ya29.{token} at https://x.example/{token}".encode()), NOW)
    assert known.text == "token [redacted] is wrong"
    assert unknown.text == "<p>Bearer [redacted] at https://x.example/…"
