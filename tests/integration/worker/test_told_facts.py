"""What really happens is told to webhooks: in the same transaction, in order, and only where somebody listens."""

import pytest
from tests.integration.worker.harness import World, tokens_of
from tests.integration.worker.receiver import receiving

from clarion.features.webhooks import EventType
from clarion.features.webhooks.model import new_secret
from clarion.simulator import Action

pytestmark = pytest.mark.anyio

REFUSED = Action(
    status=400,
    headers={"content-type": "application/json"},
    body='{"error":{"code":400,"message":"Invalid data","status":"INVALID_ARGUMENT"}}',
)


async def listen(world: World, *types: EventType, url: str = "http://127.0.0.1:9/") -> int:
    """A webhook of the account; at first one that is never reached, since it is not in the operator's list."""
    webhook_id: int = await world.value(
        "insert into webhook (account_id, url, events, secret) values ($1, $2, $3, $4) returning id",
        world.account_id,
        url,
        [str(type_) for type_ in types],
        world.keeper.seal(new_secret(), f"webhook secret:{world.account_id}:1"),
    )
    return webhook_id


async def test_a_send_tells_its_start_its_failures_its_dropped_tokens_and_its_end(world: World) -> None:
    await listen(world, *EventType)
    await world.establish()
    await world.add_devices([*tokens_of(300), "dead", "refused"])
    world.sim.fcm.on_token("dead", Action(error="UNREGISTERED"))
    world.sim.fcm.on_token("refused", REFUSED)
    send_id = await world.plan()
    async with world.worker():
        await world.until_complete()
    told = await world.rows("select type, body from webhook_message where object = $1 order by id", f"send:{send_id}")
    types = [row["type"] for row in told]
    assert types[0] == "send.started"
    assert types[-1] == "send.finished"
    assert set(types[1:-1]) == {"delivery.failed"}
    assert told[0]["body"]["estimate"] > 0
    end = told[-1]["body"]
    assert (end["state"], end["sent"], end["failed"], end["test"]) == ("complete", 300, 2, False)
    failed = {entry["code"]: entry for row in told[1:-1] for entry in row["body"]["deliveries"]}
    assert {code: entry["reason"] for code, entry in failed.items()} == {
        "UNREGISTERED": "token",
        "INVALID_ARGUMENT": "message",
    }
    [dropped] = await world.rows("select object, body from webhook_message where type = 'token.dropped'")
    dead = await world.value("select id from device where token = 'dead'")
    assert dropped["object"] == f"app:{world.app_id}"
    assert [(entry["device_id"], entry["code"]) for entry in dropped["body"]["tokens"]] == [(str(dead), "UNREGISTERED")]
    assert "dead" not in str(dropped["body"])
    assert failed["UNREGISTERED"]["device_id"] == str(dead)


async def test_a_worker_brings_what_it_tells(world: World) -> None:
    """The whole way: facts, queue, sender and settings of one worker process."""
    async with receiving() as receiver:
        await listen(world, EventType.SEND_STARTED, EventType.SEND_FINISHED, url=receiver.url)
        await world.add_devices(tokens_of(10))
        await world.plan()
        async with world.worker(webhook_hosts=(receiver.host,)):
            await receiver.until(2)
            await world.until("select bool_and(state = 2) from webhook_message")
    assert [message.headers["clarion-event"] for message in receiver.received] == ["send.started", "send.finished"]


async def test_a_cancelled_send_tells_its_end_once(world: World) -> None:
    await listen(world, EventType.SEND_FINISHED)
    send_id = await world.plan()
    for _ in range(2):
        await world.services.schedulers.cancel(
            world.caller, await world.value("select scheduler_id from send where id = $1", send_id)
        )
    told = await world.rows("select type, body from webhook_message")
    assert [(row["type"], row["body"]["state"]) for row in told] == [("send.finished", "cancelled")]


async def test_a_refused_credential_is_told_once_and_nothing_to_another_account(world: World) -> None:
    await listen(world, EventType.CREDENTIAL_PAUSED)
    other = await world.neighbour("acceptance-two")
    await listen(other, *EventType)
    await world.add_devices(tokens_of(50))
    world.sim.fcm.deny("acceptance-one")
    await world.plan()
    async with world.worker():
        await world.until("select count(*) > 0 from webhook_message")
        await world.until_idle()
        await world.let_probe()
        await world.until(
            "select probe_at > now() + interval '14 minutes' from app_credential where app_id = $1", world.app_id
        )
    [told] = await world.rows("select account_id, object, body from webhook_message")
    assert told["account_id"] == world.account_id
    assert told["object"] == f"credential:{world.app_id}:fcm"
    assert "PERMISSION_DENIED" in told["body"]["reason"]


async def test_messages_that_nobody_wants_to_hear_of_are_not_even_looked_up_again(world: World) -> None:
    await listen(world, EventType.SEND_STARTED)
    await world.add_devices([*tokens_of(20), "refused"])
    world.sim.fcm.on_token("refused", REFUSED)
    await world.plan()
    async with world.worker():
        await world.until_complete()
    assert await world.rows("select type from webhook_message") == [{"type": "send.started"}]
