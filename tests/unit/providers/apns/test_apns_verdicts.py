"""The table of providers.md §3.7, written down a second time, and answers that no row fits."""

import json
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clarion.providers.apns.verdicts import TABLE, Remedy, read, wrong_clock
from clarion.providers.contract import Outcome
from clarion.providers.transport import Answer, Failure

NOW = datetime(2026, 11, 22, tzinfo=UTC)
MESSAGE, CREDENTIAL, CODE, TRANSIENT = Outcome.MESSAGE, Outcome.CREDENTIAL, Outcome.CODE, Outcome.TRANSIENT
SPEC = [
    (400, "BadCollapseId", MESSAGE, Remedy.NONE),
    (400, "BadExpirationDate", MESSAGE, Remedy.NONE),
    (400, "BadMessageId", MESSAGE, Remedy.NONE),
    (400, "BadPriority", MESSAGE, Remedy.NONE),
    (400, "InvalidPushType", MESSAGE, Remedy.NONE),
    (400, "PayloadEmpty", MESSAGE, Remedy.NONE),
    (400, "BadDeviceToken", Outcome.TOKEN_GUARDED, Remedy.OTHER_ENVIRONMENT),
    (400, "DeviceTokenNotForTopic", Outcome.TOKEN_GUARDED, Remedy.NONE),
    (400, "BadTopic", CREDENTIAL, Remedy.NONE),
    (400, "MissingTopic", CREDENTIAL, Remedy.NONE),
    (400, "TopicDisallowed", CREDENTIAL, Remedy.NONE),
    (400, "DuplicateHeaders", CODE, Remedy.NONE),
    (400, "MissingDeviceToken", CODE, Remedy.NONE),
    (400, "IdleTimeout", TRANSIENT, Remedy.NEW_CONNECTION),
    (403, "BadCertificate", CREDENTIAL, Remedy.NONE),
    (403, "BadCertificateEnvironment", CREDENTIAL, Remedy.NONE),
    (403, "Forbidden", CREDENTIAL, Remedy.NONE),
    (403, "InvalidProviderToken", CREDENTIAL, Remedy.NONE),
    (403, "MissingProviderToken", CREDENTIAL, Remedy.NONE),
    (403, "ExpiredProviderToken", Outcome.AUTH, Remedy.NONE),
    (403, "UnrelatedKeyIdInToken", CREDENTIAL, Remedy.NEW_CONNECTION),
    (403, "BadEnvironmentKeyIdInToken", CREDENTIAL, Remedy.NONE),
    (403, "BadEnvironmentKeyInToken", CREDENTIAL, Remedy.NONE),
    (404, "BadPath", CODE, Remedy.NONE),
    (405, "MethodNotAllowed", CODE, Remedy.NONE),
    (410, "Unregistered", Outcome.TOKEN_CERTAIN, Remedy.NONE),
    (410, "ExpiredToken", Outcome.TOKEN_CERTAIN, Remedy.NONE),
    (413, "PayloadTooLarge", MESSAGE, Remedy.NONE),
    (429, "TooManyProviderTokenUpdates", Outcome.THROTTLED_CREDENTIAL, Remedy.NONE),
    (429, "TooManyRequests", Outcome.THROTTLED_DEVICE, Remedy.NONE),
    (500, "InternalServerError", TRANSIENT, Remedy.NONE),
    (503, "ServiceUnavailable", TRANSIENT, Remedy.NONE),
    (503, "Shutdown", TRANSIENT, Remedy.NEW_CONNECTION),
]
FALLBACK = {
    301: CREDENTIAL,
    400: MESSAGE,
    401: Outcome.AUTH,
    403: CREDENTIAL,
    404: MESSAGE,
    405: MESSAGE,
    408: TRANSIENT,
    410: MESSAGE,
    413: MESSAGE,
    429: Outcome.THROTTLED_CREDENTIAL,
    500: TRANSIENT,
    503: TRANSIENT,
}


def answer(status: int, body: object = b"", **headers: str) -> Answer:
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    pairs = tuple((name.replace("_", "-"), value) for name, value in headers.items())
    return Answer("tag", status, data, pairs)


@pytest.mark.parametrize(("status", "reason", "outcome", "remedy"), SPEC, ids=[row[1] for row in SPEC])
def test_every_row_of_the_table_reads_as_specified(status: int, reason: str, outcome: Outcome, remedy: Remedy) -> None:
    reading = read(answer(status, {"reason": reason}), NOW)
    assert (reading.verdict.outcome, reading.verdict.code, reading.remedy) == (outcome, reason, remedy)
    assert reading.verdict.known
    assert reading.verdict.text


def test_the_table_has_no_row_that_is_not_specified() -> None:
    rows = {(row.status, reason) for row in TABLE for reason in row.reasons}
    assert rows == {(status, reason) for status, reason, *_ in SPEC}


@pytest.mark.parametrize(
    ("status", "reason", "waits"),
    [
        (429, "TooManyRequests", (60.0, 120.0, 240.0)),
        (500, "InternalServerError", (60.0, 900.0, 1800.0)),
        (503, "ServiceUnavailable", (60.0, 900.0, 1800.0)),
    ],
)
def test_waits_grow_as_apple_asks(status: int, reason: str, waits: tuple[float, ...]) -> None:
    assert read(answer(status, {"reason": reason}), NOW).verdict.waits[:3] == waits


def test_after_too_many_new_tokens_the_credential_rests_a_minute() -> None:
    assert read(answer(429, {"reason": "TooManyProviderTokenUpdates"}), NOW).verdict.default_wait == 60.0


def test_a_relays_retry_after_is_honoured() -> None:
    assert read(answer(503, {"reason": "ServiceUnavailable"}, retry_after="77"), NOW).verdict.retry_after == 77.0


@pytest.mark.parametrize(("status", "outcome"), FALLBACK.items())
@pytest.mark.parametrize("body", [b"", b"<html>", b"[1]", b'{"reason":7}', b'{"reason":"News"}', b'{"reason":"Bad'])
def test_what_no_row_fits_goes_by_its_status_and_spares_the_token(status: int, outcome: Outcome, body: bytes) -> None:
    reading = read(answer(status, body), NOW)
    assert (reading.verdict.outcome, reading.verdict.code) == (outcome, f"HTTP_{status}")
    assert not reading.verdict.known
    assert reading.remedy is Remedy.NONE


@pytest.mark.parametrize(("status", "reason"), [(404, "Unregistered"), (200, "BadDeviceToken"), (500, "Shutdown")])
def test_a_reason_under_another_status_means_nothing(status: int, reason: str) -> None:
    verdict = read(answer(status, {"reason": reason}), NOW).verdict
    assert verdict.outcome not in {Outcome.TOKEN_CERTAIN, Outcome.TOKEN_GUARDED}


@given(status=st.integers(200, 599), body=st.binary(max_size=200))
def test_no_garbage_invalidates_a_token(status: int, body: bytes) -> None:
    verdict = read(answer(status, body), NOW).verdict
    assert verdict.outcome not in {Outcome.TOKEN_CERTAIN, Outcome.TOKEN_GUARDED}


@pytest.mark.parametrize(
    ("timestamp", "moment"),
    [
        (1767225600500, datetime(2026, 1, 1, 0, 0, 0, 500_000, UTC)),
        (0, datetime(1970, 1, 1, tzinfo=UTC)),
        (1e300, None),
        (-(10**18), None),
        ("1767225600500", None),
        (True, None),
        (None, None),
    ],
)
def test_the_timestamp_of_a_410_is_in_milliseconds(timestamp: object, moment: datetime | None) -> None:
    body = {"reason": "Unregistered", "timestamp": timestamp}
    assert read(answer(410, body), NOW).verdict.dead_since == moment


def test_only_a_dead_token_has_a_time_of_death() -> None:
    assert read(answer(400, {"reason": "BadDeviceToken", "timestamp": 5}), NOW).verdict.dead_since is None


@pytest.mark.parametrize("found", ["", "x" * 65, "<script>"])
def test_only_what_looks_like_an_id_is_kept_as_one(found: str) -> None:
    assert read(answer(200, b"", apns_id=found), NOW).verdict.provider_id is None


def test_the_id_of_an_accepted_notification_is_kept() -> None:
    found = "eabeae54-14a8-11e5-b60b-1697f925ec7b"
    assert read(answer(200, b"", apns_id=found), NOW).verdict.provider_id == found


@pytest.mark.parametrize(("failure", "outcome"), [("unsent", Outcome.UNSENT), ("ambiguous", Outcome.AMBIGUOUS)])
def test_no_answer_is_no_refusal(failure: str, outcome: Outcome) -> None:
    lost = Answer("tag", 0, failure=Failure(failure), detail="connect: refused")
    assert read(lost, NOW).verdict.outcome is outcome


def test_a_wrong_clock_is_named_with_what_it_shows() -> None:
    verdict = wrong_clock("ExpiredProviderToken", NOW, age=12.4)
    assert verdict.outcome is Outcome.CREDENTIAL
    assert "12 s ago" in verdict.text
    assert "2026-11-22 00:00:00 UTC" in verdict.text
