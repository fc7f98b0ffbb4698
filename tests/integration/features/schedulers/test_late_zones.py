"""Zones that have passed when a sending by local time is made, bound, paused or looked at."""

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from tests.factories import new_device

from clarion.features.audiences import Filter
from clarion.features.schedulers.body import SchedulerBody, SchedulerPatch, fields_of, patched
from clarion.features.schedulers.calendar import Late
from clarion.features.schedulers.editing import EditingService
from clarion.features.sends.model import SWEEP

if TYPE_CHECKING:
    from tests.integration.features.schedulers.conftest import World

pytestmark = pytest.mark.anyio

EVERYBODY = Filter(all_apps=True)
TOKYO = datetime(2026, 3, 1, 9, tzinfo=UTC)  # 18:00 there; passed three hours ago
BERLIN = datetime(2026, 3, 1, 17, tzinfo=UTC)
UNZONED = datetime(2026, 3, 1, 18, tzinfo=UTC)
SWEPT = datetime(2026, 3, 2, 8, 1, tzinfo=UTC)


def editing(world: "World") -> EditingService:
    return EditingService(
        database=world.database,
        audiences=world.audiences,
        pushes=world.pushes,
        sends=world.sends,
        clock=world.clock,
        instant_delay=timedelta(0),
    )


async def people(world: "World") -> dict[str, int]:
    async with world.database.transaction() as conn:
        return {
            zone: await new_device(conn, world.own.account_id, world.app, tz_name=zone)
            for zone in ("Asia/Tokyo", "Europe/Berlin", "")
        }


async def evening(world: "World", late: Late, **fields: Any) -> int:
    """A onesend at six in the evening, which is over in Tokyo."""
    values = {"name": "e", "date": "2026-03-01", "time": "18:00", "local_time": True, "late": late, **fields}
    return await editing(world).create(world.own, SchedulerBody(type="onesend", filter=EVERYBODY, **values))


async def run(world: "World", scheduler_id: int, until: datetime | None = None) -> None:
    """Let the clock look when it wants to."""
    while (look := (await world.schedulers.get(world.own.account_id, scheduler_id)).next_due_at) is not None:
        if until is not None and look > until:
            return
        world.clock.moment = max(look, world.clock.moment)
        await world.schedulers.start_due(world.clock.moment)


def planned(world: "World") -> list[tuple[list[str], datetime, datetime]]:
    """Zones, due moment and start of what was planned."""
    return [(list(plan.part.zones or ()), plan.due_at, plan.cutoff_at) for plan in world.sends.plans]


async def test_late_zones_get_it_at_once_never_or_on_the_next_day(world: "World") -> None:
    await people(world)
    now = world.clock.now()
    rest = [(["Europe/Berlin"], BERLIN, BERLIN), ([""], UNZONED, UNZONED)]
    expected = {
        Late.AT_ONCE: [(["Asia/Tokyo"], now, now), *rest],
        Late.SKIP: rest,
        Late.NEXT_DAY: [*rest, (["Asia/Tokyo"], TOKYO + timedelta(days=1), TOKYO + timedelta(days=1))],
    }
    for late, plans in expected.items():
        world.clock.moment = now
        world.sends.plans.clear()
        scheduler_id = await evening(world, late, push_ids=[await world.push()])
        await run(world, scheduler_id)
        assert planned(world) == plans, late
        assert await world.state(scheduler_id) == "done"


async def test_zones_that_pass_while_no_push_is_bound_get_it_with_the_binding(world: "World") -> None:
    await people(world)
    scheduler_id, skipping = await evening(world, Late.AT_ONCE), await evening(world, Late.SKIP)
    for each in (scheduler_id, skipping):
        await run(world, each, until=BERLIN + timedelta(minutes=20))
    assert world.sends.plans == []
    for each in (scheduler_id, skipping):
        await world.schedulers.bind_pushes(world.own, each, type_="onesend", push_ids=[await world.push()])
    bound = world.clock.now()
    await world.schedulers.start_due(bound)
    assert [(zones, start) for zones, _, start in planned(world)] == [
        (["Asia/Tokyo"], bound),
        (["Europe/Berlin"], bound),
    ]
    await run(world, scheduler_id)
    await run(world, skipping)
    assert [zones for zones, _, _ in planned(world)[2:]] == [[""], [""]]


async def test_what_passes_in_a_pause_is_sent_on_resuming_or_skipped(world: "World") -> None:
    await people(world)
    for late, zones in ((Late.NEXT_DAY, [["Europe/Berlin"]]), (Late.SKIP, [])):
        world.clock.moment = datetime(2026, 3, 1, 12, 0, 30, tzinfo=UTC)
        world.sends.plans.clear()
        scheduler_id = await evening(world, late, push_ids=[await world.push()])
        await run(world, scheduler_id, until=BERLIN - timedelta(minutes=5))
        await world.schedulers.pause(world.own, scheduler_id)
        world.clock.moment = BERLIN + timedelta(minutes=30)
        assert await world.schedulers.start_due(world.clock.now()) == 0
        await world.schedulers.resume(world.own, scheduler_id)
        await world.schedulers.start_due(world.clock.now())
        assert [found for found, _, _ in planned(world)] == zones, late
        await world.schedulers.cancel(world.own, scheduler_id)


async def test_the_sweep_takes_those_who_moved_and_leaves_out_zones_that_were_skipped(world: "World") -> None:
    ids = await people(world)
    scheduler_id = await evening(world, Late.SKIP, push_ids=[await world.push()])
    await run(world, scheduler_id, until=UNZONED + timedelta(hours=1))
    async with world.database.acquire() as conn:
        await conn.execute("update device set zone_at = $2 where id = $1", ids["Europe/Berlin"], UNZONED)
    world.sends.open_sends = 1
    await run(world, scheduler_id, until=SWEPT + timedelta(minutes=2))
    assert [plan.part.bucket for plan in world.sends.plans] == [3600, 0]
    world.sends.open_sends = 0
    await run(world, scheduler_id)
    sweep = world.sends.plans[-1]
    assert (sweep.part.bucket, sweep.part.zones, sweep.due_at) == (SWEEP, ["Asia/Tokyo"], SWEPT)
    assert sweep.cutoff_at > SWEPT + timedelta(minutes=1)
    assert await world.state(scheduler_id) == "done"


async def test_an_edit_before_the_first_zone_arms_it_anew(world: "World") -> None:
    await people(world)
    scheduler_id = await evening(world, Late.SKIP, push_ids=[await world.push()])
    await run(world, scheduler_id, until=BERLIN - timedelta(hours=1))
    change, now = SchedulerPatch(time="20:00", late=Late.AT_ONCE), world.clock.now()
    await editing(world).edit(world.own, scheduler_id, change=lambda one: patched(fields_of(one), change))
    await run(world, scheduler_id)
    shift = timedelta(hours=2)
    assert [(zones, due) for zones, due, _ in planned(world)] == [
        (["Asia/Tokyo"], now),
        (["Europe/Berlin"], BERLIN + shift),
        ([""], UNZONED + shift),
    ]
