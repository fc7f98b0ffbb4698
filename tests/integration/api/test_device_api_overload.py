"""Overload: what is shed, what is refused, and that neither is a 4xx (reliability.md BP-1 to BP-3, decisions.md 23)."""

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from datetime import timedelta

import pytest
from tests.integration.api.device_api import FULL_INFO, Api, Reply, open_api

from clarion.api.r_v2.batcher import BATCH_LIMIT, PENDING_LIMIT
from clarion.db import Database
from clarion.foundation.secrets import Keeper

pytestmark = pytest.mark.anyio


@pytest.fixture
async def api(database: Database, keeper: Keeper) -> AsyncIterator[Api]:
    async with open_api(database, keeper) as opened:
        yield opened


@asynccontextmanager
async def stuck_database(api: Api) -> AsyncIterator[None]:
    """Nobody can write devices meanwhile."""
    async with api.database.transaction() as connection:
        await connection.execute("lock table device in access exclusive mode")
        yield


async def heartbeat(api: Api, device: str) -> Reply:
    """A lifecycle call."""
    return await api.call("POST", f"instances/{device}/events/lifecycle", b"")


async def fill(call: Callable[[int], Coroutine[None, None, Reply]], count: int) -> list[asyncio.Task[Reply]]:
    """Make `count` calls wait behind one batch that is under way."""
    first = [asyncio.create_task(call(number)) for number in range(BATCH_LIMIT)]
    await asyncio.sleep(0.1)
    return first + [asyncio.create_task(call(number)) for number in range(BATCH_LIMIT, BATCH_LIMIT + count)]


async def test_unchanged_info_is_answered_without_the_database(api: Api) -> None:
    """BP-2: from what was told in the last minute; anything else waits its turn and is written."""
    device, busy = await api.create("ic-1"), await api.create("ic-2")
    await api.info(device, **FULL_INFO)
    async with stuck_database(api):
        waiting = await fill(lambda number: api.info(busy, onscreen_count=number), PENDING_LIMIT // 2)
        await asyncio.sleep(0)
        reply = await asyncio.wait_for(api.info(device, **FULL_INFO), 2)
        assert (reply.status, reply.json) == (200, {"id": device, "update_interval_sec": 120})
        changed = asyncio.create_task(api.info(device, **{**FULL_INFO, "country": "de"}))
        api.clock.ahead = timedelta(seconds=61)
        late = asyncio.create_task(api.info(device, **FULL_INFO))
        done, _ = await asyncio.wait({changed, late}, timeout=0.2)
        assert not done
    replies = await asyncio.gather(*waiting, changed, late)
    assert {reply.status for reply in replies} == {200}
    assert (await api.row(device))["country"] == "PT"


async def test_heartbeats_are_answered_without_the_database(api: Api) -> None:
    device = await api.create()
    async with stuck_database(api):
        waiting = await fill(lambda number: heartbeat(api, str(number + 1)), PENDING_LIMIT // 2)
        await asyncio.sleep(0)
        reply = await asyncio.wait_for(heartbeat(api, device), 2)
        assert (reply.status, reply.body) == (202, b"null")
    await asyncio.gather(*waiting)


async def test_what_cannot_wait_is_503_with_a_time_to_come_back(api: Api) -> None:
    device = await api.create()
    async with stuck_database(api):
        waiting = await fill(lambda number: api.info(device, onscreen_count=number), PENDING_LIMIT)
        await asyncio.sleep(0)
        reply = await asyncio.wait_for(api.info(device, country="de"), 2)
        assert reply.status == 503
        assert int(reply.headers["retry-after"]) > 0
    assert {reply.status for reply in await asyncio.gather(*waiting)} == {200}
    assert (await api.info(device, country="de")).status == 200


async def test_a_client_that_doubles_its_rate_costs_one_row_version(api: Api) -> None:
    """android 1.4.1 starts more timers with each round: bursts of equal calls are merged and write nothing."""
    device = await api.create()
    await api.info(device, **FULL_INFO)
    async with api.database.acquire() as connection:
        before = await connection.fetchval("select xmin::text from device")
    replies = await asyncio.gather(*(api.info(device, **FULL_INFO) for _ in range(500)))
    assert {reply.status for reply in replies} == {200}
    async with api.database.acquire() as connection:
        assert await connection.fetchval("select xmin::text from device") == before
