"""Providers that recycle connections, are away, or never answer (PF-1, PF-4, PF-9)."""

import asyncio
import time

import pytest
from tests.integration.worker.harness import SkipClock, World, tokens_of

from clarion.simulator import Action, Manner, Mode, Rule, WireSettings
from clarion.worker.dispatcher import MAX_RUNS, MAX_RUNS_OF_LANE
from clarion.worker.lanes import IDLE_SECONDS

pytestmark = pytest.mark.anyio


async def test_goaway_every_300_messages_loses_and_doubles_nobody(world: World) -> None:
    """PF-4."""
    world.sim.tune(WireSettings(goaway_every=300))
    await world.establish()
    tokens = tokens_of(6000)
    await world.add_devices(tokens)
    await world.plan()
    async with world.worker():
        await world.until_complete(seconds=60)
    assert world.accepted_once(tokens)
    assert await world.counts() == {"sent": 6000}
    assert len(world.sim.journal.connections) >= 20
    await world.check()


async def test_an_outage_opens_the_breaker_loses_nobody_and_doubles_nobody(world: World) -> None:
    """PF-1: connections refused for a while."""
    await world.establish()
    await world.add_devices(["before"])
    await world.plan()
    clock = SkipClock()
    tokens = tokens_of(3000)
    async with world.worker(clock, max_unrecorded=100):
        await world.until_complete()
        await world.sim.listen(Mode.REFUSE)
        await world.add_devices(tokens)
        await world.execute("update device set active = false where token = 'before'")
        await world.schedule()
        await world.until("select count(*) >= 20 from delivery where state = 1")
        await world.until("select count(*) = 2 from send")
        await world.until_idle()
        tried = await world.value("select count(*) from delivery where state = 1")
        assert tried < 3000
        assert not await world.value("select bool_or(may_be_sent) from delivery")
        await world.sim.listen(Mode.OPEN)
        async with asyncio.timeout(40):
            while not await world.value("select bool_and(state = 'complete') from send"):
                clock.skip(5)
                await world.hasten()
                await asyncio.sleep(0.1)  # real time for the worker between two leaps of its clock
    assert world.accepted_once(["before", *tokens])
    await world.check()


@pytest.mark.parametrize(
    ("trouble", "reached", "devices"),
    [
        (Action(manner=Manner.SILENCE), 300, 10_000),
        (Action(delay=5.0), 300, 3000),
        (Action(error="QUOTA_EXCEEDED", retry_after=30), 5, 3000),
    ],
    ids=["dead", "slow", "throttled"],
)
async def test_an_account_whose_provider_is_in_trouble_does_not_delay_another(
    world: World, trouble: Action, reached: int, devices: int
) -> None:
    """PF-9: B beside a stuck A takes at most twice its time alone plus a second (and a margin for this machine)."""
    other = await world.neighbour("acceptance-two")
    await other.establish()
    await world.establish()
    await world.add_devices(tokens_of(1000, "stuck"))
    await other.add_devices(tokens_of(100, "small"))
    async with world.worker() as worker:
        await world.plan()
        await world.until_complete()
        alone = await _time_of(other)
        world.sim.faults.add(Rule(action=trouble, provider="fcm", endpoint="send", project="acceptance-one"))
        await world.add_devices(tokens_of(devices, "more"))
        await world.plan()
        seen = world.handed_over()
        await world.sim.journal.until(lambda: world.handed_over() >= seen + reached)
        beside = await _time_of(other)
        assert beside <= 2 * alone + 2
        await world.services.schedulers.cancel(world.caller, await _newest_scheduler(world))
        world.sim.disconnect()
        assert worker is not None


async def test_dead_providers_of_several_credentials_together_hold_up_nobody_else(world: World) -> None:
    """P7: five credentials whose provider answers nothing, with slices enough to take every run of the worker."""
    well = await world.neighbour("acceptance-well")
    await well.establish()
    await well.add_devices(tokens_of(100, "well"))
    dead = [await world.neighbour(f"acceptance-dead-{number}") for number in range(5)]
    async with world.worker() as worker:
        alone = await _time_of(well)
        for number, one in enumerate(dead):
            await one.establish()
            await one.add_devices(tokens_of(150, f"dead-{number}"))
            silence = Action(manner=Manner.SILENCE)
            world.sim.faults.add(
                Rule(action=silence, provider="fcm", endpoint="send", project=f"acceptance-dead-{number}")
            )
            for _ in range(MAX_RUNS_OF_LANE):
                await one.plan()
        await world.until("select count(*) >= $1 from slice where state = 'leased'", MAX_RUNS)
        beside = await _time_of(well)
        assert beside <= 2 * alone + 2
        assert worker.dispatcher.running > 0, "the dead ones still wait for their answers"
        for one in dead:
            await one.execute("update send set state = 'cancelled' where account_id = $1", one.account_id)
        world.sim.disconnect()


async def _time_of(world: World) -> float:
    """Seconds from the due moment of a send of this account to its completion."""
    began = time.monotonic()
    await world.schedule()
    await world.until(
        "select count(*) = (select count(*) from scheduler where account_id = $1) and bool_and(state = 'complete') "
        "from send where account_id = $1",
        world.account_id,
    )
    return time.monotonic() - began


async def _newest_scheduler(world: World) -> int:
    scheduler_id: int = await world.value("select max(id) from scheduler where account_id = $1", world.account_id)
    return scheduler_id


async def test_what_is_in_flight_and_unrecorded_never_exceeds_its_bound(world: World) -> None:
    """The duplicate window, reliability.md §1.2."""
    await world.establish()
    tokens = tokens_of(1500)
    await world.add_devices(tokens)
    world.sim.faults.add(Rule(action=Action(delay=0.02), provider="fcm", endpoint="send"))
    await world.plan()
    most = 0
    async with world.worker(max_unrecorded=50):
        while not await world.value("select bool_and(state = 'complete') from send"):
            handed_over = world.handed_over()  # before the rows are counted: never too high
            most = max(most, handed_over - await world.value("select count(*) from delivery"))
    assert 10 < most <= 50
    assert world.sim.journal.max_parallel_streams <= 50
    assert world.accepted_once(tokens)
    await world.check()


async def test_a_window_of_one_message_still_gets_everywhere(world: World) -> None:
    tokens = tokens_of(20)
    await world.add_devices(tokens)
    other = await world.neighbour("acceptance-two")
    await other.add_devices(tokens_of(20, "other"))
    await world.plan()
    await other.plan()
    async with world.worker(max_unrecorded=1):
        await world.until_complete()
    assert world.sim.journal.accepted == 40
    assert world.sim.journal.max_parallel_streams == 1
    await world.check()


async def test_connections_of_a_credential_that_nobody_uses_are_closed_and_opened_again(world: World) -> None:
    await world.establish()
    await world.add_devices(["one"])
    clock = SkipClock()
    async with world.worker(clock) as worker:
        await world.plan()
        await world.until_complete()
        await worker.lanes.refresh()
        assert len(worker.lanes.present()) == 1, "it may be used again soon"
        clock.skip(IDLE_SECONDS)
        await worker.lanes.refresh()
        assert worker.lanes.present() == []
        await world.plan()
        await world.until_complete()
    assert world.sim.journal.accepted == 2
