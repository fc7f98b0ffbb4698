"""Changing one's mind while a send runs: cancel, pause, archive, delete (DD-6, P4)."""

import asyncio

import pytest
from tests.integration.worker.harness import World, tokens_of

from clarion.simulator import Action, Rule

pytestmark = pytest.mark.anyio

DEVICES = 6000
IN_FLIGHT = 1500


async def begin(world: World) -> list[str]:
    """A send to many devices that takes some seconds, in its first third when this returns; run under a worker."""
    tokens = tokens_of(DEVICES)
    await world.establish()
    await world.add_devices(tokens)
    world.sim.faults.add(Rule(action=Action(delay=0.2), provider="fcm", endpoint="send"))
    await world.schedule()
    return tokens


async def silence_follows(world: World) -> None:
    """Within a second nothing more is handed over, and what was in flight is recorded."""
    await asyncio.sleep(1)  # the time that P4 leaves, not a condition
    at_most = world.handed_over()
    await world.until_idle()
    assert world.handed_over() == at_most < DEVICES
    await world.check()


async def test_a_cancelled_send_falls_silent_within_a_second_and_its_counters_are_final(world: World) -> None:
    async with world.worker():
        await begin(world)
        await world.sim.journal.reach(1000)
        scheduler_id = await world.value("select id from scheduler")
        await world.services.schedulers.cancel(world.caller, scheduler_id)
        await silence_follows(world)
    assert await world.value("select bool_and(state in ('cancelled', 'done')) from slice")
    assert await world.value("select state from send") == "cancelled"
    assert await world.counts() == {"sent": world.sim.journal.accepted}


async def test_what_waits_in_a_cancelled_send_becomes_cancelled(world: World) -> None:
    await world.add_devices(["waiting"])
    world.sim.fcm.on_token("waiting", "UNAVAILABLE")
    scheduler_id = await world.schedule()
    async with world.worker():
        await world.until("select count(*) = 1 from delivery where state = 1")
        await world.services.schedulers.cancel(world.caller, scheduler_id)
        await world.until("select state = 4 from delivery", seconds=5)
    assert await world.counts() == {"cancelled": 1}
    assert world.handed_over() == 1
    await world.check()


async def test_a_paused_send_rests_and_resumes_where_it_was(world: World) -> None:
    async with world.worker():
        tokens = await begin(world)
        await world.sim.journal.reach(1000)
        scheduler_id = await world.value("select id from scheduler")
        await world.services.schedulers.pause(world.caller, scheduler_id)
        await silence_follows(world)
        await world.services.schedulers.resume(world.caller, scheduler_id)
        await world.until_complete()
    assert world.accepted_once(tokens)
    await world.check()


async def test_what_waits_in_a_paused_send_is_not_retried_before_it_resumes(world: World) -> None:
    await world.add_devices(["waiting"])
    world.sim.fcm.on_token("waiting", "UNAVAILABLE", Action())
    scheduler_id = await world.schedule()
    async with world.worker():
        await world.until("select count(*) = 1 from delivery where state = 1")
        await world.services.schedulers.pause(world.caller, scheduler_id)
        await world.hasten()
        other = await world.neighbour("acceptance-two")
        await other.add_devices(["meanwhile"])
        await other.schedule()
        await world.until("select bool_and(state = 'complete') from send where account_id = $1", other.account_id)
        assert await world.value("select state from delivery where app_id = $1", world.app_id) == 1
        await world.services.schedulers.resume(world.caller, scheduler_id)
        await world.until_complete()
    assert world.accepted_once(["waiting", "meanwhile"])
    await world.check()


async def test_an_archived_app_falls_silent_and_goes_on_when_it_is_back(world: World) -> None:
    async with world.worker():
        tokens = await begin(world)
        await world.sim.journal.reach(1000)
        await world.execute("update app set archived_at = now()")
        await silence_follows(world)
        await world.execute("update app set archived_at = null")
        await world.until_complete()
    assert world.accepted_once(tokens)
    await world.check()


async def test_what_waits_for_an_archived_app_is_not_retried(world: World) -> None:
    await world.add_devices(["waiting"])
    world.sim.fcm.on_token("waiting", "UNAVAILABLE", Action())
    await world.schedule()
    async with world.worker():
        await world.until("select count(*) = 1 from delivery where state = 1")
        await world.execute("update app set archived_at = now()")
        await world.hasten()
        await silence_follows_retry(world)
        await world.execute("update app set archived_at = null")
        await world.until_complete()
    assert world.accepted_once(["waiting"])
    await world.check()


async def silence_follows_retry(world: World) -> None:
    """A later retry of a neighbour overtakes the one that must not be made."""
    other = await world.neighbour("acceptance-two")
    await other.add_devices(["neighbour"])
    world.sim.fcm.on_token("neighbour", "UNAVAILABLE")
    await other.schedule()
    await world.until("select count(*) = 1 from delivery where state = 1 and app_id = $1", other.app_id)
    await world.execute("update device set active = false where app_id = $1", other.app_id)
    await world.hasten()
    await world.until("select state = 3 from delivery where app_id = $1", other.app_id)
    assert await world.value("select state from delivery where app_id = $1", world.app_id) == 1


async def test_a_deleted_app_gets_nothing_more_and_its_send_ends(world: World) -> None:
    async with world.worker():
        await begin(world)
        await world.sim.journal.reach(1000)
        await world.execute("update app set deleted_at = now()")
        await silence_follows(world)
        await world.until_complete()
    assert await world.value("select bool_and(state in ('cancelled', 'done')) from slice")
    await world.check()


async def test_while_the_installation_is_held_nothing_is_sent(world: World) -> None:
    async with world.worker():
        tokens = await begin(world)
        await world.sim.journal.reach(1000)
        await world.execute("insert into installation (root_key, held_at) values ('', now())")
        await silence_follows(world)
        await world.execute("update installation set held_at = null")
        await world.until_complete()
    assert world.accepted_once(tokens)
    await world.check()
