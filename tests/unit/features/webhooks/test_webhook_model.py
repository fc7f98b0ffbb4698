"""How messages to webhooks look, are signed and repeated (reliability.md WH-1)."""

import json
import subprocess
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest

from clarion.features.webhooks.model import Attempted, Due, checked_events, encode, new_secret, next_attempt, signature
from clarion.foundation.errors import InvalidInput

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)


def due(**changes: object) -> Due:
    fields = {
        "id": 7,
        "webhook_id": 1,
        "account_id": 1,
        "attempt": 1,
        "event_id": UUID(int=9),
        "type": "send.started",
        "object": "send:5",
        "data": {"send_id": 5, "name": "Grüße"},
        "created_at": NOW,
        "url": "https://hooks.example/",
        "secrets": ["whsec_one"],
        **changes,
    }
    return Due(**fields)  # type: ignore[arg-type]


def openssl_hmac(secret: str, text: bytes) -> str:
    command = ["openssl", "dgst", "-sha256", "-hmac", secret]
    return subprocess.run(command, input=text, capture_output=True, check=True).stdout.decode().split()[-1]


def test_signatures_agree_with_another_implementation() -> None:
    body = encode(due())
    moment = int(NOW.timestamp())
    expected = [openssl_hmac(secret, b"%d." % moment + body) for secret in ("whsec_new", "whsec_old")]
    found = signature(["whsec_new", "whsec_old"], body, at=NOW)
    assert found == f"t={moment},v1={expected[0]},v1={expected[1]}"


def test_a_body_is_the_same_in_every_attempt_and_tells_what_happened() -> None:
    assert encode(due(attempt=1)) == encode(due(attempt=9, secrets=["other"]))
    assert json.loads(encode(due())) == {
        "id": str(UUID(int=9)),
        "type": "send.started",
        "created_at": "2026-03-01T12:00:00Z",
        "object": "send:5",
        "sequence": 7,
        "data": {"send_id": 5, "name": "Grüße"},
    }


def test_attempts_come_ever_later_and_reach_six_hours() -> None:
    waits = [next_attempt(number, Attempted(500, "x"), now=NOW) - NOW for number in range(1, 30)]
    assert timedelta(seconds=5) <= waits[0] <= timedelta(seconds=10)
    assert timedelta(minutes=40) < waits[9] < timedelta(minutes=90)
    assert all(timedelta(hours=3) <= wait <= timedelta(hours=6) for wait in waits[12:])
    assert sum(waits[:13], timedelta()) > timedelta(hours=6)


@pytest.mark.parametrize(("asked", "least"), [(60.0, 60), (1e9, 3600)])
def test_a_receiver_may_ask_for_a_wait_of_up_to_an_hour(asked: float, least: int) -> None:
    wait = next_attempt(1, Attempted(429, "x", retry_after=asked), now=NOW) - NOW
    assert wait == timedelta(seconds=least)


def test_secrets_do_not_repeat_and_messages_do_not_show_them() -> None:
    assert new_secret() != new_secret()
    assert len(new_secret()) > 40
    assert "whsec_one" not in repr(due())


@pytest.mark.parametrize("events", [[], ["send.began"], ["ping"]])
def test_unknown_events_are_refused(events: list[str]) -> None:
    with pytest.raises(InvalidInput):
        checked_events(events)
    assert checked_events(["send.started", "send.started"]) == ["send.started"]
