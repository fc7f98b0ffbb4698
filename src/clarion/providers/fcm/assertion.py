"""The signed assertion that a service account exchanges for an access token, and what the answer means. Pure.

Google document: *Using OAuth 2.0 for server to server applications*; providers.md §2.2.
"""

from base64 import urlsafe_b64encode
from datetime import datetime
from email.utils import parsedate_to_datetime
from typing import Any
from urllib.parse import urlencode

import msgspec
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.hashes import SHA256

from clarion.providers.access import Bearer, Refused, read_bearer
from clarion.providers.answers import header, json_object, retry_after, text_of
from clarion.providers.contract import Outcome, Verdict
from clarion.providers.fcm.service_account import ServiceAccount
from clarion.providers.http import HttpAnswer
from clarion.providers.redaction import redact, redact_body

AUDIENCE = "https://oauth2.googleapis.com/token"
"""Google's own library writes this constant whatever the token address is."""
SCOPE = "https://www.googleapis.com/auth/firebase.messaging"
GRANT = "urn:ietf:params:oauth:grant-type:jwt-bearer"
LIFETIME = 3600
"""Seconds that an assertion is valid; Google's maximum."""

_RETRIED_STATUSES = frozenset({408, 429, 500, 503, 504})
_RETRIED_ERRORS = frozenset({"internal_failure", "server_error", "temporarily_unavailable"})
_SKEW_WORTH_MENTIONING = 60.0


def _part(value: dict[str, Any]) -> bytes:
    return urlsafe_b64encode(msgspec.json.encode(value)).rstrip(b"=")


def assertion(account: ServiceAccount, now: datetime) -> str:
    """The JWT (RS256) that asks for the messaging scope."""
    issued = int(now.timestamp())
    head = {"alg": "RS256", "typ": "JWT"}
    if account.private_key_id:
        head["kid"] = account.private_key_id
    claims = {
        "iss": account.client_email,
        "scope": SCOPE,
        "aud": AUDIENCE,
        "iat": issued,
        "exp": issued + LIFETIME,
    }
    signed = _part(head) + b"." + _part(claims)
    signature = account.key.sign(signed, PKCS1v15(), SHA256())
    return (signed + b"." + urlsafe_b64encode(signature).rstrip(b"=")).decode()


def form(account: ServiceAccount, now: datetime) -> bytes:
    """The body of the request for a token, form-encoded."""
    return urlencode({"grant_type": GRANT, "assertion": assertion(account, now)}).encode()


def _clock_hint(answer: HttpAnswer, now: datetime) -> str:
    """Google answers a wrong clock like a wrong key, so the alert says what this machine's clock shows."""
    hint = f"also check this server's clock: it shows {now:%Y-%m-%d %H:%M:%S} UTC"
    try:
        theirs = parsedate_to_datetime(header(answer.headers, "date") or "")
        skew = (now - theirs).total_seconds()
    except (ValueError, TypeError):
        return hint
    if abs(skew) < _SKEW_WORTH_MENTIONING:
        return hint
    return f"{hint}, {abs(skew):.0f} s {'ahead of' if skew > 0 else 'behind'} the token server"


def _outcome(answer: HttpAnswer, error: str, wait: float | None) -> Outcome:
    if error in _RETRIED_ERRORS or answer.status in {200, 408}:
        return Outcome.TRANSIENT
    if answer.status == 429 or (answer.status >= 500 and wait is not None):
        return Outcome.THROTTLED_CREDENTIAL
    return Outcome.TRANSIENT if answer.status >= 500 else Outcome.CREDENTIAL


def _refusal(answer: HttpAnswer, fields: dict[str, Any], now: datetime) -> Refused:
    error = text_of(fields.get("error"))
    wait = retry_after(answer.headers, now)
    outcome = _outcome(answer, error, wait)
    said = redact(text_of(fields.get("error_description"))) or redact_body(answer.body)
    if outcome is Outcome.CREDENTIAL:
        said = f"{said[:300]} ({_clock_hint(answer, now)})"
    verdict = Verdict(outcome, redact(error)[:64] or f"HTTP_{answer.status}", retry_after=wait, text=said)
    return Refused(verdict, retry=error in _RETRIED_ERRORS or answer.status in _RETRIED_STATUSES)


def read_token_answer(answer: HttpAnswer, now: datetime) -> Bearer | Refused:
    """What the token endpoint said.

    `invalid_grant`, `invalid_client`, `unauthorized_client`, `invalid_scope` and every other refusal without a promise
    of recovery are the credential's fault.
    """
    fields = json_object(answer.body)
    bearer = read_bearer(fields) if answer.status == 200 else None
    return bearer or _refusal(answer, fields, now)
