"""Use cases of schedulers, and what the clock does when one is due."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from functools import partial
from typing import Any, Protocol

import msgspec
import structlog

from clarion.db import Conditions, Connection, Database, load
from clarion.db.statements import Record
from clarion.features.accounts import Caller, audit
from clarion.features.accounts.model import checked_name
from clarion.features.audiences import AudienceService, Filter, filter_of
from clarion.features.pushes import PushCreated, PushService
from clarion.features.schedulers.model import (
    InstantBody,
    InstantCreated,
    OnesendBody,
    Scheduler,
    SchedulerPage,
    State,
)
from clarion.features.schedulers.timing import (
    OnesendTiming,
    parse_onesend,
    require_ahead,
    timing_of,
    too_late,
)
from clarion.foundation.clock import Clock
from clarion.foundation.errors import Conflict, Forbidden, InvalidInput, NotFound, Unavailable, UnknownReference

SQL = load(__package__)

_NEWEST = 2**63 - 1
_DUE_AT_ONCE = 100

log = structlog.get_logger("clarion.schedulers")


class Sends(Protocol):
    """What a scheduler asks of the sends below it. Every method works in the caller's transaction."""

    async def plan(
        self,
        *,
        account_id: int,
        scheduler_id: int,
        occurrence: datetime,
        due_at: datetime,
        cutoff_at: datetime,
        push_ids: Sequence[int],
        app_ids: Sequence[int],
        conditions: Conditions,
        within: Connection,
    ) -> int | None:
        """Insert the send with its slices; None when this occurrence has one already."""

    async def cancel_of(self, account_id: int, scheduler_id: int, within: Connection) -> int:
        """Cancel the scheduler's open sends; how many there were."""

    async def pause_of(self, account_id: int, scheduler_id: int, within: Connection) -> int:
        """Pause the scheduler's running sends; how many there were."""

    async def resume_of(self, account_id: int, scheduler_id: int, within: Connection) -> int:
        """Let the scheduler's paused sends go on; how many there were."""


class SchedulerService:
    """Schedulers of an account. An id of another account behaves like one that never existed."""

    def __init__(
        self,
        *,
        database: Database,
        audiences: AudienceService,
        pushes: PushService,
        sends: Sends,
        clock: Clock,
        instant_delay: timedelta,
    ) -> None:
        self._database = database
        self._audiences = audiences
        self._pushes = pushes
        self._sends = sends
        self._clock = clock
        self._instant_delay = instant_delay

    async def create_onesend(self, caller: Caller, body: OnesendBody) -> int:
        """A sending at one instant; sends nothing while no push is bound. Returns its id.

        `InvalidInput` for a broken rule of management-api.md §7.1-7.2, `UnknownReference` for an id in the filter.
        """
        name = checked_name(body.name)
        timing, due = self._onesend_moment(body)
        async with self._database.transaction() as conn:
            return await self._insert(
                conn, caller, name=name, source="api", timing=timing, due=due, filter_=filter_of(body)
            )

    def _onesend_moment(self, body: OnesendBody) -> tuple[OnesendTiming, datetime]:
        if body.local_time:
            if body.timezone is not None:
                raise InvalidInput("timezone must be absent when local_time is true")
            raise InvalidInput("local_time: true is not available yet")
        if body.timezone is None:
            raise InvalidInput("timezone is required when local_time is false")
        timing, due = parse_onesend(date=body.date, time=body.time, zone=body.timezone)
        require_ahead(due, self._clock.now())
        return timing, due

    async def _insert(
        self,
        conn: Connection,
        caller: Caller,
        *,
        name: str,
        source: str,
        timing: OnesendTiming,
        due: datetime,
        filter_: Filter,
    ) -> int:
        await self._audiences.check(caller.account_id, filter_, within=conn)
        if not await self._audiences.resolve_apps(caller.account_id, filter_, within=conn):
            raise InvalidInput("the filter leaves no active app")
        scheduler_id: int = await SQL.insert_scheduler.fetchval(
            conn,
            account_id=caller.account_id,
            type="onesend",
            name=name,
            source=source,
            timing=msgspec.to_builtins(timing),
            local_time=False,
            filter=msgspec.to_builtins(filter_),
            next_due_at=due,
        )
        await audit(conn, caller, action="scheduler.create", target=f"scheduler:{scheduler_id}")
        return scheduler_id

    async def instant(self, caller: Caller, body: InstantBody) -> InstantCreated:
        """A onesend due shortly, its push and their binding: all or nothing.

        `InvalidInput` for a broken rule; `Forbidden` for an id in the filter that the account does not have.
        """
        name = checked_name(body.name)
        try:
            scheduler_id, push = await self._database.run(partial(self._instant, caller=caller, name=name, body=body))
        except UnknownReference as error:
            raise Forbidden(str(error)) from None
        await self._warn_if_repeated(caller.account_id, scheduler_id)
        return InstantCreated(scheduler_id, push.id, push.translations, push.warnings)

    async def _instant(
        self, conn: Connection, *, caller: Caller, name: str, body: InstantBody
    ) -> tuple[int, PushCreated]:
        due = self._clock.now() + self._instant_delay
        scheduler_id = await self._insert(
            conn, caller, name=name, source="instant", timing=timing_of(due), due=due, filter_=filter_of(body.filters)
        )
        push = await self._pushes.create(caller, body.push, within=conn)
        await self._pushes.bind(caller.account_id, scheduler_id, push_ids=[push.id], within=conn)
        return scheduler_id, push

    async def _warn_if_repeated(self, account_id: int, scheduler_id: int) -> None:
        """Both are sent; but a caller that repeats after a time-out doubles its campaign (reliability.md ID-6)."""
        async with self._database.acquire() as conn:
            earlier = await SQL.similar_instant.fetchval(conn, account_id=account_id, scheduler_id=scheduler_id)
        if earlier is not None:
            log.warning(
                "identical instant sendings within 10 s",
                account_id=account_id,
                scheduler_id=scheduler_id,
                earlier_scheduler_id=earlier,
            )

    async def bind_pushes(self, caller: Caller, scheduler_id: int, *, type_: str, push_ids: Sequence[int]) -> None:
        """Make exactly these pushes the scheduler's; none unbinds all. Works in every state, so that the pushes of a
        finished scheduler can be freed.

        `NotFound` for the scheduler, `UnknownReference` for a push, `InvalidInput` for a push bound elsewhere.
        """

        async def work(conn: Connection) -> None:
            row = await self._locked(conn, caller.account_id, scheduler_id)
            if row["type"] != type_:
                raise _not_found(scheduler_id)
            await self._pushes.bind(caller.account_id, scheduler_id, push_ids=push_ids, within=conn)
            await audit(conn, caller, action="scheduler.bind", target=f"scheduler:{scheduler_id}")

        await self._database.run(work)

    async def get(self, account_id: int, scheduler_id: int, *, type_: str | None = None) -> Scheduler:
        """The scheduler with its pushes; `NotFound`, also when it is of another type than `type_`."""
        async with self._database.transaction() as conn:
            row = await SQL.get.fetchrow(conn, account_id=account_id, scheduler_id=scheduler_id)
            if row is None or type_ not in (None, row["type"]):
                raise _not_found(scheduler_id)
            bound = await self._pushes.bound(account_id, [scheduler_id], within=conn)
        return _scheduler(row, bound[scheduler_id])

    async def list(
        self, account_id: int, *, state: State | None = None, before: int | None = None, limit: int = 50
    ) -> SchedulerPage:
        """Up to `limit` schedulers, newest first, with ids below `before`."""
        async with self._database.transaction() as conn:
            rows = await SQL.list_newest.fetch(
                conn, account_id=account_id, state=state, before=before or _NEWEST, limit=limit + 1
            )
            page = rows[:limit]
            bound = await self._pushes.bound(account_id, [row["id"] for row in page], within=conn)
        items = [_scheduler(row, bound[row["id"]]) for row in page]
        return SchedulerPage(items, items[-1].id if len(rows) > limit else None)

    async def pause(self, caller: Caller, scheduler_id: int) -> None:
        """Hold the scheduler and its running sends back; repeating is fine.

        `Conflict` when it is cancelled or nothing of it is left to send. `NotFound`.
        """

        async def work(conn: Connection) -> None:
            row = await self._locked(conn, caller.account_id, scheduler_id)
            if row["state"] == State.PAUSED:
                return
            _refuse_cancelled(row)
            running = await self._sends.pause_of(caller.account_id, scheduler_id, conn)
            _refuse_finished(row, running)
            await self._change(conn, caller, scheduler_id=scheduler_id, to=State.PAUSED, action="pause")

        await self._database.run(work)

    async def resume(self, caller: Caller, scheduler_id: int) -> None:
        """Let a paused scheduler and its sends go on; repeating is fine. `Conflict` when cancelled. `NotFound`."""

        async def work(conn: Connection) -> None:
            row = await self._locked(conn, caller.account_id, scheduler_id)
            _refuse_cancelled(row)
            if row["state"] != State.PAUSED:
                return
            await self._sends.resume_of(caller.account_id, scheduler_id, conn)
            to = State.ACTIVE if row["next_due_at"] is not None else State.DONE
            await self._change(conn, caller, scheduler_id=scheduler_id, to=to, action="resume")

        await self._database.run(work)

    async def cancel(self, caller: Caller, scheduler_id: int) -> None:
        """Start nothing more and stop running sends; repeating is fine. What has been sent stays sent.

        `Conflict` when nothing of it is left to send. `NotFound`.
        """

        async def work(conn: Connection) -> None:
            row = await self._locked(conn, caller.account_id, scheduler_id)
            if row["state"] == State.CANCELLED:
                return
            open_sends = await self._sends.cancel_of(caller.account_id, scheduler_id, conn)
            _refuse_finished(row, open_sends)
            await self._change(conn, caller, scheduler_id=scheduler_id, to=State.CANCELLED, action="cancel")

        await self._database.run(work)

    async def _locked(self, conn: Connection, account_id: int, scheduler_id: int) -> Record:
        row = await SQL.lock.fetchrow(conn, account_id=account_id, scheduler_id=scheduler_id)
        if row is None:
            raise _not_found(scheduler_id)
        return row

    async def _change(self, conn: Connection, caller: Caller, *, scheduler_id: int, to: State, action: str) -> None:
        await SQL.set_state.execute(conn, account_id=caller.account_id, scheduler_id=scheduler_id, state=to)
        await audit(conn, caller, action=f"scheduler.{action}", target=f"scheduler:{scheduler_id}")

    async def start_due(self, now: datetime) -> int:
        """Start what is due; how many schedulers this call took care of (at most 100; call again when it is 100).

        Safe from any number of workers at once. One that fails is logged and tried again by the next call.
        """
        async with self._database.acquire() as conn:
            rows = await SQL.due.fetch(conn, now=now, limit=_DUE_AT_ONCE)
        started = 0
        for row in rows:
            try:
                started += await self._database.run(partial(self._start_one, scheduler_id=row["id"], now=now))
            except Unavailable:
                raise
            except Exception:
                # The edge of the clock's loop: one scheduler that cannot start must not hold back the others.
                log.exception("scheduler could not be started", scheduler_id=row["id"])
        return started

    async def skip_due(self, *, within: Connection) -> int:
        """Leave out every single moment of the installation that has passed without a send; how many there were."""
        return await SQL.skip_due.execute(within)

    async def _start_one(self, conn: Connection, *, scheduler_id: int, now: datetime) -> bool:
        row = await SQL.take_due.fetchrow(conn, scheduler_id=scheduler_id, now=now)
        if row is None:
            return False
        scheduler = _scheduler(row)
        await self._start_occurrence(conn, scheduler, due=row["next_due_at"], now=now)
        await SQL.set_state.execute(conn, account_id=scheduler.account_id, scheduler_id=scheduler_id, state=State.DONE)
        return True

    async def _start_occurrence(self, conn: Connection, scheduler: Scheduler, *, due: datetime, now: datetime) -> None:
        account_id = scheduler.account_id
        push_ids = await self._pushes.bound_active(account_id, scheduler.id, within=conn)
        app_ids = await self._audiences.resolve_apps(account_id, scheduler.filter, within=conn)
        if reason := _why_nothing_is_sent(push_ids, app_ids, late=too_late(due, now)):
            log.warning("nothing is sent", scheduler_id=scheduler.id, account_id=account_id, reason=reason)
            return
        await self._sends.plan(
            account_id=account_id,
            scheduler_id=scheduler.id,
            occurrence=due,
            due_at=due,
            cutoff_at=now,
            push_ids=push_ids,
            app_ids=app_ids,
            conditions=await self._audiences.conditions(account_id, scheduler.filter, within=conn),
            within=conn,
        )


def _why_nothing_is_sent(push_ids: Sequence[int], app_ids: Sequence[int], *, late: bool) -> str:
    if late:
        return "more than 24 h late"
    if not push_ids:
        return "no active push is bound"
    return "" if app_ids else "the filter leaves no active app"


def _scheduler(row: Record, push_ids: Sequence[int] = ()) -> Scheduler:
    fields: dict[str, Any] = dict(row)
    fields["filter"] = msgspec.convert(fields["filter"], Filter)
    fields["state"] = State(fields["state"])
    return Scheduler(**fields, push_ids=push_ids)


def _refuse_cancelled(row: Record) -> None:
    if row["state"] == State.CANCELLED:
        raise Conflict("the scheduler is cancelled")


def _refuse_finished(row: Record, open_sends: int) -> None:
    if row["state"] == State.DONE and not open_sends:
        raise Conflict("the scheduler has nothing left to send")


def _not_found(scheduler_id: int) -> NotFound:
    return NotFound(f"scheduler {scheduler_id} does not exist")
