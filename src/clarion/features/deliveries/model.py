"""States, outcomes and the data that travels between dispatch and the ledger. Pure."""

from dataclasses import dataclass
from datetime import date, datetime
from enum import IntEnum, StrEnum
from typing import Any, NamedTuple, Protocol

from clarion.providers.transport import Request


class State(IntEnum):
    """States of a delivery, as stored. Only waiting ones ever change."""

    WAITING = 1
    SENT = 2
    FAILED = 3
    CANCELLED = 4
    SKIPPED = 5


class Reason(StrEnum):
    """Why a delivery failed, why it was skipped, or what it waits for."""

    TOKEN = "token"  # noqa: S105 - a word, not a secret
    MESSAGE = "message"
    INTERNAL = "internal"
    EXPIRED = "expired"
    """Its time to live, its attempts or the hour for retries ran out; `code` tells the last answer."""
    QUIET_HOURS = "quiet_hours"
    """It waits for their end."""
    FREQUENCY = "frequency"
    """It is one too many for a frequency cap."""
    GAP = "gap"
    """It would come too soon after another."""
    TOO_LATE = "too_late"
    """Rules held it back beyond the last moment at which it made sense."""
    PACING = "pacing"
    """It waits for its turn."""


class Recipient(NamedTuple):
    """A device that a send reaches, as read for dispatch."""

    device_id: int
    token: str
    transport: str
    country: str
    lang: str
    platform: str
    token_hash: bytes
    facts: dict[str, Any] | None
    """What placeholders may ask of the device (fields of `personal.Person`); None unless a push has any."""


class Job(Protocol):
    """What the messages of one piece of work have in common: a leased slice or a batch of waiting deliveries."""

    account_id: int
    app_id: int
    send_id: int
    day: date
    provider: str
    cutoff_at: datetime
    """When the messages' time began: with their send, or when rules let them go."""
    expires_at: datetime
    capped: bool
    """Some cap or gap counts its messages."""

    def settled(self, count: int) -> None:
        """So many of the job's messages are recorded."""

    def give_back(self, attempt: "Attempt", wait: float) -> None:
        """A message was certainly not processed and is not to be counted; try it again after `wait` seconds."""


class Dimensions(NamedTuple):
    """What many deliveries have in common, whatever becomes of them; made once for all that share it."""

    day: date
    app_id: int
    send_id: int
    account_id: int
    push_id: int
    provider: str
    lang: str
    country: str
    platform: str


class Result(NamedTuple):
    """What became of an attempt, as many deliveries share it."""

    state: int
    reason: str | None
    code: str | None
    attempt: int
    may_be_sent: bool


class Attempt:
    """One message in flight: the tag that goes with its request and comes back with its answer."""

    __slots__ = (
        "device_id",
        "dimensions",
        "first_at",
        "has_row",
        "job",
        "may_be_sent",
        "number",
        "refreshed",
        "request",
        "token_hash",
    )

    def __init__(
        self,
        job: Job,
        dimensions: Dimensions,
        device_id: int,
        token_hash: bytes,
        first_at: datetime,
        *,
        number: int = 1,
        has_row: bool = False,
        may_be_sent: bool = False,
    ) -> None:
        self.job = job
        self.dimensions = dimensions
        self.device_id = device_id
        self.token_hash = token_hash
        self.first_at = first_at
        self.number = number
        """Of this attempt, from 1."""
        self.has_row = has_row
        """A waiting row exists and is updated; otherwise the outcome makes a new row."""
        self.may_be_sent = may_be_sent
        self.refreshed = False
        """The access token was renewed for this message once already."""
        self.request: Request | None = None
        """While it may have to be sent again; dropped with the answer, since the request refers back."""

    @property
    def push_id(self) -> int:
        """The push whose words it carries."""
        return self.dimensions.push_id

    @property
    def lang(self) -> str:
        """The language of its translation."""
        return self.dimensions.lang


class Entry(NamedTuple):
    """One line of the ledger: a delivery with its outcome."""

    dimensions: Dimensions
    result: Result
    created_at: datetime
    settled_at: datetime | None
    device_id: int
    token_hash: bytes
    provider_id: str | None
    next_attempt_at: datetime | None

    @property
    def key(self) -> tuple[int, int, int]:
        """(app, send, device)."""
        return self.dimensions.app_id, self.dimensions.send_id, self.device_id


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


POSTPONED = "postponed"
"""The code of a delivery that waits on without an answer."""


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
    facts: dict[str, Any] | None
    """See `Recipient.facts`."""
    code: str | None
    """Of the last answer."""
    rolling: bool
    """Its send takes messages one by one: its time counts from its own beginning."""
    released_at: datetime | None
    """When rules let it go that had held it back; its time counts from then."""
    reason: str | None
    """Which of the rules that was, if this is its first attempt since."""

    @property
    def own_time(self) -> datetime | None:
        """When its own time began; None when it goes by that of its send."""
        return self.released_at or (self.created_at if self.rolling else None)

    @property
    def first(self) -> bool:
        """Nothing of it has left yet."""
        return self.own_time is not None and self.attempt == 1 and not self.may_be_sent

    @property
    def unanswered(self) -> bool:
        """No answer asked for it again: a first attempt, or that of a worker that died during it."""
        return self.own_time is not None and self.code in (None, "", POSTPONED)
