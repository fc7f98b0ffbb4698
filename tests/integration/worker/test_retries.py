"""Further attempts: when they happen, how they are counted, and how they end."""

import pytest
from tests.integration.worker.harness import World, tokens_of

from clarion.simulator import Action, Entry, Manner, Rule
from clarion.simulator.faults import too_many, unavailable

pytestmark = pytest.mark.anyio


async def test_retry_after_is_honoured_and_the_second_attempt_settles_the_same_row(world: World) -> None:
    """PF-6."""
    await world.add_devices(["throttled"])
    world.sim.fcm.on_token("throttled", unavailable(2), Action())
    await world.plan()
    async with world.worker():
        await world.until_complete()
    first, second = [entry for entry in world.sim.journal.entries() if entry.endpoint == "send"]
    assert 2 <= second.time - first.time < 5
    assert first.message_id == second.message_id
    assert await world.rows("select state, attempt, may_be_sent from delivery") == [
        {"state": 2, "attempt": 2, "may_be_sent": False}
    ]
    assert await world.counts() == {"sent": 1}
    await world.check()


def later_than(told: Entry, world: World) -> list[float]:
    """Seconds from a refusal to what was handed over after it; what was under way with it does not count."""
    entries = world.sim.journal.entries(told.number)
    return [entry.time - told.time for entry in entries if entry.time > told.time + 0.3]


async def test_while_a_credential_is_throttled_nothing_goes_out_through_it(world: World) -> None:
    await world.establish()
    await world.add_devices(tokens_of(2000))
    world.sim.faults.add(Rule(action=too_many(2), provider="fcm", endpoint="send", skip=300, times=1))
    await world.plan()
    async with world.worker(max_unrecorded=100):
        await world.sim.journal.until(lambda: world.sim.journal.counts()["429"] == 1)
        told = next(entry for entry in world.sim.journal.entries() if entry.outcome == "429")
        await world.sim.journal.until(lambda: bool(later_than(told, world)))
    assert min(later_than(told, world)) >= 2
    await world.check()


async def test_attempts_are_counted_in_the_row_and_end_after_the_last(world: World) -> None:
    """DD-8, and UNSPECIFIED_ERROR is repeated at most twice."""
    await world.add_devices(["unlucky"])
    world.sim.fcm.on_token("unlucky", "UNSPECIFIED_ERROR")
    await world.plan()
    for attempt in (1, 2):
        async with world.worker():
            await world.until("select attempt = $1 and lease_until is null from delivery", attempt)
        await world.hasten()
    async with world.worker():
        await world.until_complete()
    rows = await world.rows("select state, reason, code, attempt from delivery")
    assert rows == [{"state": 3, "reason": "expired", "code": "UNSPECIFIED_ERROR", "attempt": 3}]
    assert world.handed_over() == 3
    await world.check()


async def test_a_waiting_delivery_whose_time_is_over_ends_expired_and_is_not_sent(world: World) -> None:
    """I8."""
    await world.add_devices(["late"])
    world.sim.fcm.on_token("late", "UNAVAILABLE", Action())
    await world.plan()
    async with world.worker():
        await world.until("select count(*) = 1 from delivery")
        await world.execute("update send set expires_at = now() - interval '1 second'")
        await world.hasten()
        await world.until_complete()
    assert world.handed_over() == 1
    rows = await world.rows("select state, reason, attempt from delivery")
    assert [(row["state"], row["reason"]) for row in rows] == [(3, "expired")]
    await world.check()


async def test_a_lost_answer_is_repeated_with_the_same_identity_in_the_same_row(world: World) -> None:
    """AMBIGUOUS: the connection broke after the body."""
    await world.add_devices(["maybe"])
    world.sim.fcm.on_token("maybe", Action(manner=Manner.DROP, accepted=True), Action())
    await world.plan()
    async with world.worker():
        await world.until("select count(*) = 1 from delivery")
        assert await world.rows("select state, attempt, may_be_sent from delivery") == [
            {"state": 1, "attempt": 1, "may_be_sent": True}
        ]
        await world.hasten()
        await world.until_complete()
    assert await world.rows("select state, attempt, may_be_sent from delivery") == [
        {"state": 2, "attempt": 2, "may_be_sent": True}
    ]
    [(message, times)] = world.sim.journal.duplicates().items()
    assert (message[0], times) == ("maybe", 2)
    assert await world.counts() == {"sent": 1}
    await world.check()


async def test_a_retry_goes_to_the_token_of_now(world: World) -> None:
    [device_id] = await world.add_devices(["before"])
    world.sim.fcm.on_token("before", "UNAVAILABLE")
    await world.plan()
    async with world.worker():
        await world.until("select count(*) = 1 from delivery")
        await world.set_token(device_id, "after")
        await world.hasten()
        await world.until_complete()
    assert world.accepted_once(["after"])
    await world.check()


async def test_a_device_without_a_valid_token_ends_without_another_attempt(world: World) -> None:
    await world.add_devices(["gone"])
    world.sim.fcm.on_token("gone", "UNAVAILABLE")
    await world.plan()
    async with world.worker():
        await world.until("select count(*) = 1 from delivery")
        await world.execute("update device set active = false")
        await world.hasten()
        await world.until_complete()
    assert await world.rows("select state, reason, code from delivery") == [
        {"state": 3, "reason": "token", "code": "no_valid_token"}
    ]
    assert world.handed_over() == 1
    await world.check()


async def test_a_retry_whose_translation_was_removed_uses_the_default_language(world: World) -> None:
    await world.add_devices(["pt"], lang="pt")
    world.sim.fcm.on_token("pt", "UNAVAILABLE", Action())
    await world.plan()
    async with world.worker():
        await world.until("select count(*) = 1 from delivery")
        await world.execute("delete from push_translation where language = 'pt'")
        await world.hasten()
        await world.until_complete()
    assert await world.counts() == {"sent": 1}
    await world.check()


async def test_retries_stay_within_their_budget_and_none_is_lost(world: World) -> None:
    """PF-1: beyond the budget a retry waits on, and its attempt does not count."""
    await world.establish()
    tokens = tokens_of(60)
    await world.add_devices(tokens)
    for token in tokens:
        world.sim.fcm.on_token(token, "QUOTA_EXCEEDED", Action())
    for token in tokens:
        world.sim.fcm.on_token(token, too_many(1), Action())
    await world.plan()
    async with world.worker():
        await world.until_complete(seconds=40)
    assert world.accepted_once(tokens)
    assert await world.rows("select distinct state, attempt from delivery") == [{"state": 2, "attempt": 2}]
    await world.check()
