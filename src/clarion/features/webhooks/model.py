"""Webhooks: what they can be told, how a message looks and is signed, and when it is tried again. Pure."""

import hashlib
import hmac
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import IntEnum, StrEnum
from typing import Any, NamedTuple
from uuid import UUID

import msgspec

from clarion.foundation.backoff import Backoff
from clarion.foundation.errors import InvalidInput

WEBHOOKS_LIMIT = 10
"""Webhooks of one account."""
QUEUE_LIMIT = 10_000
"""Messages that wait for one webhook; beyond them the oldest are dropped."""
GIVE_UP_AFTER = timedelta(days=3)
"""A message that nobody took for so long is given up, and a webhook that fails for so long is made inactive."""
SECRET_OVERLAP = timedelta(hours=24)
"""How long a replaced secret signs besides the new one."""
DESCRIPTION_LIMIT = 200

_BACKOFF = Backoff(base=10.0, cap=6 * 3600.0)
_LONGEST_RETRY_AFTER = 3600.0
_SECRET_PREFIX = "whsec_"  # noqa: S105 - marks secrets, is none


class EventType(StrEnum):
    """What a webhook can be told."""

    SEND_STARTED = "send.started"
    SEND_FINISHED = "send.finished"
    DELIVERY_FAILED = "delivery.failed"
    TOKEN_DROPPED = "token.dropped"  # noqa: S105 - a word, not a secret
    CREDENTIAL_PAUSED = "credential.paused"
    EVENT_RECEIVED = "event.received"


PING = "ping"
"""The type of messages that test a webhook; every webhook gets those."""


class MessageState(IntEnum):
    """States of a message, as stored. Only waiting ones ever change."""

    WAITING = 1
    DELIVERED = 2
    FAILED = 3
    DROPPED = 4

    @property
    def word(self) -> str:
        """As people read it."""
        return self.name.lower()


class StateWord(StrEnum):
    """States of a message in words."""

    WAITING = "waiting"
    DELIVERED = "delivered"
    FAILED = "failed"
    DROPPED = "dropped"

    @property
    def stored(self) -> MessageState:
        """As stored."""
        return MessageState[self.name]


class Fact(NamedTuple):
    """Something that webhooks of an account may be told."""

    account_id: int
    object: str
    """What it is about, such as `send:5`: facts about one object are told in their order."""
    data: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Webhook:
    """A webhook without its secret."""

    id: int
    url: str
    description: str
    events: Sequence[str]
    active: bool
    created_at: datetime
    updated_at: datetime
    failing_since: datetime | None
    """First failure since the last success."""
    disabled_at: datetime | None
    """When the system made it inactive, because it failed for too long."""
    old_secret_until: datetime | None
    waiting: int
    """Messages that it has not taken yet."""
    dropped: int
    """Messages that did not fit into its queue."""


@dataclass(frozen=True, slots=True)
class LoggedMessage:
    """A message and what became of it."""

    id: int
    event_id: UUID
    type: str
    object: str
    data: dict[str, Any]
    state: MessageState
    attempts: int
    created_at: datetime
    next_attempt_at: datetime | None
    settled_at: datetime | None
    last_at: datetime | None
    last_status: int | None
    last_error: str | None
    last_ms: int | None


@dataclass(frozen=True, slots=True)
class MessagePage:
    """Some messages, newest first; `next_before` continues the list, None at its end."""

    items: Sequence[LoggedMessage]
    next_before: int | None


@dataclass(frozen=True, slots=True)
class Due:
    """A leased message on its way; `attempt` fences whoever held it before."""

    id: int
    webhook_id: int
    account_id: int
    attempt: int
    event_id: UUID
    type: str
    object: str
    data: dict[str, Any]
    created_at: datetime
    url: str
    secrets: Sequence[str]
    """Empty when the stored one cannot be opened."""

    def __repr__(self) -> str:
        return f"<Due {self.id} for webhook {self.webhook_id}>"


@dataclass(frozen=True, slots=True)
class Attempted:
    """What came of one attempt."""

    status: int | None
    """None: there was no answer."""
    error: str | None
    """None: the receiver took the message."""
    ms: int | None = None
    retry_after: float = 0.0
    """Seconds that the receiver asked to wait."""


class Body(msgspec.Struct, frozen=True):
    """A message on the wire."""

    id: UUID
    type: str
    created_at: datetime
    object: str
    sequence: int
    """Grows from message to message of one webhook."""
    data: dict[str, Any]


def encode(message: Due) -> bytes:
    """The body of a message, the same in every attempt."""
    return msgspec.json.encode(
        Body(message.event_id, message.type, message.created_at, message.object, message.id, message.data)
    )


def signature(secrets_: Sequence[str], body: bytes, *, at: datetime) -> str:
    """`t=<unix seconds>,v1=<hex HMAC-SHA256 of "t.body">`, with one `v1` for each secret (reliability.md WH-1)."""
    moment = str(int(at.timestamp()))
    signed = f"{moment}.".encode() + body
    parts = [f"v1={hmac.new(secret.encode(), signed, hashlib.sha256).hexdigest()}" for secret in secrets_]
    return ",".join([f"t={moment}", *parts])


def new_secret() -> str:
    """A random secret of 256 bits."""
    return _SECRET_PREFIX + secrets.token_urlsafe(32)


def next_attempt(attempt: int, attempted: Attempted, *, now: datetime) -> datetime:
    """When to try again after attempt number `attempt` (from 1): after 10 s, then ever later, at last every 6 hours."""
    floor = min(attempted.retry_after, _LONGEST_RETRY_AFTER)
    return now + timedelta(seconds=_BACKOFF.delay(attempt, floor=floor))


def checked_events(events: Sequence[str]) -> list[str]:
    """The wanted types, each once; `InvalidInput` for none or an unknown one."""
    wanted = list(dict.fromkeys(events))
    if not wanted:
        raise InvalidInput("events must name at least one event")
    known = [str(type_) for type_ in EventType]
    for name in wanted:
        if name not in known:
            raise InvalidInput(f"events must be of {', '.join(known)}")
    return wanted


def checked_description(text: str) -> str:
    """A note for people; `InvalidInput` when it is too long or not printable."""
    if len(text) > DESCRIPTION_LIMIT or not text.isprintable():
        raise InvalidInput(f"description must have at most {DESCRIPTION_LIMIT} printable characters")
    return text.strip()
