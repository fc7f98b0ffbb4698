"""Pushes over real PostgreSQL: content, state, binding, and what dispatch reads."""

import asyncio
from dataclasses import dataclass

import pytest
from tests.factories import new_account

from clarion.db import Database
from clarion.features.accounts import Caller
from clarion.features.pushes import BoundTo, PushBody, PushService, TranslationBody
from clarion.foundation.errors import InvalidInput, NotFound, UnknownReference
from clarion.providers.contract import Content

pytestmark = pytest.mark.anyio


@dataclass(frozen=True)
class World:
    """Two accounts."""

    database: Database
    pushes: PushService
    own: Caller
    foreign: Caller

    async def push(self, *languages: str, caller: Caller | None = None) -> int:
        return (await self.pushes.create(caller or self.own, content(*languages or ("en",)))).id

    async def scheduler(self, type_: str = "onesend") -> int:
        async with self.database.transaction() as conn:
            scheduler_id: int = await conn.fetchval(
                "insert into scheduler (account_id, type, name, timing, filter) values ($1, $2, 'n', '{}', '{}') "
                "returning id",
                self.own.account_id,
                type_,
            )
        return scheduler_id

    async def bind(self, scheduler_id: int, *push_ids: int) -> None:
        async with self.database.transaction() as conn:
            await self.pushes.bind(self.own.account_id, scheduler_id, push_ids=push_ids, within=conn)

    async def bound(self, scheduler_id: int) -> list[int]:
        async with self.database.transaction() as conn:
            return (await self.pushes.bound(self.own.account_id, [scheduler_id], within=conn))[scheduler_id]

    async def audit(self) -> list[str]:
        async with self.database.acquire() as conn:
            return [row["action"] for row in await conn.fetch("select action from audit_entry order by id")]


@pytest.fixture
async def world(database: Database) -> World:
    async with database.transaction() as conn:
        own, foreign = await new_account(conn), await new_account(conn)
    return World(database, PushService(database=database), Caller(own, "key:a"), Caller(foreign, "key:b"))


def content(*languages: str, text: str = "text") -> PushBody:
    return PushBody(languages[0], [TranslationBody(language, f"title {language}", text) for language in languages])


async def test_a_created_push_reads_back_active_and_unbound(world: World) -> None:
    body = PushBody("EN", [TranslationBody("pt", "olá", "Saldos 🎉", link="shop/1"), TranslationBody("en", "hi", "x")])
    created = await world.pushes.create(world.own, body)
    assert [item.language for item in created.translations] == ["pt", "en"]
    view = await world.pushes.get(world.own.account_id, created.id)
    assert (view.default_lang, view.status, view.scheduler) == ("en", 1, None)
    assert [(item.id, item.title, item.text, item.link) for item in view.translations] == [
        (created.translations[0].id, "olá", "Saldos 🎉", "shop/1"),
        (created.translations[1].id, "hi", "x", ""),
    ]


async def test_replacing_keeps_the_ids_of_kept_languages(world: World) -> None:
    created = await world.pushes.create(world.own, content("en", "pt"))
    kept = created.translations[1].id
    await world.pushes.replace(world.own, created.id, body=content("pt", "de", text="new"))
    view = await world.pushes.get(world.own.account_id, created.id)
    assert view.default_lang == "pt"
    assert {item.language: item.text for item in view.translations} == {"pt": "new", "de": "new"}
    assert {item.language: item.id for item in view.translations}["pt"] == kept


async def test_a_refused_replacement_changes_nothing(world: World) -> None:
    push_id = await world.push("en")
    before = await world.pushes.get(world.own.account_id, push_id)
    with pytest.raises(InvalidInput):
        await world.pushes.replace(world.own, push_id, body=PushBody("pt", [TranslationBody("en", "t", "x")]))
    assert await world.pushes.get(world.own.account_id, push_id) == before


async def test_deleting_unbinds_and_happens_once(world: World) -> None:
    push_id, scheduler_id = await world.push(), await world.scheduler()
    await world.bind(scheduler_id, push_id)
    await world.pushes.delete(world.own, push_id)
    assert await world.bound(scheduler_id) == []
    for call in (world.pushes.delete(world.own, push_id), world.pushes.activate(world.own, push_id)):
        with pytest.raises(NotFound):
            await call
    with pytest.raises(NotFound):
        await world.pushes.get(world.own.account_id, push_id)


async def test_activating_in_parallel_is_one_change_with_one_audit_entry(world: World) -> None:
    push_id = await world.push()
    await asyncio.gather(*(world.pushes.deactivate(world.own, push_id) for _ in range(8)))
    assert (await world.pushes.get(world.own.account_id, push_id)).status == 0
    await asyncio.gather(*(world.pushes.activate(world.own, push_id) for _ in range(8)))
    assert (await world.pushes.get(world.own.account_id, push_id)).status == 1
    assert await world.audit() == ["push.create", "push.deactivate", "push.activate"]


async def test_pushes_of_others_do_not_exist(world: World) -> None:
    push_id = await world.push(caller=world.foreign)
    before = await world.pushes.get(world.foreign.account_id, push_id)
    calls = (
        world.pushes.get(world.own.account_id, push_id),
        world.pushes.replace(world.own, push_id, body=content("de")),
        world.pushes.delete(world.own, push_id),
        world.pushes.activate(world.own, push_id),
        world.pushes.deactivate(world.own, push_id),
    )
    for call in calls:
        with pytest.raises(NotFound):
            await call
    assert await world.pushes.get(world.foreign.account_id, push_id) == before


async def test_binding_replaces_and_keeps_the_given_order(world: World) -> None:
    one, two, three = [await world.push() for _ in range(3)]
    scheduler_id = await world.scheduler("weekly")
    await world.bind(scheduler_id, one, two)
    await world.bind(scheduler_id, three, two, three)
    assert await world.bound(scheduler_id) == [three, two]
    assert (await world.pushes.get(world.own.account_id, one)).scheduler is None
    assert (await world.pushes.get(world.own.account_id, two)).scheduler == BoundTo("weekly", scheduler_id)
    await world.bind(scheduler_id)
    assert await world.bound(scheduler_id) == []


async def test_a_push_bound_elsewhere_is_refused_and_nothing_changes(world: World) -> None:
    taken, old, new = [await world.push() for _ in range(3)]
    first, second = await world.scheduler(), await world.scheduler()
    await world.bind(first, taken)
    await world.bind(second, old)
    with pytest.raises(InvalidInput, match=f"push {taken} is bound to another scheduler"):
        await world.bind(second, new, taken)
    assert await world.bound(first) == [taken]
    assert await world.bound(second) == [old]


async def test_missing_deleted_and_foreign_pushes_are_refused_alike(world: World) -> None:
    deleted, foreign = await world.push(), await world.push(caller=world.foreign)
    await world.pushes.delete(world.own, deleted)
    scheduler_id = await world.scheduler()
    for push_id in (deleted, foreign, 2**62):
        with pytest.raises(UnknownReference, match=f"^push {push_id} does not exist$"):
            await world.bind(scheduler_id, push_id)


async def test_dispatch_reads_content_by_language_and_sees_what_is_inactive(world: World) -> None:
    active, inactive, deleted = await world.push("en", "pt"), await world.push(), await world.push()
    await world.pushes.deactivate(world.own, inactive)
    await world.pushes.delete(world.own, deleted)
    contents = await world.pushes.load([active, inactive, deleted, 2**62])
    assert {push_id: item.active for push_id, item in contents.items()} == {
        active: True,
        inactive: False,
        deleted: False,
    }
    assert contents[active].default_lang == "en"
    assert contents[active].translations == {
        "en": Content("title en", "text"),
        "pt": Content("title pt", "text"),
    }


async def test_only_active_pushes_are_picked_for_sending(world: World) -> None:
    one, two = await world.push(), await world.push()
    scheduler_id = await world.scheduler()
    await world.bind(scheduler_id, two, one)
    await world.pushes.deactivate(world.own, one)
    async with world.database.transaction() as conn:
        assert await world.pushes.bound_active(world.own.account_id, scheduler_id, within=conn) == [two]
