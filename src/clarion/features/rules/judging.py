"""Which messages may leave now, which wait and which are skipped. Pure, apart from what it asks of its books."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import NamedTuple, Protocol

from clarion.features.rules.limits import Contact, Diary, Excess, HeldBy, Limit, Newcomer
from clarion.features.rules.model import Effective
from clarion.features.rules.quiet import QuietHours
from clarion.foundation import zones


class Subject(NamedTuple):
    """What rules must know of a device."""

    device_id: int
    zone: str
    """See `zones.told`."""
    default_zone: str
    user: int | None


@dataclass(frozen=True, slots=True)
class Matter:
    """Messages of one send to devices of one app."""

    account_id: int
    app_id: int
    scheduler_id: int
    send_id: int


class Hold(NamedTuple):
    """A message waits."""

    held_by: HeldBy
    until: datetime


@dataclass(frozen=True, slots=True)
class Judgement:
    """What becomes of messages, by device; those that are not named here may leave."""

    held: dict[int, Hold] = field(default_factory=dict)
    skipped: dict[int, HeldBy] = field(default_factory=dict)

    def may_leave(self, device_id: int) -> bool:
        """Neither held nor skipped."""
        return device_id not in self.held and device_id not in self.skipped


class Books(Protocol):
    """Where devices and contacts are looked up."""

    async def subjects(self, app_id: int, device_ids: Sequence[int]) -> Sequence[Subject]:
        """Those of the devices that exist."""

    async def admit(self, matter: Matter, newcomers: Sequence[Newcomer], effective: Effective) -> dict[int, Excess]:
        """Write down who may be contacted now; why the others may not, by device."""


async def judge(
    books: Books, matter: Matter, effective: Effective, due: Mapping[int, datetime], *, now: datetime
) -> Judgement:
    """Judge messages, given as devices with the moments at which they were due.

    In this order: cut-off, quiet hours, caps and gaps. Who may leave is written down as contacted, in a transaction of
    its own that is committed on return.
    """
    found = Judgement()
    for device_id, due_at in due.items():
        if effective.too_late is not None and now > effective.last_moment(due_at):
            found.skipped[device_id] = HeldBy.TOO_LATE
    left = [device_id for device_id in due if device_id not in found.skipped]
    if not left or not (effective.limits or effective.quiet_hours):
        return found
    subjects = await books.subjects(matter.app_id, left)
    quiet = None if effective.urgent else effective.quiet_hours
    moments = _Moments(quiet)
    awake = []
    for subject in subjects:
        until = moments.next_allowed(now, subject)
        if until > now:
            _hold(found, effective, subject, Hold(HeldBy.QUIET_HOURS, until), due)
        else:
            awake.append(subject)
    if effective.limits and awake:
        refused = await books.admit(matter, _newcomers(matter, awake, now), effective)
        for subject in awake:
            excess = refused.get(subject.device_id)
            if excess is not None:
                _refuse(found, effective, subject, excess, due, moments)
    return found


def _refuse(
    found: Judgement,
    effective: Effective,
    subject: Subject,
    excess: Excess,
    due: Mapping[int, datetime],
    moments: "_Moments",
) -> None:
    if excess.until is None:
        found.skipped[subject.device_id] = excess.held_by
    else:
        until = moments.next_allowed(excess.until, subject)
        _hold(found, effective, subject, Hold(excess.held_by, until), due)


def _hold(found: Judgement, effective: Effective, subject: Subject, hold: Hold, due: Mapping[int, datetime]) -> None:
    """Let a message wait, unless it would then be too late."""
    if hold.until > effective.last_moment(due[subject.device_id]):
        found.skipped[subject.device_id] = HeldBy.TOO_LATE
    else:
        found.held[subject.device_id] = hold


def _newcomers(matter: Matter, subjects: Iterable[Subject], now: datetime) -> list[Newcomer]:
    return [
        Newcomer(Contact(now, matter.app_id, matter.scheduler_id, matter.send_id, subject.device_id), subject.user)
        for subject in subjects
    ]


class _Moments:
    """When quiet hours end; worked out once per zone and moment."""

    def __init__(self, quiet: QuietHours | None) -> None:
        self._quiet = quiet
        self._known: dict[tuple[datetime, str, str], datetime] = {}

    def next_allowed(self, moment: datetime, subject: Subject) -> datetime:
        """`moment` or later."""
        if self._quiet is None:
            return moment
        key = (moment, subject.zone, subject.default_zone)
        known = self._known.get(key)
        if known is None:
            zone = zones.told(subject.zone, subject.default_zone)
            known = self._known[key] = self._quiet.next_allowed(moment, zone)
        return known


def admitted(
    diary: Diary, newcomers: Sequence[Newcomer], limits: Sequence[Limit], *, urgent: bool
) -> tuple[list[Newcomer], dict[int, Excess]]:
    """Who may be contacted, one after the other, and why the others may not. Urgent messages always may."""
    if urgent:
        return list(newcomers), {}
    going, refused = [], {}
    for one in newcomers:
        excess = diary.admit(one, limits)
        if excess is None:
            going.append(one)
        else:
            refused[one.contact.device_id] = excess
    return going, refused
