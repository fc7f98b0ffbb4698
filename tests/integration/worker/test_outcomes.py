"""Each kind of provider answer, through the whole path: what becomes of the delivery, the token and the send."""

import pytest
from tests.integration.worker.harness import World, tokens_of

from clarion.simulator import Action, Manner, Rule
from clarion.simulator.faults import html

pytestmark = pytest.mark.anyio

WAITING, SENT, FAILED = 1, 2, 3
VALID, INVALID = 1, 2
REFUSED = Action(
    status=400,
    headers={"content-type": "application/json"},
    body='{"error":{"code":400,"message":"Invalid data","status":"INVALID_ARGUMENT"}}',
)

ANSWERS: dict[str, tuple[Action, tuple[object, ...]]] = {
    # token: (answer, (state, reason, code, attempt, may_be_sent, token_state))
    "unregistered": (Action(error="UNREGISTERED"), (FAILED, "token", "UNREGISTERED", 1, False, INVALID)),
    "malformed": (Action(error="INVALID_ARGUMENT"), (FAILED, "token", "INVALID_ARGUMENT", 1, False, INVALID)),
    "mismatch": (Action(error="SENDER_ID_MISMATCH"), (FAILED, "token", "SENDER_ID_MISMATCH", 1, False, INVALID)),
    "refused": (REFUSED, (FAILED, "message", "INVALID_ARGUMENT", 1, False, VALID)),
    "too-large": (Action(status=413), (FAILED, "message", "HTTP_413", 1, False, VALID)),
    "apns-key": (Action(error="THIRD_PARTY_AUTH_ERROR"), (WAITING, None, "THIRD_PARTY_AUTH_ERROR", 0, False, VALID)),
    "internal": (Action(error="INTERNAL"), (WAITING, None, "INTERNAL", 1, False, VALID)),
    "unavailable": (Action(error="UNAVAILABLE"), (WAITING, None, "UNAVAILABLE", 1, False, VALID)),
    "unspecified": (Action(error="UNSPECIFIED_ERROR"), (WAITING, None, "UNSPECIFIED_ERROR", 1, False, VALID)),
    "gateway": (html(502), (WAITING, None, "HTTP_502", 1, True, VALID)),
    "reset": (Action(manner=Manner.RESET, code=8), (WAITING, None, "ambiguous", 1, True, VALID)),
    "teapot": (Action(status=418), (FAILED, "message", "HTTP_418", 1, False, VALID)),
    "empty-500": (Action(status=500), (WAITING, None, "HTTP_500", 1, False, VALID)),
}


async def test_every_answer_of_the_table_leads_to_its_next_state(world: World) -> None:
    """PF-17, dispatch side; the other devices of the same send are not disturbed."""
    await world.establish()
    tokens = tokens_of(100)
    await world.add_devices([*tokens, *ANSWERS])
    for token, (action, _) in ANSWERS.items():
        world.sim.fcm.on_token(token, action)
    await world.plan()
    async with world.worker():
        await world.until("select count(*) = $1 from delivery", len(tokens) + len(ANSWERS))
    rows = await world.rows(
        "select v.token, d.state, d.reason, d.code, d.attempt, d.may_be_sent, v.token_state "
        "from delivery d join device v on v.id = d.device_id where v.token = any($1::text[])",
        list(ANSWERS),
    )
    assert {row.pop("token"): tuple(row.values()) for row in rows} == {
        token: expected for token, (_, expected) in ANSWERS.items()
    }
    assert await world.counts() == {"sent": 100, "failed:token": 3, "failed:message": 3}
    await world.check()


async def test_a_token_that_was_refreshed_while_the_answer_was_under_way_survives(world: World) -> None:
    """PF-15: tokens are dropped by compare-and-set."""
    [device_id] = await world.add_devices(["old"])
    world.sim.fcm.on_token("old", Action(error="UNREGISTERED", hold="answer"))
    await world.plan()
    async with world.worker():
        await world.sim.journal.until(lambda: world.handed_over() == 1)
        await world.set_token(device_id, "new")
        world.sim.release("answer")
        await world.until_complete()
    assert await world.rows("select token, token_state from device") == [{"token": "new", "token_state": VALID}]
    assert await world.value("select reason from delivery") == "token"
    await world.check()


async def test_twenty_refusals_in_a_row_pause_the_send_with_the_providers_words(world: World) -> None:
    await world.establish()
    await world.add_devices(tokens_of(3000))
    world.sim.faults.add(Rule(action=REFUSED, provider="fcm", endpoint="send"))
    await world.plan()
    async with world.worker():
        await world.until("select state = 'paused' from send")
        await world.until_idle()
    assert await world.value("select pause_reason from send") == "INVALID_ARGUMENT: Invalid data"
    assert world.handed_over() <= 1000
    assert await world.value("select count(*) from device where token_state = 1") == 3000
    await world.check()


async def test_refusals_between_acceptances_pause_nothing(world: World) -> None:
    await world.establish()
    await world.add_devices(tokens_of(1000))
    world.sim.faults.add(Rule(action=REFUSED, provider="fcm", endpoint="send", every=10))
    await world.plan()
    async with world.worker():
        await world.until_complete()
    assert await world.counts() == {"sent": 900, "failed:message": 100}
    await world.check()


async def test_guarded_drops_of_a_new_credential_only_make_suspects(world: World) -> None:
    """providers.md §1.4: before its first 100 results a credential invalidates nothing by guarded codes."""
    await world.add_devices([*tokens_of(30), "mismatch"])
    world.sim.fcm.on_token("mismatch", "SENDER_ID_MISMATCH")
    await world.plan()
    async with world.worker():
        await world.until_complete()
    row = await world.rows("select token_state, suspect_code from device where token = 'mismatch'")
    assert row == [{"token_state": VALID, "suspect_code": "SENDER_ID_MISMATCH"}]
    await world.check()
