"""Weekly schedulers, from slot to slot: each device gets the next push that it has not had."""

from collections import defaultdict
from datetime import UTC, datetime, timedelta

import pytest
from tests.integration.worker.harness import World, tokens_of

from clarion.features.schedulers import WeeklyBody
from clarion.simulator.faults import Action, Rule

pytestmark = pytest.mark.anyio

REFUSED = Action(
    status=400,
    headers={"Content-Type": "application/json"},
    body='{"error":{"code":400,"message":"Invalid data","status":"INVALID_ARGUMENT"}}',
)
DAYS = list(range(1, 8))


async def weekly(world: World, *titles: str) -> tuple[int, list[int]]:
    """A weekly scheduler with slots every four hours; its id and those of its pushes."""
    times = [f"{hour:02}:00" for hour in range(0, 24, 4)]
    body = WeeklyBody(name="w", days=DAYS, times=times, local_time=False, timezone="+00:00", all_apps=True)
    scheduler_id = await world.services.schedulers.create_weekly(world.caller, body)
    push_ids = [await world.push(title) for title in titles]
    await world.services.schedulers.bind_pushes(world.caller, scheduler_id, type_="weekly", push_ids=push_ids)
    return scheduler_id, push_ids


async def slot(world: World, scheduler_id: int) -> datetime:
    """Let the next slot come and wait until its send is complete."""
    due = await world.value("select next_due_at from scheduler where id = $1", scheduler_id)
    sends = await world.value("select count(*) from send")
    assert await world.services.schedulers.start_due(due) == 1
    assert await world.value("select count(*) from send") == sends + 1
    await world.until_complete()
    return due  # type: ignore[no-any-return]


async def got(world: World) -> dict[str, list[int]]:
    """The pushes of each token in the order they came."""
    rows = await world.rows(
        "select v.token, d.push_id from delivery d join device v on v.app_id = d.app_id and v.id = d.device_id "
        "order by d.send_id"
    )
    pushes: dict[str, list[int]] = defaultdict(list)
    for row in rows:
        pushes[row["token"]].append(row["push_id"])
    return pushes


async def test_a_device_gets_every_push_once_before_the_cycle_restarts_whenever_it_came(world: World) -> None:
    early, late = tokens_of(30, "early"), tokens_of(20, "late")
    await world.add_devices(early)
    scheduler_id, (first, second, third) = await weekly(world, "1", "2", "3")
    async with world.worker() as worker:
        await slot(world, scheduler_id)
        await world.add_devices(late)
        for _ in range(3):
            await slot(world, scheduler_id)
        assert await got(world) == {
            **{token: [first, second, third, first] for token in early},
            **{token: [first, second, third] for token in late},
        }
        new = await world.push("new")
        await world.services.pushes.deactivate(world.caller, second)
        order = [new, first, second, third]
        await world.services.schedulers.bind_pushes(world.caller, scheduler_id, type_="weekly", push_ids=order)
        for _ in range(2):
            await slot(world, scheduler_id)
        assert await world.value("select count(*) from rotation") == 50
        await world.services.schedulers.cancel(world.caller, scheduler_id)
        await worker.housekeeping.hourly()
        assert await world.value("select count(*) from rotation") == 0
    found = await got(world)
    assert {tuple(found[token][4:]) for token in early} == {(new, third)}
    assert {tuple(found[token][3:]) for token in late} == {(new, first)}
    await world.check()


async def test_what_was_not_delivered_is_not_counted_as_had(world: World) -> None:
    (token,) = tokens_of(1)
    await world.add_devices([token])
    scheduler_id, (first, second) = await weekly(world, "1", "2")
    await world.establish()
    async with world.worker():
        await slot(world, scheduler_id)
        world.sim.faults.add(Rule(action=REFUSED, provider="fcm", endpoint="send", times=1))
        await slot(world, scheduler_id)
        await slot(world, scheduler_id)
    assert (await got(world))[token] == [first, second, second]


async def test_slots_missed_while_nothing_ran_are_made_up_for_by_the_last_only(world: World) -> None:
    (token,) = tokens_of(1)
    await world.add_devices([token])
    scheduler_id, _ = await weekly(world, "1")
    due: datetime = await world.value("select next_due_at from scheduler where id = $1", scheduler_id)
    now = due + timedelta(days=1, hours=5)
    async with world.worker():
        assert await world.services.schedulers.start_due(now) == 1
        await world.until_complete()
    (send,) = await world.rows("select occurrence, due_at from send")
    assert send["occurrence"] == send["due_at"] == due + timedelta(days=1, hours=4)
    following = await world.value("select next_due_at from scheduler where id = $1", scheduler_id)
    assert following == due + timedelta(days=1, hours=8)
    assert following.astimezone(UTC).hour % 4 == 0
