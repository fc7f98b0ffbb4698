"""kill -9 at any moment loses nobody and repeats no more than the window (DD-1, P1, P2)."""

import asyncio
import json
import os
import random
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from tests.integration.worker.harness import World, make_world, tokens_of

from clarion.db import Database
from clarion.foundation.secrets import Keeper
from clarion.simulator import Action, Rule, Simulator

pytestmark = pytest.mark.anyio

ROOT_KEY = bytes(range(32))
DEVICES = 5000
KILLS = 6
WINDOW = 200
SCRIPT = Path(__file__).with_name("worker_process.py")
ROOT = Path(__file__).parents[3]


@pytest.fixture
async def killable(database: Database) -> AsyncIterator[World]:
    """A world whose root key other processes know."""
    async with Simulator() as sim:
        yield await make_world(database, Keeper(ROOT_KEY), sim)


@asynccontextmanager
async def worker_process(world: World, dsn: str) -> AsyncIterator[None]:
    """A worker process; killed at the end."""
    description = {
        "dsn": dsn,
        "root_key": ROOT_KEY.hex(),
        "flags": {**world.flags(), "max_unrecorded": WINDOW},
        "credentials": [[*key, value] for key, value in world.credentials.values.items()],
    }
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        str(SCRIPT),
        stdin=asyncio.subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": os.pathsep.join((str(ROOT / "src"), str(ROOT)))},
    )
    assert process.stdin is not None
    process.stdin.write(json.dumps(description).encode())
    process.stdin.close()
    try:
        yield
        assert process.returncode is None
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()


async def test_killed_workers_lose_nobody_and_repeat_no_more_than_their_windows(killable: World, dsn: str) -> None:
    world, chance = killable, random.Random(7)  # noqa: S311 - moments, not secrets
    await world.establish()
    tokens = tokens_of(DEVICES)
    await world.add_devices(tokens)
    for token in tokens[:40]:
        world.sim.fcm.on_token(token, "UNAVAILABLE", Action())
    world.sim.faults.add(Rule(action=Action(delay=0.05), provider="fcm", endpoint="send", every=2))
    await world.plan()
    for kill in range(1, KILLS + 1):
        async with worker_process(world, dsn):
            await world.sim.journal.reach(kill * DEVICES // (KILLS + 2))
            await asyncio.sleep(chance.uniform(0, 0.1))  # any moment will do
    async with worker_process(world, dsn):
        await world.until("select count(*) = $1 from delivery", DEVICES, seconds=60)
        await world.hasten()
        await world.until_complete()
    assert await world.value("select count(distinct device_id) from delivery where state = 2") == DEVICES
    accepted = world.sim.journal.accepted_per_token()
    assert accepted.keys() == set(tokens)
    assert accepted.total() - len(accepted) <= KILLS * WINDOW
    assert await world.counts() == {"sent": DEVICES}
    await world.check()
