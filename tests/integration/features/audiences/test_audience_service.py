"""Which apps a filter means, which ids it may name, and how many devices that is."""

import random
from dataclasses import dataclass
from typing import Any

import pytest
from tests.factories import EventCodes, new_account, new_app, new_device, new_group

from clarion.db import Conditions, Connection, Database
from clarion.features.audiences import AudienceService, Filter, estimating
from clarion.features.audiences.model import TagRule
from clarion.features.audiences.reach import ReachService
from clarion.foundation.errors import InvalidInput, UnknownReference
from clarion.foundation.ids import new_device_id

pytestmark = pytest.mark.anyio


@dataclass(frozen=True)
class World:
    """Two accounts with equal structures."""

    database: Database
    audiences: AudienceService
    own: int
    foreign: int
    apps: tuple[int, int, int]
    foreign_app: int
    foreign_group: int

    async def group(self, *app_ids: int, **options: bool) -> int:
        async with self.database.transaction() as conn:
            return await new_group(conn, self.own, *app_ids, **options)

    async def apps_of(self, **fields: Any) -> list[int]:
        return await self.audiences.resolve_apps(self.own, Filter(**fields))


@pytest.fixture
async def world(database: Database) -> World:
    async with database.transaction() as conn:
        own, foreign = await new_account(conn), await new_account(conn)
        apps = (await new_app(conn, own), await new_app(conn, own), await new_app(conn, own))
        foreign_app = await new_app(conn, foreign)
        foreign_group = await new_group(conn, foreign, foreign_app)
    audiences = AudienceService(database=database, events=EventCodes({}))
    return World(database, audiences, own, foreign, apps, foreign_app, foreign_group)


async def test_apps_come_from_ids_and_groups_without_the_excluded(world: World) -> None:
    one, two, three = world.apps
    group = await world.group(two, three)
    assert await world.apps_of(all_apps=True) == [one, two, three]
    assert await world.apps_of(app_ids_include=[three, one]) == [one, three]
    assert await world.apps_of(app_ids_include=[one], app_groups_include=[group]) == [one, two, three]
    assert await world.apps_of(app_groups_include=[group], app_ids_exclude=[two]) == [three]
    assert await world.apps_of(all_apps=True, app_groups_exclude=[group]) == [one]
    assert await world.apps_of() == []


async def test_a_group_of_all_apps_means_every_active_app(world: World) -> None:
    everything = await world.group(world.apps[0], all_apps=True)
    assert await world.apps_of(app_groups_include=[everything]) == list(world.apps)
    assert await world.apps_of(all_apps=True, app_groups_exclude=[everything]) == []
    assert await world.apps_of(app_groups_include=[everything], app_ids_exclude=[world.apps[1]]) == [
        world.apps[0],
        world.apps[2],
    ]


async def test_archived_groups_contribute_nothing_on_either_side(world: World) -> None:
    archived = await world.group(*world.apps, archived=True)
    everything = await world.group(all_apps=True, archived=True)
    assert await world.apps_of(app_groups_include=[archived, everything]) == []
    assert await world.apps_of(all_apps=True, app_groups_exclude=[archived, everything]) == list(world.apps)


async def test_archived_and_deleted_apps_are_never_meant(world: World) -> None:
    async with world.database.transaction() as conn:
        gone = [await new_app(conn, world.own, archived=True), await new_app(conn, world.own, deleted=True)]
    group = await world.group(*gone, world.apps[0])
    everything = await world.group(all_apps=True)
    assert await world.apps_of(all_apps=True) == list(world.apps)
    assert await world.apps_of(app_ids_include=gone) == []
    assert await world.apps_of(app_groups_include=[group]) == [world.apps[0]]
    assert await world.apps_of(app_groups_include=[everything]) == list(world.apps)


async def test_apps_and_groups_of_others_are_never_meant(world: World) -> None:
    fields = {"app_ids_include": [world.foreign_app], "app_groups_include": [world.foreign_group]}
    assert await world.apps_of(**fields) == []


@pytest.mark.parametrize("side", ["include", "exclude"])
@pytest.mark.parametrize("kind", ["app_ids", "app_groups"])
async def test_foreign_and_missing_ids_are_refused_alike(world: World, kind: str, side: str) -> None:
    foreign = world.foreign_app if kind == "app_ids" else world.foreign_group
    texts = []
    for value in (foreign, 2**62):
        fields: dict[str, Any] = {f"{kind}_{side}": [value]}
        with pytest.raises(UnknownReference) as raised:
            await world.audiences.check(world.own, Filter(**fields))
        texts.append(str(raised.value).replace(str(value), "N"))
    assert texts == [f"{kind}_{side} contains N, which does not exist"] * 2


async def test_check_accepts_archived_ids_and_refuses_deleted_ones(world: World) -> None:
    async with world.database.transaction() as conn:
        archived = await new_app(conn, world.own, archived=True)
        deleted = await new_app(conn, world.own, deleted=True)
    await world.audiences.check(world.own, Filter(app_ids_include=[archived]))
    with pytest.raises(UnknownReference, match=f"contains {deleted},"):
        await world.audiences.check(world.own, Filter(app_ids_include=[archived, deleted]))


async def test_check_refuses_unknown_codes_and_audience_groups(world: World) -> None:
    with pytest.raises(InvalidInput, match="'nope' does not exist"):
        await world.audiences.check(world.own, Filter(event_include=["reg", "nope"]))
    with pytest.raises(UnknownReference, match="audience_groups_exclude contains 1"):
        await world.audiences.check(world.own, Filter(audience_groups_exclude=[1]))


async def test_an_estimate_of_few_devices_is_exact_and_counts_reachable_ones(world: World) -> None:
    one, two, _ = world.apps
    async with world.database.transaction() as conn:
        for country in ("PT", "PT", "BR"):
            await new_device(conn, world.own, one, country=country)
        await new_device(conn, world.own, one, country="PT", active=False)
        await new_device(conn, world.own, one, country="PT", token_state=2)
        await new_device(conn, world.own, two, country="PT")
        await new_device(conn, world.foreign, world.foreign_app, country="PT")
    estimate = await world.audiences.estimate(world.own, Filter(all_apps=True, countries_include=["PT"]))
    assert (estimate.devices, estimate.exact, dict(estimate.by_app)) == (3, True, {one: 2, two: 1})


async def test_an_estimate_checks_the_filter(world: World) -> None:
    with pytest.raises(UnknownReference):
        await world.audiences.estimate(world.own, Filter(app_ids_include=[world.foreign_app]))


async def _fill(conn: Connection, account_id: int, app_id: int, *, number: int) -> None:
    """Devices with uniform ids, each fourth in Portugal, each fifth with a tag."""
    chance = random.Random(7)  # noqa: S311 - repeatable
    ids = sorted({chance.randrange(1, 2**62) for _ in range(number)})
    await conn.execute(
        """
        insert into device
            (app_id, id, account_id, ic_token_hash, ic_token, transport, token_hash, token_state, ext_id, country, tags,
             audiences)
        select $1, id, $2, int8send(id), '', 'fcm', int8send(id), 1, 'user-' || place,
               case when place % 4 = 0 then 'PT' else 'BR' end,
               case when place % 5 = 0 then '{"plan": "gold"}' else '{}' end::jsonb,
               case when place % 5000 = 0 then '{rare}' when place % 2 = 0 then '{half}' else '{}' end::text[]
        from unnest($3::bigint[]) with ordinality as t (id, place)
        """,
        app_id,
        account_id,
        ids,
    )


async def _settle(world: World) -> None:
    reach = ReachService(database=world.database)
    while await reach.settle():
        pass


GOLD = Filter(all_apps=True, tags=[TagRule("plan", equals="gold")])
GOLD_IN_PORTUGAL = Filter(all_apps=True, tags=[TagRule("plan", equals="gold")], countries_include=["PT"])


@pytest.mark.parametrize("counted", [False, True])
async def test_what_no_count_and_no_index_tells_is_estimated_with_an_honest_margin(world: World, counted: bool) -> None:
    async with world.database.transaction() as conn:
        await _fill(conn, world.own, world.apps[0], number=30_000)
    if counted:
        await _settle(world)
    for filter_, truth in ((GOLD, 6_000), (GOLD_IN_PORTUGAL, 1_500)):
        found = await world.audiences.estimate(world.own, filter_)
        assert not found.exact
        assert 0 < found.margin < 0.6 * truth
        assert abs(found.devices - truth) < 2 * found.margin, "four standard deviations"
        assert found.devices == sum(found.by_app.values())
        assert sum(found.by_country.values()) == pytest.approx(found.devices, abs=2)


async def test_counted_apps_are_told_exactly_whatever_their_size(world: World) -> None:
    one = world.apps[0]
    async with world.database.transaction() as conn:
        await _fill(conn, world.own, one, number=30_000)
    await _settle(world)
    found = await world.audiences.estimate(world.own, Filter(all_apps=True, countries_include=["PT"]))
    assert (found.devices, found.exact, found.margin) == (7_500, True, 0)
    assert (dict(found.by_app), dict(found.by_country)) == ({one: 7_500}, {"PT": 7_500})
    conditions = await world.audiences.conditions(world.own, Filter(countries_include=["PT"]))
    assert await world.audiences.matches(world.own, one, conditions, ["fcm"]) == 7_500
    assert await world.audiences.matches(world.own, one, conditions, ["apns"]) == 0
    conditions = await world.audiences.conditions(world.own, Filter(tags=GOLD.tags))
    assert await world.audiences.matches(world.own, one, conditions, ["fcm"]) == pytest.approx(6_000, rel=0.3)


async def test_rare_audiences_and_external_ids_are_counted_through_their_index(world: World) -> None:
    async with world.database.transaction() as conn:
        await _fill(conn, world.own, world.apps[0], number=20_000)
    await _settle(world)
    rare = await world.audiences.estimate(world.own, Filter(all_apps=True, audiences_include=["rare"]))
    assert (rare.devices, rare.exact, dict(rare.by_app)) == (4, True, {world.apps[0]: 4})
    narrowed = Filter(all_apps=True, audiences_include=["rare"], countries_include=["BR"])
    assert (await world.audiences.estimate(world.own, narrowed)).devices == 0
    common = await world.audiences.estimate(world.own, Filter(all_apps=True, audiences_include=["half", "rare"]))
    assert not common.exact
    assert abs(common.devices - 10_000) < 2 * common.margin
    named = Filter(all_apps=True, external_ids_include=[f"user-{number}" for number in range(1, 4_000)])
    users = await world.audiences.estimate(world.own, named)
    assert (users.devices, users.exact) == (3_999, True)


async def test_an_exact_answer_that_takes_too_long_is_given_up_for_a_sample(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with world.database.transaction() as conn:
        await _fill(conn, world.own, world.apps[0], number=20_000)
    await _settle(world)
    monkeypatch.setattr(estimating, "PATIENCE_MS", 1)
    slow = Filter(all_apps=True, external_ids_include=[f"user-{4 * number}" for number in range(5_000)])
    found = await world.audiences.estimate(world.own, slow)
    assert not found.exact
    assert abs(found.devices - 5_000) < 2 * found.margin


async def test_thousands_of_external_ids_are_estimated_from_a_sample_at_once(world: World) -> None:
    async with world.database.transaction() as conn:
        await _fill(conn, world.own, world.apps[0], number=20_000)
    await _settle(world)
    many = Filter(all_apps=True, external_ids_include=[f"user-{2 * number}" for number in range(10_000)])
    found = await world.audiences.estimate(world.own, many)
    assert not found.exact
    assert abs(found.devices - 10_000) < 2 * found.margin


async def test_examples_are_devices_that_are_meant(world: World) -> None:
    async with world.database.transaction() as conn:
        await _fill(conn, world.own, world.apps[0], number=9_000)
        rare = await new_device(conn, world.own, world.apps[1], audiences=["very rare"], id=2**62 - 1)
    [found] = await world.audiences.examples(world.own, Filter(all_apps=True, audiences_include=["very rare"]), limit=5)
    assert (found.id, found.app_id) == (rare, world.apps[1])
    some = await world.audiences.examples(world.own, Filter(all_apps=True, countries_include=["PT"]), limit=5)
    assert [example.country for example in some] == ["PT"] * 5


async def test_matches_counts_only_the_given_transports(world: World) -> None:
    one = world.apps[0]
    async with world.database.transaction() as conn:
        for transport in ("fcm", "fcm.data", "apns"):
            await new_device(conn, world.own, one, transport=transport, id=new_device_id())
    assert await world.audiences.matches(world.own, one, Conditions(), ["fcm", "fcm.data"]) == 2
    assert await world.audiences.matches(world.foreign, one, Conditions(), ["fcm", "fcm.data"]) == 0


async def test_counting_leaves_the_callers_transaction_as_it_was(world: World) -> None:
    settings = "select name, setting from pg_settings where name like 'enable%' order by name"
    async with world.database.transaction() as conn:
        before = [tuple(row) for row in await conn.fetch(settings)]
        await world.audiences.matches(world.own, world.apps[0], Conditions(), ["fcm"], conn)
        assert [tuple(row) for row in await conn.fetch(settings)] == before
