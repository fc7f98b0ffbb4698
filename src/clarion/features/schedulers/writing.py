"""How a new scheduler is checked and written down."""

from dataclasses import dataclass
from datetime import datetime

import msgspec

from clarion.db import Connection, load
from clarion.features.accounts import Caller, audit
from clarion.features.audiences import AudienceService, Filter
from clarion.features.schedulers.calendar import Late
from clarion.features.schedulers.model import OnesendBody, State, WeeklyBody
from clarion.features.schedulers.timing import (
    Arming,
    OnesendTiming,
    Timing,
    WeeklyTiming,
    arm,
    parse_onesend,
    parse_weekly,
)
from clarion.foundation.errors import InvalidInput

SQL = load(__package__)


@dataclass(frozen=True, slots=True)
class New:
    """A scheduler to be made."""

    type: str
    name: str
    timing: Timing
    filter: Filter
    source: str = "api"
    late: Late = Late.AT_ONCE
    draft: bool = False


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
        arming = arm(new.timing, late=new.late, now=now) if due is None else Arming(now, due)
        await self.check(conn, caller.account_id, new.filter)
        scheduler_id: int = await SQL.insert_scheduler.fetchval(
            conn,
            account_id=caller.account_id,
            type=new.type,
            name=new.name,
            source=new.source,
            timing=msgspec.to_builtins(new.timing),
            local_time=new.timing.timezone is None,
            filter=msgspec.to_builtins(new.filter),
            state=State.DRAFT if new.draft else State.ACTIVE,
            late=new.late,
            armed_at=now,
            planned_until=arming.planned_until,
            next_due_at=None if new.draft else arming.next_due_at,
        )
        await audit(conn, caller, action="scheduler.create", target=f"scheduler:{scheduler_id}")
        return scheduler_id


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
