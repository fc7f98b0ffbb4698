"""What all worker processes share: contacts that are reserved one after the other, and the course of a pace."""

import asyncio
from collections import Counter
from datetime import UTC, datetime, timedelta

import pytest
from tests.factories import new_account, new_app, new_device

from clarion.db import Database
from clarion.features.rules import Effective, Level, Rules, merged
from clarion.features.rules.books import RuleBooks, take_back
from clarion.features.rules.judging import Matter, judge
from clarion.features.rules.limits import By, Cap, Gap, Then
from clarion.features.rules.pace import Pace, Per
from clarion.foundation.clock import SystemClock

pytestmark = pytest.mark.anyio

NOTHING = Rules()
NOW = datetime(2026, 5, 1, 12, tzinfo=UTC)


def effective(rules: Rules) -> Effective:
    return merged(account=rules, app=NOTHING, scheduler=NOTHING)


async def devices(database: Database, count: int) -> tuple[int, int, list[int]]:
    """An account, an app, and its devices; two of them belong to each user."""
    async with database.transaction() as conn:
        account_id = await new_account(conn)
        app_id = await new_app(conn, account_id)
        ids = [await new_device(conn, account_id, app_id, ext_id=f"user-{no // 2}") for no in range(count)]
    return account_id, app_id, ids


async def test_of_reservations_at_the_same_time_no_more_pass_than_the_cap(database: Database) -> None:
    account_id, app_id, ids = await devices(database, 20)
    rules = effective(Rules(caps=[Cap(3, 24, then=Then.SKIP)]))
    workers = [RuleBooks(database=database, clock=SystemClock()) for _ in range(4)]

    async def reserve(send_id: int) -> list[int]:
        matter = Matter(account_id, app_id, send_id, send_id)
        found = await judge(workers[send_id % 4], matter, rules, dict.fromkeys(ids, NOW), now=NOW)
        return [device_id for device_id in ids if found.may_leave(device_id)]

    passed = await asyncio.gather(*(reserve(send_id) for send_id in range(40)))
    assert Counter(device_id for went in passed for device_id in went) == dict.fromkeys(ids, 3)


async def test_users_are_known_by_their_external_id_and_what_failed_is_forgotten(database: Database) -> None:
    account_id, app_id, ids = await devices(database, 2)
    rules = effective(Rules(gap=Gap(60, By.USER)))
    books = RuleBooks(database=database, clock=SystemClock())

    async def went(send_id: int, *, at: datetime = NOW) -> list[int]:
        found = await judge(books, Matter(account_id, app_id, 1, send_id), rules, dict.fromkeys(ids, at), now=at)
        return [device_id for device_id in ids if found.may_leave(device_id)]

    (first,) = await went(1)
    assert await went(2) == []
    assert await went(1, at=NOW + timedelta(minutes=5)) == [first]  # the same message once more
    async with database.transaction() as conn:
        await take_back(conn, [(1, first)])
        stored = await conn.fetchval("select array_agg(subject) from contact")
    assert stored is None
    assert len(await went(2)) == 1


async def test_only_contacts_that_count_nowhere_are_forgotten(database: Database) -> None:
    account_id, app_id, ids = await devices(database, 2)
    books = RuleBooks(database=database, clock=SystemClock())
    rules = effective(Rules(caps=[Cap(1, 24)]))
    now = datetime.now(UTC)
    for send_id, at in ((1, now - timedelta(days=32)), (2, now - timedelta(days=30))):
        await judge(books, Matter(account_id, app_id, 1, send_id), rules, dict.fromkeys(ids, at), now=at)
    assert await books.forget() == 2
    async with database.acquire() as conn:
        assert await conn.fetchval("select array_agg(distinct send_id) from contact") == [2]


async def test_at_limit_are_counted_by_device_and_level(database: Database) -> None:
    account_id, app_id, ids = await devices(database, 4)
    books = RuleBooks(database=database, clock=SystemClock())
    rules = effective(Rules(caps=[Cap(1, 24)]))
    now = datetime.now(UTC)
    matter = Matter(account_id, app_id, 1, 1)
    await judge(books, matter, rules, dict.fromkeys(ids[:3], now), now=now)
    assert await books.capped(matter, rules.limits) == 3
    other = merged(account=NOTHING, app=NOTHING, scheduler=Rules(caps=[Cap(1, 24)]))
    assert await books.capped(Matter(account_id, app_id, 2, 2), other.limits) == 0


async def test_a_course_is_shared_and_a_changed_pace_begins_anew(database: Database) -> None:
    async with database.transaction() as conn:
        account_id = await new_account(conn)
    matter, slow = Matter(account_id, 7, 5, 1), Pace(2, Per.MINUTE)
    workers = [RuleBooks(database=database, clock=SystemClock()) for _ in range(4)]

    async def take(pace: Pace, *, level: Level = Level.ACCOUNT) -> list[int]:
        rules = Effective(paces=((level, pace),))
        return [count for count, _ in await asyncio.gather(*(books.take(matter, rules, 10) for books in workers))]

    assert sorted(await take(slow)) == [0, 0, 0, 1]
    assert await take(slow) == [0, 0, 0, 0]
    assert sum(await take(slow, level=Level.APP)) == 1
    count, wait = await workers[0].take(matter, Effective(paces=((Level.ACCOUNT, slow),)), 1)
    assert count == 0
    assert 20 < wait < 30
    assert sum(await take(Pace(3, Per.MINUTE))) == 1
