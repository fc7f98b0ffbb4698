"""What owners are told about their credentials."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from clarion.features.deliveries.alerts import alerts
from clarion.features.deliveries.credential_status import CredentialStatus

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
WELL = CredentialStatus(
    app_id=1,
    provider="apns",
    label="com.example.app",
    fingerprint="f",
    version=1,
    updated_at=NOW,
    expires_at=None,
    results=10,
    paused_at=None,
    pause_reason=None,
    probe_at=None,
    guard_tripped_at=None,
    guard_code=None,
    blocked_until=None,
    block_reason=None,
    unknown_answers=0,
    unknown_text=None,
    unknown_at=None,
    archived=False,
    suspects=0,
)


def codes(status: CredentialStatus) -> list[str]:
    return [alert.code for alert in alerts(status, NOW)]


def test_a_credential_without_trouble_has_no_alert() -> None:
    assert codes(WELL) == []
    assert codes(replace(WELL, expires_at=NOW + timedelta(days=30, seconds=1))) == []


@pytest.mark.parametrize(
    ("left", "code"),
    [
        (timedelta(days=30), "expires_in_30_days"),
        (timedelta(days=14, seconds=1), "expires_in_30_days"),
        (timedelta(days=14), "expires_in_14_days"),
        (timedelta(days=7), "expires_in_7_days"),
        (timedelta(days=1), "expires_in_1_days"),
        (timedelta(seconds=1), "expires_in_1_days"),
        (timedelta(0), "expired"),
        (timedelta(days=-9), "expired"),
    ],
)
def test_a_certificate_warns_in_time_and_once_per_step(left: timedelta, code: str) -> None:
    assert codes(replace(WELL, expires_at=NOW + left)) == [code]


def test_the_warning_names_the_day() -> None:
    (alert,) = alerts(replace(WELL, expires_at=NOW + timedelta(hours=20)), NOW)
    assert alert.text == "the certificate runs out in less than 1 day, on 2026-03-02; upload a new one"


def test_pause_and_guard_say_what_happened_and_what_to_do() -> None:
    status = replace(
        WELL,
        paused_at=NOW,
        pause_reason="InvalidProviderToken: the key is revoked",
        guard_tripped_at=NOW,
        guard_code="BadDeviceToken",
    )
    paused, guard = alerts(status, NOW)
    assert (paused.code, guard.code) == ("paused", "guard_tripped")
    assert "InvalidProviderToken: the key is revoked" in paused.text
    assert "replace the credential" in paused.text
    assert "BadDeviceToken" in guard.text
    assert "confirm or dismiss" in guard.text


@pytest.mark.parametrize("reason", ["breaker", "throttled", "access_token"])
def test_a_hindrance_is_told_until_it_is_over(reason: str) -> None:
    until = NOW + timedelta(seconds=5)
    assert codes(replace(WELL, blocked_until=until, block_reason=reason)) == [reason]
    assert codes(replace(WELL, blocked_until=NOW, block_reason=reason)) == []


def test_unknown_answers_are_counted_and_quoted() -> None:
    (alert,) = alerts(replace(WELL, unknown_answers=3, unknown_text="HTTP_418: teapot"), NOW)
    assert alert.code == "unknown_answers"
    assert alert.text.startswith("3 answers that Clarion does not know")
    assert alert.text.endswith("HTTP_418: teapot")


def test_a_push_service_that_refuses_the_app_is_named() -> None:
    refused = replace(WELL, blocked_until=NOW + timedelta(minutes=15), block_reason="push_service web.push.apple.com")
    (alert,) = alerts(refused, NOW)
    assert alert.code == "push_service"
    assert "web.push.apple.com refuses" in alert.text
