"""Schedulers as `/api/v1` makes and changes them: of every type, as drafts, edited, duplicated, tried out."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import partial

import msgspec

from clarion.db import Conditions, Connection, Database, load
from clarion.features.accounts import Caller, audit
from clarion.features.audiences import AudienceService
from clarion.features.pushes import PushBody, PushService, TranslationBody
from clarion.features.schedulers import comparing
from clarion.features.schedulers.body import SchedulerBody, SchedulerFields, fields_of, new_of
from clarion.features.schedulers.model import Scheduler, State
from clarion.features.schedulers.ports import Sends, scheduler_of
from clarion.features.schedulers.timing import Arming
from clarion.features.schedulers.writing import New, Writer, armed
from clarion.features.sends.model import TEST, Part
from clarion.foundation.clock import Clock
from clarion.foundation.errors import Conflict, InvalidInput, NotFound, UnknownReference

SQL = load(__package__)

TESTERS_LIMIT = 100
"""Devices that one test sending reaches."""


@dataclass(frozen=True, slots=True)
class TestSent:
    """A test sending that was started."""

    send_id: int
    devices: int


@dataclass(frozen=True, slots=True)
class Rehearsal:
    """What making a scheduler would do."""

    devices: int
    exact: bool
    by_app: Mapping[int, int]
    next_due_at: datetime | None


@dataclass(frozen=True, slots=True)
class Testers:
    """Who gets a test: devices by their ids, and all reachable devices of external ids."""

    device_ids: Sequence[int] = ()
    external_ids: Sequence[str] = ()


class _Rehearsed(Exception):
    """Carries what was made out of the transaction that is rolled back."""

    def __init__(self, next_due_at: datetime | None) -> None:
        super().__init__()
        self.next_due_at = next_due_at


class EditingService:
    """Changes schedulers of an account. An id of another account behaves like one that never existed."""

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
        self._writer = Writer(audiences=audiences)
        self._clock = clock
        self._instant_delay = instant_delay

    async def create(self, caller: Caller, body: SchedulerBody) -> int:
        """A scheduler of any type with its pushes: all or nothing. Its id.

        `InvalidInput` for a broken rule, `UnknownReference` for an id that does not exist.
        """
        return await self._database.run(partial(self._create, caller=caller, new=_checked(body), body=body))

    async def _create(self, conn: Connection, *, caller: Caller, new: New, body: SchedulerBody) -> int:
        now = self._clock.now()
        due = now + self._instant_delay if new.timing is None else None
        scheduler_id = await self._writer.insert(conn, caller, new, now=now, due=due)
        made = [(await self._pushes.create(caller, push, within=conn)).id for push in body.pushes or ()]
        await self._bind(conn, caller, scheduler_id, [*(body.push_ids or ()), *made])
        return scheduler_id

    async def _bind(self, conn: Connection, caller: Caller, scheduler_id: int, push_ids: Sequence[int]) -> None:
        await self._pushes.bind(caller.account_id, scheduler_id, push_ids=push_ids, within=conn)
        await SQL.wake.execute(conn, account_id=caller.account_id, scheduler_id=scheduler_id, now=self._clock.now())

    async def rehearse(self, caller: Caller, body: SchedulerBody) -> Rehearsal:
        """Do everything that `create` does and take it back; tells what would happen. Errors as `create`."""
        new = _checked(body)
        try:
            async with self._database.transaction() as conn:
                scheduler_id = await self._create(conn, caller=caller, new=new, body=body)
                row = await SQL.lock.fetchrow(conn, account_id=caller.account_id, scheduler_id=scheduler_id)
                raise _Rehearsed(row["next_due_at"] if row else None)
        except _Rehearsed as done:
            next_due_at = done.next_due_at
        found = await self._audiences.estimate(caller.account_id, new.filter)
        return Rehearsal(found.devices, found.exact, found.by_app, next_due_at)

    async def edit(
        self,
        caller: Caller,
        scheduler_id: int,
        *,
        change: Callable[[Scheduler], SchedulerFields],
        version: int | None = None,
        push_ids: Sequence[int] | None = None,
    ) -> None:
        """Make a scheduler what `change` says, and its pushes these if some are given.

        `Conflict` when it has another version by now, is over, or is a onesend that has begun; errors as `create`.
        """

        async def work(conn: Connection) -> None:
            scheduler, begun = await self._held(conn, caller.account_id, scheduler_id)
            _refuse_edit(scheduler, version, begun=begun)
            new = new_of(scheduler.type, change(scheduler))
            if new.local_time:
                await comparing.refuse_local_contest(conn, caller.account_id, scheduler_id)
            now = self._clock.now()
            arming, armed_at = _rearmed(scheduler, new, now)
            await self._writer.update(conn, caller, scheduler_id, new=new, arming=arming, armed_at=armed_at)
            if push_ids is not None:
                await self._bind(conn, caller, scheduler_id, push_ids)

        await self._database.run(work)

    async def activate(self, caller: Caller, scheduler_id: int) -> None:
        """Let a draft wait for its first moment; repeating is fine. `Conflict` when it is over, `InvalidInput` when
        nothing of it is ahead, `NotFound`.
        """

        async def work(conn: Connection) -> None:
            scheduler, _ = await self._held(conn, caller.account_id, scheduler_id)
            if scheduler.state in (State.CANCELLED, State.DONE):
                raise Conflict("the scheduler is over")
            if scheduler.state is not State.DRAFT:
                return
            now = self._clock.now()
            arming = armed(new_of(scheduler.type, fields_of(scheduler)), now=now)
            await SQL.activate.execute(
                conn,
                account_id=caller.account_id,
                scheduler_id=scheduler_id,
                now=now,
                planned_until=arming.planned_until,
                next_due_at=arming.next_due_at,
            )
            await audit(conn, caller, action="scheduler.activate", target=f"scheduler:{scheduler_id}")

        await self._database.run(work)

    async def duplicate(self, caller: Caller, scheduler_id: int, *, name: str | None = None) -> int:
        """A draft that is like the scheduler, with copies of its pushes and their comparison; its id. `NotFound`."""

        async def work(conn: Connection) -> int:
            scheduler, _ = await self._held(conn, caller.account_id, scheduler_id)
            fields = fields_of(scheduler)
            if name is not None:
                fields = msgspec.structs.replace(fields, name=name)
            new = replace(new_of(scheduler.type, fields), draft=True)
            made = await self._writer.insert(conn, caller, new, now=self._clock.now())
            copies = await self._copied(conn, caller, scheduler_id)
            await self._pushes.bind(caller.account_id, made, push_ids=list(copies.values()), within=conn)
            if comparison := await comparing.find(conn, caller.account_id, scheduler_id):
                await comparing.copy(conn, comparison, scheduler_id=made, pushes=copies)
            return made

        return await self._database.run(work)

    async def _copied(self, conn: Connection, caller: Caller, scheduler_id: int) -> dict[int, int]:
        """Copies of the scheduler's pushes by what they are copies of, in their order."""
        bound = await self._pushes.bound(caller.account_id, [scheduler_id], within=conn)
        copies = {}
        for push_id in bound[scheduler_id]:
            view = await self._pushes.get(caller.account_id, push_id, within=conn)
            translations = [
                TranslationBody(one.language, one.title, one.text, one.image, one.icon, one.link)
                for one in view.translations
            ]
            options = None if view.options is msgspec.UNSET else view.options
            body = PushBody(view.default_lang, translations, options)
            copies[push_id] = (await self._pushes.create(caller, body, within=conn)).id
        return copies

    async def test(
        self, caller: Caller, scheduler_id: int, testers: Testers, *, push_id: int | None = None
    ) -> TestSent:
        """Send one of its pushes to chosen devices now, whatever its filter, rules and state say.

        `InvalidInput` when none of the devices can be reached, `UnknownReference` for a push that is not its own,
        `Conflict` when no active push is bound, `NotFound`.
        """
        if len(testers.device_ids) + len(testers.external_ids) > TESTERS_LIMIT:
            raise InvalidInput(f"more than {TESTERS_LIMIT} devices and external ids")
        return await self._database.run(
            partial(self._test, caller=caller, scheduler_id=scheduler_id, testers=testers, push_id=push_id)
        )

    async def _test(
        self, conn: Connection, *, caller: Caller, scheduler_id: int, testers: Testers, push_id: int | None
    ) -> TestSent:
        account_id = caller.account_id
        await self._held(conn, account_id, scheduler_id)
        push_ids = await self._test_pushes(conn, account_id, scheduler_id, push_id)
        rows = await SQL.testers.fetch(
            conn,
            account_id=account_id,
            device_ids=list(testers.device_ids),
            external_ids=list(testers.external_ids),
            limit=TESTERS_LIMIT,
        )
        if not rows and (testers.device_ids or testers.external_ids):
            raise InvalidInput("none of the devices can be reached")
        if not push_ids:
            raise Conflict("no active push is bound")
        if not rows:
            raise InvalidInput("device_ids or external_ids are required")
        now = self._clock.now()
        send_id = await self._sends.plan(
            account_id=account_id,
            scheduler_id=scheduler_id,
            occurrence=now,
            due_at=now,
            cutoff_at=now,
            push_ids=push_ids,
            app_ids=sorted({row["app_id"] for row in rows}),
            conditions=Conditions(),
            within=conn,
            part=Part(TEST, device_ids=[row["id"] for row in rows]),
        )
        if send_id is None:
            raise Conflict("a test was sent at this very moment; try again")
        detail = {"send_id": send_id, "devices": len(rows)}
        await audit(conn, caller, action="scheduler.test", target=f"scheduler:{scheduler_id}", detail=detail)
        return TestSent(send_id, len(rows))

    async def _test_pushes(
        self, conn: Connection, account_id: int, scheduler_id: int, push_id: int | None
    ) -> list[int]:
        bound = await self._pushes.bound_active(account_id, scheduler_id, within=conn)
        if push_id is None:
            return bound
        if push_id not in bound:
            raise UnknownReference(f"push {push_id} is not an active push of the scheduler")
        return [push_id]

    async def _held(self, conn: Connection, account_id: int, scheduler_id: int) -> tuple[Scheduler, bool]:
        """The scheduler, and whether some of it has been started."""
        row = await SQL.hold.fetchrow(conn, account_id=account_id, scheduler_id=scheduler_id, test=TEST)
        if row is None:
            raise NotFound(f"scheduler {scheduler_id} does not exist")
        return scheduler_of(row), row["begun"]


def _checked(body: SchedulerBody) -> New:
    new = replace(new_of(body.type, body), draft=body.draft)
    if new.timing is None and (body.draft or not (body.push_ids or body.pushes)):
        raise InvalidInput("an instant sending needs pushes and cannot be a draft")
    return new


def _refuse_edit(scheduler: Scheduler, version: int | None, *, begun: bool) -> None:
    if version is not None and version != scheduler.version:
        raise Conflict(f"the scheduler has been changed meanwhile: its version is {scheduler.version}")
    if scheduler.state in (State.CANCELLED, State.DONE):
        raise Conflict("the scheduler is over")
    if begun and scheduler.type == "onesend":
        raise Conflict("the sending has begun; cancel it and duplicate it instead")


def _rearmed(scheduler: Scheduler, new: New, now: datetime) -> tuple[Arming, datetime]:
    """What it waits for after an edit; nothing changes while its timing stays."""
    before = Arming(scheduler.planned_until, scheduler.next_due_at)
    same = msgspec.to_builtins(new.timing) == dict(scheduler.timing) and new.late is scheduler.late
    if scheduler.state is State.DRAFT or same:
        return before, scheduler.armed_at or scheduler.created_at
    arming = armed(new, now=now)
    if scheduler.type == "weekly" and scheduler.planned_until and arming.planned_until:
        # Its past slots are dealt with, whatever becomes of their zones under the new timing.
        arming = msgspec.structs.replace(arming, planned_until=max(scheduler.planned_until, arming.planned_until))
    return arming, now
