"""What APNs' answers mean: the table of providers.md §3.7. Pure.

Apple document: *Handling notification responses from APNs*. The texts are what the app's owner reads.
"""

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import Enum, auto
from typing import Any

from clarion.providers.answers import THROTTLED_WAIT, by_status, header, json_object, retry_after, text_of, unanswered
from clarion.providers.contract import Outcome, Verdict
from clarion.providers.transport import Answer

DEVICE_WAITS = (60.0, 120.0, 240.0, 480.0, 960.0, 1920.0)
"""Seconds after 429 TooManyRequests."""
SERVER_WAITS = (60.0, 900.0, 1800.0)
"""Seconds after a fault of Apple's, which asks for a quarter of an hour and exponential growth."""


class Remedy(Enum):
    """What the sender may try once before the verdict counts."""

    NONE = auto()
    OTHER_ENVIRONMENT = auto()
    NEW_CONNECTION = auto()


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the table."""

    status: int
    reasons: frozenset[str]
    outcome: Outcome
    meaning: str
    remedy: Remedy = Remedy.NONE
    default_wait: float | None = None
    waits: tuple[float, ...] = ()


def _row(status: int, reasons: str, outcome: Outcome, meaning: str, **rest: Any) -> Row:
    return Row(status, frozenset(reasons.split()), outcome, meaning, **rest)


TABLE: tuple[Row, ...] = (
    _row(
        400,
        "BadCollapseId BadExpirationDate BadMessageId BadPriority InvalidPushType",
        Outcome.MESSAGE,
        "Apple refuses a header of the notification",
    ),
    _row(400, "PayloadEmpty", Outcome.MESSAGE, "the notification has no payload"),
    _row(
        400,
        "BadDeviceToken",
        Outcome.TOKEN_GUARDED,
        "the token is malformed or belongs to neither environment of this app",
        remedy=Remedy.OTHER_ENVIRONMENT,
    ),
    _row(400, "DeviceTokenNotForTopic", Outcome.TOKEN_GUARDED, "the token belongs to another app than the topic"),
    _row(400, "BadTopic MissingTopic", Outcome.CREDENTIAL, "the topic is wrong: it must be the app's bundle id"),
    _row(400, "TopicDisallowed", Outcome.CREDENTIAL, "the key or certificate does not cover the topic"),
    _row(400, "DuplicateHeaders MissingDeviceToken", Outcome.CODE, "Clarion made a malformed request"),
    _row(
        400,
        "IdleTimeout",
        Outcome.TRANSIENT,
        "Apple closed the connection because it was idle",
        remedy=Remedy.NEW_CONNECTION,
    ),
    _row(403, "BadCertificate", Outcome.CREDENTIAL, "the certificate is revoked, expired or not one for APNs"),
    _row(
        403,
        "BadCertificateEnvironment",
        Outcome.CREDENTIAL,
        "the certificate is for the other environment: change the environment or the certificate",
    ),
    _row(403, "Forbidden", Outcome.CREDENTIAL, "Apple refuses this key or certificate"),
    _row(
        403,
        "InvalidProviderToken",
        Outcome.CREDENTIAL,
        "key, key id and team id do not belong together, the key is revoked, or this server's clock is wrong",
    ),
    _row(403, "MissingProviderToken", Outcome.CREDENTIAL, "Apple takes no certificate here and got no provider token"),
    _row(403, "ExpiredProviderToken", Outcome.AUTH, "the provider token is older than an hour"),
    _row(
        403,
        "UnrelatedKeyIdInToken",
        Outcome.CREDENTIAL,
        "the key is not related to the one that this connection began with",
        remedy=Remedy.NEW_CONNECTION,
    ),
    _row(
        403,
        "BadEnvironmentKeyIdInToken BadEnvironmentKeyInToken",
        Outcome.CREDENTIAL,
        "the key is not valid in this environment: change the environment or the key",
    ),
    _row(404, "BadPath", Outcome.CODE, "Clarion used a wrong address: check CLARION_APNS_URL"),
    _row(405, "MethodNotAllowed", Outcome.CODE, "Clarion made a malformed request"),
    _row(410, "Unregistered ExpiredToken", Outcome.TOKEN_CERTAIN, "the app was removed or the token expired"),
    _row(413, "PayloadTooLarge", Outcome.MESSAGE, "the payload is larger than 4096 bytes"),
    _row(
        429,
        "TooManyProviderTokenUpdates",
        Outcome.THROTTLED_CREDENTIAL,
        "the provider token changed more than once in 20 minutes: does another system sign with the same key?",
        default_wait=THROTTLED_WAIT,
    ),
    _row(
        429,
        "TooManyRequests",
        Outcome.THROTTLED_DEVICE,
        "too many notifications to this device",
        waits=DEVICE_WAITS,
    ),
    _row(500, "InternalServerError", Outcome.TRANSIENT, "a fault at Apple", waits=SERVER_WAITS),
    _row(503, "ServiceUnavailable", Outcome.TRANSIENT, "APNs is unavailable", waits=SERVER_WAITS),
    _row(
        503,
        "Shutdown",
        Outcome.TRANSIENT,
        "the server of Apple's that had the connection is shutting down",
        remedy=Remedy.NEW_CONNECTION,
    ),
)

_ROWS = {(row.status, reason): row for row in TABLE for reason in row.reasons}
_NO_TIME = -62_135_596_800.0, 253_402_300_799.0
_OK = Outcome.OK
_ID = re.compile(r"[0-9A-Fa-f-]{1,64}").fullmatch


@dataclass(frozen=True, slots=True)
class Reading:
    """A verdict, and what may be tried before it counts."""

    verdict: Verdict
    remedy: Remedy = Remedy.NONE


def dead_since(fields: dict[str, Any]) -> datetime | None:
    """The moment in a 410's `timestamp`, which is in milliseconds; None where there is none that can be read."""
    value = fields.get("timestamp")
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    seconds = value / 1000
    return datetime.fromtimestamp(seconds, UTC) if _NO_TIME[0] < seconds < _NO_TIME[1] else None


def _refusal(answer: Answer, now: datetime) -> Reading:
    fields = json_object(answer.body)
    reason = text_of(fields.get("reason"))
    row = _ROWS.get((answer.status, reason))
    if row is None:
        return Reading(by_status(answer, now))
    verdict = Verdict(
        row.outcome,
        reason,
        retry_after=retry_after(answer.headers, now),
        default_wait=row.default_wait,
        waits=row.waits,
        dead_since=dead_since(fields) if row.outcome is Outcome.TOKEN_CERTAIN else None,
        text=row.meaning,
    )
    return Reading(verdict, row.remedy)


def accepted(answer: Answer) -> Verdict:
    """The verdict on a 200; the provider id is the `apns-id`."""
    headers = answer.headers
    found = headers[0][1] if headers and headers[0][0] == "apns-id" else header(headers, "apns-id")
    return Verdict(_OK, "OK", provider_id=found if found and _ID(found) else None)


def read(answer: Answer, now: datetime) -> Reading:
    """Read one answer. `now` is for Retry-After dates."""
    if answer.status == 200:
        return Reading(accepted(answer))
    if answer.failure is not None:
        return Reading(unanswered(answer))
    if 200 <= answer.status < 300:
        return Reading(by_status(answer, now))
    return _refusal(answer, now)


def wrong_clock(reason: str, now: datetime, *, age: float) -> Verdict:
    """The verdict on a token that Apple calls expired although it was issued `age` seconds ago."""
    text = (
        f"Apple calls a provider token expired that was issued {age:.0f} s ago: this server's clock is wrong, "
        f"it shows {now:%Y-%m-%d %H:%M:%S} UTC"
    )
    return Verdict(Outcome.CREDENTIAL, reason, text=text)
