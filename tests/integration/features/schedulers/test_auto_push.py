"""Auto-push without a worker: what arms it, what its due moment asks again, and what it leaves behind."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from tests.factories import new_app

from clarion.bootstrap import build_services
from clarion.db import Connection, Database
from clarion.features.accounts import Caller
from clarion.features.devices.model import DeviceKey, Info, Report, Session, Token
from clarion.features.pushes import PushBody, TranslationBody
from clarion.features.schedulers.conversion import ConversionBody
from clarion.features.triggers import PATIENCE
from clarion.foundation.errors import InvalidInput, NotFound
from clarion.foundation.secrets import Keeper
from clarion.services import Services
from clarion.settings import Settings

pytestmark = pytest.mark.anyio

INFO = Info("fcm", "android", Token("token-1"), country="PT", lang="en")


@dataclass
class World:
    """An account with an app that can send."""

    database: Database
    services: Services
    account_id: int = 0
    app_id: int = 0
    devices: list[int] = field(default_factory=list)

    @property
    def caller(self) -> Caller:
        return Caller(self.account_id, "operator")

    async def add_app(self) -> int:
        async with self.database.transaction() as conn:
            app_id = await new_app(conn, self.account_id)
            await conn.execute(
                "insert into app_credential (app_id, provider, account_id, sealed, fingerprint) "
                "values ($1, 'fcm', $2, '', 'f')",
                app_id,
                self.account_id,
            )
        return app_id

    async def add_device(self, user: str, *, app_id: int = 0, told: bool = True, **info: Any) -> int:
        """A device that registers, and then tells its token."""
        app = app_id or self.app_id
        session = Session(app, self.account_id, f"ic-{user}-{app}", user)
        created = (await self.services.devices.create([session]))[0].device_id
        self.devices.append(created)
        if told:
            await self.tell(created, app_id=app, **{"token": Token(f"token-{user}"), **info})
        return created

    async def tell(self, device_id: int, *, app_id: int = 0, **info: Any) -> None:
        key = DeviceKey(app_id or self.app_id, device_id)
        assert await self.services.devices.report([Report(key, INFO._replace(**info))]) == [True]

    async def event(self, user: str, code: str = "reg", **options: Any) -> int:
        return await self.services.devices.postback(self.account_id, code, reference=user, **options)

    async def auto_push(self, *events: str, pushes: int = 1, **fields: Any) -> int:
        """An auto-push with its pushes."""
        given = {"name": "a", "all_apps": True, "event_include": list(events or ("reg",)), **fields}
        scheduler_id = await self.services.conversions.create(self.caller, ConversionBody(**given))
        ids = [(await self.services.pushes.create(self.caller, _push(n))).id for n in range(pushes)]
        await self.services.schedulers.bind_pushes(self.caller, scheduler_id, type_="conversion", push_ids=ids)
        return scheduler_id

    async def fire(self, *, after: timedelta = timedelta(seconds=1)) -> int:
        """Let what is due `after` now go, all of it; how many deliveries that made."""
        before = await self.value("select count(*) from delivery")
        while await self.services.auto_push.fire_due(datetime.now(UTC) + after):
            pass
        made: int = await self.value("select count(*) from delivery") - before
        return made

    async def value(self, sql: str, *values: object) -> Any:
        async with self.database.acquire() as conn:
            return await conn.fetchval(sql, *values)

    async def execute(self, sql: str, *values: object) -> None:
        async with self.database.acquire() as conn:
            await conn.execute(sql, *values)

    async def waiting(self) -> int:
        """Triggers that exist."""
        count: int = await self.value("select count(*) from trigger")
        return count


def _push(number: int) -> PushBody:
    return PushBody("en", [TranslationBody("en", f"Title {number}", "Text")])


@pytest.fixture
def services(database: Database, keeper: Keeper) -> Services:
    return build_services(Settings(), database=database, keeper=keeper)


async def make_world(database: Database, services: Services, name: str) -> World:
    created = await services.accounts.create(email=f"{name}@example.com", name=name)
    world = World(database, services, created.account_id)
    world.app_id = await world.add_app()
    return world


@pytest.fixture
async def world(database: Database, services: Services) -> World:
    return await make_world(database, services, "owner")


async def test_each_kind_of_event_fires_once_for_its_device(world: World) -> None:
    await world.services.events.create(world.caller, name="Level", code="level_up")
    await world.auto_push("install", "reg", "dep", "level_up")
    reached = await world.add_device("u-1")
    await world.add_device("u-2", app_id=await world.add_app())
    assert await world.fire() == 2  # the installs
    for code in ("reg", "dep", "level_up"):
        assert await world.event("u-1", code) == 1
        assert await world.fire() == 1
    assert await world.waiting() == 0
    assert await world.value("select count(*) from delivery where device_id = $1", reached) == 4
    assert await world.value("select bool_and(state = 1 and attempt = 0) from delivery")


async def test_a_message_leaves_exactly_after_its_delay_and_never_before(world: World) -> None:
    await world.auto_push("reg", delay="1d10h30m")
    await world.add_device("u-1")
    await world.event("u-1")
    delay = await world.value(
        "select t.due_at - e.at from trigger t join device_event e using (app_id, device_id, bit, number)"
    )
    assert delay == timedelta(days=1, hours=10, minutes=30)
    due = await world.value("select due_at from trigger")
    assert await world.services.auto_push.fire_due(due - timedelta(microseconds=1)) == 0
    assert await world.services.auto_push.fire_due(due) == 1
    assert await world.value("select count(*) from delivery") == 1


async def test_exclude_events_and_the_filter_are_asked_again_at_the_due_moment(world: World) -> None:
    await world.auto_push("reg", delay="2h", event_exclude=["dep"], countries_include=["PT"], all_countries=False)
    for user in ("stays", "pays", "moves", "arrives"):
        await world.add_device(user, country="BR" if user == "arrives" else "PT")
        await world.event(user)
    assert await world.fire() == 0
    await world.event("pays", "dep")
    await world.tell(world.devices[2], country="BR", token=Token("token-moves"))
    await world.tell(world.devices[3], country="PT", token=Token("token-arrives"))
    assert await world.fire(after=timedelta(hours=3)) == 2
    assert await world.value("select array_agg(device_id) from delivery") in (
        [world.devices[0], world.devices[3]],
        [world.devices[3], world.devices[0]],
    )
    assert await world.waiting() == 0


async def test_every_event_fires_but_not_its_repetition(world: World) -> None:
    """ID-8, DV-10: a transaction id counts once; events of one code within a second are one."""
    await world.auto_push("dep")
    device = await world.add_device("u-1")
    for _ in range(100):
        await world.event("u-1", "dep", txid="t-1")
    assert await world.fire() == 1
    await world.execute("update device_event set at = at - interval '1 minute'")
    await asyncio.gather(*(world.event("u-1", "dep") for _ in range(10)))
    assert await world.fire() == 1
    assert await world.value("select count(*) from device_event where device_id = $1 and bit = 2", device) == 11
    sends = await world.value("select count(distinct send_id) from delivery where device_id = $1", device)
    assert sends == 2  # the second message of the day has a send of its own


async def test_an_install_that_a_tracker_tells_again_fires_nothing(world: World) -> None:
    await world.auto_push("install")
    device = await world.add_device("u-1")
    assert await world.fire() == 1
    await world.execute("update device_event set at = at - interval '1 minute'")
    await world.event("u-1", "install")
    assert await world.value("select count(*) from device_event where device_id = $1 and bit = 0", device) == 2
    assert await world.waiting() == 0


async def test_messages_of_one_day_share_a_send_that_is_complete_after_the_day(world: World) -> None:
    scheduler_id = await world.auto_push("reg")
    for number in range(3):
        await world.add_device(f"u-{number}")
        await world.event(f"u-{number}")
        await world.fire()
    send = (await world.services.progress.page(world.account_id, scheduler_id=scheduler_id)).items[0]
    assert (send.estimate, send.waiting, send.state) == (3, 3, "running")
    page = await world.services.deliveries.of_send(world.account_id, send.id)
    assert {item.device_id for item in page.items} == set(world.devices)
    await world.execute("update delivery set state = 2, settled_at = now()")
    assert await world.services.sends.finish() == []
    await world.execute("update send set open_until = now() - interval '1 second'")
    assert await world.services.sends.finish() == [send.id]


async def test_a_device_s_story_tells_what_waits_for_it_and_no_auto_push_that_it_missed(world: World) -> None:
    scheduler_id = await world.auto_push("reg")
    waits, other = await world.add_device("u-1"), await world.add_device("u-2")
    await world.event("u-2")
    assert await world.fire() == 1
    await world.event("u-1")
    story = await world.services.stories.tell(world.account_id, waits)
    assert [(item.scheduler_id, item.event, item.number) for item in story.upcoming] == [(scheduler_id, "reg", 1)]
    assert (story.upcoming[0].awaits_token, story.upcoming[0].paused) == (False, False)
    assert (list(story.missed), list(story.deliveries)) == ([], [])
    told = await world.services.stories.tell(world.account_id, other)
    assert (list(told.upcoming), len(told.deliveries)) == ([], 1)


async def test_an_install_before_the_token_waits_for_it(world: World) -> None:
    """decisions.md 9."""
    await world.auto_push("install", languages_include=["pt"], all_languages=False)
    device = await world.add_device("u-1", told=False)
    assert await world.fire() == 0
    assert await world.value("select awaits_token from trigger")
    await world.tell(device, lang="pt")
    assert await world.fire() == 1


async def test_a_token_told_after_a_day_fires_nothing(world: World) -> None:
    await world.auto_push("install")
    device = await world.add_device("u-1", told=False)
    await world.fire()
    await world.execute("update trigger set due_at = due_at - interval '24 hours 1 second'")
    await world.tell(device)
    assert await world.fire() == 0
    await world.auto_push("reg")
    await world.add_device("u-2", told=False)
    await world.event("u-2")
    await world.fire()
    assert await world.services.auto_push.sweep(datetime.now(UTC)) == 0
    assert await world.services.auto_push.sweep(datetime.now(UTC) + PATIENCE + timedelta(minutes=1)) == 2
    assert await world.waiting() == 0


async def test_a_token_that_arrives_while_its_trigger_is_judged_is_not_missed(world: World) -> None:
    await world.auto_push("install")
    device = await world.add_device("u-1", told=False)
    judging, told = asyncio.Event(), asyncio.Event()

    async def judge(conn: Connection) -> None:
        await conn.execute("select from trigger for update")
        judging.set()
        await asyncio.wait_for(told.wait(), 5)
        await conn.execute("update trigger set awaits_token = true")

    async def tell() -> None:
        await judging.wait()
        telling = asyncio.create_task(world.tell(device))
        while not await world.value("select count(*) from pg_stat_activity where wait_event_type = 'Lock'"):  # noqa: ASYNC110 - a database has no event to wait for
            await asyncio.sleep(0.01)
        told.set()
        await telling

    await asyncio.gather(world.database.run(judge), tell())
    assert await world.fire() == 1


async def test_what_was_due_can_be_dropped_after_a_restore(world: World) -> None:
    await world.auto_push("reg")
    await world.auto_push("reg", delay="1d")
    await world.add_device("u-1")
    await world.event("u-1")
    assert 0 < (await world.services.backlog.look()).triggers_late < 60
    async with world.database.transaction() as conn:
        assert await world.services.auto_push.skip_due(within=conn) == 1
    assert await world.waiting() == 1
    assert (await world.services.backlog.look()).triggers_late == 0
    assert await world.fire() == 0


async def test_paused_it_holds_and_resumed_it_goes_on(world: World) -> None:
    scheduler_id = await world.auto_push("reg")
    await world.add_device("u-1")
    await world.services.schedulers.pause(world.caller, scheduler_id)
    await world.event("u-1")
    assert await world.fire() == 0
    await world.services.schedulers.resume(world.caller, scheduler_id)
    assert (await world.services.schedulers.get(world.account_id, scheduler_id)).state == "active"
    assert await world.fire() == 1


async def test_what_waits_goes_with_its_app_and_push(world: World) -> None:
    services, caller = world.services, world.caller

    async def unbind(scheduler_id: int) -> None:
        await services.schedulers.bind_pushes(caller, scheduler_id, type_="conversion", push_ids=[])

    ends: tuple[Callable[[int, int, int], Awaitable[None]], ...] = (
        lambda app_id, _, __: services.apps.set_archived(caller, app_id, archived=True),
        lambda _, push_id, __: services.pushes.delete(caller, push_id),
        lambda _, push_id, __: services.pushes.deactivate(caller, push_id),
        lambda _, __, scheduler_id: unbind(scheduler_id),
        lambda app_id, _, __: services.apps.delete(caller, app_id),
    )
    for number, end in enumerate(ends):
        app_id = await world.add_app()
        scheduler_id = await world.auto_push("reg", delay="1h", app_ids_include=[app_id], all_apps=None)
        await world.add_device(f"u-{number}", app_id=app_id)
        await world.event(f"u-{number}")
        push_id = (await services.schedulers.get(world.account_id, scheduler_id)).push_ids[0]
        await end(app_id, push_id, scheduler_id)
    assert await world.waiting() == len(ends)
    assert await world.fire(after=timedelta(hours=2)) == 0
    assert await world.waiting() == 0


async def test_what_waits_goes_with_its_scheduler(world: World) -> None:
    scheduler_id = await world.auto_push("reg", delay="1h")
    await world.add_device("u-1")
    await world.event("u-1")
    assert (await world.services.schedulers.cancel(world.caller, scheduler_id)).devices == 1
    assert await world.fire(after=timedelta(hours=2)) == 0
    assert await world.services.auto_push.sweep(datetime.now(UTC)) == 1
    await world.event("u-1", "reg", txid="later")
    assert await world.waiting() == 0


async def test_events_of_apps_that_are_not_meant_and_of_other_accounts_arm_nothing(
    world: World, database: Database, services: Services
) -> None:
    other_app = await world.add_app()
    stranger = await make_world(database, services, "stranger")
    await world.auto_push("reg", app_ids_include=[world.app_id], all_apps=None)
    await stranger.auto_push("reg")
    await world.add_device("u-1", app_id=other_app)
    assert await world.event("u-1") == 1
    with pytest.raises(NotFound):
        await stranger.event("u-1")
    rows = await world.value("select array_agg(distinct account_id) from trigger")
    assert rows is None
    await stranger.add_device("u-1")
    await stranger.event("u-1")
    assert await world.value("select array_agg(account_id) from trigger") == [stranger.account_id]
    assert await stranger.fire() == 1
    assert await world.value("select bool_and(account_id = $1) from delivery", stranger.account_id)


async def test_several_pushes_are_shared_out_by_chance(world: World) -> None:
    """management-api.md Q10."""
    await world.auto_push("reg", pushes=2)
    for number in range(20):
        await world.add_device(f"u-{number}")
        await world.event(f"u-{number}")
    assert await world.fire() == 20
    assert await world.value("select count(distinct push_id) from delivery") == 2  # but once in 500 000 runs


async def test_two_workers_at_once_make_one_delivery_of_each_trigger(world: World, services: Services) -> None:
    await world.auto_push("install", "reg")
    for number in range(30):
        await world.add_device(f"u-{number}")
        await world.event(f"u-{number}")
    now = datetime.now(UTC) + timedelta(seconds=1)

    async def work() -> None:
        while await services.auto_push.fire_due(now):
            pass

    await asyncio.gather(*(work() for _ in range(4)))
    assert await world.waiting() == 0
    assert await world.value("select count(*) from delivery") == 60
    assert await world.value("select count(distinct (device_id, send_id)) from delivery") == 60


async def test_it_needs_an_event_and_a_delay_in_its_form(world: World) -> None:
    wrong: tuple[dict[str, Any], ...] = (
        {"event_include": []},
        {"event_include": ["nothing"]},
        {"delay": "soon"},
        {"all_apps": None},
        {"event_exclude": ["reg"]},
    )
    for fields in wrong:
        with pytest.raises(InvalidInput):
            await world.auto_push(**fields)
    assert await world.value("select count(*) from scheduler") == 0
