"""The web push sender against simulated push services: happy path, every kind of answer, one dead service."""

import json
from collections.abc import AsyncIterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from tests.conformance.providers.webpush_outlet import Outlet, ids, new_pair, trusted

from clarion.providers.contract import ManyServices, Outcome
from clarion.providers.http import PyreqwestTransport
from clarion.providers.http2 import Http2Transport
from clarion.providers.transport import ChannelOptions, Transport
from clarion.providers.webpush.settings import WebPushSettings
from clarion.simulator import Simulator
from clarion.simulator.faults import Action, Manner
from clarion.simulator.listener import Mode

pytestmark = pytest.mark.anyio


@pytest.fixture
async def sim() -> AsyncIterator[Simulator]:
    async with Simulator() as sim:
        yield sim


@pytest.fixture(params=[Http2Transport, PyreqwestTransport], ids=["engine", "pyreqwest"])
def transport(request: pytest.FixtureRequest) -> Transport:
    made: Transport = request.param()
    return made


@pytest.fixture
async def outlet(sim: Simulator, transport: Transport) -> AsyncIterator[Outlet]:
    outlet = Outlet((sim,), sim.ca_file, transport)
    yield outlet
    await outlet.aclose()


def subscriptions(sim: Simulator, outlet: Outlet, count: int, prefix: str = "") -> dict[str, dict[str, object]]:
    """Named subscriptions bound to the outlet's key."""
    key = outlet.pair["public_key"]
    return {f"{prefix or 'browser'}:{number}": sim.webpush.subscribe(key, prefix=prefix) for number in range(count)}


async def test_browsers_read_what_was_sent_and_every_message_arrives_once(sim: Simulator, outlet: Outlet) -> None:
    browsers = subscriptions(sim, outlet, 300)
    await outlet.send(browsers, ttl=1234)
    assert outlet.outcomes() == {Outcome.OK: 300}
    assert sim.journal.counts() == {"accepted": 300}
    assert not sim.journal.duplicates()
    assert sim.webpush.authorizations.checked == 1
    for name, browser in browsers.items():
        (message,) = sim.webpush.waiting(str(browser["endpoint"]))
        assert (message.ttl, message.urgency, message.topic) == (1234, "high", ids(name)[1].decode())
        assert json.loads(message.text) == {
            "title": "Привет",
            "body": "There 😀",
            "image": "https://i.example/a.png",
            "url": "/relative",
            "msg_id": ids(name)[0].decode(),
        }


async def test_a_repeated_hand_over_replaces_the_copy_that_waits(sim: Simulator, outlet: Outlet) -> None:
    browsers = subscriptions(sim, outlet, 1)
    await outlet.send(browsers)
    await outlet.send(browsers)
    assert sim.journal.counts() == {"accepted": 2}
    assert len(sim.webpush.waiting(str(browsers["browser:0"]["endpoint"]))) == 1


@pytest.mark.parametrize(
    ("prefix", "outcome"),
    [
        ("gone", Outcome.TOKEN_CERTAIN),
        ("unknown", Outcome.TOKEN_CERTAIN),
        ("toolarge", Outcome.MESSAGE),
        ("toomany", Outcome.THROTTLED_DEVICE),
        ("otherkey", Outcome.TOKEN_GUARDED),
        ("unavailable", Outcome.TRANSIENT),
        ("forbidden", Outcome.CREDENTIAL),
        ("unauthorized", Outcome.CREDENTIAL),
    ],
)
async def test_a_refusal_becomes_its_verdict(sim: Simulator, outlet: Outlet, prefix: str, outcome: Outcome) -> None:
    await outlet.send(subscriptions(sim, outlet, 1, prefix))
    assert outlet.outcomes() == {outcome: 1}


async def test_a_subscription_of_another_key_is_told_from_a_refused_key_by_its_neighbours(
    sim: Simulator, outlet: Outlet
) -> None:
    await outlet.send(subscriptions(sim, outlet, 20))
    await outlet.send({"foreign": sim.webpush.subscribe(new_pair()["public_key"])})
    assert outlet.heard["foreign"].verdict.outcome is Outcome.TOKEN_GUARDED
    await outlet.send(subscriptions(sim, outlet, 30))
    assert outlet.outcomes() == {Outcome.OK: 30, Outcome.TOKEN_GUARDED: 1}


async def test_a_push_service_that_refuses_the_app_is_left_alone(sim: Simulator, outlet: Outlet) -> None:
    await outlet.send(subscriptions(sim, outlet, 1, "forbidden"))
    await outlet.send(subscriptions(sim, outlet, 50))
    assert len(sim.journal) == 1
    assert outlet.outcomes() == {Outcome.CREDENTIAL: 51}
    assert all(heard.verdict.origin_only for heard in outlet.heard.values())
    assert isinstance(outlet.sender, ManyServices)
    ((host, seconds),) = outlet.sender.refusals()
    assert host == urlsplit(sim.url).netloc
    assert 890 < seconds <= 900


def spread(moments: list[float]) -> float:
    return max(moments) - min(moments)


async def test_each_push_service_has_a_rate_of_its_own_and_nothing_is_lost_to_it(
    sim: Simulator, tmp_path: Path
) -> None:
    """200 a second and half a share of it: 50 messages take nearly half a second, to both services at the same time."""
    async with Simulator() as other:
        outlet = Outlet((sim, other), trusted((sim, other), tmp_path), Http2Transport(), WebPushSettings(rate=200.0))
        try:
            assert isinstance(outlet.sender, ManyServices)
            outlet.sender.set_share(0.5)
            there = {f"other:{number}": other.webpush.subscribe() for number in range(50)}
            await outlet.send(subscriptions(sim, outlet, 50) | there)
            assert outlet.outcomes() == {Outcome.OK: 100}
            heard = {name: one.seconds for name, one in outlet.heard.items()}
            here = [seconds for name, seconds in heard.items() if name not in there]
            elsewhere = [heard[name] for name in there]
            assert min(map(spread, (here, elsewhere))) > 0.3
            assert max(min(here), min(elsewhere)) < min(max(here), max(elsewhere))
        finally:
            await outlet.aclose()


async def test_what_the_rate_holds_back_can_be_taken_back(sim: Simulator) -> None:
    outlet = Outlet((sim,), sim.ca_file, Http2Transport(), WebPushSettings(rate=10.0))
    try:
        outlet.start(subscriptions(sim, outlet, 40))
        await sim.journal.reach(1)
        taken = outlet.sender.withdraw()
        assert len(taken) >= 30
        assert {str(request.tag) for request in taken}.isdisjoint(outlet.heard)
        assert outlet.sender.pending == 40 - len(taken) - len(outlet.heard)
    finally:
        await outlet.aclose()


async def test_a_throttling_push_service_is_left_alone_for_the_time_it_names(sim: Simulator, outlet: Outlet) -> None:
    await outlet.send(subscriptions(sim, outlet, 12, "toomany"))
    crowded = [heard for heard in outlet.heard.values() if heard.verdict.outcome is Outcome.THROTTLED_PROVIDER]
    assert len(crowded) >= 3
    await outlet.send(subscriptions(sim, outlet, 1))
    held = outlet.heard["browser:0"].verdict
    assert (held.outcome, held.code) == (Outcome.UNSENT, "origin_resting")
    assert held.default_wait is not None
    assert 1 <= held.default_wait <= 10


@pytest.mark.parametrize("manner", [Manner.CUT, Manner.RESET, Manner.DROP], ids=str)
async def test_no_complete_answer_is_ambiguous(sim: Simulator, outlet: Outlet, manner: Manner) -> None:
    sim.faults.add(Action(manner=manner))
    await outlet.send(subscriptions(sim, outlet, 1))
    assert outlet.outcomes() == {Outcome.AMBIGUOUS: 1}


@pytest.mark.parametrize("silent", [False, True], ids=["refuses connections", "never answers"])
async def test_a_dead_push_service_does_not_delay_the_others(
    sim: Simulator, transport: Transport, tmp_path: Path, silent: bool
) -> None:
    """Half of the browsers belong to a dead service; the others' messages arrive as if it did not exist."""
    async with Simulator() as dead:
        settings = WebPushSettings(stall_after=0.5)
        outlet = Outlet((sim, dead), trusted((sim, dead), tmp_path), transport, settings)
        if silent:
            dead.faults.add(Action(manner=Manner.SILENCE))
        else:
            await dead.listen(Mode.REFUSE)
        try:
            alive = subscriptions(sim, outlet, 400)
            lost = {f"lost:{number}": dead.webpush.subscribe() for number in range(400)}
            mixed = dict(pair for pairs in zip(lost.items(), alive.items(), strict=True) for pair in pairs)
            outlet.start(mixed)
            await outlet.hear_of(alive, seconds=8)
            assert {outlet.heard[name].verdict.outcome for name in alive} == {Outcome.OK}
            outlet.start({"late": dead.webpush.subscribe()})
            await outlet.hear_of(["late"], seconds=2)
            assert outlet.heard["late"].verdict.origin_only
        finally:
            await outlet.aclose()


async def test_what_is_not_encrypted_yet_can_be_taken_back(sim: Simulator, outlet: Outlet) -> None:
    outlet.start(subscriptions(sim, outlet, 300))
    assert outlet.sender.pending == 300
    taken = outlet.sender.withdraw()
    assert len({request.tag for request in taken}) == len(taken) == 300
    assert outlet.sender.pending == 0
    outlet.sender.submit(taken)
    await outlet.finish()
    assert sim.journal.counts() == {"accepted": 300}
    assert not sim.journal.duplicates()


async def test_what_is_encrypted_but_not_written_can_be_taken_back(sim: Simulator, transport: Transport) -> None:
    narrow = WebPushSettings(channel=ChannelOptions(connections=1, streams=10))
    outlet = Outlet((sim,), sim.ca_file, transport, narrow)
    try:
        sim.faults.add(Action(hold="gate"))
        outlet.start(subscriptions(sim, outlet, 60))
        await sim.journal.reach(10)
        taken = outlet.sender.withdraw()
        assert len(taken) == outlet.sender.pending * 5 == 50
        sim.faults.clear()
        sim.release("gate")
        outlet.sender.submit(taken)
        await outlet.finish()
        assert sim.journal.counts() == {"accepted": 60}
        assert outlet.outcomes() == {Outcome.OK: 60}
    finally:
        await outlet.aclose()
