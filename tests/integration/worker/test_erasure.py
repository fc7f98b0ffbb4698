"""Devices that are erased while sends run (reliability.md GD-1)."""

import pytest
from tests.integration.worker.harness import World, tokens_of

from clarion.foundation.errors import NotFound
from clarion.simulator.faults import unavailable

pytestmark = pytest.mark.anyio


async def test_a_send_skips_who_was_erased_after_it_had_begun(world: World) -> None:
    tokens = tokens_of(300)
    devices = await world.add_devices(tokens)
    gone = {tokens[0], tokens[299]}
    await world.plan()
    privacy = world.services.privacy
    for token in sorted(gone):
        await privacy.erase_device(world.caller, devices[tokens.index(token)])
    async with world.worker():
        await world.until_complete()
    assert world.accepted_once([token for token in tokens if token not in gone])
    assert await world.counts() == {"sent": 298}
    await world.check()


async def test_a_message_of_an_erased_device_that_waits_ends_without_another_attempt(world: World) -> None:
    """Its row and its count stay; neither leads to the device, also after the second look."""
    [device] = await world.add_devices(["busy"])
    world.sim.fcm.on_token("busy", unavailable(1))
    await world.plan()
    async with world.worker():
        await world.until("select attempt = 1 and state = 1 and lease_until is null from delivery")
    await world.services.privacy.erase_device(world.caller, device)
    await world.hasten()
    async with world.worker() as worker:
        await world.until_complete()
        await world.execute("update erasure set erased_at = now() - interval '3 hours'")
        await worker.housekeeping.hourly()
    rows = await world.rows("select state, reason, code, device_id < 0 as nobody from delivery")
    assert rows == [{"state": 3, "reason": "token", "code": "no_valid_token", "nobody": True}]
    assert await world.counts() == {"failed:token": 1}
    assert world.handed_over() == 1, "the attempt before"
    assert await world.rows("select device_id, pseudonym from erasure") == [{"device_id": None, "pseudonym": None}]
    with pytest.raises(NotFound):
        await world.services.privacy.export_device(world.caller, device)
