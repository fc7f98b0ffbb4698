"""Sends by local time, from the scheduler to the simulator: everybody once, also who travels meanwhile."""

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from tests.integration.worker.harness import World

from clarion.features.schedulers import OnesendBody

pytestmark = pytest.mark.anyio

SLOT = datetime.now(UTC).replace(hour=12, minute=0, second=0, microsecond=0) + timedelta(days=1)


async def local_onesend(world: World) -> int:
    """A onesend at noon of the next day, everywhere."""
    body = OnesendBody(name="noon", date=f"{SLOT:%Y-%m-%d}", time="12:00", local_time=True, all_apps=True)
    scheduler_id = await world.services.schedulers.create_onesend(world.caller, body)
    push_id = await world.push("Noon")
    await world.services.schedulers.bind_pushes(world.caller, scheduler_id, type_="onesend", push_ids=[push_id])
    return scheduler_id


async def run_through(
    world: World, scheduler_id: int, meanwhile: Callable[[datetime], Awaitable[None]] | None = None
) -> dict[str, datetime]:
    """Let the clock look whenever it wants to until nothing is left; when each token got its message."""
    reached: dict[str, datetime] = {}
    while (look := await world.value("select next_due_at from scheduler where id = $1", scheduler_id)) is not None:
        if meanwhile is not None:
            await meanwhile(look)
        sends = await world.value("select count(*) from send")
        await world.services.schedulers.start_due(look)
        if await world.value("select count(*) from send") > sends:
            await world.until_complete()
        for token in world.sim.journal.accepted_per_token():
            reached.setdefault(token, look)
    return reached


async def test_each_zone_gets_it_at_its_own_noon_and_travellers_exactly_once(world: World) -> None:
    homes = {
        "stays-berlin": {"tz_name": "Europe/Berlin", "tz_sec": -3600},
        "stays-new-york": {"tz_name": "America/New_York"},
        "stays-nepal": {"tz_sec": 20_700},
        "tells-nothing": {},
        "berlin-to-new-york-after": {"tz_name": "Europe/Berlin"},
        "new-york-to-berlin-between": {"tz_name": "America/New_York"},
        "berlin-to-new-york-before": {"tz_name": "Europe/Berlin"},
        "hops": {"tz_name": "Asia/Tokyo"},
    }
    ids = {token: (await world.add_devices([token], **columns))[0] for token, columns in homes.items()}
    await world.execute("update app set default_zone = 'America/Sao_Paulo'")
    await world.execute("update device set created_at = created_at - interval '2 days'")
    moves = [
        (SLOT - timedelta(hours=4), "berlin-to-new-york-before", "America/New_York"),
        (SLOT + timedelta(hours=1), "berlin-to-new-york-after", "America/New_York"),
        (SLOT + timedelta(hours=1), "new-york-to-berlin-between", "Europe/Berlin"),
        (SLOT - timedelta(hours=1), "hops", "America/New_York"),
        (SLOT + timedelta(hours=9), "hops", "Asia/Tokyo"),
    ]

    async def move(now: datetime) -> None:
        for at, token, zone in [item for item in moves if item[0] <= now]:
            await world.execute("update device set tz_name = $2, zone_at = $3 where id = $1", ids[token], zone, at)
            moves.remove((at, token, zone))

    scheduler_id = await local_onesend(world)
    async with world.worker():
        reached = await run_through(world, scheduler_id, move)
    assert world.accepted_once(list(homes))
    offsets = {token: (at - SLOT) / timedelta(hours=1) for token, at in reached.items()}
    berlin, york = -offset_hours("Europe/Berlin"), -offset_hours("America/New_York")
    sweep = 14 + 1 / 60
    assert offsets == {
        "stays-berlin": berlin,
        "stays-new-york": york,
        "stays-nepal": -5.75,
        "tells-nothing": 3,
        "berlin-to-new-york-after": berlin,
        "new-york-to-berlin-between": pytest.approx(sweep),
        "berlin-to-new-york-before": york,
        "hops": -9,
    }


def offset_hours(zone: str) -> float:
    """The zone's distance from UTC at the slot."""
    offset = SLOT.replace(tzinfo=ZoneInfo(zone)).utcoffset()
    assert offset is not None
    return offset / timedelta(hours=1)


async def test_a_zone_gets_it_within_a_second_of_its_moment(world: World) -> None:
    """With the real clock: the offset is chosen so that the device's clock reaches the slot in three seconds."""
    due = datetime.now(UTC).replace(microsecond=0) + timedelta(seconds=4)
    slot = due.replace(second=0) + timedelta(minutes=1)
    offset = int((slot - due).total_seconds())
    await world.add_devices(["punctual"], tz_sec=offset)
    await world.add_devices(["later"], tz_sec=offset - 900)
    body = OnesendBody(name="now", date=f"{slot:%Y-%m-%d}", time=f"{slot:%H:%M}", local_time=True, all_apps=True)
    scheduler_id = await world.services.schedulers.create_onesend(world.caller, body)
    push_id = await world.push("Now")
    async with world.worker():
        await world.services.schedulers.bind_pushes(world.caller, scheduler_id, type_="onesend", push_ids=[push_id])
        await world.until_complete()
    (send,) = await world.rows("select due_at, cutoff_at, zones from send")
    assert (send["due_at"], send["zones"]) == (due, [str(offset)])
    assert timedelta() <= send["cutoff_at"] - due <= timedelta(seconds=1)
    assert world.accepted_once(["punctual"])
