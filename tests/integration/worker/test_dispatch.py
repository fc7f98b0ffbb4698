"""Dispatch from the due moment to the last row, over real parts."""

import asyncio

import pytest

from tests.integration.worker.harness import World

pytestmark = pytest.mark.anyio


async def test_every_device_gets_exactly_one_message_and_one_row(world: World) -> None:
    tokens = [f"token-{number}" for number in range(1200)]
    await world.add_devices(tokens)
    await world.schedule()
    async with world.worker():
        await world.until_complete()
    assert world.sim.journal.accepted_per_token() == dict.fromkeys(tokens, 1)
    assert await world.value("select count(*) from delivery where state = 2") == 1200
    assert await world.counts() == {"sent": 1200}
