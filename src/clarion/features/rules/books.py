"""What dispatch asks and writes down so that rules hold over all worker processes."""

import asyncio
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from weakref import WeakValueDictionary

import msgspec

from clarion.db import Connection, Database, load
from clarion.features.rules.judging import Matter, Subject, admitted
from clarion.features.rules.limits import CONTACTS_KEPT, By, Contact, Diary, Excess, Level, Limit, Newcomer
from clarion.features.rules.model import Effective, SendRules, read
from clarion.features.rules.pace import Course, Pace, grant
from clarion.foundation.clock import Clock

SQL = load(__package__)

_Key = tuple[str, int]
"""Level and id of a course."""


class RuleBooks:
    """Rules as they are now, contacts, and how far paced streams have come."""

    def __init__(self, *, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock
        self._reserving: WeakValueDictionary[int, asyncio.Lock] = WeakValueDictionary()

    async def of_scheduler(self, account_id: int, scheduler_id: int, *, within: Connection | None = None) -> SendRules:
        """The rules of everything that the scheduler's sends touch."""
        async with self._database.joined(within) as conn:
            return await rules_of(conn, account_id, scheduler_id)

    async def subjects(self, app_id: int, device_ids: Sequence[int]) -> list[Subject]:
        """See `judging.Books`."""
        async with self._database.acquire() as conn:
            rows = await SQL.devices.fetch(conn, app_id=app_id, device_ids=list(device_ids))
        return [Subject(*row) for row in rows]

    async def admit(self, matter: Matter, newcomers: Sequence[Newcomer], effective: Effective) -> dict[int, Excess]:
        """See `judging.Books`. Reservations of one account happen one after the other, over all processes.

        Those of this process wait here, so that a busy account takes no more than one of its connections.
        """
        lock = self._reserving.setdefault(matter.account_id, asyncio.Lock())
        async with lock, self._database.transaction() as conn:
            await SQL.lock_contacts.fetchval(conn, account_id=matter.account_id)
            diary = await self._diary(conn, matter, newcomers, effective)
            going, refused = admitted(diary, newcomers, effective.limits, urgent=effective.urgent)
            await _note(conn, matter, going, effective)
        return refused

    async def _diary(
        self, conn: Connection, matter: Matter, newcomers: Sequence[Newcomer], effective: Effective
    ) -> Diary:
        subjects = {one.subject(limit.by) for one in newcomers for limit in effective.limits}
        longest = max(limit.period for limit in effective.limits)
        since = newcomers[0].contact.at - longest
        rows = await SQL.contacts.fetch(conn, account_id=matter.account_id, subjects=sorted(subjects), since=since)
        return Diary((row[0], Contact(*row[1:])) for row in rows)

    async def take(self, matter: Matter, effective: Effective, wanted: int) -> tuple[int, float]:
        """How many of `wanted` messages the paces let go now, and the seconds until one may if none may.

        They count as gone. The time is the database's, so that all processes go by one clock.
        """
        if not effective.paces:
            return wanted, 0.0
        paces = {(level.value, _owner(matter, level)): pace for level, pace in effective.paces}
        async with self._database.transaction() as conn:
            courses = await _courses(conn, matter.account_id, paces)
            granted = grant([(paces[key], course) for key, course in courses.items()], wanted, await _time(conn))
            await SQL.set_courses.execute(
                conn,
                account_id=matter.account_id,
                **_named({key: paces[key] for key in courses}),
                begans=[course.began_at for course in granted.courses],
                granteds=[course.granted for course in granted.courses],
            )
        return granted.count, granted.wait

    async def capped(self, matter: Matter, limits: Sequence[Limit]) -> int:
        """How many devices and users are at one of the limits now, whatever a filter says of them."""
        now = self._clock.now()
        async with self._database.acquire() as conn:
            counts = [await _at_limit(conn, matter, limit, now) for limit in limits]
        return max(counts, default=0)

    async def forget(self) -> int:
        """Drop contacts that count nowhere any more; how many."""
        async with self._database.acquire() as conn:
            return await SQL.forget_contacts.execute(conn, before=self._clock.now() - CONTACTS_KEPT)


async def _at_limit(conn: Connection, matter: Matter, limit: Limit, now: datetime) -> int:
    count: int = await SQL.capped.fetchval(
        conn,
        account_id=matter.account_id,
        app_id=matter.app_id if limit.level is Level.APP else None,
        scheduler_id=matter.scheduler_id if limit.level is Level.SCHEDULER else None,
        by_user=limit.by is By.USER,
        since=now - limit.period,
        max=limit.max,
    )
    return count


async def _courses(conn: Connection, account_id: int, paces: Mapping[_Key, Pace]) -> dict[_Key, Course]:
    """How far they have come, held until the end of the transaction. A changed pace begins anew."""
    named = _named(paces)
    await SQL.begin_courses.execute(conn, account_id=account_id, **named)
    rows = await SQL.courses.fetch(conn, account_id=account_id, levels=named["levels"], ids=named["ids"])
    fresh = Course(await _time(conn))
    found = {}
    for row in rows:
        key = (row["level"], row["id"])
        known = row["pace"] == msgspec.to_builtins(paces[key])
        found[key] = Course(row["began_at"], row["granted"]) if known else fresh
    return found


async def _time(conn: Connection) -> datetime:
    moment: datetime = await SQL.the_time.fetchval(conn)
    return moment


def _named(paces: Mapping[_Key, Pace]) -> dict[str, list[Any]]:
    """As parameters of a statement."""
    return {
        "levels": [level for level, _ in paces],
        "ids": [owner for _, owner in paces],
        "paces": [msgspec.to_builtins(pace) for pace in paces.values()],
    }


async def rules_of(conn: Connection, account_id: int, scheduler_id: int) -> SendRules:
    """The rules of everything that the sends of a scheduler touch."""
    row = await SQL.of_scheduler.fetchrow(conn, account_id=account_id, scheduler_id=scheduler_id)
    if row is None:
        return SendRules(account_id, scheduler_id)
    apps = {int(app_id): read(rules) for app_id, rules in (row["apps"] or {}).items()}
    return SendRules(account_id, scheduler_id, read(row["account"]), read(row["scheduler"]), apps)


def _owner(matter: Matter, level: Level) -> int:
    owners = {Level.ACCOUNT: matter.account_id, Level.APP: matter.app_id, Level.SCHEDULER: matter.scheduler_id}
    return owners[level]


async def _note(conn: Connection, matter: Matter, going: Sequence[Newcomer], effective: Effective) -> None:
    kinds = {limit.by for limit in effective.limits}
    pairs = sorted({(one.contact.device_id, one.subject(by)) for one in going for by in kinds})
    if pairs:
        await SQL.note_contacts.execute(
            conn,
            send_id=matter.send_id,
            account_id=matter.account_id,
            app_id=matter.app_id,
            scheduler_id=matter.scheduler_id,
            at=going[0].contact.at,
            device_ids=[device_id for device_id, _ in pairs],
            subjects=[subject for _, subject in pairs],
        )


async def take_back(conn: Connection, messages: Sequence[tuple[int, int]]) -> None:
    """Messages, named by send and device, that were about to leave and never will: they count in no cap."""
    if messages:
        await SQL.take_back_contacts.execute(
            conn,
            send_ids=[send_id for send_id, _ in messages],
            device_ids=[device_id for _, device_id in messages],
        )
