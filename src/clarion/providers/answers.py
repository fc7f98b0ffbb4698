"""Reading what all providers' answers have in common: no answer, Retry-After, and statuses without a table row.

The rules are those of providers.md §1.1 and §1.2. Bodies come from outside and are never trusted: whatever cannot be
read falls back to the HTTP status.
"""

from collections.abc import Iterable
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

import msgspec

from clarion.providers.contract import Outcome, Verdict
from clarion.providers.redaction import redact, redact_body
from clarion.providers.transport import Answer, Failure

THROTTLED_WAIT = 60.0
"""Seconds to wait after a 429 that names no time."""
_SHORTEST, _LONGEST = 1.0, 3600.0
_FAILURES = {Failure.UNSENT: Outcome.UNSENT, Failure.AMBIGUOUS: Outcome.AMBIGUOUS}

FALLBACK = {
    401: Outcome.AUTH,
    403: Outcome.CREDENTIAL,
    408: Outcome.TRANSIENT,
    425: Outcome.TRANSIENT,
    429: Outcome.THROTTLED_CREDENTIAL,
}
"""Statuses with a meaning of their own; the rest goes by class."""
FALLBACK_CLASS = {2: Outcome.OK, 3: Outcome.CREDENTIAL, 4: Outcome.MESSAGE, 5: Outcome.TRANSIENT}
"""First digit of the status → outcome. A redirect is never followed."""


def header(headers: Iterable[tuple[str, str]], name: str) -> str | None:
    """The first value of a header; names are lower-case."""
    return next((value for key, value in headers if key == name), None)


def _seconds_until(date: str, now: datetime) -> float | None:
    try:
        moment = parsedate_to_datetime(date)
        aware = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
        return (aware - now).total_seconds()
    except (ValueError, TypeError, OverflowError):
        return None


def retry_after(headers: Iterable[tuple[str, str]], now: datetime) -> float | None:
    """Seconds of a Retry-After header (whole seconds or an HTTP date), from 1 s to 1 h.

    None when there is no header, or none that names a time ahead.
    """
    value = header(headers, "retry-after")
    if value is None:
        return None
    if value.isascii() and value.isdigit():
        seconds: float | None = float(min(int(value[:9]), _LONGEST))
    else:
        seconds = _seconds_until(value, now)
    if seconds is None or seconds < 0:
        return None
    return min(max(seconds, _SHORTEST), _LONGEST)


def json_object(body: bytes) -> dict[str, Any]:
    """The JSON object in a body; an empty one for everything else."""
    try:
        value = msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return {}
    return value if isinstance(value, dict) else {}


def text_of(value: object) -> str:
    """`value` if it is a string, else an empty one."""
    return value if isinstance(value, str) else ""


def unanswered(answer: Answer) -> Verdict:
    """The verdict on a request that got no complete answer."""
    failure = answer.failure or Failure.AMBIGUOUS
    return Verdict(_FAILURES[failure], str(failure), text=redact(answer.detail))


def by_status(answer: Answer, now: datetime) -> Verdict:
    """The verdict on an answer for which the provider's table has no row. Never one that invalidates a token."""
    status = answer.status
    outcome = FALLBACK.get(status) or FALLBACK_CLASS.get(status // 100, Outcome.TRANSIENT)
    wait = retry_after(answer.headers, now)
    if status >= 500 and wait is not None:
        outcome = Outcome.THROTTLED_PROVIDER
    return Verdict(
        outcome,
        f"HTTP_{status}",
        retry_after=wait,
        default_wait=THROTTLED_WAIT if outcome is Outcome.THROTTLED_CREDENTIAL else None,
        text=redact_body(answer.body),
        known=False,
    )
