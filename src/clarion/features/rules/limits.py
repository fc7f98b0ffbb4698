"""Frequency caps and gaps: how many messages a person gets in which time. Pure."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Annotated, NamedTuple

import msgspec

LONGEST_HOURS = 31 * 24
CONTACTS_KEPT = timedelta(hours=LONGEST_HOURS)
"""Older contacts count in no cap and no gap."""


class By(StrEnum):
    """Whose messages are counted together."""

    DEVICE = "device"
    USER = "user"
    """All devices of one external user id; a device without one counts by itself."""


class Then(StrEnum):
    """What becomes of a message that is one too many."""

    DEFER = "defer"
    SKIP = "skip"


class Cap(msgspec.Struct, frozen=True):
    """At most `max` messages in any `hours` hours."""

    max: Annotated[int, msgspec.Meta(ge=1, le=1000)]
    hours: Annotated[int, msgspec.Meta(ge=1, le=LONGEST_HOURS)]
    by: By = By.DEVICE
    then: Then = Then.DEFER


class Gap(msgspec.Struct, frozen=True):
    """At least so many minutes between two messages."""

    minutes: Annotated[int, msgspec.Meta(ge=1, le=LONGEST_HOURS * 60)]
    by: By = By.DEVICE
    then: Then = Then.DEFER


class Level(StrEnum):
    """What a rule belongs to, and thus whose messages it counts."""

    ACCOUNT = "account"
    APP = "app"
    SCHEDULER = "scheduler"


class HeldBy(StrEnum):
    """The rule that holds a message back or skips it; the `reason` of its delivery."""

    QUIET_HOURS = "quiet_hours"
    FREQUENCY = "frequency"
    GAP = "gap"
    TOO_LATE = "too_late"


class Contact(NamedTuple):
    """A message that a device or user got, or is about to get."""

    at: datetime
    app_id: int
    scheduler_id: int
    send_id: int
    device_id: int


@dataclass(frozen=True, slots=True)
class Limit:
    """A cap or gap in force."""

    max: int
    period: timedelta
    by: By
    then: Then
    level: Level
    held_by: HeldBy

    def free_at(self, history: Iterable[Contact], one: Contact) -> datetime:
        """The first moment from `one.at` on at which `one` breaks this limit no more, as far as `history` tells."""
        moments = sorted(past.at for past in history if self._counts(past, one) and past.at > one.at - self.period)
        return one.at if len(moments) < self.max else moments[-self.max] + self.period

    def _counts(self, past: Contact, one: Contact) -> bool:
        if self.level is Level.APP:
            return past.app_id == one.app_id
        if self.level is Level.SCHEDULER:
            return past.scheduler_id == one.scheduler_id
        return True


@dataclass(frozen=True, slots=True)
class Excess:
    """A message is one too many."""

    held_by: HeldBy
    until: datetime | None
    """When it may go, as far as is known now; None = it is skipped."""


def cap_limit(cap: Cap, level: Level) -> Limit:
    """A cap in force."""
    return Limit(cap.max, timedelta(hours=cap.hours), cap.by, cap.then, level, HeldBy.FREQUENCY)


def gap_limit(gap: Gap, level: Level) -> Limit:
    """A gap in force: one message in so many minutes."""
    return Limit(1, timedelta(minutes=gap.minutes), gap.by, gap.then, level, HeldBy.GAP)


def excess(limits: Sequence[tuple[Limit, Sequence[Contact]]], one: Contact) -> Excess | None:
    """What `limits`, each with the history of its subject, make of a message; None = it may go.

    A limit that skips outweighs those that defer; of those the longest wait counts.
    """
    found: Excess | None = None
    for limit, history in limits:
        until = limit.free_at(history, one)
        if until <= one.at:
            continue
        if limit.then is Then.SKIP:
            return Excess(limit.held_by, None)
        if found is None or found.until is None or until > found.until:
            found = Excess(limit.held_by, until)
    return found


class Newcomer(NamedTuple):
    """A message that wants to leave."""

    contact: Contact
    user: int | None
    """The subject of the device's user; None when it has none."""

    def subject(self, by: By) -> int:
        """Whose messages it counts among."""
        return self.user if by is By.USER and self.user is not None else self.contact.device_id


class Diary:
    """Who got what lately, and is about to get."""

    def __init__(self, entries: Iterable[tuple[int, Contact]]) -> None:
        """`entries` are contacts with their subjects."""
        self._entries: dict[int, list[Contact]] = {}
        for subject, contact in entries:
            self._entries.setdefault(subject, []).append(contact)

    def admit(self, one: Newcomer, limits: Sequence[Limit]) -> Excess | None:
        """Write a message down and return None, or tell why it may not leave.

        A message that is written down already may leave: it did not, or nobody knows whether it did.
        """
        histories = [(limit, self._entries.setdefault(one.subject(limit.by), [])) for limit in limits]
        if any(_same(past, one.contact) for _, history in histories for past in history):
            return None
        found = excess(histories, one.contact)
        if found is None:
            for subject in {one.subject(limit.by) for limit in limits}:
                self._entries[subject].append(one.contact)
        return found


def _same(past: Contact, one: Contact) -> bool:
    return past.send_id == one.send_id and past.device_id == one.device_id
