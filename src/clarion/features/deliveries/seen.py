"""Deliveries as their owner sees them. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from clarion.features.deliveries.model import State


class StateWord(StrEnum):
    """`State` in words."""

    WAITING = "waiting"
    SENT = "sent"
    FAILED = "failed"
    CANCELLED = "cancelled"
    SKIPPED = "skipped"

    @property
    def stored(self) -> State:
        """The state as stored."""
        return State[self.name]


@dataclass(frozen=True, slots=True)
class Delivery:
    """One message to one device and what became of it."""

    app_id: int
    device_id: int
    send_id: int
    push_id: int
    provider: str
    lang: str
    country: str
    platform: str
    state: State
    reason: str | None
    code: str | None
    provider_id: str | None
    attempt: int
    may_be_sent: bool
    next_attempt_at: datetime | None
    created_at: datetime
    settled_at: datetime | None
    delivered_at: datetime | None
    clicked_at: datetime | None

    @property
    def state_word(self) -> StateWord:
        """The state in words."""
        return StateWord[self.state.name]


@dataclass(frozen=True, slots=True)
class Position:
    """A place in the list of a send's deliveries."""

    app_id: int = 0
    device_id: int = 0


@dataclass(frozen=True, slots=True)
class DeliveryPage:
    """Some deliveries by app and device; `next` continues the list, None at its end."""

    items: Sequence[Delivery]
    next: Position | None
