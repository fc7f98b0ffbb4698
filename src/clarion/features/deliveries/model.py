"""States, outcomes and the data that travels between dispatch and the ledger. Pure."""

from dataclasses import dataclass
from datetime import date, datetime
from enum import IntEnum, StrEnum
from typing import NamedTuple, Protocol

from clarion.providers.transport import Request


class State(IntEnum):
    """States of a delivery, as stored. Only waiting ones ever change."""

    WAITING = 1
    SENT = 2
    FAILED = 3
    CANCELLED = 4


class Reason(StrEnum):
    """Why a delivery failed."""

    TOKEN = "token"  # noqa: S105 - a word, not a secret
    MESSAGE = "message"
    INTERNAL = "internal"
    EXPIRED = "expired"
    """Its time to live, its attempts or the hour for retries ran out; `code` tells the last answer."""


class Recipient(NamedTuple):
    """A device that a send reaches, as read for dispatch."""

    device_id: int
    token: str
    transport: str
    country: str
    lang: str
    platform: str
    token_hash: bytes


class Job(Protocol):
    """What the messages of one piece of work have in common: a leased slice or a batch of waiting deliveries."""

    account_id: int
    app_id: int
    send_id: int
    day: date
    provider: str
    expires_at: datetime

    def settled(self, count: int) -> None:
        """So many of the job's messages are recorded."""

    def give_back(self, attempt: "Attempt", wait: float) -> None:
        """A message was certainly not processed and is not to be counted; try it again after `wait` seconds."""


class Attempt:
    """One message in flight: the tag that goes with its request and comes back with its answer."""

    __slots__ = (
        "country",
        "device_id",
        "first_at",
        "has_row",
        "job",
        "lang",
        "may_be_sent",
        "number",
        "platform",
        "push_id",
        "refreshed",
        "request",
        "token_hash",
    )

    def __init__(
        self,
        job: Job,
        device_id: int,
        country: str,
        platform: str,
        token_hash: bytes,
        push_id: int,
        lang: str,
        first_at: datetime,
        *,
        number: int = 1,
        has_row: bool = False,
        may_be_sent: bool = False,
    ) -> None:
        self.job = job
        self.device_id = device_id
        self.country = country
        self.platform = platform
        self.token_hash = token_hash
        self.push_id = push_id
        self.lang = lang
        self.first_at = first_at
        self.number = number
        """Of this attempt, from 1."""
        self.has_row = has_row
        """A waiting row exists and is updated; otherwise the outcome makes a new row."""
        self.may_be_sent = may_be_sent
        self.refreshed = False
        """The access token was renewed for this message once already."""
        self.request: Request | None = None


class Entry(NamedTuple):
    """One line of the ledger: a delivery with its outcome.

    What many lines of a batch have in common stands first, so that it is encoded and counted once (`GROUP`).
    """

    day: date
    app_id: int
    send_id: int
    account_id: int
    push_id: int
    provider: str
    lang: str
    country: str
    platform: str
    state: int
    reason: str | None
    code: str | None
    attempt: int
    may_be_sent: bool
    created_at: datetime
    settled_at: datetime | None
    device_id: int
    token_hash: bytes
    provider_id: str | None
    next_attempt_at: datetime | None


GROUP = slice(0, 14)
"""The fields of an entry that hardly differ within a batch."""


@dataclass(frozen=True, slots=True)
class TokenDrop:
    """A token that a provider called dead; applied only while it is still the device's token."""

    app_id: int
    provider: str
    token_hash: bytes
    code: str
    guarded: bool
    since: datetime | None = None
    """Since when it is dead, if the provider said so: a device that registered it later keeps it."""


@dataclass(frozen=True, slots=True)
class Whereabouts:
    """The provider's environment that a token turned out to belong to."""

    app_id: int
    token_hash: bytes
    environment: str


@dataclass(frozen=True, slots=True)
class WaitingDelivery:
    """A waiting delivery, leased for its next attempt, with the device as it is now (None fields: gone)."""

    day: date
    app_id: int
    send_id: int
    device_id: int
    account_id: int
    push_id: int
    provider: str
    lang: str
    country: str
    platform: str
    attempt: int
    may_be_sent: bool
    created_at: datetime
    expires_at: datetime
    send_state: str
    token: str | None
    transport: str | None
    token_hash: bytes | None
