"""What the owner of a credential should know of it or do about it, in plain words. Pure."""

from collections.abc import Iterator
from datetime import datetime, timedelta

import msgspec

from clarion.features.deliveries.credential_status import CredentialStatus

EXPIRY_DAYS = (1, 7, 14, 30)
"""Warnings begin so many days before a certificate runs out (providers.md §3.3)."""
_BLOCKS = {
    "breaker": "most requests fail, so Clarion waits before it tries again",
    "throttled": "the provider asked to slow down",
    "access_token": "the provider's token endpoint gives no access token at the moment",
    "retry_budget": "so many messages have to be repeated that some repetitions wait; first attempts go on",
}


class Alert(msgspec.Struct, frozen=True):
    """One thing to know. The code stays the same while the situation does."""

    code: str
    text: str


def alerts(status: CredentialStatus, now: datetime) -> list[Alert]:
    """The most urgent first; empty when all is well."""
    return [*_expiry(status.expires_at, now), *_stopped(status), *_hindered(status, now)]


def _expiry(expires_at: datetime | None, now: datetime) -> Iterator[Alert]:
    if expires_at is None:
        return
    left = expires_at - now
    if left <= timedelta(0):
        yield Alert("expired", f"the certificate ran out on {expires_at:%Y-%m-%d}; upload a new one")
        return
    for days in EXPIRY_DAYS:
        if left <= timedelta(days=days):
            within = "1 day" if days == 1 else f"{days} days"
            text = f"the certificate runs out in less than {within}, on {expires_at:%Y-%m-%d}; upload a new one"
            yield Alert(f"expires_in_{days}_days", text)
            return


def _stopped(status: CredentialStatus) -> Iterator[Alert]:
    if status.paused_at is not None:
        reason = status.pause_reason or "the provider refuses it"
        yield Alert("paused", f"nothing is sent ({reason}); replace the credential, or resume it after the repair")
    if status.guard_tripped_at is not None:
        text = (
            f"so many devices answer {status.guard_code} that a wrong credential is likelier than dead tokens: "
            "none is given up until you confirm or dismiss the suspects"
        )
        yield Alert("guard_tripped", text)


def _hindered(status: CredentialStatus, now: datetime) -> Iterator[Alert]:
    if status.blocked_until is not None and status.blocked_until > now:
        reason, _, host = (status.block_reason or "").partition(" ")
        if reason == "push_service":
            text = f"the push service {host} refuses this app's messages; Clarion tries one every 15 minutes"
            yield Alert(reason, f"{text}, and the others go on")
        else:
            yield Alert(reason, f"{_BLOCKS.get(reason, 'sending rests')}; nothing is lost, and it goes on by itself")
    if status.unknown_answers:
        text = f"{status.unknown_answers} answers that Clarion does not know, the last one: {status.unknown_text}"
        yield Alert("unknown_answers", text)
