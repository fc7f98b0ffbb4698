"""What workers tidy up by themselves."""

import pytest
from tests.integration.worker.harness import World

pytestmark = pytest.mark.anyio


async def add_partition(world: World, age: str) -> str:
    """A partition of deliveries that is so old; its name."""
    async with world.database.acquire() as conn:
        day = await conn.fetchval(f"select (now() - interval '{age}')::date")
        name = f"delivery_{day:%Y%m%d}"
        await conn.execute(f"create table {name} partition of delivery for values from ('{day}') to (date '{day}' + 1)")
    return name


async def test_deliveries_older_than_thirty_days_go_and_younger_ones_stay(world: World) -> None:
    old, young = await add_partition(world, "32 days"), await add_partition(world, "28 days")
    async with world.worker() as worker:
        await worker.housekeeping.hourly()
    assert await world.value("select to_regclass($1)", old) is None
    assert await world.value("select to_regclass($1)", young) is not None


async def test_partitions_for_the_next_days_are_made(world: World) -> None:
    async with world.database.acquire() as conn:
        last = await conn.fetchval("select to_char((now() at time zone 'UTC')::date + 3, 'YYYYMMDD')")
        await conn.execute(f"drop table delivery_{last}")
    async with world.worker() as worker:
        await worker.housekeeping.hourly()
    assert await world.value("select to_regclass($1)", f"delivery_{last}") is not None


async def test_devices_that_never_told_a_token_go_after_thirty_silent_days(world: World) -> None:
    await world.add_devices(["token-1"])
    silent = await world.add_devices(["never-1", "never-2", "never-3"])
    async with world.database.acquire() as conn:
        await conn.execute(
            "update device set token_state = 0, token = '', token_hash = null where id = any($1)", silent
        )
        await conn.execute("update device set last_seen_at = now() - interval '31 days' where id = any($1)", silent[:2])
        await conn.execute("update device set last_seen_at = now() - interval '31 days' where token <> ''")
    async with world.worker() as worker:
        await worker.housekeeping.hourly()
    left = await world.rows("select id from device where token_state = 0")
    assert [row["id"] for row in left] == silent[2:]
    assert await world.value("select count(*) from device") == 2
