"""Use cases of schedulers, and what the clock does when one is due."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from functools import partial

import structlog

from clarion.db import Connection, Database, load
from clarion.db.statements import Record
from clarion.features import triggers
from clarion.features.accounts import Caller, audit
from clarion.features.accounts.model import checked_name
from clarion.features.audiences import AudienceService, filter_of
from clarion.features.pushes import PushCreated, PushService
from clarion.features.schedulers.calendar import Late
from clarion.features.schedulers.model import (
    InstantBody,
    InstantCreated,
    OnesendBody,
    Saved,
    Scheduler,
    SchedulerPage,
    State,
    WeeklyBody,
)
from clarion.features.schedulers.ports import Sends, scheduler_of
from clarion.features.schedulers.starting import Starter
from clarion.features.schedulers.writing import New, Writer, onesend_timing, weekly_timing
from clarion.foundation.clock import Clock
from clarion.foundation.errors import Conflict, Forbidden, InvalidInput, NotFound, UnknownReference

SQL = load(__package__)

_NEWEST = 2**63 - 1

log = structlog.get_logger("clarion.schedulers")


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
        self._starter = Starter(database=database, audiences=audiences, pushes=pushes, sends=sends)
        self._writer = Writer(audiences=audiences)
        self._clock = clock
        self._instant_delay = instant_delay

    async def create_onesend(self, caller: Caller, body: OnesendBody) -> int:
        """A sending at one instant; sends nothing while no push is bound. Returns its id.

        `InvalidInput` for a broken rule of management-api.md §7.1-7.2, `UnknownReference` for an id in the filter.
        """
        return await self._create(
            caller, New("onesend", checked_name(body.name), onesend_timing(body), filter_of(body))
        )

    async def create_weekly(self, caller: Caller, body: WeeklyBody) -> int:
        """A sending that repeats every week; sends nothing while no push is bound. Returns its id.

        Errors as `create_onesend`.
        """
        new = New("weekly", checked_name(body.name), weekly_timing(body), filter_of(body), late=Late.SKIP)
        return await self._create(caller, new)

    async def _create(self, caller: Caller, new: New) -> int:
        async with self._database.transaction() as conn:
            return await self._writer.insert(conn, caller, new, now=self._clock.now())

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
        now = self._clock.now()
        due = now + self._instant_delay
        new = New("onesend", name, None, filter_of(body.filters), source="instant")
        scheduler_id = await self._writer.insert(conn, caller, new, now=now, due=due)
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
            await SQL.wake.execute(conn, account_id=caller.account_id, scheduler_id=scheduler_id, now=self._clock.now())
            await audit(conn, caller, action="scheduler.bind", target=f"scheduler:{scheduler_id}")

        await self._database.run(work)

    async def get(self, account_id: int, scheduler_id: int, *, type_: str | None = None) -> Scheduler:
        """The scheduler with its pushes; `NotFound`, also when it is of another type than `type_`."""
        async with self._database.transaction() as conn:
            row = await SQL.get.fetchrow(conn, account_id=account_id, scheduler_id=scheduler_id)
            if row is None or type_ not in (None, row["type"]):
                raise _not_found(scheduler_id)
            bound = await self._pushes.bound(account_id, [scheduler_id], within=conn)
        return scheduler_of(row, bound[scheduler_id])

    async def list(
        self,
        account_id: int,
        *,
        state: State | None = None,
        type_: str | None = None,
        words: str | None = None,
        before: int | None = None,
        limit: int = 50,
    ) -> SchedulerPage:
        """Up to `limit` schedulers with these words in their names, newest first, with ids below `before`."""
        async with self._database.transaction() as conn:
            rows = await SQL.list_newest.fetch(
                conn,
                account_id=account_id,
                state=state,
                type=type_,
                words=words or None,
                before=before or _NEWEST,
                limit=limit + 1,
            )
            page = rows[:limit]
            bound = await self._pushes.bound(account_id, [row["id"] for row in page], within=conn)
        items = [scheduler_of(row, bound[row["id"]]) for row in page]
        return SchedulerPage(items, items[-1].id if len(rows) > limit else None)

    async def upcoming(self, account_id: int, *, limit: int) -> Sequence[Scheduler]:
        """What is due next; without auto-push, which has no moments."""
        async with self._database.transaction() as conn:
            rows = await SQL.upcoming.fetch(conn, account_id=account_id, limit=limit)
            bound = await self._pushes.bound(account_id, [row["id"] for row in rows], within=conn)
        return [scheduler_of(row, bound[row["id"]]) for row in rows]

    async def pause(self, caller: Caller, scheduler_id: int) -> None:
        """Hold the scheduler and its running sends back; repeating is fine.

        `Conflict` when it is cancelled or a draft, or nothing of it is left to send. `NotFound`.
        """

        async def work(conn: Connection) -> None:
            row = await self._locked(conn, caller.account_id, scheduler_id)
            if row["state"] == State.PAUSED:
                return
            _refuse_cancelled(row)
            if row["state"] == State.DRAFT:
                raise Conflict("a draft waits for nothing; activate or cancel it")
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
            await SQL.skip_missed.execute(
                conn, account_id=caller.account_id, scheduler_id=scheduler_id, now=self._clock.now()
            )
            to = State.ACTIVE if row["next_due_at"] is not None or row["type"] == "conversion" else State.DONE
            await self._change(conn, caller, scheduler_id=scheduler_id, to=to, action="resume")

        await self._database.run(work)

    async def cancel(self, caller: Caller, scheduler_id: int) -> Saved:
        """Start nothing more and stop running sends; repeating is fine. What has been sent stays sent.

        Tells about how many devices were spared. `Conflict` when nothing of it is left to send. `NotFound`.
        """

        async def work(conn: Connection) -> Saved:
            row = await self._locked(conn, caller.account_id, scheduler_id)
            if row["state"] == State.CANCELLED:
                return Saved(0, 0)
            planned, left_over = await self._sends.left_of(caller.account_id, scheduler_id, conn)
            left_over += await triggers.waiting(conn, scheduler_id)
            open_sends = await self._sends.cancel_of(caller.account_id, scheduler_id, conn)
            _refuse_finished(row, open_sends)
            await self._change(conn, caller, scheduler_id=scheduler_id, to=State.CANCELLED, action="cancel")
            ahead = row["type"] == "onesend" and row["next_due_at"] is not None
            return Saved(left_over if not ahead else left_over - planned, open_sends, ahead=ahead)

        saved = await self._database.run(work)
        if not saved.ahead:
            return saved
        everybody = await self._audience(caller.account_id, scheduler_id)
        return Saved(max(0, everybody + saved.devices), saved.sends)

    async def _audience(self, account_id: int, scheduler_id: int) -> int:
        """About how many devices its filter means; 0 when it names what is not there any more."""
        scheduler = await self.get(account_id, scheduler_id)
        try:
            return (await self._audiences.estimate(account_id, scheduler.filter)).devices
        except InvalidInput:
            return 0

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
        return await self._starter.start_due(now)

    async def skip_due(self, *, within: Connection) -> int:
        """Leave out every single moment of the installation that has passed without a send; how many there were."""
        return await SQL.skip_due.execute(within)


def _refuse_cancelled(row: Record) -> None:
    if row["state"] == State.CANCELLED:
        raise Conflict("the scheduler is cancelled")


def _refuse_finished(row: Record, open_sends: int) -> None:
    if row["state"] == State.DONE and not open_sends:
        raise Conflict("the scheduler has nothing left to send")


def _not_found(scheduler_id: int) -> NotFound:
    return NotFound(f"scheduler {scheduler_id} does not exist")
