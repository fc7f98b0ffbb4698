"""Rules in a worker: what waits, what is skipped, what leaves when, and that nothing is lost or doubled by it."""

from collections import Counter
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any

import pytest
from tests.integration.worker.harness import World, make_world, tokens_of
from tests.integration.worker.test_auto_push import arm, auto_push
from tests.integration.worker.test_kill import ROOT_KEY, worker_process

from clarion.db import Database
from clarion.features.deliveries.claiming import wanted_of
from clarion.features.deliveries.dispatch import DispatchStore
from clarion.foundation.secrets import Keeper
from clarion.simulator import Action, Rule, Simulator

pytestmark = pytest.mark.anyio


def quiet_now(*, hours_left: int = 3) -> dict[str, Any]:
    """Quiet hours in UTC that began an hour ago."""
    now = datetime.now(UTC)
    begins, ends = now - timedelta(hours=1), now + timedelta(hours=hours_left)
    return {"quiet_hours": {"from": f"{begins:%H:%M}", "to": f"{ends:%H:%M}"}}


async def set_rules(world: World, rules: dict[str, Any] | None, *, table: str = "account") -> None:
    """Rules of every account, app or scheduler of the world."""
    await world.execute(f"update {table} set rules = $1", rules)


async def plan(world: World, rules: dict[str, Any] | None = None) -> int:
    """A send that waits for a worker, of a scheduler with these rules."""
    scheduler_id = await world.schedule()
    await world.execute("update scheduler set rules = $1 where id = $2", rules, scheduler_id)
    await world.services.schedulers.start_due(datetime.now(UTC) + timedelta(seconds=1))
    send_id: int = await world.value("select id from send where scheduler_id = $1", scheduler_id)
    return send_id


async def until_held(world: World, count: int) -> None:
    """Wait until no slice is open, and so many messages wait."""
    await world.until(
        "select not exists (select from slice where state <> 'done') and count(*) = $1 from delivery where state = 1",
        count,
    )


async def test_quiet_hours_hold_each_message_until_they_end_where_the_device_is(world: World) -> None:
    await world.add_devices(tokens_of(300, "here"))
    await world.add_devices(tokens_of(20, "there"), tz_sec=8 * 3600)
    await world.add_devices(tokens_of(10, "named"), tz_name="Etc/GMT-8")
    await set_rules(world, quiet_now())
    await plan(world)
    async with world.worker():
        await until_held(world, 300)
        assert Counter(world.sim.journal.accepted_per_token()) == Counter(
            tokens_of(20, "there") + tokens_of(10, "named")
        )
        (row,) = await world.rows("select distinct reason, attempt, parked_at, code from delivery where state = 1")
        end = datetime.now(UTC) + timedelta(hours=3)
        assert (row["reason"], row["attempt"], row["code"]) == ("quiet_hours", 0, None)
        assert abs(row["parked_at"] - end) < timedelta(minutes=2)
        await world.hasten()  # too early: the rules are asked again
        await world.until("select count(*) = 300 from delivery where state = 1 and parked_at > now()")
        assert world.handed_over() == 30
        await world.execute("update device set tz_sec = 8 * 3600")  # they have travelled to where it is day
        await world.hasten()
        await world.until_complete()
    assert world.accepted_once(tokens_of(300, "here") + tokens_of(20, "there") + tokens_of(10, "named"))
    assert await world.counts() == {"sent": 330}
    await world.check()
    assert await world.rows("select distinct state, attempt from delivery") == [{"state": 2, "attempt": 1}]


async def test_urgent_schedulers_pass_and_a_changed_rule_holds_at_once(world: World) -> None:
    await world.add_devices(tokens_of(5))
    await set_rules(world, quiet_now())
    await plan(world, {"urgent": True})
    await plan(world, {"quiet_hours": None})
    async with world.worker():
        await world.until("select count(*) = 10 from delivery where state = 2")
        await plan(world)
        await until_held(world, 5)
        await set_rules(world, None)
        await world.hasten()
        await world.until_complete()
    assert await world.counts() == {"sent": 15}
    await world.check()


async def test_what_would_come_too_late_is_skipped_and_says_so(world: World) -> None:
    await world.add_devices(tokens_of(5))
    await set_rules(world, quiet_now() | {"too_late_minutes": 60})
    await plan(world)
    async with world.worker():
        await world.until_complete()
    assert world.handed_over() == 0
    assert await world.rows("select distinct state, reason, next_attempt_at, code from delivery") == [
        {"state": 5, "reason": "too_late", "next_attempt_at": None, "code": None}
    ]
    assert await world.counts() == {"skipped:too_late": 5}
    await world.check()


async def test_a_held_message_lives_for_a_day_from_its_release_and_has_all_its_attempts(world: World) -> None:
    """Its retries go by the moment at which it was let go, not by the one at which it was held."""
    await world.add_devices(["late"])
    world.sim.fcm.on_token("late", "UNAVAILABLE", Action())
    await set_rules(world, quiet_now(hours_left=20))
    await plan(world)
    async with world.worker():
        await until_held(world, 1)
        assert await world.value("select expires_at > now() + interval '43 hours' from send")
        await world.execute("update delivery set created_at = created_at - interval '20 hours'")
        await set_rules(world, None)
        await world.hasten()
        await world.until("select state = 1 and attempt = 1 and lease_until is null from delivery")
        await world.hasten()
        await world.until_complete()
    assert await world.rows("select state, attempt from delivery") == [{"state": 2, "attempt": 2}]
    await world.check()


async def test_two_sends_at_once_in_two_workers_give_each_user_no_more_than_the_cap(world: World) -> None:
    await world.establish()
    tokens = tokens_of(600)
    for user in range(3):  # three devices each
        await world.add_devices(tokens[user::3])
    await world.execute(
        "update device d set ext_id = 'user-' || (v.no / 3) from (select app_id, id, row_number() over (order by token)"
        " - 1 as no from device) v where v.app_id = d.app_id and v.id = d.id"
    )
    await set_rules(world, {"caps": [{"max": 2, "hours": 24, "by": "user", "then": "skip"}]})
    sends = [await plan(world) for _ in range(3)]
    async with world.worker(), world.worker():
        await world.until_complete()
    got = await world.rows(
        "select d.ext_id, count(*) as n from delivery x join device d on d.app_id = x.app_id and d.id = x.device_id "
        "where x.state = 2 group by 1"
    )
    assert Counter(row["n"] for row in got) == {2: 200}
    assert await world.counts() == {"sent": 400, "skipped:frequency": 3 * 600 - 400}
    assert len(sends) == 3
    await world.check()


async def test_a_gap_defers_the_second_message_and_a_failed_first_one_does_not_count(world: World) -> None:
    await world.add_devices(["good", "bad"])
    world.sim.fcm.on_token("bad", "INVALID_ARGUMENT", Action())
    await set_rules(world, {"gap": {"minutes": 30}}, table="app")
    async with world.worker():
        await plan(world)
        await world.until_complete()
        await world.execute("update device set token_state = 1")
        await plan(world)
        await until_held(world, 1)
        held = await world.rows(
            "select v.token, d.reason, d.parked_at from delivery d join device v on v.id = d.device_id "
            "where d.state = 1"
        )
        assert [(row["token"], row["reason"]) for row in held] == [("good", "gap")]
        assert abs(held[0]["parked_at"] - datetime.now(UTC) - timedelta(minutes=30)) < timedelta(minutes=1)
        await world.execute("update contact set at = at - interval '31 minutes'")
        await world.hasten()
        await world.until_complete()
    assert world.sim.journal.accepted_per_token() == Counter({"good": 2, "bad": 1})
    await world.check()


async def test_a_pace_is_kept_by_two_workers_over_slices_and_sends(world: World) -> None:
    await world.establish()
    await world.add_devices(tokens_of(400))
    await set_rules(world, {"pace": {"messages": 200}})
    await plan(world)
    await plan(world)
    async with world.worker(), world.worker():
        await world.until_complete(seconds=30)
    times = sorted(entry.time for entry in world.sim.journal.entries() if entry.endpoint == "send")
    assert len(times) == 800
    assert 2.7 <= times[-1] - times[0] <= 8.0
    assert max(sum(begin <= time < begin + 1 for time in times) for begin in times) <= 200 * 2.5
    assert world.sim.journal.accepted_per_token() == Counter(tokens_of(400) * 2)
    await world.check()


async def test_a_slow_pace_leaves_its_worker_free_and_its_send_can_be_cancelled(world: World) -> None:
    await world.establish()
    await world.add_devices(tokens_of(50))
    slow = await plan(world, {"pace": {"messages": 2, "per": "minute"}})
    async with world.worker() as worker:
        await world.until("select exists (select from slice where not_before > now()) from send")
        await world.until_idle()
        assert worker.dispatcher.running == 0
        scheduler_id = await world.value("select scheduler_id from send where id = $1", slow)
        await world.services.schedulers.cancel(world.caller, scheduler_id)
        await plan(world)
        await world.until("select count(*) = 50 from delivery where state = 2 and send_id <> $1", slow)
    assert world.handed_over() == 51
    await world.check()


async def test_quiet_hours_a_cap_and_a_pace_compose(world: World) -> None:
    """Held by quiet hours, then one too many for some, then in turn for the rest."""
    await world.establish()
    await world.add_devices(tokens_of(150))
    rules = quiet_now() | {"pace": {"messages": 50}, "caps": [{"max": 1, "hours": 24, "then": "skip"}]}
    await set_rules(world, rules | {"quiet_hours": None})
    await world.execute("update device set lang = 'pt' where token like '%1'")
    await world.plan(filter_={"all_apps": True, "languages_include": ["pt"]})
    async with world.worker():
        await world.until_complete()
        await set_rules(world, rules)
        await plan(world)
        await until_held(world, 150)
        assert await world.value(
            "select bool_and(next_attempt_at = 'infinity' and parked_at > now()) from delivery where state = 1"
        )
        number = len(world.sim.journal)
        await set_rules(world, rules | {"quiet_hours": None})
        await world.execute("update delivery set parked_at = now() where state = 1")
        await world.until_complete()
    assert world.accepted_once(tokens_of(150))
    assert await world.counts() == {"sent": 150, "skipped:frequency": 15}
    times = sorted(entry.time for entry in world.sim.journal.entries(number) if entry.endpoint == "send")
    assert times[-1] - times[0] >= 1.2
    assert max(later - earlier for earlier, later in pairwise(times)) < 1.5
    await world.check()


async def test_what_rules_hold_back_is_paused_resumed_and_cancelled_like_everything(world: World) -> None:
    await world.establish()
    await world.add_devices(tokens_of(60))
    await set_rules(world, quiet_now() | {"pace": {"messages": 50}})
    await plan(world)
    scheduler_id = await world.value("select scheduler_id from send")
    async with world.worker():
        await until_held(world, 60)
        await world.services.schedulers.pause(world.caller, scheduler_id)
        await set_rules(world, {"pace": {"messages": 20}})
        await world.execute("update delivery set parked_at = now() where state = 1")
        async with world.worker():
            await world.until("select count(*) = 2 from worker where seen_at > now() - interval '5 seconds'")
        assert world.handed_over() == 0
        await world.services.schedulers.resume(world.caller, scheduler_id)
        await world.sim.journal.until(lambda: world.handed_over() > 0)
        await world.services.schedulers.cancel(world.caller, scheduler_id)
        await world.until("select not exists (select from delivery where state = 1)")
        sent = world.handed_over()
    assert 0 < sent < 60
    assert await world.counts() == {"sent": sent, "cancelled": 60 - sent}
    await world.check()


async def test_of_many_that_may_go_at_once_few_are_due_at_a_time(world: World) -> None:
    await world.add_devices(tokens_of(300))
    await set_rules(world, quiet_now())
    await plan(world)
    async with world.worker():
        await until_held(world, 300)
    await world.execute("update delivery set parked_at = now() - interval '1 second'")
    store = DispatchStore(database=world.database)
    (parked,) = await store.parked(limit=100)
    assert parked.count == 100
    assert await store.unpark(parked, 60, paced=False) == 60
    assert [more.count for more in await store.parked(limit=100)] == [40]
    assert await store.parked(limit=60) == []
    assert await store.parked(limit=100, blocked=[(world.app_id, "fcm")]) == []
    assert len(await store.claim(wanted_of(await store.due()), limit=500, seconds=60)) == 60
    assert [more.count for more in await store.parked(limit=100)] == [100]


async def test_auto_pushes_wait_for_the_end_of_quiet_hours_and_leave_in_their_turn(world: World) -> None:
    await world.establish()
    await world.add_devices(tokens_of(100))
    scheduler_id = await auto_push(world, "install")
    await set_rules(world, quiet_now() | {"pace": {"messages": 50}})
    await arm(world, scheduler_id)
    async with world.worker():
        await world.until("select count(*) = 100 from delivery where state = 1 and reason = 'quiet_hours'")
        assert world.handed_over() == 0
        await set_rules(world, {"pace": {"messages": 50}})
        await world.execute("update delivery set parked_at = now() where state = 1")
        await world.until("select count(*) = 100 from delivery where state = 2")
    assert world.accepted_once(tokens_of(100))
    times = sorted(entry.time for entry in world.sim.journal.entries() if entry.endpoint == "send")
    assert times[-1] - times[0] >= 0.4
    await world.check()


async def test_a_paced_send_lives_as_long_as_its_pace_needs_and_its_messages_from_their_turn_on(world: World) -> None:
    await world.establish()
    await world.add_devices(tokens_of(10))
    rules = {"pace": {"messages": 1, "per": "minute"}, "time_to_live_minutes": 60}
    await set_rules(world, rules)
    await plan(world)
    assert await world.value("select expires_at - cutoff_at from send") == timedelta(hours=24, minutes=20)
    await world.execute("update send set cutoff_at = cutoff_at - interval '3 hours'")
    await world.execute("update device set created_at = created_at - interval '1 day'")
    async with world.worker():
        await world.until("select count(*) = 1 from delivery where state = 2")
    assert await world.counts() == {"sent": 1}


async def test_killed_workers_lose_and_double_nothing_that_rules_touch(database: Database, dsn: str) -> None:
    async with Simulator() as sim:
        world = await make_world(database, Keeper(ROOT_KEY), sim)
        await world.establish()
        tokens = tokens_of(800)
        await world.add_devices(tokens[:400])
        await world.add_devices(tokens[400:], tz_sec=8 * 3600)
        world.sim.faults.add(Rule(action=Action(delay=0.02), provider="fcm", endpoint="send", every=2))
        rules = {"caps": [{"max": 1, "hours": 24, "then": "skip"}], "pace": {"messages": 500}}
        await set_rules(world, quiet_now() | rules)
        await plan(world)
        for kill in (1, 2):
            async with worker_process(world, dsn):
                await world.sim.journal.reach(kill * 130)
        await set_rules(world, rules)
        async with worker_process(world, dsn), worker_process(world, dsn):
            await world.until("select count(*) = 800 from delivery", seconds=40)
            await world.execute(
                "update delivery set parked_at = now() where state = 1 and next_attempt_at = 'infinity'"
            )
            await world.execute("update delivery set lease_until = now() where state = 1 and lease_until > now()")
            await world.until_complete(seconds=40)
        assert await world.value("select count(distinct device_id) from delivery where state = 2") == 800
        assert world.handed_over() - 800 <= 2 * 200
        await world.check()
