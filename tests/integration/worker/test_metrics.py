"""What a worker counts of a real send, and what it writes down for the owners of credentials."""

import pytest
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.parser import text_string_to_metric_families
from tests.integration.worker.harness import World, tokens_of

from clarion.providers.contract import Credential
from clarion.simulator import Action, Rule
from clarion.worker.process import Worker
from clarion.worker.remarks import Hindrance

pytestmark = pytest.mark.anyio


def shown(registry: CollectorRegistry) -> dict[str, float]:
    """Every sample by its name and its labels' values."""
    return {
        "/".join((sample.name, *sample.labels.values())): sample.value
        for family in text_string_to_metric_families(generate_latest(registry).decode())
        for sample in family.samples
    }


async def samples(worker: Worker) -> dict[str, float]:
    """The worker's metrics now."""
    await worker.vitals.show()
    return shown(worker.metrics.registry)


async def test_a_send_is_counted_by_outcome_and_measured(world: World) -> None:
    """Every hand-over appears once; the window is empty at the end, and capacity and connections are told."""
    await world.establish()
    tokens = tokens_of(300)
    await world.add_devices(tokens)
    world.sim.fcm.on_token("token-7", "UNREGISTERED")
    world.sim.fcm.on_token("token-8", "UNAVAILABLE", Action(status=200))
    await world.plan()
    async with world.worker() as worker:
        await world.until("select count(*) = 300 from delivery")
        found = await samples(worker)
    assert found["clarion_attempts_total/ok/fcm"] == 298
    assert found["clarion_attempts_total/token_certain/fcm"] == 1
    assert found["clarion_attempts_total/transient/fcm"] == 1
    assert found["clarion_due_to_first_message_seconds_count/fcm"] == 1
    assert 0 <= found["clarion_due_to_first_message_seconds_sum/fcm"] < 60
    assert found["clarion_provider_seconds_count/fcm"] >= 1
    assert found["clarion_flush_messages_sum"] == 300
    assert found["clarion_flush_seconds_count"] == found["clarion_flush_messages_count"] >= 1
    assert found["clarion_window_capacity"] == 1500
    assert found["clarion_window_used"] == found["clarion_unrecorded"] == 0
    assert found["clarion_messages_in_flight/fcm"] == 0
    assert found["clarion_connections"] >= 1
    assert found["clarion_connections_opened_total"] >= 1
    assert not [name for name in found if "acceptance" in name]


async def test_an_answer_that_no_table_explains_is_counted_and_shown_to_the_owner(world: World) -> None:
    await world.establish()
    await world.add_devices(tokens_of(50))
    world.sim.fcm.on_token("token-3", Action(status=418, body="I am a teapot"))
    await world.plan()
    async with world.worker() as worker:
        await world.until_complete()
        found = await samples(worker)
        await worker.remarks.write(worker.lanes.present())
        await worker.remarks.write(worker.lanes.present())
    assert found["clarion_unknown_answers_total/fcm"] == 1
    (row,) = await world.rows("select unknown_answers, unknown_text, unknown_at is not null as at from app_credential")
    assert row == {"unknown_answers": 1, "unknown_text": "HTTP_418: I am a teapot", "at": True}
    assert await world.value("select count(*) from device where token_state = 1") == 50


async def test_a_throttled_credential_is_told_once(world: World) -> None:
    """The rest that the provider asks for is counted once, however many answers ask for it."""
    await world.establish()
    await world.add_devices(tokens_of(200))
    world.sim.faults.add(Rule(action=Action(error="QUOTA_EXCEEDED", retry_after=30), provider="fcm", endpoint="send"))
    await world.plan()
    async with world.worker() as worker:
        await world.until("select count(*) > 0 from delivery where state = 1")
        await world.until_idle()
        found = await samples(worker)
        await worker.remarks.write(worker.lanes.present())
        first = await world.value("select blocked_until from app_credential")
        await worker.remarks.write(worker.lanes.present())
        again = await world.value("select blocked_until from app_credential")
    assert await world.value("select block_reason from app_credential") == "throttled"
    assert first == again
    assert await world.value("select blocked_until between now() and now() + interval '31 seconds' from app_credential")
    assert 0 < found["clarion_throttle_wait_seconds_total/fcm"] <= 32
    assert found["clarion_credentials_slowed/fcm"] == 1


async def test_retries_that_wait_for_their_budget_are_counted_and_told(world: World) -> None:
    """90 of 300 fail once; a fifth of 300, and ten a second, may be repeated at once."""
    await world.establish()
    tokens = tokens_of(300)
    await world.add_devices(tokens)
    for token in tokens[:90]:
        world.sim.fcm.on_token(token, Action(error="INTERNAL"), Action())
    await world.plan()
    async with world.worker() as worker:
        await world.until("select count(*) = 90 from delivery where state = 1")
        await world.until_idle()
        await world.hasten()
        await world.until("select count(*) >= 260 from delivery where state = 2")
        await world.until_idle()
        found = await samples(worker)
        await worker.remarks.write(worker.lanes.present())
    assert found["clarion_retries_held_total/fcm"] >= 1
    assert await world.value("select block_reason from app_credential") == "retry_budget"


async def test_a_push_service_that_refuses_the_app_is_named_to_the_owner(world: World) -> None:
    class Refused:
        credential = Credential(world.app_id, world.account_id, "fcm", 1, "f", {})
        key = world.app_id, "fcm"

        def hindrance(self) -> Hindrance:
            return Hindrance("push_service web.push.apple.com", 900.0)

    async with world.worker() as worker:
        await worker.remarks.write([Refused()])
    (row,) = await world.rows("select block_reason, blocked_until > now() + interval '14 min' as l from app_credential")
    assert row == {"block_reason": "push_service web.push.apple.com", "l": True}


async def test_an_outage_opens_the_breaker_and_the_owner_sees_it(world: World) -> None:
    await world.establish()
    await world.add_devices(tokens_of(500))
    world.sim.faults.add(Rule(action=Action(error="INTERNAL"), provider="fcm", endpoint="send"))
    await world.plan()
    async with world.worker() as worker:
        await world.until("select count(*) >= 20 from delivery where state = 1")
        await world.until_idle()
        found = await samples(worker)
        await worker.remarks.write(worker.lanes.present())
        reason = await world.value("select block_reason from app_credential")
    assert found["clarion_breakers_open/fcm"] == 1
    assert found["clarion_attempts_total/transient/fcm"] >= 20
    assert reason == "breaker"


async def test_refused_credentials_renewals_and_guard_trips_are_counted(world: World) -> None:
    await world.establish()
    tokens = tokens_of(400)
    await world.add_devices(tokens)
    for token in tokens:
        world.sim.fcm.on_token(token, "SENDER_ID_MISMATCH")
    await world.plan()
    async with world.worker() as worker:
        await world.until("select guard_tripped_at is not null from app_credential")
        await world.until_idle()
        world.sim.fcm.accounts.expire_tokens()
        for token in tokens:
            world.sim.fcm.on_token(token)
        world.sim.fcm.deny("acceptance-one")
        await world.let_probe()
        await world.hasten()
        await world.until("select pause_reason like 'PERMISSION%' from app_credential")
        found = await samples(worker)
    assert found["clarion_guard_trips_total/fcm"] == 1
    assert found["clarion_credential_refusals_total/fcm"] == 1
    assert found["clarion_attempts_total/credential/fcm"] >= 1


async def test_a_message_that_workers_died_of_is_counted(world: World) -> None:
    """The slice went on with the same device in vain, as often as it takes."""
    await world.establish()
    await world.add_devices(tokens_of(3))
    first = await world.value("select min(id) from device where token in ('token-0', 'token-1', 'token-2')")
    await world.plan()
    await world.execute("insert into worker (id) values ('elsewhere|boot|pid:[1]|1|1|00000000')")
    await world.execute(
        "update slice set state = 'leased', owner = 'elsewhere|boot|pid:[1]|1|1|00000000', attempt = 4, losses = 4, "
        "strikes = 1, begins_with = $1, lease_until = now() - interval '1 second'",
        first,
    )
    async with world.worker() as worker:
        await world.until_complete()
        found = await samples(worker)
    assert found["clarion_quarantined_total/fcm"] == 1
    assert await world.counts() == {"failed:internal": 1, "sent": 2}
