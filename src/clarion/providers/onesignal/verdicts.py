"""What OneSignal's answers mean: the table of providers.md §6.3. Pure.

A 200 is not a success: only an `id` says that something was sent.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from enum import Flag, auto
from typing import Any

from clarion.providers.answers import THROTTLED_WAIT, by_status, json_object, retry_after, text_of, unanswered
from clarion.providers.bundles import BundleVerdict
from clarion.providers.contract import Outcome, Verdict
from clarion.providers.redaction import redact
from clarion.providers.transport import Answer

BUSY_WAIT = 10.0
"""Seconds until a request that is still being worked on is asked for again."""


class Mark(Flag):
    """What an answer says."""

    NOTHING = 0
    ID = auto()
    """The id of a notification that was made."""
    READABLE = auto()
    """A JSON object."""
    UNSUBSCRIBED = auto()
    """The words that none of the recipients is subscribed."""
    APP = auto()
    """Words about the app id."""


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the table; the first that fits decides."""

    statuses: range
    outcome: Outcome
    code: str
    meaning: str
    has: Mark = Mark.NOTHING
    default_wait: float | None = None

    def fits(self, reading: "Reading") -> bool:
        """Whether this row speaks of the answer."""
        return reading.status in self.statuses and self.has in reading.marks


def _row(statuses: int | range, outcome: Outcome, code: str, meaning: str, **rest: Any) -> Row:
    return Row(range(statuses, statuses + 1) if isinstance(statuses, int) else statuses, outcome, code, meaning, **rest)


TABLE: tuple[Row, ...] = (
    _row(200, Outcome.OK, "OK", "accepted", has=Mark.ID | Mark.READABLE),
    _row(
        200,
        Outcome.TOKEN_GUARDED,
        "not_subscribed",
        "none of the recipients is subscribed",
        has=Mark.UNSUBSCRIBED | Mark.READABLE,
    ),
    _row(200, Outcome.MESSAGE, "nothing_sent", "nothing was sent", has=Mark.READABLE),
    _row(400, Outcome.CREDENTIAL, "app_id", "the app id is refused", has=Mark.APP),
    _row(400, Outcome.MESSAGE, "HTTP_400", "a field is missing or refused"),
    _row(401, Outcome.CREDENTIAL, "HTTP_401", "wrong API key"),
    _row(403, Outcome.CREDENTIAL, "HTTP_403", "the API key does not belong to the app"),
    _row(404, Outcome.CREDENTIAL, "HTTP_404", "the app does not exist"),
    _row(409, Outcome.TRANSIENT, "HTTP_409", "the same request is being worked on", default_wait=BUSY_WAIT),
    _row(413, Outcome.MESSAGE, "HTTP_413", "the payload is too large"),
    _row(429, Outcome.THROTTLED_CREDENTIAL, "HTTP_429", "too many requests", default_wait=THROTTLED_WAIT),
    _row(range(500, 600), Outcome.TRANSIENT, "HTTP_5xx", "OneSignal is unavailable"),
)
LISTED = Verdict(Outcome.TOKEN_GUARDED, "invalid_id", text="the subscription does not exist in this OneSignal app")
"""The verdict on recipients that a partial error names."""

_LISTS = (
    "invalid_subscription_ids",
    "invalid_player_ids",
    "invalid_aliases",
    "invalid_external_user_ids",
)
_UNSUBSCRIBED_WORDS = ("not subscribed", "no subscribed")
_APP_WORDS = ("app_id", "app id", "application id")


@dataclass(frozen=True, slots=True)
class Reading:
    """What an answer says, after everything unreadable has been left out."""

    status: int
    marks: Mark
    text: str
    provider_id: str
    listed: frozenset[str]


def _strings(value: object) -> Iterator[str]:
    """All strings in a value of whatever shape, two levels deep at most: partial errors come as list and as object."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, list | dict):
        parts: Iterable[object] = value.values() if isinstance(value, dict) else value
        for part in parts:
            yield from (part,) if isinstance(part, str) else _flat(part)


def _flat(value: object) -> Iterator[str]:
    if isinstance(value, list):
        yield from (one for one in value if isinstance(one, str))


def _objects(errors: object) -> list[dict[str, Any]]:
    found = errors if isinstance(errors, list) else [errors]
    return [one for one in found if isinstance(one, dict)]


def _words(errors: object) -> list[str]:
    """The texts among the errors: plain strings, and the `message` or `title` of objects."""
    found = errors if isinstance(errors, list) else [errors]
    said = [one for one in found if isinstance(one, str)]
    for one in _objects(errors):
        said += [text for text in map(text_of, (one.get("title"), one.get("message"))) if text]
    return said


def read_answer(answer: Answer) -> Reading:
    """Take an answer apart. `errors` may be a list of texts, an object, or a list of objects."""
    fields = json_object(answer.body)
    errors = fields.get("errors")
    said = "; ".join(_words(errors))
    lowered = said.lower()
    provider_id = text_of(fields.get("id"))
    listed = frozenset(
        token.lower() for one in _objects(errors) for name in _LISTS if name in one for token in _strings(one[name])
    )
    marks = Mark.READABLE if fields else Mark.NOTHING
    marks |= Mark.ID if provider_id else Mark.NOTHING
    marks |= Mark.UNSUBSCRIBED if any(words in lowered for words in _UNSUBSCRIBED_WORDS) else Mark.NOTHING
    marks |= Mark.APP if any(words in lowered for words in _APP_WORDS) else Mark.NOTHING
    return Reading(answer.status, marks, said, provider_id[:64], listed)


def read(answer: Answer, now: datetime) -> BundleVerdict:
    """The verdicts on one answer. `now` is for Retry-After dates."""
    if answer.failure is not None:
        return BundleVerdict(unanswered(answer))
    reading = read_answer(answer)
    row = next((row for row in TABLE if row.fits(reading)), None)
    if row is None:
        return BundleVerdict(by_status(answer, now))
    common = Verdict(
        row.outcome,
        f"HTTP_{answer.status}" if row.code == "HTTP_5xx" else row.code,
        provider_id=reading.provider_id or None if row.outcome is Outcome.OK else None,
        retry_after=retry_after(answer.headers, now),
        default_wait=row.default_wait,
        text="" if row.outcome is Outcome.OK else redact(reading.text) or row.meaning,
    )
    return BundleVerdict(common, dict.fromkeys(reading.listed, LISTED) if answer.status == 200 else {})
