"""The rules of an account, an app or a scheduler, and what holds when all three have some. Pure.

Quiet hours, the cut-off and the time to live: the most specific level that says something wins (scheduler, then app,
then account). Caps and gaps: all of all levels apply, each to the messages of its own level. Pacing: every level's pace
applies, each to the sum of its own level's messages.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Annotated, Any

import msgspec

from clarion.features.rules.limits import Cap, Gap, Level, Limit, cap_limit, gap_limit
from clarion.features.rules.pace import Pace
from clarion.features.rules.quiet import QuietHours
from clarion.foundation.errors import InvalidInput

CAPS_LIMIT = 5
LONGEST_HOLD = timedelta(days=7)
"""A message that rules would hold back for longer than this after its due moment is skipped, whatever else is set."""

_Minutes = Annotated[int, msgspec.Meta(ge=1, le=7 * 24 * 60)]
_Unset = msgspec.UnsetType


class Rules(msgspec.Struct, frozen=True, omit_defaults=True, forbid_unknown_fields=True):
    """What one level says. A field that is absent says nothing; null says that nothing is to hold."""

    quiet_hours: QuietHours | _Unset | None = msgspec.UNSET
    """Messages wait for the end of the window, in the device's own time."""
    caps: list[Cap] = []
    gap: Gap | None = None
    pace: Pace | None = None
    too_late_minutes: _Minutes | _Unset | None = msgspec.UNSET
    """A message that has not left so long after its due moment is skipped."""
    time_to_live_minutes: _Minutes | _Unset | None = msgspec.UNSET
    """How long it is tried to deliver a message from the moment on at which it may leave."""
    urgent: bool = False
    """Of a scheduler: quiet hours, caps and gaps do not hold its messages back. They are counted all the same."""

    def __bool__(self) -> bool:
        return self != Rules()


NO_RULES = Rules()


def checked(rules: Rules, level: Level) -> Rules:
    """The rules; `InvalidInput` names the first condition that they break."""
    if isinstance(rules.quiet_hours, QuietHours):
        rules.quiet_hours.check()
    if rules.pace is not None:
        rules.pace.check()
    if len(rules.caps) > CAPS_LIMIT:
        raise InvalidInput(f"caps has more than {CAPS_LIMIT} entries")
    if rules.urgent and level is not Level.SCHEDULER:
        raise InvalidInput("urgent belongs to schedulers only")
    return rules


def stored(rules: Rules) -> dict[str, Any] | None:
    """As kept in the database; None for rules that say nothing."""
    return msgspec.to_builtins(rules) if rules else None


def read(value: Mapping[str, Any] | None) -> Rules:
    """From the database; what a later release may have written besides is left out."""
    if value is None:
        return NO_RULES
    known = {name: value[name] for name in Rules.__struct_fields__ if name in value}
    return msgspec.convert(known, Rules)


@dataclass(frozen=True, slots=True)
class Effective:
    """What holds for the messages of one scheduler to the devices of one app."""

    quiet_hours: QuietHours | None = None
    limits: Sequence[Limit] = ()
    paces: Sequence[tuple[Level, Pace]] = ()
    too_late: timedelta | None = None
    time_to_live: timedelta | None = None
    urgent: bool = False

    @property
    def judges(self) -> bool:
        """Whether messages must be looked at one by one."""
        return self.quiet_hours is not None or bool(self.limits) or self.too_late is not None

    def last_moment(self, due_at: datetime) -> datetime:
        """The last moment at which a message due then may leave after it was held back."""
        return due_at + min(self.too_late or LONGEST_HOLD, LONGEST_HOLD)

    def expiry(self, expires_at: datetime, begins_at: datetime) -> datetime:
        """When a message that may leave at `begins_at`, of a send that expires then, is worthless."""
        return expires_at if self.time_to_live is None else min(expires_at, begins_at + self.time_to_live)


def merged(*, account: Rules, app: Rules, scheduler: Rules) -> Effective:
    """What holds when the three levels say this."""
    levels = ((Level.ACCOUNT, account), (Level.APP, app), (Level.SCHEDULER, scheduler))
    limits = [cap_limit(cap, level) for level, rules in levels for cap in rules.caps]
    limits += [gap_limit(rules.gap, level) for level, rules in levels if rules.gap is not None]
    return Effective(
        quiet_hours=_decided(scheduler.quiet_hours, app.quiet_hours, account.quiet_hours),
        limits=tuple(limits),
        paces=tuple((level, rules.pace) for level, rules in levels if rules.pace is not None),
        too_late=_minutes(scheduler.too_late_minutes, app.too_late_minutes, account.too_late_minutes),
        time_to_live=_minutes(scheduler.time_to_live_minutes, app.time_to_live_minutes, account.time_to_live_minutes),
        urgent=scheduler.urgent,
    )


def _decided(*said: Any) -> Any:
    """What the first level says that says anything."""
    return next((value for value in said if value is not msgspec.UNSET), None)


def _minutes(*said: int | _Unset | None) -> timedelta | None:
    minutes = _decided(*said)
    return None if minutes is None else timedelta(minutes=minutes)


@dataclass(frozen=True, slots=True)
class SendRules:
    """The rules of everything that a send touches."""

    account_id: int
    scheduler_id: int
    account: Rules = NO_RULES
    scheduler: Rules = NO_RULES
    apps: Mapping[int, Rules] = field(default_factory=dict)
    """Of apps that have any."""

    def of_app(self, app_id: int) -> Effective:
        """What holds for messages to devices of an app."""
        return merged(account=self.account, app=self.apps.get(app_id, NO_RULES), scheduler=self.scheduler)

    def rate(self, app_id: int) -> float | None:
        """Messages per second to devices of an app at most; None without a pace."""
        return min((pace.rate for _, pace in self.of_app(app_id).paces), default=None)

    def lasts(self, devices: Mapping[int, int]) -> timedelta:
        """How much longer a send to so many devices of apps may take because of paces, with as much again to spare."""
        rates = {app_id: self.rate(app_id) for app_id in devices}
        seconds = sum(count / rate for app_id, count in devices.items() if (rate := rates[app_id]) is not None)
        return min(timedelta(seconds=2 * seconds), LONGEST_HOLD)
