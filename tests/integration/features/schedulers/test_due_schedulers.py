"""What happens when schedulers are due."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest
from structlog.testing import capture_logs
from tests.factories import new_app, new_group

if TYPE_CHECKING:
    from tests.integration.features.schedulers.conftest import World

pytestmark = pytest.mark.anyio

DUE = datetime(2026, 3, 1, 13, tzinfo=UTC)


async def test_nothing_starts_before_its_moment(world: "World") -> None:
    scheduler_id, _ = await world.bound_onesend()
    assert await world.schedulers.start_due(DUE - timedelta(microseconds=1)) == 0
    assert world.sends.plans == []
    assert await world.state(scheduler_id) == "active"


async def test_a_due_onesend_is_planned_once_with_what_holds_at_that_moment(world: "World") -> None:
    scheduler_id, push_id = await world.bound_onesend(countries_include=["PT"])
    async with world.database.transaction() as conn:
        added = await new_app(conn, world.own.account_id)
        await conn.execute("update app set archived_at = now() where id = $1", world.app)
    now = DUE + timedelta(seconds=3)
    assert await world.schedulers.start_due(now) == 1
    assert await world.schedulers.start_due(now) == 0
    (plan,) = world.sends.plans
    assert (plan.account_id, plan.scheduler_id) == (world.own.account_id, scheduler_id)
    assert (plan.occurrence, plan.due_at, plan.cutoff_at) == (DUE, DUE, now)
    assert (plan.push_ids, plan.app_ids) == ([push_id], [added])
    assert plan.conditions.parameters == {"f_countries": ["PT"]}
    assert await world.state(scheduler_id) == "done"


async def test_two_workers_start_each_scheduler_once(world: "World") -> None:
    made = {(await world.bound_onesend())[0] for _ in range(6)}
    counts = await asyncio.gather(*(world.schedulers.start_due(DUE) for _ in range(4)))
    assert sum(counts) == 6
    assert sorted(plan.scheduler_id for plan in world.sends.plans) == sorted(made)


async def test_without_an_active_push_nothing_is_sent_and_the_scheduler_stays_visible(world: "World") -> None:
    unbound = await world.onesend()
    inactive, push_id = await world.bound_onesend()
    await world.pushes.deactivate(world.own, push_id)
    with capture_logs() as logs:
        assert await world.schedulers.start_due(DUE) == 2
    assert world.sends.plans == []
    assert [await world.state(unbound), await world.state(inactive)] == ["done", "done"]
    assert [entry["reason"] for entry in logs] == ["no active push is bound"] * 2


async def test_apps_and_groups_archived_since_contribute_nothing(world: "World") -> None:
    async with world.database.transaction() as conn:
        group = await new_group(conn, world.own.account_id, world.app)
    scheduler_id, _ = await world.bound_onesend(all_apps=None, app_groups_include=[group])
    async with world.database.transaction() as conn:
        await conn.execute("update app_group set archived_at = now()")
    with capture_logs() as logs:
        await world.schedulers.start_due(DUE)
    assert world.sends.plans == []
    assert logs[0]["reason"] == "the filter leaves no active app"
    assert await world.state(scheduler_id) == "done"


async def test_a_deleted_group_or_event_code_in_a_filter_does_not_stop_the_rest(world: "World") -> None:
    async with world.database.transaction() as conn:
        group = await new_group(conn, world.own.account_id, world.app)
    scheduler_id, _ = await world.bound_onesend(all_apps=None, app_groups_include=[group], app_ids_include=[world.app])
    async with world.database.transaction() as conn:
        await conn.execute("delete from app_group")
        await conn.execute("""update scheduler set filter = filter || '{"event_exclude": "gone"}'""")
    await world.schedulers.start_due(DUE)
    assert [(plan.scheduler_id, plan.app_ids) for plan in world.sends.plans] == [(scheduler_id, [world.app])]


@pytest.mark.parametrize(("late", "planned"), [(timedelta(hours=24), 1), (timedelta(hours=24, seconds=1), 0)])
async def test_a_missed_moment_is_made_up_for_within_24_hours(world: "World", late: timedelta, planned: int) -> None:
    scheduler_id, _ = await world.bound_onesend()
    with capture_logs() as logs:
        assert await world.schedulers.start_due(DUE + late) == 1
    assert len(world.sends.plans) == planned
    assert await world.state(scheduler_id) == "done"
    assert [entry["reason"] for entry in logs] == ["more than 24 h late"] * (1 - planned)


async def test_a_scheduler_that_cannot_start_holds_back_no_other_and_is_tried_again(world: "World") -> None:
    broken, _ = await world.bound_onesend()
    fine, _ = await world.bound_onesend()
    world.sends.broken = {broken}
    with capture_logs() as logs:
        assert await world.schedulers.start_due(DUE) == 1
    assert [plan.scheduler_id for plan in world.sends.plans] == [fine]
    assert [entry["scheduler_id"] for entry in logs if entry["log_level"] == "error"] == [broken]
    assert await world.state(broken) == "active"
    world.sends.broken = set()
    assert await world.schedulers.start_due(DUE) == 1
    assert world.sends.plans[-1].scheduler_id == broken


async def test_a_suspended_account_starts_nothing(world: "World") -> None:
    scheduler_id, _ = await world.bound_onesend()
    async with world.database.transaction() as conn:
        await conn.execute("update account set suspended_at = now() where id = $1", world.own.account_id)
    assert await world.schedulers.start_due(DUE) == 0
    assert await world.state(scheduler_id) == "active"


async def test_paused_and_cancelled_schedulers_do_not_start(world: "World") -> None:
    paused, _ = await world.bound_onesend()
    cancelled, _ = await world.bound_onesend()
    await world.schedulers.pause(world.own, paused)
    await world.schedulers.cancel(world.own, cancelled)
    assert await world.schedulers.start_due(DUE) == 0
    await world.schedulers.resume(world.own, paused)
    assert await world.schedulers.start_due(DUE) == 1
    assert [plan.scheduler_id for plan in world.sends.plans] == [paused]


async def test_after_a_restore_what_has_passed_is_left_out_and_the_rest_is_still_to_come(world: "World") -> None:
    fixed, _ = await world.bound_onesend()
    local, _ = await world.bound_onesend(local_time=True, timezone=None)
    async with world.database.transaction() as conn:
        await conn.execute("update scheduler set next_due_at = now() - interval '1 hour', planned_until = null")
        assert await world.schedulers.skip_due(within=conn) == 2
    assert [await world.state(fixed), await world.state(local)] == ["done", "active"]
    kept = await world.schedulers.get(world.own.account_id, local)
    assert kept.next_due_at is not None
    assert kept.planned_until is not None
    assert kept.planned_until > kept.next_due_at
