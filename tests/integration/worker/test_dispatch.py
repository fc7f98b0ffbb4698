"""Dispatch from the due moment to the last row: who gets what."""

import json
from datetime import UTC, datetime, timedelta

import pytest
from tests.integration.worker.harness import World, tokens_of

from clarion.simulator.model import Judgement, Received

pytestmark = pytest.mark.anyio


def titles_by_token(world: World) -> dict[str, str]:
    """What each token is told from now on; filled while messages arrive."""
    told: dict[str, str] = {}
    judge = world.sim.fcm.judge

    def listen(request: Received) -> Judgement:
        if request.head.path != "/token":
            message = json.loads(request.body)["message"]
            told[message["token"]] = message["data"]["px.title"]
        return judge(request)

    world.sim.fcm.judge = listen  # type: ignore[method-assign]  # a listener in front of the honest provider
    return told


async def test_every_device_gets_exactly_one_message_and_one_row(world: World) -> None:
    tokens = tokens_of(1200)
    await world.add_devices(tokens)
    await world.schedule()
    async with world.worker():
        await world.until_complete()
    assert world.accepted_once(tokens)
    assert await world.value("select count(*) from delivery where state = 2") == 1200
    assert await world.counts() == {"sent": 1200}
    await world.check()


async def test_a_device_gets_the_translation_of_its_language_else_of_the_default(world: World) -> None:
    await world.add_devices(["english"], lang="en")
    await world.add_devices(["portuguese"], lang="pt")
    await world.add_devices(["japanese"], lang="ja")
    await world.add_devices(["unknown"], lang="")
    told = titles_by_token(world)
    await world.schedule("Hello")
    async with world.worker():
        await world.until_complete()
    assert told == {"english": "Hello", "portuguese": "Hello PT", "japanese": "Hello", "unknown": "Hello"}
    rows = await world.rows("select lang, count(*) as n from delivery group by 1 order by 1")
    assert rows == [{"lang": "en", "n": 3}, {"lang": "pt", "n": 1}]


async def test_several_pushes_split_the_devices_at_random_and_each_device_gets_one(world: World) -> None:
    tokens = tokens_of(600)
    await world.add_devices(tokens)
    told = titles_by_token(world)
    await world.schedule("One", "Two", "Three")
    async with world.worker():
        await world.until_complete()
    assert world.accepted_once(tokens)
    shares = [list(told.values()).count(title) for title in ("One", "Two", "Three")]
    assert sum(shares) == 600
    assert min(shares) > 130
    await world.check()


async def test_filter_cut_off_and_deactivation_decide_who_is_reached(world: World) -> None:
    await world.add_devices(["wanted"], country="PT")
    await world.add_devices(["elsewhere"], country="ES")
    await world.add_devices(["inactive"], country="PT", active=False)
    await world.add_devices(["apple"], country="PT", transport="apns")
    invalid, late = [(await world.add_devices([token], country="PT"))[0] for token in ("invalid", "late")]
    await world.execute("update device set token_state = 2 where id = $1", invalid)
    await world.execute("update device set created_at = now() + interval '1 minute' where id = $1", late)
    await world.schedule(filter_={"all_apps": True, "countries_include": ["PT"]})
    async with world.worker():
        await world.until_complete()
    assert world.accepted_once(["wanted"])
    assert await world.value("select count(*) from delivery") == 1


async def test_a_token_that_no_fcm_token_looks_like_fails_without_a_hand_over(world: World) -> None:
    await world.add_devices(["fine", "not fine at all"])
    await world.schedule()
    async with world.worker():
        await world.until_complete()
    assert world.accepted_once(["fine"])
    assert await world.value("select code from delivery where state = 3 and reason = 'token'") == "MALFORMED_TOKEN"
    await world.check()


async def test_what_is_left_of_an_expired_send_is_written_down_and_not_sent(world: World) -> None:
    await world.add_devices(tokens_of(700))
    send_id = await world.plan()
    await world.execute("update send set expires_at = now() - interval '1 second' where id = $1", send_id)
    async with world.worker():
        await world.until_complete()
    assert world.handed_over() == 0
    rows = await world.rows("select state, reason, attempt, count(*) as n from delivery group by 1, 2, 3")
    assert rows == [{"state": 3, "reason": "expired", "attempt": 0, "n": 700}]
    await world.check()


async def test_the_message_carries_the_life_that_is_left(world: World) -> None:
    await world.add_devices(["soon"])
    send_id = await world.plan()
    await world.execute("update send set expires_at = now() + interval '100 seconds' where id = $1", send_id)
    ttls: list[str] = []
    judge = world.sim.fcm.judge

    def listen(request: Received) -> Judgement:
        if request.head.path != "/token":
            ttls.append(json.loads(request.body)["message"]["android"]["ttl"])
        return judge(request)

    world.sim.fcm.judge = listen  # type: ignore[method-assign]
    async with world.worker():
        await world.until_complete()
    assert 80 <= int(ttls[0].removesuffix("s")) <= 100


async def test_a_push_that_is_deactivated_before_its_turn_reaches_nobody(world: World) -> None:
    await world.add_devices(tokens_of(20))
    await world.plan()
    await world.execute("update push set active = false")
    async with world.worker():
        await world.until_complete()
    assert world.handed_over() == 0
    assert await world.value("select bool_and(state = 'cancelled') from slice")


async def test_a_send_never_starts_before_its_moment(world: World) -> None:
    await world.add_devices(["prompt"])
    async with world.worker():
        scheduler_id = await world.schedule()
        due = datetime.now(UTC) + timedelta(seconds=1)
        await world.execute("update scheduler set next_due_at = $2 where id = $1", scheduler_id, due)
        await world.until_complete()
    first = next(entry for entry in world.sim.journal.entries() if entry.endpoint == "send")
    assert first.time >= due.timestamp()
