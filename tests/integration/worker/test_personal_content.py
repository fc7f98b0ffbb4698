"""Personal words, time to live and links of a push, from the database to what the provider receives."""

import json
from typing import Any

import pytest
from tests.integration.worker.harness import World

from clarion.features.pushes.model import PushBody, TranslationBody
from clarion.providers.options import Links, Options
from clarion.simulator import Action
from clarion.simulator.model import Judgement, Received

pytestmark = pytest.mark.anyio

GREETING = 'Hi {{ tags.name | "friend" }}'
HOSTILE = '"}, "token": "stolen\\'


def heard(world: World) -> list[dict[str, Any]]:
    """The messages that the provider receives from now on."""
    messages: list[dict[str, Any]] = []
    judge = world.sim.fcm.judge

    def listen(request: Received) -> Judgement:
        if request.head.path != "/token":
            messages.append(json.loads(request.body)["message"])
        return judge(request)

    world.sim.fcm.judge = listen  # type: ignore[method-assign]  # a listener in front of the honest provider
    return messages


async def change_push(world: World, title: str, options: Options | None = None, *, link: str = "") -> None:
    """Give the only push another content."""
    body = PushBody("en", [TranslationBody("en", title, "Body", link=link)], options)
    await world.services.pushes.replace(world.caller, await world.value("select id from push"), body=body)


async def start_earlier(world: World, *, seconds: int) -> None:
    """Let the send have started so long ago."""
    for column, table in (("cutoff_at", "send"), ("created_at", "device")):
        await world.execute(f"update {table} set {column} = {column} - $1 * interval '1 second'", seconds)


async def add_person(world: World, token: str, *, tags: dict[str, str], ext_id: str = "") -> None:
    """A device that is known by these words."""
    device_id, *_ = await world.add_devices([token], ext_id=ext_id)
    await world.execute("update device set tags = $2 where id = $1", device_id, tags)


async def test_each_device_gets_its_own_words(world: World) -> None:
    await add_person(world, "ann", tags={"name": "Ann"})
    await add_person(world, "hostile", tags={"name": HOSTILE})
    await add_person(world, "nameless", tags={})
    messages = heard(world)
    await world.plan()
    await change_push(world, GREETING)
    async with world.worker():
        await world.until_complete()
    told = {message["token"]: message["data"]["px.title"] for message in messages}
    assert told == {"ann": "Hi Ann", "hostile": f"Hi {HOSTILE}", "nameless": "Hi friend"}
    await world.check()


async def test_a_further_attempt_says_the_same_words(world: World) -> None:
    await add_person(world, "ann", tags={"name": "Ann"}, ext_id="u-1")
    await world.establish()
    world.sim.fcm.on_token("ann", "UNAVAILABLE", Action())
    messages = heard(world)
    await world.plan()
    await change_push(world, GREETING + " {{ ext_id }}")
    async with world.worker():
        await world.until("select exists (select from delivery where state = 1)")
        await world.hasten()
        await world.until_complete()
    assert [message["data"]["px.title"] for message in messages] == ["Hi Ann u-1", "Hi Ann u-1"]
    assert messages[0] == messages[1] | {"android": messages[0]["android"]}


async def test_a_message_that_has_outlived_its_time_is_not_sent(world: World) -> None:
    await world.add_devices(["late"])
    await world.plan()
    await change_push(world, "Hello", Options(ttl=60))
    await start_earlier(world, seconds=61)
    async with world.worker():
        await world.until_complete()
    assert world.handed_over() == 0
    assert await world.counts() == {"failed:expired": 1}
    await world.check()


async def test_the_time_to_live_that_is_left_is_told(world: World) -> None:
    await world.add_devices(["early"])
    messages = heard(world)
    await world.plan()
    await change_push(world, "Hello", Options(ttl=3600))
    await start_earlier(world, seconds=600)
    async with world.worker():
        await world.until_complete()
    assert 2900 <= int(messages[0]["android"]["ttl"].rstrip("s")) <= 3000


async def test_devices_of_each_kind_get_their_link(world: World) -> None:
    await world.add_devices(["android"], platform="android", transport="fcm")
    await world.add_devices(["ios"], platform="ios", transport="fcm")
    await world.add_devices(["other"], platform="unknown", transport="fcm")
    messages = heard(world)
    await world.plan()
    await change_push(world, "Hello", Options(links=Links(android="app://a", ios="app://{{ country }}")), link="/all")
    async with world.worker():
        await world.until_complete()
    links = {message["token"]: message["data"]["px.link"] for message in messages}
    assert links == {"android": "app://a", "ios": "app://PT", "other": "/all"}
