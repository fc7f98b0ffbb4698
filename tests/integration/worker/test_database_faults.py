"""The database goes away and comes back while a send runs (DB-3, DB-4)."""

import asyncio
import gc
from collections.abc import AsyncIterator
from typing import Any

import asyncpg
import pytest
from tests.integration.worker.harness import World, tokens_of

from clarion.simulator import Action, Rule

pytestmark = pytest.mark.anyio


@pytest.fixture(autouse=True)
async def driver_remains() -> AsyncIterator[None]:
    """Leave out what the driver says of futures of dead connections that nobody waits for."""
    loop = asyncio.get_running_loop()
    usual = loop.get_exception_handler()

    def handle(loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        if not isinstance(context.get("exception"), asyncpg.PostgresConnectionError) and usual is not None:
            usual(loop, context)

    loop.set_exception_handler(handle)
    yield
    gc.collect()
    loop.set_exception_handler(usual)


_KILL = (
    "select count(pg_terminate_backend(pid)) from pg_stat_activity "
    "where datname = current_database() and pid <> pg_backend_pid()"
)


async def test_connections_killed_in_mid_send_lose_and_double_nobody(world: World, dsn: str) -> None:
    await world.establish()
    tokens = tokens_of(8000)
    await world.add_devices(tokens)
    for token in tokens[:50]:
        world.sim.fcm.on_token(token, "UNAVAILABLE", Action())
    world.sim.faults.add(Rule(action=Action(delay=0.1), provider="fcm", endpoint="send", token_prefix="token-7"))
    await world.plan()
    killer = await asyncpg.connect(dsn)
    try:
        async with world.worker():
            for part in range(1, 6):
                await world.sim.journal.reach(part * 1200)
                await killer.execute(_KILL)
            await world.until("select count(*) = $1 from delivery", len(tokens), seconds=60)
            await world.hasten()
            await killer.execute(_KILL)
            await world.until_complete(seconds=90)
    finally:
        await killer.close()
    assert world.accepted_once(tokens)
    assert await world.counts() == {"sent": len(tokens)}
    await world.check()


async def test_a_worker_stops_in_order_although_the_database_was_just_away(world: World, dsn: str) -> None:
    await world.establish()
    tokens = tokens_of(3000)
    await world.add_devices(tokens)
    await world.plan()
    killer = await asyncpg.connect(dsn)
    try:
        async with world.worker():
            await world.sim.journal.reach(1000)
            await killer.execute(_KILL)
        assert await world.value("select count(*) from slice where state = 'leased'") == 0
        async with world.worker():
            await world.until_complete()
    finally:
        await killer.close()
    assert world.accepted_once(tokens)
    await world.check()
