"""What FCM's answers mean: the table of providers.md §2.4 and its reading order. Pure.

Google's page: https://firebase.google.com/docs/reference/fcm/rest/v1/ErrorCode
"""

import re
from dataclasses import dataclass
from datetime import datetime
from enum import Flag, auto
from typing import Any

import msgspec

from clarion.providers.answers import THROTTLED_WAIT, by_status, json_object, retry_after, text_of, unanswered
from clarion.providers.contract import SAME_PLATFORM, Outcome, Verdict
from clarion.providers.redaction import redact
from clarion.providers.transport import Answer

FLOOR = 10.0
"""Seconds; Google forbids to repeat a request earlier (providers.md §1.2)."""


class Mark(Flag):
    """What stands in an answer besides its code."""

    NOTHING = 0
    FCM_ERROR = auto()
    """A detail of type `google.firebase.fcm.v1.FcmError` with an errorCode."""
    TOKEN = auto()
    """A field violation of the recipient's field, or the words that say the same."""
    DEVICE = auto()
    """A quota that belongs to one device."""
    RETRY_AFTER = auto()


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the table; the first that fits decides."""

    statuses: frozenset[int]
    """HTTP statuses; empty = any that is not a success."""
    codes: frozenset[str]
    """`errorCode` of the FcmError, else `error.status`; empty = any, or none."""
    outcome: Outcome
    meaning: str
    has: Mark = Mark.NOTHING
    lacks: Mark = Mark.NOTHING
    default_wait: float | None = None
    max_retries: int | None = None
    platform_only: str | None = None

    def fits(self, reading: "Reading") -> bool:
        """Whether this row speaks of the answer."""
        return (
            (not self.statuses or reading.status in self.statuses)
            and (not self.codes or reading.code in self.codes)
            and self.has in reading.marks
            and not self.lacks & reading.marks
        )


@dataclass(frozen=True, slots=True)
class Reading:
    """What an error answer says, after everything unreadable has been left out."""

    status: int
    code: str
    marks: Mark
    text: str
    retry_after: float | None


def _row(statuses: int | tuple[int, ...], codes: str, outcome: Outcome, meaning: str, **rest: Any) -> Row:
    numbers = (statuses,) if isinstance(statuses, int) else statuses
    return Row(frozenset(numbers), frozenset(codes.split()), outcome, meaning, **rest)


TABLE: tuple[Row, ...] = (
    _row((), "UNSPECIFIED_ERROR", Outcome.TRANSIENT, "no cause given", max_retries=2),
    _row(400, "INVALID_ARGUMENT", Outcome.TOKEN_GUARDED, "malformed token", has=Mark.TOKEN),
    _row(400, "INVALID_ARGUMENT", Outcome.MESSAGE, "a field is refused, or the payload is too large"),
    _row(
        401,
        "THIRD_PARTY_AUTH_ERROR APNS_AUTH_ERROR",
        Outcome.CREDENTIAL,
        "the APNs key or web push key stored in the Firebase project is missing or wrong",
        platform_only=SAME_PLATFORM,
    ),
    _row(401, "UNAUTHENTICATED", Outcome.AUTH, "the access token is expired or invalid", lacks=Mark.FCM_ERROR),
    _row(
        403,
        "SENDER_ID_MISMATCH",
        Outcome.TOKEN_GUARDED,
        "the token belongs to another Firebase project",
        has=Mark.FCM_ERROR,
    ),
    _row(
        403,
        "PERMISSION_DENIED",
        Outcome.CREDENTIAL,
        "the API is disabled, the role is missing, or the project is suspended",
        lacks=Mark.FCM_ERROR,
    ),
    _row(404, "UNREGISTERED", Outcome.TOKEN_CERTAIN, "the app was removed or the token expired", has=Mark.FCM_ERROR),
    _row(404, "", Outcome.CREDENTIAL, "wrong project id or address", lacks=Mark.FCM_ERROR),
    _row(413, "", Outcome.MESSAGE, "the payload is too large"),
    _row(
        429,
        "QUOTA_EXCEEDED RESOURCE_EXHAUSTED",
        Outcome.THROTTLED_DEVICE,
        "too many messages to this device",
        has=Mark.DEVICE,
        default_wait=THROTTLED_WAIT,
    ),
    _row(
        429,
        "QUOTA_EXCEEDED RESOURCE_EXHAUSTED",
        Outcome.THROTTLED_CREDENTIAL,
        "the project's quota is used up",
        default_wait=THROTTLED_WAIT,
    ),
    _row(500, "INTERNAL", Outcome.TRANSIENT, "a fault at Google"),
    # The gateway may have passed the message on: counted as a possible duplicate.
    _row((502, 504), "", Outcome.AMBIGUOUS, "a gateway at Google got no answer in time"),
    _row(503, "", Outcome.THROTTLED_PROVIDER, "Google is overloaded", has=Mark.RETRY_AFTER),
    _row(503, "", Outcome.TRANSIENT, "Google is overloaded"),
)

_FCM_ERROR = "google.firebase.fcm.v1.FcmError"
_BAD_REQUEST = "google.rpc.BadRequest"
_QUOTA_FAILURE = "google.rpc.QuotaFailure"
_TOKEN_FIELDS = frozenset({"message.token", "message.fid"})
_TOKEN_WORDS = "not a valid FCM registration token"  # noqa: S105 - words of an error message
_NAMES_DEVICE = re.compile(r"\bdevice\b", re.IGNORECASE).search
_CODE = re.compile(r"[A-Za-z][A-Za-z0-9_]{0,63}").fullmatch
_ACCEPTED = re.compile(
    rb'\s*\{\s*"name"\s*:\s*"projects/[^/"]+/messages/([!#-.0-\[\]-~]{1,256})"\s*\}\s*',
).fullmatch
_OK = Outcome.OK
_RETRIED = frozenset({Outcome.TRANSIENT, Outcome.AMBIGUOUS, Outcome.UNSENT})


def _details(error: dict[str, Any], kind: str) -> list[dict[str, Any]]:
    """The details of one type; `@type` is an address that ends in the type's name."""
    details = error.get("details")
    if not isinstance(details, list):
        return []
    return [item for item in details if isinstance(item, dict) and text_of(item.get("@type")).endswith(kind)]


def _violations(error: dict[str, Any], kind: str, key: str, part: str) -> list[str]:
    """One text of every violation in the details of one type."""
    lists = [detail[key] for detail in _details(error, kind) if isinstance(detail.get(key), list)]
    return [text_of(item.get(part)) for items in lists for item in items if isinstance(item, dict)]


def _fcm_code(error: dict[str, Any]) -> str:
    codes = (text_of(detail.get("errorCode")) for detail in _details(error, _FCM_ERROR))
    return next(filter(_CODE, codes), "")


def _quota_of_device(error: dict[str, Any], message: str) -> bool:
    subjects = _violations(error, _QUOTA_FAILURE, "violations", "subject")
    descriptions = _violations(error, _QUOTA_FAILURE, "violations", "description")
    return any(map(_NAMES_DEVICE, [message, *subjects, *descriptions]))


def _bad_token(error: dict[str, Any], message: str) -> bool:
    fields = _violations(error, _BAD_REQUEST, "fieldViolations", "field")
    return not _TOKEN_FIELDS.isdisjoint(fields) or (not fields and _TOKEN_WORDS in message)


def read_error(answer: Answer, now: datetime) -> Reading:
    """Take an error answer apart, in the order of providers.md §2.4."""
    found = json_object(answer.body).get("error")
    error = found if isinstance(found, dict) else {}
    message, rpc_status, fcm_code = text_of(error.get("message")), text_of(error.get("status")), _fcm_code(error)
    wait = retry_after(answer.headers, now)
    marks = Mark.FCM_ERROR if fcm_code else Mark.NOTHING
    marks |= Mark.TOKEN if _bad_token(error, message) else Mark.NOTHING
    marks |= Mark.DEVICE if _quota_of_device(error, message) else Mark.NOTHING
    marks |= Mark.NOTHING if wait is None else Mark.RETRY_AFTER
    code = fcm_code or (rpc_status if _CODE(rpc_status) else "")
    return Reading(answer.status, code, marks, message, wait)


def _floored(verdict: Verdict) -> Verdict:
    if verdict.outcome in _RETRIED:
        return msgspec.structs.replace(verdict, floor=FLOOR)
    return verdict


def _refusal(answer: Answer, now: datetime) -> Verdict:
    reading = read_error(answer, now)
    row = next((row for row in TABLE if row.fits(reading)), None)
    if row is None:
        return by_status(answer, now)
    return Verdict(
        row.outcome,
        reading.code or f"HTTP_{reading.status}",
        retry_after=reading.retry_after,
        default_wait=row.default_wait,
        max_retries=row.max_retries,
        platform_only=row.platform_only,
        text=redact(reading.text) or row.meaning,
    )


def accepted(answer: Answer) -> Verdict:
    """The verdict on a plain 200.

    The provider id is the last part of the message's name: that is what devices see as the FCM message id.
    """
    name = _ACCEPTED(answer.body)
    return Verdict(_OK, "OK", provider_id=name[1].decode() if name else None)


def read(answer: Answer, now: datetime) -> Verdict:
    """The verdict on one answer. `now` is for Retry-After dates."""
    if answer.status == 200:
        return accepted(answer)
    if answer.failure is not None:
        return _floored(unanswered(answer))
    if 200 <= answer.status < 300:
        return by_status(answer, now)
    return _floored(_refusal(answer, now))
