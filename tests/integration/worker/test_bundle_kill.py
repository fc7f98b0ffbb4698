"""kill -9 while bundles are under way: what the provider knows by key is never sent twice (reliability.md §1.2)."""

import asyncio
import random
from collections.abc import AsyncIterator
from uuid import uuid4

import pytest
from tests.integration.worker.harness import World, make_world
from tests.integration.worker.test_kill import ROOT_KEY, worker_process

from clarion.db import Database
from clarion.foundation.secrets import Keeper
from clarion.simulator import Action, Mode, Rule, Simulator

pytestmark = pytest.mark.anyio

KILLS = 4


@pytest.fixture
async def killable(database: Database) -> AsyncIterator[World]:
    """A world with a OneSignal app, whose root key other processes know."""
    async with Simulator() as sim:
        world = await make_world(database, Keeper(ROOT_KEY), sim)
        await world.execute(
            "update app_credential set provider = 'onesignal', results = 100000 where app_id = $1", world.app_id
        )
        world.credentials.values = {(world.app_id, "onesignal"): sim.onesignal.app()}
        yield world


async def add_devices(world: World, count: int) -> list[str]:
    tokens = [str(uuid4()) for _ in range(count)]
    await world.add_devices(tokens, transport="onesignal")
    return tokens


async def test_a_worker_killed_before_it_recorded_the_answers_costs_no_duplicate(killable: World, dsn: str) -> None:
    world = killable
    tokens = await add_devices(world, 150)
    world.sim.faults.add(Rule(action=Action(hold="answers"), provider="onesignal", endpoint="send"))
    await world.plan()
    async with worker_process(world, dsn):
        await asyncio.wait_for(world.sim.journal.until(lambda: world.sim.journal.accepted == 150), 30)
    assert await world.value("select count(*) from delivery") == 0
    assert await world.value("select sum(cardinality(device_ids)) from provider_batch") == 150
    world.sim.faults.clear()
    async with world.worker():
        await world.until_complete()
    assert world.accepted_once(tokens)
    assert world.sim.onesignal.replayed >= 1
    assert await world.rows("select distinct state, may_be_sent from delivery") == [{"state": 2, "may_be_sent": True}]
    assert await world.value("select count(*) from provider_batch") == 0
    await world.check()


async def test_a_worker_killed_between_keeping_and_sending_loses_nobody(killable: World, dsn: str) -> None:
    world = killable
    tokens = await add_devices(world, 50)
    await world.sim.listen(Mode.REFUSE)
    await world.plan()
    async with worker_process(world, dsn):
        await world.until("select count(*) > 0 from provider_batch")
    await world.sim.listen(Mode.OPEN)
    await world.hasten()
    async with world.worker():
        await world.until_complete()
    assert world.accepted_once(tokens)
    assert await world.value("select count(*) from provider_batch") == 0
    await world.check()


async def test_workers_killed_at_random_moments_repeat_nothing(killable: World, dsn: str) -> None:
    world, chance = killable, random.Random(11)  # noqa: S311 - moments, not secrets
    tokens = await add_devices(world, 3000)
    world.sim.faults.add(Rule(action=Action(delay=0.1), provider="onesignal", endpoint="send"))
    world.sim.faults.add(Rule(action=Action(status=503), provider="onesignal", endpoint="send", every=9))
    await world.plan()
    for _ in range(KILLS):
        before = world.sim.journal.accepted
        async with worker_process(world, dsn):
            target = min(3000, before + chance.randint(1, 500))
            await asyncio.wait_for(world.sim.journal.until(lambda t=target: world.sim.journal.accepted >= t), 30)
            await asyncio.sleep(chance.random() * 0.05)
    async with world.worker():
        await world.until_complete(seconds=60)
    assert world.accepted_once(tokens)
    assert await world.counts() == {"sent": 3000}
    assert await world.value("select count(*) from provider_batch") == 0
    await world.check()
