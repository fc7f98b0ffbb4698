"""What Huawei's answers mean: the table of providers.md §7.4. Pure.

The `code` in the body decides, not the HTTP status: failures come with 200 too.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from clarion.providers.answers import THROTTLED_WAIT, by_status, json_object, retry_after, text_of, unanswered
from clarion.providers.bundles import BundleVerdict
from clarion.providers.contract import Outcome, Verdict
from clarion.providers.redaction import redact, redact_body
from clarion.providers.transport import Answer

FLOW_CONTROL_WAIT = 30.0
"""Seconds to wait after a 503, which is how Huawei says that messages come too fast."""
SUCCESS, PARTLY, OTHER_APPS = "80000000", "80100000", "80300017"
_SOON = 1.0


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the table: codes of the body."""

    codes: frozenset[str]
    outcome: Outcome
    meaning: str
    default_wait: float | None = None


def _row(codes: str, outcome: Outcome, meaning: str, **rest: Any) -> Row:
    return Row(frozenset(codes.split()), outcome, meaning, **rest)


CODES: tuple[Row, ...] = (
    _row(SUCCESS, Outcome.OK, "accepted"),
    _row("80100016", Outcome.MESSAGE, "the content is refused as sensitive"),
    _row("80100022", Outcome.MESSAGE, "the image could not be verified"),
    _row(
        "80100001 80100002 80100003 80100004 80100013 80100020",
        Outcome.MESSAGE,
        "a parameter is missing or refused",
    ),
    _row("80100017", Outcome.THROTTLED_CREDENTIAL, "too many topic messages", default_wait=THROTTLED_WAIT),
    _row("80200001", Outcome.AUTH, "the authentication failed"),
    _row("80200003 80200005", Outcome.AUTH, "the access token has expired"),
    _row("80300002", Outcome.CREDENTIAL, "the app may not send messages"),
    _row("80300007", Outcome.TOKEN_GUARDED, "every token is invalid, or the credential is of another project"),
    _row("80300008", Outcome.MESSAGE, "the payload is too large"),
    _row("80300010", Outcome.CODE, "too many tokens in one request"),
    _row("80300011", Outcome.CREDENTIAL, "the app may not send data messages of high urgency"),
    _row(OTHER_APPS, Outcome.TRANSIENT, "tokens of several apps in one request", default_wait=_SOON),
    _row("80300028", Outcome.TOKEN_GUARDED, "the token belongs to another app"),
    _row("80300029 80300030", Outcome.MESSAGE, "the limits of test messages are reached"),
    _row("80300036", Outcome.CODE, "the token's lifetime is too long"),
    _row("80300037", Outcome.CREDENTIAL, "Huawei has suspended the app"),
    _row("80600003", Outcome.TRANSIENT, "Huawei's sign-in service failed"),
    _row("80000001 81000001", Outcome.TRANSIENT, "a fault at Huawei"),
)
"""By the code of the body, whatever the status but 503."""

STATUSES: dict[int, Row] = {
    400: _row("", Outcome.MESSAGE, "the request is refused"),
    401: _row("", Outcome.AUTH, "the access token is refused"),
    404: _row("", Outcome.CREDENTIAL, "wrong app id or address"),
    500: _row("", Outcome.TRANSIENT, "a fault at Huawei"),
    502: _row("", Outcome.TRANSIENT, "a gateway at Huawei got no answer"),
    503: _row("", Outcome.THROTTLED_CREDENTIAL, "messages come too fast", default_wait=FLOW_CONTROL_WAIT),
}
"""By the HTTP status, where the body has no code; 503 always."""

ALONE = frozenset({PARTLY, OTHER_APPS})
"""Codes of refusals that do not say which recipient is meant: each is asked for alone next time."""

_BY_CODE = {code: row for row in CODES for code in row.codes}


def code_of(fields: dict[str, Any]) -> str:
    """The code of an answer, a string of digits or a number; empty if there is none."""
    code = fields.get("code")
    if isinstance(code, int) and not isinstance(code, bool):
        return str(code)
    text = text_of(code).strip()
    return text if text.isascii() and text.isdigit() and len(text) <= 16 else ""


def _illegal_tokens(fields: dict[str, Any]) -> list[str] | None:
    """The tokens that a partial success names; None where its report cannot be read."""
    report = json_object(text_of(fields.get("msg")).encode("utf-8", "replace"))
    listed = report.get("illegal_tokens")
    if not isinstance(listed, list) or not all(isinstance(token, str) for token in listed):
        return None
    failures = report.get("failure")
    return listed if listed or failures in (None, 0) else None


def _partly(fields: dict[str, Any]) -> BundleVerdict:
    listed = _illegal_tokens(fields)
    if listed is None:
        return BundleVerdict(
            Verdict(Outcome.AMBIGUOUS, PARTLY, text="some failed, and the report of which is unreadable")
        )
    illegal = Verdict(Outcome.TOKEN_GUARDED, PARTLY, text="Huawei calls the token illegal")
    return BundleVerdict(Verdict(Outcome.OK, "OK", provider_id=_request_id(fields)), dict.fromkeys(listed, illegal))


def _request_id(fields: dict[str, Any]) -> str | None:
    return text_of(fields.get("requestId"))[:64] or None


def _verdict(row: Row, code: str, fields: dict[str, Any], answer: Answer, now: datetime) -> Verdict:
    if row.outcome is Outcome.OK:
        return Verdict(Outcome.OK, "OK", provider_id=_request_id(fields))
    return Verdict(
        row.outcome,
        code,
        retry_after=retry_after(answer.headers, now),
        default_wait=row.default_wait,
        text=redact(text_of(fields.get("msg"))) or row.meaning,
    )


def _unknown_code(code: str, fields: dict[str, Any], answer: Answer, now: datetime) -> Verdict:
    """A code without a row: by the status, but a success only where the code says so."""
    if answer.status // 100 != 2:
        return by_status(answer, now)
    said = redact(text_of(fields.get("msg"))) or redact_body(answer.body)
    return Verdict(Outcome.MESSAGE, code, text=said, known=False)


def read(answer: Answer, now: datetime) -> BundleVerdict:
    """The verdicts on one answer. `now` is for Retry-After dates."""
    if answer.failure is not None:
        return BundleVerdict(unanswered(answer))
    fields = json_object(answer.body)
    code = "" if answer.status == 503 else code_of(fields)
    if code == PARTLY:
        return _partly(fields)
    row = _BY_CODE.get(code) if code else STATUSES.get(answer.status)
    if row is not None:
        return BundleVerdict(_verdict(row, code or f"HTTP_{answer.status}", fields, answer, now))
    return BundleVerdict(_unknown_code(code, fields, answer, now) if code else by_status(answer, now))


def refuses_token(answer: Answer) -> bool:
    """Whether an answer refuses the access token that it was asked with."""
    row = _BY_CODE.get(code_of(json_object(answer.body))) or STATUSES.get(answer.status)
    return row is not None and row.outcome is Outcome.AUTH
