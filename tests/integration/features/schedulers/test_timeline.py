"""The preview and the real run: the same calendar over the database, through clock changes and moves."""

from datetime import datetime, timedelta
from typing import TYPE_CHECKING

import pytest
from tests.factories import new_device

from clarion.db.statements import Statement
from clarion.features.audiences import Filter
from clarion.features.schedulers.body import SchedulerBody
from clarion.features.schedulers.timeline import TimelineService
from clarion.features.sends.zones import Occurrence, part_conditions

if TYPE_CHECKING:
    from tests.integration.features.schedulers.conftest import Plan, World

pytestmark = pytest.mark.anyio

ZONES = {
    "Australia/Lord_Howe": 3,  # +10:30 / +11:00
    "Pacific/Chatham": 2,  # +12:45 / +13:45
    "Pacific/Apia": 1,
    "America/St_Johns": 4,  # -03:30 / -02:30
    "Europe/Berlin": 5,
    "": 2,
}


async def people(world: "World") -> None:
    """Devices in all zones; the app's default is far in the west."""
    async with world.database.transaction() as conn:
        await conn.execute("update app set default_zone = 'Pacific/Honolulu'")
        for zone, count in ZONES.items():
            for _ in range(count):
                await new_device(conn, world.own.account_id, world.app, tz_name=zone)


def timelines(world: "World") -> TimelineService:
    return TimelineService(
        database=world.database, audiences=world.audiences, clock=world.clock, instant_delay=timedelta(0)
    )


async def run(world: "World", scheduler_id: int) -> list["Plan"]:
    """Let the clock look when it wants to; what was planned, each on the second."""
    world.sends.plans.clear()
    while (look := (await world.schedulers.get(world.own.account_id, scheduler_id)).next_due_at) is not None:
        planned = len(world.sends.plans)
        assert await world.schedulers.start_due(look) == 1
        assert all(plan.due_at == look for plan in world.sends.plans[planned:])
    return list(world.sends.plans)


SLOTS = [
    ("2026-03-29", "02:30"),  # Berlin skips it
    ("2026-04-05", "01:45"),  # Lord Howe has it twice, Chatham changes too
    ("2026-11-01", "01:30"),  # St John's has it twice
    ("2028-02-29", "23:59"),
]


async def test_the_real_run_follows_the_preview(world: "World") -> None:
    await people(world)
    for day, at in SLOTS:
        world.clock.moment = datetime.fromisoformat(f"{day}T00:00+00:00") - timedelta(days=3)
        body = SchedulerBody(type="onesend", name="p", filter=Filter(all_apps=True), date=day, time=at, local_time=True)
        shown = await timelines(world).preview(world.own.account_id, body)
        assert shown.devices == sum(ZONES.values())
        assert shown.exact
        scheduler_id, _ = await world.bound_onesend(date=day, time=at, local_time=True, timezone=None)
        plans = await run(world, scheduler_id)
        assert [(plan.due_at, list(plan.part.zones or ())) for plan in plans] == [
            (moment.due_at, list(moment.zones)) for moment in shown.moments
        ]
        found = [await devices_of(world, plan) for plan in plans]
        assert [len(ids) for ids in found] == [moment.devices for moment in shown.moments]
        assert len(set().union(*found)) == shown.devices
        assert shown.finished_at == plans[-1].due_at
        assert await world.state(scheduler_id) == "done"


async def devices_of(world: "World", plan: "Plan") -> set[int]:
    """The devices that a send is for."""
    occurrence = Occurrence(plan.scheduler_id, plan.occurrence, plan.cutoff_at)
    chosen = Statement("select d.id from device d where {conditions}").where(part_conditions(plan.part, occurrence))
    async with world.database.acquire() as conn:
        return {row["id"] for row in await chosen.fetch(conn)}
