"""What the APNs sender makes of every answer, over both transports (providers.md §3.7), beside healthy messages."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import pytest
from tests.conformance.providers.apns_outlet import TOPIC, Outlet, device

from clarion.providers.contract import Outcome
from clarion.providers.http import PyreqwestTransport
from clarion.providers.http2 import Http2Transport
from clarion.providers.transport import ChannelOptions, Transport
from clarion.simulator import Simulator, WireSettings
from clarion.simulator.apns.answers import REASONS
from clarion.simulator.faults import Action, Manner
from clarion.simulator.listener import Mode

pytestmark = pytest.mark.anyio

HTML = '<!DOCTYPE html><html lang="en"><title>Error</title>'
HONEST = Action()


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
    outlet = Outlet(sim, transport, sim.apns.key(topic=TOPIC))
    yield outlet
    await outlet.aclose()


@dataclass(frozen=True)
class Expected:
    """An action of the simulator and what the sender must make of it."""

    action: Action
    outcome: Outcome
    code: str
    more: tuple[tuple[str, Any], ...] = ()


OUTCOMES = {
    Outcome.MESSAGE: "BadCollapseId BadExpirationDate BadMessageId BadPriority InvalidPushType PayloadEmpty "
    "PayloadTooLarge",
    Outcome.TOKEN_GUARDED: "BadDeviceToken DeviceTokenNotForTopic",
    Outcome.TOKEN_CERTAIN: "Unregistered ExpiredToken",
    Outcome.CREDENTIAL: "BadTopic MissingTopic TopicDisallowed BadCertificate BadCertificateEnvironment Forbidden "
    "InvalidProviderToken MissingProviderToken ExpiredProviderToken UnrelatedKeyIdInToken BadEnvironmentKeyIdInToken "
    "BadEnvironmentKeyInToken",
    Outcome.CODE: "DuplicateHeaders MissingDeviceToken BadPath MethodNotAllowed",
    Outcome.TRANSIENT: "IdleTimeout InternalServerError ServiceUnavailable Shutdown",
    Outcome.THROTTLED_CREDENTIAL: "TooManyProviderTokenUpdates",
    Outcome.THROTTLED_DEVICE: "TooManyRequests",
}
OUTCOME_OF = {reason: outcome for outcome, reasons in OUTCOMES.items() for reason in reasons.split()}
OTHERS = {
    "html-200": Expected(Action(status=200, body=HTML), Outcome.OK, "OK"),
    "empty-201": Expected(Action(status=201), Outcome.OK, "HTTP_201", (("known", False),)),
    "html-400": Expected(Action(status=400, body=HTML), Outcome.MESSAGE, "HTTP_400", (("known", False),)),
    "empty-403": Expected(Action(status=403), Outcome.CREDENTIAL, "HTTP_403", (("known", False),)),
    "html-410": Expected(Action(status=410, body=HTML), Outcome.MESSAGE, "HTTP_410", (("known", False),)),
    "half-a-body": Expected(Action(error="Unregistered", truncate=True), Outcome.MESSAGE, "HTTP_410"),
    "wrong-status": Expected(Action(status=404, body='{"reason":"Unregistered"}'), Outcome.MESSAGE, "HTTP_404"),
    "wrong-json": Expected(Action(status=400, body='[{"reason":"BadDeviceToken"}]'), Outcome.MESSAGE, "HTTP_400"),
    "wrong-type": Expected(Action(status=400, body='{"reason":["BadDeviceToken"]}'), Outcome.MESSAGE, "HTTP_400"),
    "wrong-charset": Expected(
        Action(status=400, body='{"reason":"BadDeviceToken\xff"}', encoding="latin-1"), Outcome.MESSAGE, "HTTP_400"
    ),
    "news": Expected(Action(status=400, body='{"reason":"BadWeather"}'), Outcome.MESSAGE, "HTTP_400"),
    "redirect": Expected(
        Action(status=302, headers={"location": "https://127.0.0.1:1/"}), Outcome.CREDENTIAL, "HTTP_302"
    ),
    "endless-body": Expected(Action(status=500, body="x", padding=200_000), Outcome.TRANSIENT, "HTTP_500"),
    "relay-503": Expected(
        Action(status=503, retry_after=33), Outcome.THROTTLED_PROVIDER, "HTTP_503", (("retry_after", 33.0),)
    ),
    "relay-429": Expected(Action(status=429), Outcome.THROTTLED_CREDENTIAL, "HTTP_429", (("default_wait", 60.0),)),
    "reset": Expected(Action(manner=Manner.RESET, code=2), Outcome.AMBIGUOUS, "ambiguous"),
}


def test_every_reason_of_the_simulator_is_expected_here() -> None:
    assert set(OUTCOME_OF) == set(REASONS)


async def test_every_reason_gets_its_verdict_beside_others_on_the_same_connection(
    sim: Simulator, transport: Transport
) -> None:
    outlet = Outlet(sim, transport, sim.apns.key(topic=TOPIC), options=ChannelOptions(connections=1))
    tokens = {reason: device(number) for number, reason in enumerate(OUTCOME_OF)}
    bystanders = [device(1000 + number) for number in range(100)]
    try:
        for reason, token in tokens.items():
            sim.apns.on_token(token, reason)
        await outlet.hand_over([*bystanders[:50], *tokens.values(), *bystanders[50:]])
    finally:
        await outlet.aclose()
    found = {reason: (outlet.verdicts[token].outcome, outlet.verdicts[token].code) for reason, token in tokens.items()}
    assert found == {reason: (outcome, reason) for reason, outcome in OUTCOME_OF.items()}
    assert all(outlet.verdicts[token].text for token in tokens.values())
    assert {outlet.verdicts[token].outcome for token in bystanders} == {Outcome.OK}


async def test_every_other_kind_of_answer_falls_back_to_its_status(sim: Simulator, transport: Transport) -> None:
    outlet = Outlet(sim, transport, sim.apns.key(topic=TOPIC), options=ChannelOptions(connections=1))
    tokens = {name: device(number) for number, name in enumerate(OTHERS)}
    bystanders = [device(1000 + number) for number in range(100)]
    try:
        for name, expected in OTHERS.items():
            sim.apns.on_token(tokens[name], expected.action)
        await outlet.hand_over([*bystanders[:50], *tokens.values(), *bystanders[50:]])
    finally:
        await outlet.aclose()
    for name, expected in OTHERS.items():
        verdict = outlet.verdicts[tokens[name]]
        assert (name, verdict.outcome, verdict.code) == (name, expected.outcome, expected.code)
        for attribute, value in expected.more:
            assert (name, getattr(verdict, attribute)) == (name, value)
    assert {outlet.verdicts[token].outcome for token in bystanders} == {Outcome.OK}


async def test_the_moment_of_a_tokens_death_is_told(sim: Simulator, outlet: Outlet) -> None:
    sim.apns.on_token(device(1), Action(status=410, body='{"reason":"Unregistered","timestamp":1767225600500}'))
    await outlet.hand_over([device(1)])
    assert outlet.verdicts[device(1)].dead_since == datetime(2026, 1, 1, 0, 0, 0, 500_000, tzinfo=UTC)


@pytest.mark.parametrize("reason", ["Shutdown", "IdleTimeout", "UnrelatedKeyIdInToken"])
async def test_what_a_connection_is_to_blame_for_is_tried_at_once_on_a_new_one(
    sim: Simulator, outlet: Outlet, reason: str
) -> None:
    await outlet.hand_over([device(0)])
    before = sim.journal.connections[-1].number
    sim.apns.on_token(device(1), reason, HONEST)
    await outlet.hand_over([device(1)])
    assert outlet.outcomes() == {Outcome.OK: 2}
    first, second = [entry for entry in sim.journal.entries() if entry.token == device(1)]
    assert (first.outcome, first.connection) == (reason, before)
    assert second.connection > before


async def test_many_such_answers_open_one_new_connection_and_lose_nothing(sim: Simulator, outlet: Outlet) -> None:
    await outlet.hand_over([device(0)])
    before = len(sim.journal.connections)
    tokens = [device(number) for number in range(1, 101)]
    for token in tokens:
        sim.apns.on_token(token, "Shutdown", HONEST)
    await outlet.hand_over(tokens)
    assert outlet.outcomes() == {Outcome.OK: 101}
    assert len(sim.journal.connections) - before <= 4, "two for the replaced pool, two for the new one"


async def test_messages_on_a_replaced_connection_are_still_answered(sim: Simulator, outlet: Outlet) -> None:
    sim.apns.on_token(device(1), Action(hold="late"))
    sim.apns.on_token(device(2), "Shutdown", HONEST)
    await outlet.hand_over([device(0)])
    first, second = await outlet.requests([device(1), device(2)])
    under_way = asyncio.create_task(outlet.submit([first, second]))
    await outlet.answered(device(2))
    assert outlet.sender.pending == 1
    sim.release("late")
    await under_way
    assert outlet.outcomes() == {Outcome.OK: 3}


async def test_closing_reports_messages_on_replaced_connections_too(sim: Simulator, transport: Transport) -> None:
    outlet = Outlet(sim, transport, sim.apns.key(topic=TOPIC))
    sim.apns.on_token(device(1), Action(manner=Manner.SILENCE))
    sim.apns.on_token(device(2), "Shutdown", HONEST)
    await outlet.hand_over([device(0)])
    under_way = asyncio.create_task(outlet.submit(await outlet.requests([device(1), device(2)])))
    await outlet.answered(device(2))
    await outlet.aclose()
    await under_way
    assert outlet.verdicts[device(1)].outcome is Outcome.AMBIGUOUS


async def test_connections_recycled_all_the_time_lose_and_double_nothing(sim: Simulator) -> None:
    """Of the engine only: general clients call answers lost that come after a GOAWAY."""
    outlet = Outlet(sim, Http2Transport(), sim.apns.key(topic=TOPIC))
    sim.tune(WireSettings(goaway_every=100, goaway_unanswered=10))
    tokens = [device(number) for number in range(1500)]
    try:
        await outlet.hand_over(tokens)
    finally:
        await outlet.aclose()
    assert outlet.outcomes() == {Outcome.OK: 1500}
    assert sim.journal.accepted == 1500
    assert sim.journal.duplicates() == {}


async def test_one_stream_until_the_first_success_then_many(sim: Simulator, outlet: Outlet) -> None:
    sim.tune(WireSettings(streams_until_accepted=1, max_streams=50))
    await outlet.hand_over([device(number) for number in range(300)])
    assert outlet.outcomes() == {Outcome.OK: 300}
    assert not any(outcome.startswith("refused") for outcome in sim.journal.counts())
    assert 1 < sim.journal.max_parallel_streams <= 50


async def test_a_refused_stream_is_sent_again_and_is_no_possible_duplicate(sim: Simulator, outlet: Outlet) -> None:
    sim.apns.on_token(device(1), Action(manner=Manner.RESET, code=7), HONEST)
    await outlet.hand_over([device(1)])
    assert outlet.verdicts[device(1)].outcome is Outcome.OK


async def test_a_refused_connection_is_not_a_possible_duplicate(sim: Simulator, outlet: Outlet) -> None:
    await sim.listen(Mode.REFUSE)
    await outlet.hand_over([device(1)])
    assert outlet.verdicts[device(1)].outcome is Outcome.UNSENT


async def test_a_lost_answer_is_a_possible_duplicate(sim: Simulator, outlet: Outlet) -> None:
    sim.apns.on_token(device(1), Action(manner=Manner.DROP))
    await outlet.hand_over([device(1)])
    assert outlet.verdicts[device(1)].outcome is Outcome.AMBIGUOUS


async def test_a_revoked_certificate_is_the_credentials_fault(sim: Simulator, transport: Transport) -> None:
    from_apple = sim.apns.certificate(topic=TOPIC, form="pem")
    chain, _, key = from_apple["certificate"].partition("-----BEGIN PRIVATE KEY-----")
    values = from_apple | {"certificate": chain, "private_key": f"-----BEGIN PRIVATE KEY-----{key}"}
    outlet = Outlet(sim, transport, values)
    try:
        await outlet.hand_over([device(1)])
        sim.apns.revoke_certificate(TOPIC)
        await outlet.hand_over([device(2)])
    finally:
        await outlet.aclose()
    assert outlet.verdicts[device(1)].outcome is Outcome.OK
    assert outlet.verdicts[device(2)].code == "BadCertificate"
    assert outlet.verdicts[device(2)].outcome is Outcome.CREDENTIAL


async def test_a_revoked_key_is_the_credentials_fault(sim: Simulator, outlet: Outlet) -> None:
    await outlet.hand_over([device(1)])
    for key_id in {key.key_id for key in sim.apns.keys.known()}:
        sim.apns.keys.change(key_id, revoked=True)
    await outlet.hand_over([device(2)])
    verdict = outlet.verdicts[device(2)]
    assert (verdict.outcome, verdict.code) == (Outcome.CREDENTIAL, "InvalidProviderToken")
    assert "clock" in verdict.text
