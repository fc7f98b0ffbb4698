"""Several workers, orderly ends, dead and sleeping ones."""

import os

import pytest
from tests.integration.worker.harness import World, tokens_of

from clarion.simulator import Action, Rule
from clarion.worker.identity import own_id

pytestmark = pytest.mark.anyio


async def test_two_workers_side_by_side_serve_everybody_exactly_once(world: World) -> None:
    await world.establish()
    tokens = tokens_of(12_000)
    await world.add_devices(tokens)
    for token in tokens[:20]:
        world.sim.fcm.on_token(token, "UNAVAILABLE", Action())
    await world.plan()
    async with world.worker(), world.worker():
        await world.until("select count(*) = $1 from delivery", len(tokens))
        await world.hasten()
        await world.until_complete(seconds=40)
    assert world.accepted_once(tokens)
    await world.check()


async def test_a_worker_that_stops_in_mid_send_loses_and_doubles_nobody(world: World) -> None:
    """BP-7: a stop takes back what is not written, and waits for the answers of the rest."""
    await world.establish()
    tokens = tokens_of(8000)
    await world.add_devices(tokens)
    world.sim.faults.add(Rule(action=Action(delay=0.2), provider="fcm", endpoint="send"))
    await world.plan()
    for part in (1, 2, 3):
        async with world.worker():
            await world.sim.journal.reach(part * 1500)
        assert await world.value("select count(*) from slice where state = 'leased'") == 0
        assert await world.value("select count(*) from delivery") == world.sim.journal.accepted
        assert await world.value("select count(*) from worker") == 0
    async with world.worker():
        await world.until_complete()
    assert world.accepted_once(tokens)
    await world.check()


async def test_a_worker_stops_in_the_middle_of_renewing_its_access_token(world: World) -> None:
    await world.establish()
    tokens = tokens_of(2000)
    await world.add_devices(tokens)
    await world.plan()
    async with world.worker():
        await world.sim.journal.reach(500)
        number = world.sim.faults.add(Rule(action=Action(hold="token"), provider="fcm", endpoint="token"))
        world.sim.fcm.accounts.expire_tokens()
        await world.sim.journal.until(lambda: world.sim.journal.counts(endpoint="token").total() == 2)
    world.sim.faults.remove(number)
    world.sim.release("token")
    async with world.worker():
        await world.until_complete()
    assert world.accepted_once(tokens)
    await world.check()


async def test_the_leases_of_a_dead_process_of_this_machine_are_free_at_once(world: World) -> None:
    await world.add_devices(tokens_of(100))
    await world.plan()
    machine = own_id().rsplit("|", 3)[0]
    dead = f"{machine}|{os.getpid()}|1|00000000"
    await world.execute("insert into worker (id) values ($1)", dead)
    await world.execute(
        "update slice set state = 'leased', owner = $1, attempt = 1, lease_until = now() + interval '1 hour'", dead
    )
    async with world.worker():
        await world.until_complete(seconds=8)
    assert await world.value("select count(*) from worker where id = $1", dead) == 0
    assert await world.counts() == {"sent": 100}


async def test_the_leases_of_a_process_elsewhere_run_out_by_themselves(world: World) -> None:
    await world.add_devices(tokens_of(100))
    await world.plan()
    await world.execute("insert into worker (id) values ('elsewhere|boot|pid:[1]|1|1|00000000')")
    await world.execute(
        "update slice set state = 'leased', owner = 'elsewhere|boot|pid:[1]|1|1|00000000', attempt = 1, "
        "lease_until = now() + interval '2 seconds'"
    )
    async with world.worker():
        await world.until_complete(seconds=8)
    assert await world.value("select min(settled_at) - (select created_at from send) > '1 second' from delivery")


async def test_late_results_of_a_lost_lease_are_taken_without_a_second_row(world: World) -> None:
    """DD-3, I1: somebody else took the slice over while its answers were under way."""
    await world.establish()
    tokens = tokens_of(200)
    await world.add_devices(tokens)
    world.sim.faults.add(Rule(action=Action(hold="late"), provider="fcm", endpoint="send", times=200))
    await world.plan()
    async with world.worker():
        await world.sim.journal.until(lambda: world.handed_over() == 200)
        await world.execute("update slice set lease_until = now() - interval '1 second'")
        await world.until_complete()
        assert await world.counts() == {"sent": 200}
        world.sim.release("late")
    assert await world.value("select count(*) from delivery") == 200
    assert await world.counts() == {"sent": 200}
    await world.check()


async def test_late_results_of_a_lost_retry_change_nothing(world: World) -> None:
    """I4: a result counts only while its attempt is the row's present one."""
    await world.establish()
    await world.add_devices(["slow"])
    world.sim.fcm.on_token("slow", "UNAVAILABLE", Action(error="UNREGISTERED", hold="late"), Action())
    await world.plan()
    async with world.worker():
        await world.until("select count(*) = 1 from delivery where state = 1")
        await world.hasten()
        await world.sim.journal.until(lambda: world.handed_over() == 2)
        await world.execute("update delivery set lease_until = now() - interval '1 second'")
        await world.until_complete()
        world.sim.release("late")
    rows = await world.rows("select state, attempt, may_be_sent from delivery")
    assert rows == [{"state": 2, "attempt": 3, "may_be_sent": True}]
    assert await world.counts() == {"sent": 1}
    await world.check()
