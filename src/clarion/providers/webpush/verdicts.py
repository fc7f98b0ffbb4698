"""What push services' answers mean: the table of providers.md §5.5. Pure.

Documents: RFC 8030 §5–8; Mozilla *autopush* HTTP API (errno); Apple *Sending web push notifications*; Microsoft *WNS
response documentation*.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

import msgspec

from clarion.providers.answers import THROTTLED_WAIT, by_status, json_object, retry_after, text_of, unanswered
from clarion.providers.contract import Outcome, Verdict
from clarion.providers.redaction import redact, redact_body
from clarion.providers.transport import Answer

BACK_OFF = 120.0
"""Seconds that Mozilla wants an overloaded service left alone."""
ACCEPTED = frozenset({200, 201, 202, 204})
RESTING = "origin_resting"
"""Code of messages that were not handed over because their push service has to be left alone."""
MALFORMED = Verdict(Outcome.TOKEN_GUARDED, "MALFORMED_TOKEN", text="the token is not a push subscription")
TOO_LARGE = Verdict(Outcome.MESSAGE, "too_large", text="the message has more than 3993 bytes")

_OK = Verdict(Outcome.OK, "OK")
"""Without a provider id: the address of an accepted message is a secret that can delete it (RFC 8030 §8.3)."""
_HELD_BACK = frozenset({Outcome.TRANSIENT, Outcome.AMBIGUOUS, Outcome.UNSENT, Outcome.THROTTLED_PROVIDER})
"""Outcomes that concern one push service; the others go on."""


@dataclass(frozen=True, slots=True)
class Standing:
    """What is known beside the answer itself."""

    renewed: bool = False
    """The message was sent with a fresh token after a 401."""
    works: bool = False
    """The same push service accepts messages for other subscriptions of the app."""
    crowded: bool = False
    """Ten different subscriptions of the push service were throttled within ten seconds."""


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the table; the first that fits decides."""

    statuses: frozenset[int]
    """HTTP statuses; empty = any that is not a success."""
    codes: frozenset[str]
    """Mozilla's errno or Apple's reason; empty = any, or none."""
    outcome: Outcome
    meaning: str
    words: str = ""
    """What the text says, in lower case."""
    retry_after: bool = False
    """Only with a Retry-After."""
    when: Standing | None = None
    """Only when each of these is so."""
    default_wait: float | None = None

    def fits(self, reading: "Reading", standing: Standing) -> bool:
        """Whether this row speaks of the answer."""
        return (
            (not self.statuses or reading.status in self.statuses)
            and (not self.codes or reading.code in self.codes)
            and self.words in reading.text.lower()
            and (not self.retry_after or reading.retry_after is not None)
            and (self.when is None or _covers(standing, self.when))
        )


@dataclass(frozen=True, slots=True)
class Reading:
    """What a refusal says, after everything unreadable has been left out."""

    status: int
    code: str
    text: str
    retry_after: float | None


def _covers(standing: Standing, wanted: Standing) -> bool:
    return (
        (standing.renewed or not wanted.renewed)
        and (standing.works or not wanted.works)
        and (standing.crowded or not wanted.crowded)
    )


def _row(statuses: int | tuple[int, ...], codes: str, outcome: Outcome, meaning: str, **rest: Any) -> Row:
    numbers = (statuses,) if isinstance(statuses, int) else statuses
    return Row(frozenset(numbers), frozenset(codes.split()), outcome, meaning, **rest)


_FAULTS = (500, 502, 503, 504)
_OTHER_KEY = "the subscription was made with another VAPID key"
TABLE: tuple[Row, ...] = (
    _row((400, 403), "VapidPkHashMismatch", Outcome.TOKEN_GUARDED, _OTHER_KEY),
    _row((400, 404, 410), "Unregistered ExpiredToken", Outcome.TOKEN_CERTAIN, "the subscription has ended"),
    _row((400, 404, 410), "BadDeviceToken", Outcome.TOKEN_GUARDED, "the push service does not know the subscription"),
    _row(400, "101 108 110 111 112 113", Outcome.CODE, "a header is missing or malformed"),
    _row(400, "", Outcome.CODE, "TTL and cache policy contradict each other", words="ttl value conflicts"),
    _row(401, "", Outcome.TOKEN_GUARDED, _OTHER_KEY, when=Standing(renewed=True, works=True)),
    _row(401, "", Outcome.CREDENTIAL, "the VAPID token is refused", when=Standing(renewed=True)),
    _row(401, "", Outcome.AUTH, "the VAPID token is refused"),
    _row(403, "", Outcome.TOKEN_GUARDED, _OTHER_KEY, words="do not correspond"),
    _row(403, "BadJwtToken", Outcome.CREDENTIAL, "the VAPID token's subject, audience or time is refused"),
    _row(403, "", Outcome.CREDENTIAL, "the push service refuses messages of this app"),
    _row((404, 410), "", Outcome.TOKEN_CERTAIN, "the subscription has ended"),
    _row(406, "", Outcome.THROTTLED_PROVIDER, "the push service throttles", default_wait=THROTTLED_WAIT),
    _row(413, "", Outcome.MESSAGE, "the message is too large"),
    _row(
        429,
        "",
        Outcome.THROTTLED_PROVIDER,
        "the push service throttles",
        when=Standing(crowded=True),
        default_wait=THROTTLED_WAIT,
    ),
    _row(429, "", Outcome.THROTTLED_DEVICE, "too many messages to this browser", default_wait=THROTTLED_WAIT),
    _row((300, 301, 302, 303, 307, 308), "", Outcome.MESSAGE, "the push service redirects; that is never followed"),
    _row(503, "202", Outcome.TRANSIENT, "the push service asks to try again"),
    _row(
        (500, 502, 503, 504), "201", Outcome.THROTTLED_PROVIDER, "the push service is overloaded", default_wait=BACK_OFF
    ),
    _row((500, 502, 503, 504), "", Outcome.THROTTLED_PROVIDER, "the push service is overloaded", retry_after=True),
    _row((500, 502, 503, 504), "", Outcome.TRANSIENT, "a fault of the push service"),
)


def read_refusal(answer: Answer, now: datetime) -> Reading:
    """Take a refusal apart."""
    content = json_object(answer.body)
    number, reason = content.get("errno"), text_of(content.get("reason"))
    code = str(number) if isinstance(number, int) and not isinstance(number, bool) else reason
    text = text_of(content.get("message")) if content else answer.body[:512].decode("utf-8", "replace")
    wait = retry_after(answer.headers, now)
    return Reading(answer.status, code if code.isascii() and code.isalnum() and len(code) <= 64 else "", text, wait)


def _refused(answer: Answer, now: datetime, standing: Standing) -> Verdict:
    reading = read_refusal(answer, now)
    row = next((row for row in TABLE if row.fits(reading, standing)), None)
    if row is None:
        return by_status(answer, now)
    return Verdict(
        row.outcome,
        f"errno_{reading.code}" if reading.code.isdigit() else reading.code or f"HTTP_{reading.status}",
        retry_after=reading.retry_after,
        default_wait=row.default_wait,
        text=redact(reading.text) or redact_body(answer.body) or row.meaning,
        origin_only=row.outcome is Outcome.CREDENTIAL,
    )


def read(answer: Answer, now: datetime, standing: Standing) -> Verdict:
    """The verdict on one answer. `now` is for Retry-After dates."""
    if answer.status in ACCEPTED:
        return _OK
    if answer.failure is not None:
        return msgspec.structs.replace(unanswered(answer), origin_only=True)
    verdict = by_status(answer, now) if answer.status < 300 else _refused(answer, now, standing)
    return msgspec.structs.replace(verdict, origin_only=True) if verdict.outcome in _HELD_BACK else verdict


def resting(seconds: float) -> Verdict:
    """The verdict on a message whose push service is left alone for so many seconds more."""
    return Verdict(Outcome.UNSENT, RESTING, default_wait=max(1.0, seconds), origin_only=True)
