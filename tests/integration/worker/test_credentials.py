"""Credentials that are refused: access tokens, permissions, deleted service accounts (PF-7, PF-10, CR-6)."""

import pytest
from tests.integration.worker.harness import World, tokens_of

from clarion.simulator import Action, Rule

pytestmark = pytest.mark.anyio

PAUSED = "select paused_at is not null from app_credential"


async def test_an_expired_access_token_is_renewed_once_and_nobody_is_lost(world: World) -> None:
    """PF-10; no attempt is used up either."""
    await world.establish()
    tokens = tokens_of(3000)
    await world.add_devices(tokens)
    await world.plan()
    accounts = world.sim.fcm.accounts
    async with world.worker():
        await world.sim.journal.reach(600)
        accounts.expire_tokens()
        await world.until_complete()
    assert list(accounts.calls.values()) == [2]
    assert world.accepted_once(tokens)
    assert await world.rows("select distinct state, attempt from delivery") == [{"state": 2, "attempt": 1}]
    await world.check()


async def test_a_denied_new_credential_costs_one_message_and_no_token(world: World) -> None:
    """PF-7: the first message goes alone; everything waits for the probe, and then goes out exactly once."""
    tokens = tokens_of(2000)
    await world.add_devices(tokens)
    world.sim.fcm.deny("acceptance-one")
    await world.plan()
    async with world.worker():
        await world.until(PAUSED)
        await world.until_idle()
        assert world.handed_over() == 1
        assert await world.value("select count(*) from delivery") == 0
        assert await world.value("select count(*) from device where token_state = 1") == 2000
        assert "PERMISSION_DENIED" in await world.value("select pause_reason from app_credential")
        world.sim.fcm.allow("acceptance-one")
        await world.let_probe()
        await world.until_complete()
    assert world.accepted_once(tokens)
    assert not await world.value(PAUSED)
    await world.check()


async def test_a_failing_probe_sends_one_message_and_waits_another_quarter_of_an_hour(world: World) -> None:
    await world.add_devices(tokens_of(500))
    world.sim.fcm.deny("acceptance-one")
    await world.plan()
    async with world.worker():
        await world.until(PAUSED)
        await world.until_idle()
        await world.let_probe()
        await world.until("select probe_at > now() + interval '14 minutes' from app_credential")
        await world.until_idle()
    assert world.handed_over() == 2


async def test_a_working_credential_that_is_denied_stops_with_what_is_in_flight(world: World) -> None:
    """PF-7; a new credential goes on by itself, and nobody is lost or served twice."""
    await world.establish()
    tokens = tokens_of(4000)
    await world.add_devices(tokens)
    await world.plan()
    async with world.worker():
        await world.sim.journal.reach(800)
        world.sim.fcm.deny("acceptance-one")
        await world.until(PAUSED)
        await world.until_idle()
        assert world.sim.journal.counts()["PERMISSION_DENIED"] <= 1500
        assert await world.value("select count(*) from device where token_state = 1") == 4000
        assert await world.value("select count(*) from delivery where state <> 2") == 0
        await world.replace_credential("acceptance-two")
        await world.until_complete()
    assert world.accepted_once(tokens)
    await world.check()


async def test_a_deleted_service_account_pauses_the_credential_without_any_message(world: World) -> None:
    """The token endpoint answers invalid_grant."""
    tokens = tokens_of(300)
    await world.add_devices(tokens)
    email = world.credentials.values[world.app_id, "fcm"]["client_email"]
    world.sim.fcm.accounts.revoke(email)
    await world.plan()
    async with world.worker():
        await world.until(PAUSED)
        await world.until_idle()
        assert world.handed_over() == 0
        assert "invalid_grant" in await world.value("select pause_reason from app_credential")
        world.sim.fcm.accounts.restore(email)
        await world.let_probe()
        await world.until_complete()
    assert world.accepted_once(tokens)
    assert not await world.value(PAUSED)
    await world.check()


async def test_a_service_account_deleted_in_mid_send_loses_nobody(world: World) -> None:
    """401 for the present access token, then invalid_grant for the next one."""
    await world.establish()
    tokens = tokens_of(3000)
    await world.add_devices(tokens)
    email = world.credentials.values[world.app_id, "fcm"]["client_email"]
    await world.plan()
    async with world.worker():
        await world.sim.journal.reach(600)
        world.sim.fcm.accounts.revoke(email)
        await world.until(PAUSED)
        await world.until_idle()
        world.sim.fcm.accounts.restore(email)
        world.sim.fcm.accounts.expire_tokens()
        await world.let_probe()
        await world.until_complete()
    assert world.accepted_once(tokens)
    await world.check()


async def test_a_credential_replaced_in_mid_send_is_used_at_once_and_nobody_is_lost_or_doubled(world: World) -> None:
    """CR-6."""
    await world.establish()
    tokens = tokens_of(6000)
    await world.add_devices(tokens)
    world.sim.faults.add(Rule(action=Action(delay=0.15), provider="fcm", endpoint="send"))
    await world.plan()
    async with world.worker(fcm_rate_per_sec=1200.0):  # so that the send outlasts the takeover
        await world.sim.journal.reach(800)
        await world.replace_credential("acceptance-two")
        await world.until_complete()
    assert world.accepted_once(tokens)
    assert world.sim.journal.counts(project="acceptance-two")["accepted"] > 100
    await world.check()


async def test_waiting_deliveries_of_a_paused_credential_wait_on_without_probing_it(world: World) -> None:
    await world.add_devices(["first"])
    world.sim.fcm.on_token("first", "UNAVAILABLE", Action())
    await world.plan()
    async with world.worker():
        await world.until("select count(*) = 1 from delivery")
        await world.execute(
            "update app_credential set paused_at = now(), pause_reason = 'test', "
            "probe_at = now() + interval '15 minutes'"
        )
        await world.hasten()
        await world.add_devices(["second"])
        other = await world.neighbour("acceptance-two")
        await other.add_devices(["elsewhere"])
        await other.schedule()
        await world.until("select bool_and(state = 'complete') from send where account_id = $1", other.account_id)
        assert world.handed_over() == 2
        await world.let_probe()
        await world.until_complete()
    assert world.accepted_once(["first", "elsewhere"])
    await world.check()


async def test_a_credential_that_was_removed_ends_what_waits_for_it(world: World) -> None:
    await world.add_devices(["orphan"])
    world.sim.fcm.on_token("orphan", "UNAVAILABLE")
    await world.plan()
    async with world.worker():
        await world.until("select count(*) = 1 from delivery")
        await world.execute("delete from app_credential")
        await world.hasten()
        await world.until_complete()
    assert await world.rows("select state from delivery") == [{"state": 4}]
    await world.check()
