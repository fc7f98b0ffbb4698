"""The counts of reachable devices are right at every moment, whatever happens to devices and whenever they are kept."""

import random
from collections import Counter
from dataclasses import dataclass

import pytest
from tests.factories import SYSTEM_BITS, EventCodes, new_account, new_app, new_device

from clarion.db import Connection, Database
from clarion.features.audiences import AudienceService, Filter, reach
from clarion.features.audiences.reach import ReachService

pytestmark = pytest.mark.anyio

CHANGES = (
    "country = 'PT'",
    "country = 'BR', lang = 'pt'",
    "active = not active",
    "token_state = 3 - token_state",
    "events = events # 2",
    "audiences = '{vip,new}'",
    "audiences = '{}'",
    "last_seen_at = now()",
    "id = id + 1",
)


@dataclass(frozen=True)
class World:
    """An account with two apps."""

    database: Database
    audiences: AudienceService
    reach: ReachService
    account: int
    apps: tuple[int, int]

    async def check(self) -> None:
        """Estimates from the counts say what reading every device says."""
        filters = {
            "true": Filter(all_apps=True),
            "country = 'PT'": Filter(all_apps=True, countries_include=["PT"]),
            "events & 2 <> 0 and lang <> 'pt'": Filter(all_apps=True, event_include="reg", languages_exclude=["pt"]),
        }
        for condition, filter_ in filters.items():
            async with self.database.acquire() as conn:
                truth = await conn.fetchval(
                    f"select count(*) from device where active and token_state = 1 and {condition}"
                )
            found = await self.audiences.estimate(self.account, filter_)
            assert (found.devices, found.exact) == (truth, True), condition

    async def settle(self) -> None:
        while await self.reach.settle():
            pass

    async def sizes(self) -> dict[str, int]:
        page = await self.reach.audiences(self.account)
        return {item.audience: item.devices for item in page.items}


@pytest.fixture
async def world(database: Database) -> World:
    async with database.transaction() as conn:
        account = await new_account(conn)
        apps = (await new_app(conn, account), await new_app(conn, account))
    audiences = AudienceService(database=database, events=EventCodes({}))
    return World(database, audiences, ReachService(database=database), account, apps)


async def _change(conn: Connection, world: World, chance: random.Random) -> None:
    """One thing that may happen to devices."""
    ids = [row["id"] for row in await conn.fetch("select id from device")]
    some = chance.sample(ids, min(len(ids), chance.choice([1, 1, 5])))
    match chance.randrange(5):
        case 0:
            events = 1 << SYSTEM_BITS["install"]
            await new_device(conn, world.account, chance.choice(world.apps), country="PT", events=events)
        case 1 if len(ids) > 10:
            await conn.execute("delete from device where id = any($1)", some)
        case _:
            await conn.execute(f"update device set {chance.choice(CHANGES)} where id = any($1)", some)


async def test_counts_follow_devices_through_everything(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reach, "_STEPS", (7, 7))
    monkeypatch.setattr(reach, "_FOLD", 5)
    world.reach._step = 7
    chance = random.Random(20_260_301)  # noqa: S311 - repeatable
    async with world.database.transaction() as conn:
        for number in range(40):
            await new_device(conn, world.account, world.apps[number % 2], audiences=["vip"])
    for _ in range(120):
        async with world.database.transaction() as conn:
            await _change(conn, world, chance)
        if chance.random() < 0.3:
            await world.reach.settle()
        await world.check()
    await world.settle()
    async with world.database.acquire() as conn:
        rows = await conn.fetch("select audiences from device where active and token_state = 1")
    assert await world.sizes() == dict(Counter(value for row in rows for value in row["audiences"]))
    await world.reach.prune()
    await world.check()


async def test_a_change_that_commits_while_an_app_is_counted_is_not_lost(world: World) -> None:
    async with world.database.transaction() as conn:
        for _ in range(3):
            await new_device(conn, world.account, world.apps[0], country="BR")
    async with world.database.transaction() as conn:
        await conn.execute("update device set country = 'PT'")
        await new_device(conn, world.account, world.apps[0], country="PT")
        await world.settle()
        seen = await world.audiences.estimate(world.account, Filter(all_apps=True, countries_include=["BR"]))
        assert seen.devices == 3
    await world.check()
    await world.settle()
    await world.check()


async def test_audiences_are_listed_by_name_in_pages_and_by_prefix(world: World) -> None:
    async with world.database.transaction() as conn:
        stranger = await new_account(conn)
        for audience in ("b", "a", "Ä", "a", "ab", "b"):
            await new_device(conn, world.account, world.apps[0], audiences=[audience])
        await new_device(conn, world.account, world.apps[0], audiences=["gone"], active=False)
        await new_device(conn, world.account, await new_app(conn, world.account, archived=True), audiences=["gone"])
        await new_device(conn, stranger, await new_app(conn, stranger), audiences=["theirs"])
    await world.settle()
    assert await world.sizes() == {"a": 2, "ab": 1, "b": 2, "Ä": 1}
    found, after = [], None
    while True:
        page = await world.reach.audiences(world.account, after=after, limit=3)
        found.append([item.audience for item in page.items])
        if (after := page.next_after) is None:
            break
    assert found == [["a", "ab", "b"], ["Ä"]]
    narrowed = await world.reach.audiences(world.account, prefix="a")
    assert [item.audience for item in narrowed.items] == ["a", "ab"]
