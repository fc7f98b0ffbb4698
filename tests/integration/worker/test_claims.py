"""What waits and cannot go now costs nobody else anything; and whoever has more to send gets no larger part."""

import json
from collections import Counter
from typing import Any

import pytest
from tests.integration.worker.harness import World

from clarion.db import Connection
from clarion.features.deliveries.claiming import wanted_of
from clarion.features.deliveries.dispatch import SQL, DispatchStore

pytestmark = pytest.mark.anyio

MANY = 50_000
_SEND = """
    insert into send (account_id, scheduler_id, occurrence, day, push_ids, cutoff_at, due_at, expires_at, state,
                      open_until)
    select account_id, id, now() + $2 * interval '1 second', (now() at time zone 'UTC')::date, '{}', now(), now(),
           now() + interval '1 day', $3, $4::timestamptz
    from scheduler where id = $1
    returning id
"""
_WAITING = """
    insert into delivery (day, app_id, send_id, device_id, account_id, push_id, provider, lang, country, platform,
                          state, token_hash, attempt, next_attempt_at, created_at)
    select s.day, $2, s.id, n, s.account_id, 1, 'fcm', 'en', 'PT', 'android', 1, '\\x00', 0, now() - $4::interval,
           now() - $4::interval
    from send s, generate_series(1, $3::int) n
    where s.id = $1
"""


async def waiting(world: World, app_id: int, count: int, *, state: str = "running", hours: int = 0) -> int:
    """A send of which so many messages wait and are due; older than a day allows if `hours` are given."""
    scheduler_id = await world.schedule()
    number = await world.value("select count(*) from send")
    until = await world.value("select now()") if hours else None
    send_id: int = await world.value(_SEND, scheduler_id, number, state, until)
    async with world.database.acquire() as conn:
        await conn.execute(_WAITING, send_id, app_id, count, await world.value(f"select interval '{hours} hours'"))
    return send_id


async def buffers(conn: Connection, sql: str, *arguments: object) -> int:
    """Pages of the database that a statement looks at."""
    await conn.fetch(sql, *arguments)
    found: Any = await conn.fetchval(f"explain (analyze, buffers, format json) {sql}", *arguments)
    plan = (json.loads(found) if isinstance(found, str) else found)[0]["Plan"]
    return int(plan["Shared Hit Blocks"] + plan["Shared Read Blocks"])


async def looked_at(world: World) -> int:
    """Pages for one look at what is due and one claim of ten messages of each credential that may send."""
    async with world.database.acquire() as conn:
        transaction = conn.transaction()
        await transaction.start()
        await SQL.go_by_indexes.fetch(conn)
        pages = await buffers(conn, SQL.due.sql)
        groups = [group for group in await SQL.due.fetch(conn) if group["usable"]]
        columns = [[group[name] for group in groups] for name in ("day", "send_id", "app_id", "provider")]
        values: dict[str, Any] = dict(zip(("days", "send_ids", "app_ids", "providers"), columns, strict=True))
        values |= {"counts": [10] * len(groups), "only_aged": [False] * len(groups), "seconds": 60.0}
        pages += await buffers(conn, SQL.claim.sql, *(values[name] for name in SQL.claim.names))
        await transaction.rollback()
        return pages


async def test_rows_of_paused_credentials_and_sends_are_not_looked_through(world: World) -> None:
    other = await world.add_app()
    await waiting(world, world.app_id, 100)
    before = await looked_at(world)
    await world.execute("update app_credential set paused_at = now(), probe_at = null where app_id = $1", other)
    await waiting(world, other, MANY)
    await waiting(world, world.app_id, 10_000, state="paused")
    after = await looked_at(world)
    assert after < 2 * before, (before, after)
    store = DispatchStore(database=world.database)
    rows = await store.claim(wanted_of(await store.due()), limit=500, seconds=60)
    assert Counter(row.app_id for row in rows) == {world.app_id: 100}


async def test_everybody_gets_an_equal_part_and_what_some_leave_goes_to_the_others(world: World) -> None:
    other, small = await world.add_app(), await world.add_app()
    big = [await waiting(world, world.app_id, 300), await waiting(world, world.app_id, 300)]
    await waiting(world, other, 300)
    await waiting(world, small, 7)
    store = DispatchStore(database=world.database)
    rows = await store.claim(wanted_of(await store.due()), limit=300, seconds=60)
    parts = Counter(row.app_id for row in rows)
    assert len(rows) == 300
    assert parts[small] == 7
    assert abs(parts[world.app_id] - parts[other]) <= 1
    sends = Counter(row.send_id for row in rows if row.app_id == world.app_id)
    assert abs(sends[big[0]] - sends[big[1]]) <= 2
    again = await store.claim(wanted_of(await store.due(), closed={(other, "fcm")}), limit=50, seconds=60)
    assert {row.app_id for row in again} == {world.app_id}


async def test_what_must_end_is_claimed_whatever_holds_it_back(world: World) -> None:
    lane = (world.app_id, "fcm")
    cancelled = await waiting(world, world.app_id, 5, state="cancelled")
    old = await waiting(world, world.app_id, 4, hours=25)
    await waiting(world, world.app_id, 3)
    await world.execute("update app_credential set paused_at = now(), probe_at = null")
    store = DispatchStore(database=world.database)
    due = await store.due()
    assert wanted_of(due, crowded={lane}) == []
    rows = await store.claim(wanted_of(due), limit=500, seconds=60)
    assert Counter(row.send_id for row in rows) == {cancelled: 5, old: 4}
    await world.execute("update delivery set lease_until = null")
    await world.execute("delete from app_credential")
    rows = await store.claim(wanted_of(await store.due()), limit=500, seconds=60)
    assert Counter(row.send_state for row in rows) == {"cancelled": 12}


async def test_nothing_is_claimed_in_a_held_installation(world: World) -> None:
    await waiting(world, world.app_id, 5)
    store = DispatchStore(database=world.database)
    before = wanted_of(await store.due())
    await world.execute("insert into installation (root_key, held_at) values ('', now())")
    assert await store.due() == []
    assert await store.claim(before, limit=500, seconds=60) == []
