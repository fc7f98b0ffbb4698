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
    bench = _Bench(matter, effective, due, now=now)
    left = bench.in_time()
    if left and (effective.limits or effective.quiet_hours):
        awake = bench.awake(await books.subjects(matter.app_id, left))
        if awake and effective.limits:
            bench.refuse(awake, await books.admit(matter, bench.newcomers(awake), effective))
    return bench.found


class _Bench:
    """One judgement in the making."""

    def __init__(self, matter: Matter, effective: Effective, due: Mapping[int, datetime], *, now: datetime) -> None:
        self.found = Judgement()
        self._matter = matter
        self._effective = effective
        self._due = due
        self._now = now
        self._moments = _Moments(None if effective.urgent else effective.quiet_hours)

    def in_time(self) -> list[int]:
        """The devices whose messages are not too late yet."""
        if self._effective.too_late is None:
            return list(self._due)
        left = []
        for device_id, due_at in self._due.items():
            if self._now > self._effective.last_moment(due_at):
                self.found.skipped[device_id] = HeldBy.TOO_LATE
            else:
                left.append(device_id)
        return left

    def awake(self, subjects: Iterable[Subject]) -> list[Subject]:
        """Those who may be disturbed now."""
        awake = []
        for subject in subjects:
            until = self._moments.next_allowed(self._now, subject)
            if until > self._now:
                self._hold(subject, Hold(HeldBy.QUIET_HOURS, until))
            else:
                awake.append(subject)
        return awake

    def newcomers(self, subjects: Iterable[Subject]) -> list[Newcomer]:
        """Their messages as caps and gaps see them."""
        matter, now = self._matter, self._now
        return [
            Newcomer(Contact(now, matter.app_id, matter.scheduler_id, matter.send_id, subject.device_id), subject.user)
            for subject in subjects
        ]

    def refuse(self, subjects: Iterable[Subject], refused: Mapping[int, Excess]) -> None:
        """Some of them have had enough."""
        for subject in subjects:
            excess = refused.get(subject.device_id)
            if excess is not None and excess.until is None:
                self.found.skipped[subject.device_id] = excess.held_by
            elif excess is not None and excess.until is not None:
                self._hold(subject, Hold(excess.held_by, self._moments.next_allowed(excess.until, subject)))

    def _hold(self, subject: Subject, hold: Hold) -> None:
        """Let a message wait, unless it would then be too late."""
        if hold.until > self._effective.last_moment(self._due[subject.device_id]):
            self.found.skipped[subject.device_id] = HeldBy.TOO_LATE
        else:
            self.found.held[subject.device_id] = hold


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
