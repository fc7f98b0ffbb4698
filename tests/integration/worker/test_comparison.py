"""Several pushes on one onesend: split by their shares, and the better one for the rest after a sample."""

from datetime import UTC, datetime

import pytest
from tests.integration.worker.harness import World, tokens_of

from clarion.features.pushes import PushService
from clarion.features.schedulers.comparing import ComparisonService
from clarion.features.schedulers.variants import ComparisonBody, Contest, Phase, Variant
from clarion.features.statistics import StatRow

pytestmark = pytest.mark.anyio

DEVICES = 4000


def comparisons(world: World) -> ComparisonService:
    return ComparisonService(database=world.database, pushes=PushService(database=world.database))


async def compare(world: World, *shares: int, winner: Contest | None = None) -> tuple[int, list[int]]:
    """A onesend that is due now, with one push per share; its id and theirs."""
    scheduler_id = await world.schedule(*[f"Push {number}" for number in range(len(shares))])
    rows = await world.rows("select id from push where scheduler_id = $1 order by scheduler_position", scheduler_id)
    push_ids = [row["id"] for row in rows]
    variants = [Variant(push_id, share) for push_id, share in zip(push_ids, shares, strict=True)]
    await comparisons(world).put(world.caller, scheduler_id, ComparisonBody(variants, winner))
    return scheduler_id, push_ids


async def confirm(world: World, send_id: int, clicks: dict[int, int]) -> None:
    """Every message of a send arrived, and so many of each push were clicked."""
    hour = datetime.now(UTC).replace(minute=0, second=0, microsecond=0)
    sent = await world.rows("select push_id, count(*) as n from delivery where send_id = $1 group by 1", send_id)
    rows = []
    for row in sent:
        key = (world.account_id, world.app_id, send_id, row["push_id"], "PT", "en", "android", hour)
        rows += [StatRow(*key, "delivered", row["n"]), StatRow(*key, "clicked", clicks.get(row["push_id"], 0))]
    async with world.database.transaction() as conn:
        await world.services.statistics.fold(conn, rows)


async def split(world: World, send_id: int) -> dict[int, int]:
    rows = await world.rows("select push_id, count(*)::int as n from delivery where send_id = $1 group by 1", send_id)
    return {row["push_id"]: row["n"] for row in rows}


async def test_devices_are_split_by_the_shares_and_everybody_gets_one(world: World) -> None:
    tokens = tokens_of(DEVICES)
    await world.add_devices(tokens)
    scheduler_id, [first, second] = await compare(world, 30, 70)
    async with world.worker():
        await world.until_complete()
    [send_id] = [row["id"] for row in await world.rows("select id from send")]
    assert world.accepted_once(tokens)
    found = await split(world, send_id)
    assert abs(found[first] - DEVICES * 0.3) < 150
    assert found[first] + found[second] == DEVICES
    await confirm(world, send_id, {first: 60, second: 280})
    standing = await comparisons(world).standing(world.account_id, scheduler_id)
    assert {push_id: (one.sent, one.clicked) for push_id, one in standing.counts.items()} == {
        first: (found[first], 60),
        second: (found[second], 280),
    }


async def test_after_a_sample_the_better_push_goes_to_everybody_else(world: World) -> None:
    tokens = tokens_of(DEVICES)
    await world.add_devices(tokens)
    contest = Contest(sample_percent=25, after_minutes=60, minimum_delivered=100)
    scheduler_id, [worse, better] = await compare(world, 1, 1, winner=contest)
    async with world.worker():
        await world.until_complete()
        [sample] = [row["id"] for row in await world.rows("select id from send")]
        sampled = await split(world, sample)
        assert abs(sum(sampled.values()) - DEVICES / 4) < 150
        assert await world.value("select next_due_at > now() + interval '59 minutes' from scheduler")
        assert (await comparisons(world).standing(world.account_id, scheduler_id)).comparison.phase is Phase.SAMPLING
        await confirm(world, sample, {worse: 20, better: 40})
        await world.execute("update comparison set decide_at = now()")
        await world.execute("update scheduler set next_due_at = now()")
        await world.until("select count(*) = 2 and bool_and(state = 'complete') from send")
    [rest] = [row["id"] for row in await world.rows("select id from send where id <> $1", sample)]
    assert await split(world, rest) == {better: DEVICES - sum(sampled.values())}
    assert world.accepted_once(tokens)
    standing = await comparisons(world).standing(world.account_id, scheduler_id)
    found = standing.comparison
    assert (found.phase, found.winner_id, found.rest_send_id) == (Phase.DECIDED, better, rest)
    assert sum(one.sent for one in standing.counts.values()) == sum(sampled.values())  # the rest competes no more
    assert await world.value("select state = 'done' from scheduler")


async def test_without_enough_confirmations_nobody_wins_and_the_rest_is_split_like_the_sample(world: World) -> None:
    tokens = tokens_of(DEVICES // 4)
    await world.add_devices(tokens)
    contest = Contest(sample_percent=20, after_minutes=60)
    scheduler_id, push_ids = await compare(world, 1, 3, winner=contest)
    async with world.worker():
        await world.until_complete()
        await world.execute("update comparison set decide_at = now()")
        await world.execute("update scheduler set next_due_at = now()")
        await world.until("select count(*) = 2 and bool_and(state = 'complete') from send")
    assert world.accepted_once(tokens)
    found = (await comparisons(world).standing(world.account_id, scheduler_id)).comparison
    assert (found.winner_id, found.reason) == (None, "fewer than two pushes have 100 confirmed messages")
    assert found.rest_send_id is not None
    shares = await split(world, found.rest_send_id)
    assert set(shares) == set(push_ids)
    assert shares[push_ids[1]] > 2 * shares[push_ids[0]]


async def test_cancelling_between_sample_and_rest_sends_no_rest(world: World) -> None:
    await world.add_devices(tokens_of(200))
    scheduler_id, _ = await compare(world, 1, 1, winner=Contest(sample_percent=50, after_minutes=60))
    async with world.worker():
        await world.until_complete()
        await world.services.schedulers.cancel(world.caller, scheduler_id)
        await world.execute("update comparison set decide_at = now()")
        await world.services.schedulers.start_due(datetime.now(UTC))
    assert await world.value("select count(*) from send") == 1
