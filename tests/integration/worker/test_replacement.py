"""A credential is replaced in the middle of a send (CR-6): the new one takes over, nobody is lost or served twice."""

import asyncio
import time

import pytest
from tests.integration.worker.harness import World, tokens_of

pytestmark = pytest.mark.anyio

TAKEOVER = 5.0
"""Seconds after which the old credential must be out of use."""


async def test_the_new_credential_takes_over_within_five_seconds(world: World) -> None:
    """The project stays, the account changes; five seconds later the old one is deleted at Google, unnoticed."""
    await world.establish()
    tokens = tokens_of(6000)
    await world.add_devices(tokens)
    await world.plan()
    journal, accounts = world.sim.journal, world.sim.fcm.accounts
    old = world.credentials.values[world.app_id, "fcm"]["client_email"]
    async with world.worker(fcm_rate_per_sec=500.0):
        await journal.reach(500)
        before = len(journal.connections)
        await world.replace_credential("acceptance-one")
        replaced_at = time.time()
        new = world.credentials.values[world.app_id, "fcm"]["client_email"]
        await asyncio.sleep(TAKEOVER)  # the promise is one of time
        assert journal.accepted < len(tokens), "the send must still be under way"
        assert accounts.revoke(old)
        await world.until_complete(seconds=60)
    assert world.accepted_once(tokens)
    assert set(journal.counts()) == {"accepted"}, "no request was refused: the old account was not used any more"
    sending = {entry.connection for entry in journal.entries(limit=500) if entry.endpoint == "send"}
    last = max(entry.time for entry in journal.entries() if entry.endpoint == "send" and entry.connection <= before)
    assert last - replaced_at < TAKEOVER
    assert all(journal.connections[number - 1].closed for number in sending), "old connections are closed"
    assert accounts.calls[old] == accounts.calls[new] == 1
    assert await world.rows("select distinct state, attempt from delivery") == [{"state": 2, "attempt": 1}]
    await world.check()


async def test_a_replacement_that_does_not_work_pauses_and_loses_nobody(world: World) -> None:
    """The new account is refused: one message tries it, the rest waits and goes out with a third one, once."""
    await world.establish()
    tokens = tokens_of(3000)
    await world.add_devices(tokens)
    await world.plan()
    async with world.worker(fcm_rate_per_sec=500.0):
        await world.sim.journal.reach(300)
        world.sim.fcm.deny("acceptance-two")
        await world.replace_credential("acceptance-two")
        await world.until("select paused_at is not null from app_credential")
        await world.until_idle()
        assert world.sim.journal.counts()["PERMISSION_DENIED"] == 1
        await world.replace_credential("acceptance-one")
        await world.until_complete(seconds=60)
    assert world.accepted_once(tokens)
    await world.check()
