"""Auto-push through workers: from the event of a device to the one message that answers it."""

import asyncio
from datetime import UTC, datetime, timedelta

import pytest
from tests.integration.worker.harness import World, make_world, tokens_of
from tests.integration.worker.test_kill import ROOT_KEY, WINDOW, worker_process

from clarion.db import Database
from clarion.features.devices.model import DeviceKey, Info, Report, Session, Token
from clarion.features.pushes.model import PushBody, TranslationBody
from clarion.foundation.secrets import Keeper
from clarion.simulator import Action, Rule, Simulator
from clarion.simulator.faults import unavailable

pytestmark = pytest.mark.anyio

PROMPT = timedelta(seconds=2)


async def auto_push(world: World, *events: str, delay_sec: int = 0) -> int:
    """An auto-push for all apps with one push."""
    async with world.database.transaction() as conn:
        scheduler_id: int = await conn.fetchval(
            "insert into scheduler (account_id, type, name, timing, filter) values ($1, 'conversion', 'a', $2, $3) "
            "returning id",
            world.account_id,
            {"delay": "", "delay_sec": delay_sec},
            {"all_apps": True, "event_include": list(events)},
        )
        body = PushBody("en", [TranslationBody("en", "Hello", "Body"), TranslationBody("pt", "Olá", "Corpo")])
        push_id = (await world.services.pushes.create(world.caller, body, within=conn)).id
        await world.services.pushes.bind(world.account_id, scheduler_id, push_ids=[push_id], within=conn)
    return scheduler_id


async def arm(world: World, scheduler_id: int, *, due_in: float = 0.0) -> None:
    """One trigger for each device, as many events at one moment would leave them."""
    await world.execute(
        "insert into trigger (app_id, device_id, scheduler_id, bit, number, account_id, due_at) "
        "select app_id, id, $1, 0, 1, account_id, now() + $2 * interval '1 second' from device",
        scheduler_id,
        due_in,
    )


async def sent(world: World, count: int) -> None:
    """Wait until so many deliveries are sent and nothing waits."""
    await world.until(
        "select (select count(*) from delivery where state = 2) = $1 and not exists (select from trigger) "
        "and not exists (select from delivery where state = 1)",
        count,
    )


async def test_an_install_and_a_deposit_are_answered_at_once(world: World) -> None:
    scheduler_id = await auto_push(world, "install", "dep")
    devices = world.services.devices
    async with world.worker():
        session = Session(world.app_id, world.account_id, "ic-1", "u-1")
        device_id = (await devices.create([session]))[0].device_id
        await world.until("select awaits_token from trigger")
        key = DeviceKey(world.app_id, device_id)
        await devices.report([Report(key, Info("fcm.data", "android", Token("new"), lang="pt"))])
        await sent(world, 1)
        await devices.postback(world.account_id, "dep", reference="u-1")
        await sent(world, 2)
        rows = await world.rows(
            "select push_id, lang, platform, attempt, state, settled_at - at as took from delivery "
            "d join device_event e on e.device_id = d.device_id and e.bit = 2 order by d.send_id"
        )
    assert [(row["lang"], row["platform"], row["attempt"], row["state"]) for row in rows] == [
        ("pt", "android", 1, 2)
    ] * 2
    assert rows[1]["took"] < PROMPT
    assert world.sim.journal.accepted_per_token()["new"] == 2
    assert await world.rows(
        "select count(*)::int as n, min(state) as state from send where scheduler_id = $1", scheduler_id
    ) == [{"n": 2, "state": "running"}]
    assert await world.counts() == {"sent": 2}
    await world.check()


async def test_a_burst_leaves_promptly_as_first_attempts_not_as_retries(world: World) -> None:
    """The retry budget (10 a second) does not hold them back."""
    await world.establish()
    tokens = tokens_of(600)
    await world.add_devices(tokens)
    scheduler_id = await auto_push(world, "install")
    async with world.worker():
        await arm(world, scheduler_id, due_in=0.5)
        await sent(world, 600)
        due = datetime.now(UTC)
    late = await world.value("select max(settled_at) - min(created_at) from delivery")
    assert late < 2 * PROMPT, (late, due)
    assert world.accepted_once(tokens)
    await world.check()


async def test_what_the_provider_refuses_for_now_is_tried_again(world: World) -> None:
    await world.add_devices(["later", "dead"])
    world.sim.fcm.on_token("later", unavailable(1), Action())
    world.sim.fcm.on_token("dead", "UNREGISTERED")
    scheduler_id = await auto_push(world, "install")
    async with world.worker():
        await arm(world, scheduler_id)
        await world.until("select count(*) = 2 from delivery where state <> 1")
    rows = await world.rows("select state, reason, attempt from delivery order by state")
    assert [tuple(row.values()) for row in rows] == [(2, None, 2), (3, "token", 1)]
    await world.check()


async def test_cancelled_while_it_waits_for_a_worker_nothing_leaves(world: World) -> None:
    await world.add_devices(tokens_of(3))
    scheduler_id = await auto_push(world, "install")
    await arm(world, scheduler_id)
    assert await world.services.auto_push.fire_due(datetime.now(UTC)) == 3
    await world.services.schedulers.cancel(world.caller, scheduler_id)
    async with world.worker():
        await world.until("select count(*) = 3 from delivery where state = 4")
    assert world.handed_over() == 0
    assert await world.counts() == {"cancelled": 3}


async def test_a_push_deleted_meanwhile_is_not_sent(world: World) -> None:
    await world.add_devices(["one"])
    await arm(world, await auto_push(world, "install"))
    assert await world.services.auto_push.fire_due(datetime.now(UTC)) == 1
    await world.services.pushes.delete(world.caller, await world.value("select id from push"))
    async with world.worker():
        await world.until("select state = 4 from delivery")
    assert world.handed_over() == 0


async def test_another_push_bound_later_the_same_day_goes_out_in_the_same_send(world: World) -> None:
    await world.add_devices(["one"])
    scheduler_id = await auto_push(world, "install")
    async with world.worker():
        await arm(world, scheduler_id)
        await sent(world, 1)
        body = PushBody("en", [TranslationBody("en", "New", "Body")])
        push_id = (await world.services.pushes.create(world.caller, body)).id
        await world.services.schedulers.bind_pushes(world.caller, scheduler_id, type_="conversion", push_ids=[push_id])
        await world.add_devices(["two"])
        await world.execute(
            "insert into trigger (app_id, device_id, scheduler_id, bit, number, account_id, due_at) "
            "select app_id, id, $1, 0, 2, account_id, now() from device where token = 'two'",
            scheduler_id,
        )
        await sent(world, 2)
    assert await world.value("select count(*) from send") == 1
    assert (
        await world.value("select push_id from delivery d join device v on v.id = d.device_id where token = 'two'")
        == push_id
    )


async def test_each_message_has_a_day_of_its_own_to_live(world: World) -> None:
    await world.add_devices(["old"])
    scheduler_id = await auto_push(world, "install")
    await arm(world, scheduler_id)
    await world.services.auto_push.fire_due(datetime.now(UTC))
    await world.execute("update delivery set created_at = now() - interval '24 hours 1 second'")
    async with world.worker():
        await world.until("select state = 3 from delivery")
    assert await world.value("select reason from delivery") == "expired"
    assert world.handed_over() == 0


async def test_killed_workers_neither_lose_nor_double_a_trigger(database: Database, dsn: str) -> None:
    async with Simulator() as sim:
        world = await make_world(database, Keeper(ROOT_KEY), sim)
        await world.establish()
        tokens = tokens_of(1000)
        await world.add_devices(tokens)
        world.sim.faults.add(Rule(action=Action(delay=0.02), provider="fcm", endpoint="send", every=2))
        scheduler_id = await auto_push(world, "install")
        await arm(world, scheduler_id)
        async with worker_process(world, dsn), worker_process(world, dsn):
            await world.sim.journal.reach(400)
        await world.execute("update delivery set lease_until = now() where lease_until is not null")
        async with worker_process(world, dsn):
            await sent(world, 1000)
        assert await world.value("select count(distinct device_id) from delivery") == 1000
        repeated = world.handed_over() - 1000
        assert repeated <= 2 * WINDOW, repeated
        await world.check()


async def test_the_trigger_loop_goes_on_when_one_scheduler_cannot_fire(world: World) -> None:
    await world.add_devices(["one"])
    broken, sound = await auto_push(world, "install"), await auto_push(world, "install")
    await world.execute("""update scheduler set filter = '{"all_apps": "?"}' where id = $1""", broken)
    await arm(world, broken)
    await arm(world, sound)
    async with world.worker():
        await world.until("select count(*) = 1 from delivery where state = 2")
        await asyncio.sleep(0)
    assert await world.value("select array_agg(scheduler_id) from trigger") == [broken]
