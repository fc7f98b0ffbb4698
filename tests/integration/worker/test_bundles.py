"""Providers that take many recipients in one request, from the send to the ledger."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

import pytest
from tests.integration.worker.harness import World, tokens_of
from tests.integration.worker.test_auto_push import arm, auto_push, sent

from clarion.foundation.ids import MessageIds
from clarion.simulator import Action, Manner, Rule
from clarion.simulator.faults import too_many

pytestmark = pytest.mark.anyio

WAITING, SENT, FAILED = 1, 2, 3
VALID, INVALID = 1, 2
LOST = Action(manner=Manner.DROP, accepted=True)


@dataclass
class Outlet:
    """An app of one such provider in a world."""

    world: World
    provider: str

    async def devices(self, tokens: Sequence[str], **columns: Any) -> list[int]:
        return await self.world.add_devices(tokens, transport=self.provider, **columns)

    def requests(self) -> int:
        """Requests with messages that the provider saw; no two of them are equal."""
        return len({e.digest for e in self.world.sim.journal.entries() if e.endpoint == "send"})


async def _outlet(world: World, provider: str, values: dict[str, str]) -> Outlet:
    await world.execute("delete from app_credential where app_id = $1", world.app_id)
    await world.execute(
        "insert into app_credential (app_id, provider, account_id, sealed, fingerprint, results) "
        "values ($1, $2, $3, '', $2, 100000)",
        world.app_id,
        provider,
        world.account_id,
    )
    world.credentials.values.clear()
    world.credentials.values[world.app_id, provider] = values
    return Outlet(world, provider)


@pytest.fixture
async def onesignal(world: World) -> Outlet:
    return await _outlet(world, "onesignal", world.sim.onesignal.app())


@pytest.fixture
async def huawei(world: World) -> Outlet:
    return await _outlet(world, "huawei", world.sim.huawei.app())


@pytest.fixture(params=["onesignal", "huawei"])
async def outlet(world: World, request: pytest.FixtureRequest) -> Outlet:
    made = world.sim.onesignal.app() if request.param == "onesignal" else world.sim.huawei.app()
    return await _outlet(world, request.param, made)


def uuids(count: int, prefix: str = "") -> list[str]:
    return [prefix + str(uuid4())[len(prefix) :] for _ in range(count)]


def states(rows: Sequence[dict[str, Any]]) -> dict[str, tuple[Any, ...]]:
    return {row["token"]: (row["state"], row["reason"], row["code"], row["token_state"]) for row in rows}


async def ledger(world: World) -> dict[str, tuple[Any, ...]]:
    """State, reason, code and the token's state, by token."""
    return states(
        await world.rows(
            "select v.token, d.state, d.reason, d.code, v.token_state from delivery d "
            "join device v on v.app_id = d.app_id and v.id = d.device_id"
        )
    )


async def test_many_devices_share_requests_and_each_gets_its_message_once(world: World, outlet: Outlet) -> None:
    tokens = uuids(600)
    await outlet.devices(tokens[:400])
    await outlet.devices(tokens[400:], lang="pt")
    await world.plan()
    async with world.worker():
        await world.until_complete()
    assert world.accepted_once(tokens)
    assert await world.counts() == {"sent": 600}
    assert outlet.requests() < 60
    assert await world.value("select count(*) from provider_batch") == 0
    await world.check()


async def test_the_message_id_names_the_send_and_no_device(world: World, outlet: Outlet) -> None:
    """Decision 5: the event's path names the device."""
    await outlet.devices(uuids(20))
    send_id = await world.plan()
    async with world.worker():
        await world.until_complete()
    [message_id] = {e.message_id for e in world.sim.journal.entries() if e.endpoint == "send"}
    key = MessageIds(world.keeper.message_key).parse(message_id)
    assert key is not None
    assert (key.send_id, key.app_id, key.device_id) == (send_id, world.app_id, 0)


async def test_a_token_that_moves_while_it_is_read_stands_only_once_in_a_list(world: World, huawei: Outlet) -> None:
    """Two devices of one bundle with one token; the unique index allows it only while one of them is superseded, so the
    list is made here from what a read before and one after the move would give."""
    await huawei.devices(["moved"])
    await huawei.devices(["moved"], active=False)
    await world.execute("drop index device_token_owner")
    await world.execute("update device set active = true")
    await world.plan()
    async with world.worker():
        await world.until_complete()
    assert world.sim.huawei.repeated == 0
    assert world.accepted_once(["moved"])
    assert await world.counts() == {"sent": 2}


async def test_named_recipients_fail_and_the_rest_is_sent_onesignal(world: World, onesignal: Outlet) -> None:
    dead, alive = uuids(2, "deaddead"), uuids(50)
    await onesignal.devices([*dead, *alive])
    await world.plan()
    async with world.worker():
        await world.until_complete()
    found = await ledger(world)
    assert {found[token] for token in dead} == {(FAILED, "token", "invalid_id", INVALID)}
    assert {found[token] for token in alive} == {(SENT, None, "OK", VALID)}
    await world.check()


async def test_named_recipients_fail_and_the_rest_is_sent_huawei(world: World, huawei: Outlet) -> None:
    dead, alive = tokens_of(3, "illegal"), tokens_of(50)
    await huawei.devices([*dead, *alive])
    await world.plan()
    async with world.worker():
        await world.until_complete()
    found = await ledger(world)
    assert {found[token] for token in dead} == {(FAILED, "token", "80100000", INVALID)}
    assert {found[token] for token in alive} == {(SENT, None, "OK", VALID)}
    await world.check()


@pytest.mark.parametrize("loss", [LOST, Action(manner=Manner.DROP)], ids=["processed", "not processed"])
async def test_a_lost_answer_is_asked_for_again_under_the_same_key_and_nothing_is_sent_twice(
    world: World, onesignal: Outlet, loss: Action
) -> None:
    tokens = uuids(40)
    await onesignal.devices(tokens)
    world.sim.faults.add(Rule(action=loss, provider="onesignal", endpoint="send", times=1))
    await world.plan()
    async with world.worker():
        await world.until_complete()
    assert world.accepted_once(tokens)
    assert world.sim.onesignal.replayed == (1 if loss is LOST else 0)
    assert await world.rows("select distinct state, attempt, may_be_sent from delivery") == [
        {"state": SENT, "attempt": 2, "may_be_sent": True}
    ]
    assert await world.value("select count(*) from provider_batch") == 0
    await world.check()


async def test_a_repetition_learns_of_dead_recipients_but_spares_a_token_that_is_new(
    world: World, onesignal: Outlet
) -> None:
    """PF-15 for bundles: the composition stays, although a device has told another token meanwhile."""
    [moved, _] = await onesignal.devices(["deaddead" + one[8:] for one in uuids(2)])
    await onesignal.devices(uuids(5))
    world.sim.faults.add(Rule(action=LOST, provider="onesignal", endpoint="send", times=1))
    await world.plan()
    async with world.worker(retry_base_sec=30.0):
        await world.until("select count(*) = 7 from delivery where state = 1")
        await world.set_token(moved, str(uuid4()))
        await world.hasten()
        await world.until_complete()
    assert world.sim.onesignal.replayed == 1
    rows = await world.rows("select id = $1 as moved, token_state from device where token_state <> 1 or id = $1", moved)
    assert sorted((row["moved"], row["token_state"]) for row in rows) == [(False, INVALID), (True, VALID)]
    assert await world.counts() == {"sent": 5, "failed:token": 2}


async def test_what_waits_after_a_refused_rate_goes_out_later_and_once(world: World, outlet: Outlet) -> None:
    tokens = uuids(30)
    await outlet.devices(tokens)
    world.sim.faults.add(Rule(action=too_many(1), provider=outlet.provider, endpoint="send", times=1))
    await world.plan()
    async with world.worker():
        await world.until_complete()
    assert world.accepted_once(tokens)
    assert await world.counts() == {"sent": 30}
    await world.check()


async def test_an_unreadable_report_makes_each_recipient_travel_alone(world: World, huawei: Outlet) -> None:
    """providers.md §7.4: 80100000 without a list is AMBIGUOUS for the whole bundle."""
    tokens = [*tokens_of(5), "illegal-1"]
    await huawei.devices(tokens)
    world.sim.huawei.readable = False
    await world.plan()
    async with world.worker():
        await world.until_complete()
    found = await ledger(world)
    assert found["illegal-1"][:3] == (FAILED, "token", "80300007")
    assert {found[token][0] for token in tokens[:5]} == {SENT}
    assert huawei.requests() == 7
    assert await world.rows("select distinct may_be_sent from delivery") == [{"may_be_sent": True}]


async def test_tokens_of_several_apps_travel_alone(world: World, huawei: Outlet) -> None:
    tokens = tokens_of(4)
    await huawei.devices(tokens)
    world.sim.huawei.on_token(tokens[2], "80300017", Action())
    await world.plan()
    async with world.worker():
        await world.until_complete()
    assert world.accepted_once(tokens)
    assert huawei.requests() == 5


async def test_an_expired_access_token_is_renewed_and_the_bundle_goes_out_once(world: World, huawei: Outlet) -> None:
    tokens = tokens_of(120)
    await huawei.devices(tokens[:60])
    await world.plan()
    async with world.worker():
        await world.until_complete()
        world.sim.huawei.accounts.expire_tokens()
        await huawei.devices(tokens[60:])
        await world.plan()
        await world.until("select count(*) = 2 and bool_and(state = 'complete') from send")
    assert await world.counts() == {"sent": 180}
    assert sum(world.sim.huawei.accounts.calls.values()) == 2
    await world.check()


async def test_a_wrong_key_pauses_the_credential_and_no_token_is_lost(world: World, outlet: Outlet) -> None:
    """PF-7."""
    await outlet.devices(uuids(600))
    values = world.credentials.values[world.app_id, outlet.provider]
    values["api_key" if outlet.provider == "onesignal" else "app_secret"] = "os_v2_wrong"
    await world.plan()
    async with world.worker():
        await world.until("select paused_at is not null from app_credential")
        await world.until_idle()
    assert await world.value("select count(*) from device where token_state = 1") == 600
    assert await world.value("select count(*) from delivery") == 0
    assert world.sim.journal.accepted == 0


async def test_refusals_of_every_token_trip_the_mass_guard(world: World, outlet: Outlet) -> None:
    """PF-8: wrong project; no token stays invalid."""
    tokens = uuids(2000)
    await outlet.devices(tokens)
    error = "NOT_SUBSCRIBED" if outlet.provider == "onesignal" else "80300007"
    world.sim.faults.add(Rule(action=Action(error=error), provider=outlet.provider, endpoint="send"))
    await world.plan()
    async with world.worker():
        await world.until("select paused_at is not null from app_credential")
        await world.until_idle()
    assert world.sim.journal.counts(provider=outlet.provider).total() <= 1000
    assert await world.value("select count(*) from device where token_state = 1") == 2000


async def test_auto_push_messages_that_are_due_together_travel_together(outlet: Outlet) -> None:
    world, tokens = outlet.world, uuids(40)
    await outlet.devices(tokens)
    await arm(world, await auto_push(world, "install"))
    async with world.worker():
        await sent(world, len(tokens))
    assert outlet.requests() < len(tokens) / 2
    assert await world.value("select min(attempt) = 1 and max(attempt) = 1 from delivery")
    assert await world.counts() == {"sent": len(tokens)}
    await world.check()
