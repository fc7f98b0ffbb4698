"""Creating, reading and binding a onesend."""

import asyncio
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest
from tests.factories import new_app

from clarion.foundation.errors import InvalidInput, NotFound, UnknownReference

if TYPE_CHECKING:
    from tests.integration.features.schedulers.conftest import World

pytestmark = pytest.mark.anyio


async def test_a_onesend_reads_back_as_received_and_is_due_at_its_instant(world: "World") -> None:
    filter_ = {"all_countries": True, "languages_exclude": ["pt"], "event_include": "reg", "event_exclude": ["dep"]}
    scheduler_id = await world.onesend(date="2031-01-04", time="18-30", timezone="+03:00", **filter_)
    scheduler = await world.schedulers.get(world.own.account_id, scheduler_id, type_="onesend")
    assert scheduler.next_due_at == datetime(2031, 1, 4, 15, 30, tzinfo=UTC)
    assert scheduler.timing == {"date": "2031-01-04", "time": "18:30", "timezone": "+03:00"}
    assert (scheduler.name, scheduler.state, scheduler.source, scheduler.local_time) == ("Sale", "active", "api", False)
    assert (scheduler.filter.all_apps, scheduler.filter.all_countries) == (True, True)
    assert (scheduler.filter.event_include, scheduler.filter.event_exclude) == ("reg", ["dep"])
    assert scheduler.push_ids == []


@pytest.mark.parametrize(
    ("fields", "fault"),
    [
        ({"name": " "}, "name is required"),
        ({"name": "x" * 1000}, "name"),
        ({"name": "a\x07"}, "printable"),
        ({"time": "12:00"}, "in the past"),
        ({"date": "2026-02-28"}, "in the past"),
        ({"date": "2031-03-04"}, "five years"),
        ({"date": "9999-12-31", "time": "23:59", "timezone": "-12:00"}, "calendar"),
        ({"timezone": None}, "timezone is required"),
        ({"local_time": True}, "timezone must be absent"),
        ({"local_time": True, "timezone": None, "date": "2026-02-28", "time": "23:59"}, "in the past"),
        ({"all_apps": None}, "no active app"),
        ({"countries_include": ["PT"], "countries_exclude": ["PT"]}, "both contain"),
        ({"event_include": "nope"}, "'nope' does not exist"),
    ],
)
async def test_a_broken_rule_creates_nothing(world: "World", fields: dict[str, Any], fault: str) -> None:
    with pytest.raises(InvalidInput, match=fault):
        await world.onesend(**fields)
    assert await world.count("scheduler") == 0
    assert await world.count("audit_entry") == 0


async def test_a_filter_that_leaves_only_archived_apps_creates_nothing(world: "World") -> None:
    async with world.database.transaction() as conn:
        archived = await new_app(conn, world.own.account_id, archived=True)
    with pytest.raises(InvalidInput, match="no active app"):
        await world.onesend(all_apps=None, app_ids_include=[archived])
    with pytest.raises(InvalidInput, match="no active app"):
        await world.onesend(app_ids_exclude=[world.app])


async def test_foreign_and_missing_apps_are_refused_alike(world: "World") -> None:
    texts = set()
    for app_id in (world.foreign_app, 2**62):
        with pytest.raises(UnknownReference) as raised:
            await world.onesend(all_apps=None, app_ids_include=[app_id])
        texts.add(str(raised.value).replace(str(app_id), "N"))
    assert texts == {"app_ids_include contains N, which does not exist"}


async def test_schedulers_of_others_and_of_another_type_do_not_exist(world: "World") -> None:
    foreign, own = await world.onesend(caller=world.foreign), await world.onesend()
    for scheduler_id, type_ in ((foreign, "onesend"), (own, "weekly"), (2**62, "onesend"), (0, None)):
        with pytest.raises(NotFound):
            await world.schedulers.get(world.own.account_id, scheduler_id, type_=type_)
        if type_ is not None:
            with pytest.raises(NotFound):
                await world.schedulers.bind_pushes(world.own, scheduler_id, type_=type_, push_ids=[])


async def test_a_failed_binding_leaves_the_old_one(world: "World") -> None:
    scheduler_id, push_id = await world.bound_onesend()
    new = await world.push()
    for bad in (await world.push(world.foreign), (await world.bound_onesend())[1]):
        with pytest.raises(InvalidInput):
            await world.schedulers.bind_pushes(world.own, scheduler_id, type_="onesend", push_ids=[new, bad])
    assert (await world.schedulers.get(world.own.account_id, scheduler_id)).push_ids == [push_id]


async def test_of_parallel_bindings_of_one_push_exactly_one_succeeds(world: "World") -> None:
    schedulers, push_id = [await world.onesend() for _ in range(5)], await world.push()
    results = await asyncio.gather(
        *(world.schedulers.bind_pushes(world.own, id_, type_="onesend", push_ids=[push_id]) for id_ in schedulers),
        return_exceptions=True,
    )
    assert [type(result) for result in results if result is not None] == [InvalidInput] * 4
    winner = schedulers[results.index(None)]
    assert (await world.schedulers.get(world.own.account_id, winner)).push_ids == [push_id]


async def test_the_pushes_of_a_finished_scheduler_can_be_freed(world: "World") -> None:
    scheduler_id, push_id = await world.bound_onesend()
    await world.schedulers.start_due(world.clock.advance(hours=2))
    await world.schedulers.bind_pushes(world.own, scheduler_id, type_="onesend", push_ids=[])
    world.clock.moment = datetime(2026, 3, 1, 12, tzinfo=UTC)
    other = await world.onesend()
    await world.schedulers.bind_pushes(world.own, other, type_="onesend", push_ids=[push_id])
    assert (await world.schedulers.get(world.own.account_id, other)).push_ids == [push_id]
