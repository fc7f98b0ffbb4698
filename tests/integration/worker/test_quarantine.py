"""A message that kills its worker is given up, and everybody else is served (DD-7)."""

import asyncio
import json
import os
import sys
from pathlib import Path

import pytest
from tests.integration.worker.harness import World, make_world, tokens_of

from clarion.db import Database
from clarion.foundation.secrets import Keeper
from clarion.simulator import Simulator

pytestmark = pytest.mark.anyio

ROOT_KEY = bytes(range(32))
SCRIPT = Path(__file__).with_name("dying_process.py")
ROOT = Path(__file__).parents[3]
POISON = "token-30"


async def live_and_die(world: World, dsn: str) -> int | None:
    """Run a worker until it dies or everything is done; its exit status if it died."""
    description = {
        "dsn": dsn,
        "root_key": ROOT_KEY.hex(),
        "flags": {**world.flags(), "max_unrecorded": 200},
        "credentials": [[*key, value] for key, value in world.credentials.values.items()],
    }
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        str(SCRIPT),
        stdin=asyncio.subprocess.PIPE,
        env={
            **os.environ,
            "PYTHONPATH": os.pathsep.join((str(ROOT / "src"), str(ROOT))),
            "DIES_OF": POISON,
        },
    )
    assert process.stdin is not None
    process.stdin.write(json.dumps(description).encode())
    process.stdin.close()
    died = asyncio.create_task(process.wait())
    done = asyncio.create_task(world.until_complete(seconds=50))
    try:
        await asyncio.wait({died, done}, return_when=asyncio.FIRST_COMPLETED)
        return process.returncode
    finally:
        done.cancel()
        await asyncio.gather(done, return_exceptions=True)
        if process.returncode is None:
            process.kill()
        await died


async def test_a_message_that_kills_workers_ends_alone_and_the_others_are_sent(database: Database, dsn: str) -> None:
    async with Simulator() as sim:
        world = await make_world(database, Keeper(ROOT_KEY), sim)
        await world.establish()
        tokens = tokens_of(60)
        await world.add_devices(tokens)
        await world.plan()
        deaths = 0
        async with asyncio.timeout(55):
            while await live_and_die(world, dsn) is not None:
                deaths += 1
        assert deaths == 5, "one of the crowd, one of a few, three of its own"
        rows = await world.rows(
            "select d.state, d.reason, d.code, v.token from delivery d join device v on v.id = d.device_id "
            "where d.state <> 2"
        )
        assert rows == [{"state": 3, "reason": "internal", "code": "quarantined", "token": POISON}]
        assert set(sim.journal.accepted_per_token()) == set(tokens) - {POISON}
