"""What the clock does with a scheduler that is due: starts its sends and says when to look again.

Everything that a look finds is settled in one transaction, with the moment up to which it looked; so every moment is
dealt with once, by whichever worker comes first, and nothing that fell into a standstill is forgotten.
"""

import asyncio
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta, tzinfo
from functools import partial

import structlog

from clarion.db import Conditions, Connection, Database, load
from clarion.features.audiences import AudienceService
from clarion.features.pushes import PushService
from clarion.features.schedulers import comparing
from clarion.features.schedulers.calendar import (
    EAST,
    LATEST,
    Agenda,
    FixedCalendar,
    Late,
    LocalCalendar,
    Start,
    ZoneKey,
    as_utc,
)
from clarion.features.schedulers.model import Scheduler, State
from clarion.features.schedulers.ports import Sends, scheduler_of, timing_of
from clarion.features.schedulers.timing import calendar, too_late
from clarion.features.schedulers.variants import LOOK_EVERY, Comparison, Phase, Verdict, verdict
from clarion.features.sends.model import REST, SAMPLE, SWEEP, WHOLE, Part
from clarion.foundation.errors import Unavailable
from clarion.foundation.zones import told

SQL = load(__package__)

_DUE_AT_ONCE = 100
_AT_A_TIME = 4
"""Schedulers that one worker looks at side by side: those by local time come all at once, every quarter of an hour."""
_AGAIN = timedelta(seconds=30)
"""How soon a sweep is tried again that waits for other sends of its occurrence."""

log = structlog.get_logger("clarion.schedulers")


@dataclass(frozen=True, slots=True)
class _Reach:
    """What a scheduler sends, and to whom, at this moment."""

    push_ids: Sequence[int]
    app_ids: Sequence[int]
    conditions: Conditions
    shares: Sequence[int] | None = None
    """Of the pushes, in their order."""

    @property
    def why_nothing(self) -> str:
        """Why nothing can be sent; empty when it can."""
        if not self.push_ids:
            return "no active push is bound"
        return "" if self.app_ids else "the filter leaves no active app"


@dataclass(frozen=True, slots=True)
class _Look:
    """How a scheduler stands after a look."""

    next_due_at: datetime | None
    planned_until: datetime | None = None
    unswept: Sequence[datetime] = ()


class Starter:
    """Starts what is due; safe from any number of workers at once."""

    def __init__(self, *, database: Database, audiences: AudienceService, pushes: PushService, sends: Sends) -> None:
        self._database = database
        self._audiences = audiences
        self._pushes = pushes
        self._sends = sends

    async def start_due(self, now: datetime) -> int:
        """See `SchedulerService.start_due`."""
        async with self._database.acquire() as conn:
            rows = await SQL.due.fetch(conn, now=now, limit=_DUE_AT_ONCE)
        started = 0
        for begin in range(0, len(rows), _AT_A_TIME):
            part = rows[begin : begin + _AT_A_TIME]
            outcomes = await asyncio.gather(*(self._try(row["id"], now) for row in part), return_exceptions=True)
            for outcome in outcomes:
                if isinstance(outcome, BaseException):
                    raise outcome
                started += outcome
        return started

    async def _try(self, scheduler_id: int, now: datetime) -> bool:
        try:
            return await self._database.run(partial(self._start_one, scheduler_id=scheduler_id, now=now))
        except Unavailable:
            raise
        except Exception:
            # The edge of the clock's loop: one scheduler that cannot start must not hold back the others.
            log.exception("scheduler could not be started", scheduler_id=scheduler_id)
            return False

    async def _start_one(self, conn: Connection, *, scheduler_id: int, now: datetime) -> bool:
        row = await SQL.take_due.fetchrow(conn, scheduler_id=scheduler_id, now=now)
        if row is None:
            return False
        scheduler = scheduler_of(row)
        look = await self._look(conn, scheduler, now)
        await SQL.advance.execute(
            conn,
            scheduler_id=scheduler_id,
            state=State.ACTIVE if look.next_due_at else State.DONE,
            next_due_at=look.next_due_at,
            planned_until=look.planned_until,
            unswept=list(look.unswept),
        )
        return True

    async def _look(self, conn: Connection, scheduler: Scheduler, now: datetime) -> _Look:
        found = calendar(timing_of(scheduler), late=scheduler.late, armed_at=_armed_at(scheduler))
        if isinstance(found, LocalCalendar):
            return await self._look_locally(conn, scheduler, calendar=found, now=now)
        if scheduler.type == "onesend":
            return await self._look_once(conn, scheduler, due=scheduler.next_due_at or now, now=now)
        return await self._look_weekly(conn, scheduler, calendar=found, now=now)

    async def _look_once(self, conn: Connection, scheduler: Scheduler, *, due: datetime, now: datetime) -> _Look:
        """Start it all; where pushes compete, start a sample, and the rest when the better one is known."""
        comparison = await comparing.find(conn, scheduler.account_id, scheduler.id)
        if comparison is None or comparison.contest is None:
            await self._start(conn, scheduler, dues=[due], now=now)
            return _Look(None)
        reach = await self._reach(conn, scheduler)
        if reason := "more than 24 h late" if too_late(due, now) else reach.why_nothing:
            _tell(scheduler, reason, due)
            await comparing.settle(conn, comparison, Verdict(None, reason), send_id=None, now=now)
            return _Look(None)
        if comparison.phase is Phase.WAITING:
            return await self._start_sample(conn, scheduler, comparison, reach=reach, at=(due, due), now=now)
        return await self._start_rest(conn, scheduler, comparison, reach=reach, at=(due, due), now=now)

    async def _start_sample(
        self,
        conn: Connection,
        scheduler: Scheduler,
        comparison: Comparison,
        *,
        reach: _Reach,
        at: tuple[datetime, datetime],
        now: datetime,
    ) -> _Look:
        contest = comparison.contest
        if contest is None or len(reach.push_ids) < 2:
            await self._plan(conn, scheduler, reach=reach, at=at, now=now)
            await comparing.settle(conn, comparison, Verdict(None, "only one push is active"), send_id=None, now=now)
            return _Look(None)
        part = Part(SAMPLE, sample=contest.sample)
        send_id = await self._plan(conn, scheduler, reach=reach, at=at, now=now, part=part)
        if send_id is None:
            return _Look(None)
        decide_at = now + contest.duration
        await comparing.begin(conn, comparison, send_id=send_id, decide_at=decide_at)
        return _Look(_next_look(comparison, decide_at, now))

    async def _start_rest(
        self,
        conn: Connection,
        scheduler: Scheduler,
        comparison: Comparison,
        *,
        reach: _Reach,
        at: tuple[datetime, datetime],
        now: datetime,
    ) -> _Look:
        counts = await comparing.sample_counts(conn, comparison)
        found = verdict(comparison, counts, push_ids=reach.push_ids, now=now)
        if found is None:
            return _Look(_next_look(comparison, comparison.decide_at or now, now))
        if found.winner_id is not None:
            reach = replace(reach, push_ids=[found.winner_id], shares=None)
        sample = comparison.contest.sample if comparison.contest else 0
        send_id = await self._plan(conn, scheduler, reach=reach, at=at, now=now, part=Part(REST, sample=sample))
        await comparing.settle(conn, comparison, found, send_id=send_id, now=now)
        return _Look(None)

    async def _look_weekly(
        self, conn: Connection, scheduler: Scheduler, *, calendar: FixedCalendar, now: datetime
    ) -> _Look:
        since = max(scheduler.planned_until or now, now - 8 * LATEST)
        await self._start(conn, scheduler, dues=calendar.due_between(since, now), now=now)
        return _Look(calendar.following(now), now)

    async def _start(self, conn: Connection, scheduler: Scheduler, *, dues: list[datetime], now: datetime) -> None:
        """Start the last of the moments that have come; the others were missed."""
        for due in dues[:-1]:
            _tell(scheduler, "overtaken by a later slot", due)
        for due in dues[-1:]:
            reach = await self._reach(conn, scheduler)
            if reason := "more than 24 h late" if too_late(due, now) else reach.why_nothing:
                _tell(scheduler, reason, due)
            else:
                await self._plan(conn, scheduler, reach=reach, at=(due, due), now=now)

    async def _look_locally(
        self, conn: Connection, scheduler: Scheduler, *, calendar: LocalCalendar, now: datetime
    ) -> _Look:
        reach = await self._reach(conn, scheduler)
        found = await self._sends.zones_of(scheduler.account_id, reach.app_ids, conn)
        zones = {ZoneKey(item.app_id, item.told): told(item.told, item.default) for item in found}
        since = max(scheduler.planned_until or now - LATEST, now - 8 * LATEST)
        begun = await self._start_parts(
            conn, scheduler, reach=reach, agenda=calendar.agenda(zones, after=since, now=now), now=now
        )
        unswept = [
            at
            for at in sorted({*scheduler.unswept, *begun})
            if not await self._swept(conn, scheduler, reach=reach, calendar=calendar, at=at, now=now)
        ]
        looks = [calendar.next_look(zones.values(), now), *_sweep_looks(calendar, unswept, now)]
        next_due_at = min((look for look in looks if look), default=None)
        waits_for_push = not reach.push_ids and scheduler.late is not Late.SKIP
        return _Look(next_due_at, max(since, now - LATEST) if waits_for_push else now, unswept)

    async def _start_parts(
        self, conn: Connection, scheduler: Scheduler, *, reach: _Reach, agenda: Agenda, now: datetime
    ) -> set[datetime]:
        """Start what is due, zone by zone; the occurrences that this belongs to."""
        for start in agenda.missed:
            _tell(scheduler, "more than 24 h late, or overtaken by a later slot", start.due)
        if reach.why_nothing:
            for start in agenda.starts[:1]:
                _tell(scheduler, reach.why_nothing, start.due)
            return set()
        for start in agenda.starts:
            await self._plan_part(conn, scheduler, reach=reach, start=start, now=now)
        return {as_utc(start.slot) for start in agenda.starts}

    async def _reach(self, conn: Connection, scheduler: Scheduler) -> _Reach:
        account_id = scheduler.account_id
        push_ids = await self._pushes.bound_active(account_id, scheduler.id, within=conn)
        comparison = await comparing.find(conn, account_id, scheduler.id) if len(push_ids) > 1 else None
        return _Reach(
            push_ids,
            await self._audiences.resolve_apps(account_id, scheduler.filter, within=conn),
            await self._audiences.conditions(account_id, scheduler.filter, within=conn),
            comparison.shares_of(push_ids) if comparison else None,
        )

    async def _plan_part(
        self, conn: Connection, scheduler: Scheduler, *, reach: _Reach, start: Start, now: datetime
    ) -> None:
        zones = sorted({key.told for key in start.zones})
        unzoned = sorted(key.app_id for key in start.zones if not key.told)
        app_ids = sorted({key.app_id for key in start.zones})
        await self._plan(
            conn,
            scheduler,
            reach=replace(reach, app_ids=app_ids),
            at=(as_utc(start.slot), start.due if start.due >= _armed_at(scheduler) else now),
            now=now,
            part=Part(start.bucket, zones, unzoned),
        )

    async def _swept(
        self,
        conn: Connection,
        scheduler: Scheduler,
        *,
        reach: _Reach,
        calendar: LocalCalendar,
        at: datetime,
        now: datetime,
    ) -> bool:
        """Whether an occurrence is over: its last part has been started, or there is none, or it is too late."""
        slot = at.replace(tzinfo=None)
        due = calendar.sweep_at(slot)
        if now < due:
            return False
        if now - due > LATEST or reach.why_nothing:
            _tell(scheduler, reach.why_nothing or "more than 24 h late", due)
            return True
        if await self._sends.open_parts(scheduler.account_id, scheduler.id, at, conn):
            return False
        moved = await self._sends.apps_with_moved(scheduler.account_id, reach.app_ids, at - EAST, conn)
        if moved:
            zones = await self._sends.zones_of(scheduler.account_id, moved, conn)
            left_out = {item.told for item in zones if _was_left_out(calendar, slot, told(item.told, item.default))}
            part = Part(SWEEP, sorted(left_out))
            narrowed = replace(reach, app_ids=moved)
            await self._plan(conn, scheduler, reach=narrowed, at=(at, due), now=now, part=part)
        return True

    async def _plan(
        self,
        conn: Connection,
        scheduler: Scheduler,
        *,
        reach: _Reach,
        at: tuple[datetime, datetime],
        now: datetime,
        part: Part = WHOLE,
    ) -> int | None:
        occurrence, due = at
        return await self._sends.plan(
            account_id=scheduler.account_id,
            scheduler_id=scheduler.id,
            occurrence=occurrence,
            due_at=due,
            cutoff_at=now,
            push_ids=reach.push_ids,
            app_ids=reach.app_ids,
            conditions=reach.conditions,
            within=conn,
            part=part,
            rotates=scheduler.type == "weekly",
            shares=reach.shares,
        )


def _next_look(comparison: Comparison, decide_at: datetime, now: datetime) -> datetime:
    """When a sample is looked at next: at the decision, or soon where it may be large enough before."""
    contest = comparison.contest
    soon = contest is not None and contest.enough_delivered is not None
    return min(decide_at, now + LOOK_EVERY) if soon else decide_at


def _armed_at(scheduler: Scheduler) -> datetime:
    """Since when it waits: what had passed by then is due when it is started, not before."""
    return scheduler.armed_at or scheduler.created_at


def _was_left_out(calendar: LocalCalendar, slot: datetime, zone: tzinfo) -> bool:
    """Whether the zone's moment had passed when the scheduler was armed, and was not made up for."""
    grace = LATEST if calendar.late is Late.AT_ONCE else timedelta()
    return calendar.due(slot, zone) < calendar.armed_at - grace


def _sweep_looks(calendar: LocalCalendar, unswept: Iterable[datetime], now: datetime) -> list[datetime]:
    return [max(calendar.sweep_at(at.replace(tzinfo=None)), now + _AGAIN) for at in unswept]


def _tell(scheduler: Scheduler, reason: str, due: datetime) -> None:
    log.warning(
        "nothing is sent", scheduler_id=scheduler.id, account_id=scheduler.account_id, reason=reason, due_at=due
    )
