"""The mass guard: a configuration mistake that makes every token look dead destroys nothing (PF-8)."""

import pytest
from tests.integration.worker.harness import World, tokens_of

from clarion.simulator import Action, Rule

pytestmark = pytest.mark.anyio

MISMATCH = Rule(action=Action(error="SENDER_ID_MISMATCH"), provider="fcm", endpoint="send")
DEVICES = 5000


async def assert_nothing_destroyed(world: World) -> None:
    assert world.handed_over() <= 1000
    assert await world.value("select count(*) from device where token_state = 1") == DEVICES
    assert await world.value("select count(*) from delivery where state <> 1") == 0
    assert await world.value("select guard_code from app_credential") == "SENDER_ID_MISMATCH"
    await world.check()


@pytest.mark.parametrize("established", [False, True], ids=["new", "established"])
async def test_every_token_looking_dead_pauses_the_credential_and_invalidates_none(
    world: World, established: bool
) -> None:
    tokens = tokens_of(DEVICES)
    await world.add_devices(tokens)
    if established:
        await world.establish()
    rule = world.sim.faults.add(MISMATCH)
    await world.plan()
    async with world.worker():
        await world.until("select paused_at is not null from app_credential")
        await world.until_idle()
        await assert_nothing_destroyed(world)
        world.sim.faults.remove(rule)
        await world.let_probe()
        await world.until_complete(seconds=60)
    assert world.accepted_once(tokens)
    assert await world.counts() == {"sent": DEVICES}
    await world.check()


async def test_a_good_day_that_turns_bad_invalidates_no_token_either(world: World) -> None:
    await world.establish()
    tokens = tokens_of(DEVICES)
    await world.add_devices(tokens)
    await world.plan()
    async with world.worker():
        await world.sim.journal.reach(400)
        world.sim.faults.add(MISMATCH)
        await world.until("select guard_tripped_at is not null from app_credential")
        await world.until(
            "select (select bool_and(state = 'complete') from send) "
            "or (select paused_at is not null from app_credential)"
        )
        await world.until_idle()
    assert await world.value("select count(*) from device where token_state = 1") == DEVICES
    await world.check()


async def test_two_devices_that_had_the_dead_token_one_after_the_other_do_not_stop_the_guard(world: World) -> None:
    """Only one device may own a token: the guard gives it back to the newest."""
    await world.establish()
    ids = await world.add_devices(tokens_of(300))
    await world.execute(
        "update device set token = 'shared', token_hash = '\\x01', token_state = 2, "
        "suspect_code = 'SENDER_ID_MISMATCH', suspect_at = now() where id = any($1::bigint[])",
        ids[:2],
    )
    world.sim.faults.add(MISMATCH)
    await world.plan()
    async with world.worker():
        await world.until("select paused_at is not null from app_credential")
        await world.until_idle()
    assert await world.value("select count(*) from device where token_state = 1") == 299
    await world.check()
