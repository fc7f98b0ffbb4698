"""How a new scheduler is checked and written down."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

import msgspec

from clarion.db import Connection, load
from clarion.features.accounts import Caller, audit
from clarion.features.audiences import AudienceService, Filter
from clarion.features.rules import Rules, stored
from clarion.features.rules.model import NO_RULES
from clarion.features.schedulers.calendar import Late
from clarion.features.schedulers.conversion import ConversionTiming
from clarion.features.schedulers.model import OnesendBody, State, WeeklyBody
from clarion.features.schedulers.timing import (
    Arming,
    OnesendTiming,
    Timing,
    WeeklyTiming,
    arm,
    parse_onesend,
    parse_weekly,
    timing_at,
)
from clarion.foundation.errors import InvalidInput

SQL = load(__package__)


@dataclass(frozen=True, slots=True)
class New:
    """A scheduler to be made."""

    type: str
    name: str
    timing: Timing | ConversionTiming | None
    """None of an instant sending, which is due at a given moment."""
    filter: Filter
    source: str = "api"
    late: Late = Late.AT_ONCE
    rules: Rules = NO_RULES
    draft: bool = False

    @property
    def local_time(self) -> bool:
        """Whether it goes by the clock of each device."""
        return isinstance(self.timing, OnesendTiming | WeeklyTiming) and self.timing.timezone is None


class Writer:
    """Writes schedulers that have slots."""

    def __init__(self, *, audiences: AudienceService) -> None:
        self._audiences = audiences

    async def check(self, conn: Connection, account_id: int, filter_: Filter) -> list[int]:
        """The apps that the filter leaves. `InvalidInput` also when there are none, `UnknownReference`."""
        await self._audiences.check(account_id, filter_, within=conn)
        app_ids = await self._audiences.resolve_apps(account_id, filter_, within=conn)
        if not app_ids:
            raise InvalidInput("the filter leaves no active app")
        return app_ids

    async def insert(
        self, conn: Connection, caller: Caller, new: New, *, now: datetime, due: datetime | None = None
    ) -> int:
        """Write it down, waiting for its first moment, or for exactly `due`; its id.

        `InvalidInput` for a broken rule, `UnknownReference` for an id in the filter.
        """
        arming = _NEVER if new.draft else armed(new, now=now, due=due)
        await self.check(conn, caller.account_id, new.filter)
        scheduler_id: int = await SQL.insert_scheduler.fetchval(
            conn,
            account_id=caller.account_id,
            source=new.source,
            type=new.type,
            state=State.DRAFT if new.draft else State.ACTIVE,
            **_columns(new, due),
            armed_at=now,
            planned_until=arming.planned_until,
            next_due_at=arming.next_due_at,
        )
        await audit(conn, caller, action="scheduler.create", target=f"scheduler:{scheduler_id}")
        return scheduler_id

    async def update(
        self, conn: Connection, caller: Caller, scheduler_id: int, *, new: New, arming: Arming, armed_at: datetime
    ) -> None:
        """Write down what it is from now on; the caller holds its row. Errors as `insert`."""
        await self.check(conn, caller.account_id, new.filter)
        await SQL.update_scheduler.execute(
            conn,
            account_id=caller.account_id,
            scheduler_id=scheduler_id,
            **_columns(new, None),
            armed_at=armed_at,
            planned_until=arming.planned_until,
            next_due_at=arming.next_due_at,
        )
        await audit(conn, caller, action="scheduler.update", target=f"scheduler:{scheduler_id}")


_NEVER = Arming(None, None)


def armed(new: New, *, now: datetime, due: datetime | None = None) -> Arming:
    """What it waits for from now on; auto-push waits for events. `InvalidInput` when nothing of it is ahead."""
    if due is not None:
        return Arming(now, due)
    if new.timing is None or isinstance(new.timing, ConversionTiming):
        return _NEVER
    return arm(new.timing, late=new.late, now=now)


def _columns(new: New, due: datetime | None) -> dict[str, Any]:
    timing = timing_at(due) if new.timing is None and due is not None else new.timing
    return {
        "name": new.name,
        "timing": msgspec.to_builtins(timing),
        "local_time": new.local_time,
        "filter": msgspec.to_builtins(new.filter),
        "late": new.late,
        "rules": stored(new.rules),
    }


def onesend_timing(body: OnesendBody) -> OnesendTiming:
    """When a onesend is due. `InvalidInput`."""
    return parse_onesend(date=body.date, time=body.time, zone=checked_zone(body.timezone, local=body.local_time))


def weekly_timing(body: WeeklyBody) -> WeeklyTiming:
    """When a weekly scheduler is due. `InvalidInput`."""
    if body.days is not None and body.weekdays is not None:
        raise InvalidInput("days and weekdays are two names of one field; give one of them")
    if body.time is not None and body.times is not None:
        raise InvalidInput("give either time or times")
    days = body.weekdays if body.days is None else body.days
    times = body.times if body.time is None else [body.time]
    return parse_weekly(
        days=days or [],
        times=times or [],
        zone=checked_zone(body.timezone, local=body.local_time),
        first=body.first_date,
        last=body.last_date,
    )


def checked_zone(zone: str | None, *, local: bool) -> str | None:
    """The zone of a timing: there is one exactly when it is not by local time."""
    if local and zone is not None:
        raise InvalidInput("timezone must be absent when local_time is true")
    if not local and zone is None:
        raise InvalidInput("timezone is required when local_time is false")
    return zone
