"""Tokens of the other environment: found once, remembered by the caller, never at the cost of a good token."""

from collections import Counter
from collections.abc import AsyncIterator

import pytest
from tests.conformance.providers.apns_outlet import TOPIC, Outlet, device, stored

from clarion.providers.contract import Outcome
from clarion.providers.http import PyreqwestTransport
from clarion.providers.http2 import Http2Transport
from clarion.providers.transport import Transport
from clarion.simulator import Simulator
from clarion.simulator.apns.provider import SANDBOX_DEVICE

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
    outlet = Outlet(sim, transport, sim.apns.key(topic=TOPIC))
    yield outlet
    await outlet.aclose()


def tried(sim: Simulator) -> Counter[tuple[str, str]]:
    """How often each environment gave each outcome."""
    found: Counter[tuple[str, str]] = Counter()
    for entry in sim.journal.entries():
        found["sandbox" if entry.project.startswith("sandbox:") else "production", entry.outcome] += 1
    return found


async def test_a_sandbox_token_of_a_production_app_is_found_at_the_second_try(sim: Simulator, outlet: Outlet) -> None:
    lost, ordinary = device(1, prefix=SANDBOX_DEVICE), device(2)
    await outlet.hand_over([lost, ordinary])
    assert (outlet.verdicts[lost].outcome, outlet.verdicts[lost].environment) == (Outcome.OK, "sandbox")
    assert (outlet.verdicts[ordinary].outcome, outlet.verdicts[ordinary].environment) == (Outcome.OK, None)
    assert tried(sim) == {
        ("production", "BadDeviceToken"): 1,
        ("sandbox", "accepted"): 1,
        ("production", "accepted"): 1,
    }


async def test_a_remembered_environment_is_asked_first(sim: Simulator, outlet: Outlet) -> None:
    await outlet.hand_over([device(1, prefix=SANDBOX_DEVICE)], route="apns:sandbox")
    assert outlet.outcomes() == {Outcome.OK: 1}
    assert tried(sim) == {("sandbox", "accepted"): 1}


async def test_the_apps_own_environment_as_remembered_one_changes_nothing(sim: Simulator, outlet: Outlet) -> None:
    await outlet.hand_over([device(1)], route="apns:production")
    assert tried(sim) == {("production", "accepted"): 1}


async def test_a_token_that_moved_back_is_found_in_the_apps_own_environment(sim: Simulator, outlet: Outlet) -> None:
    sim.apns.residence("12345678", "production")
    moved = device(1, prefix="12345678")
    await outlet.hand_over([moved], route="apns:sandbox")
    assert (outlet.verdicts[moved].outcome, outlet.verdicts[moved].environment) == (Outcome.OK, "production")


async def test_a_token_that_is_bad_in_both_environments_is_suspected_after_one_try_in_each(
    sim: Simulator, outlet: Outlet
) -> None:
    token = device(1, prefix="0badc0de")
    await outlet.hand_over([token])
    assert (outlet.verdicts[token].outcome, outlet.verdicts[token].code) == (Outcome.TOKEN_GUARDED, "BadDeviceToken")
    assert tried(sim) == {("production", "BadDeviceToken"): 1, ("sandbox", "BadDeviceToken"): 1}


async def test_a_key_of_one_environment_is_not_blamed_for_the_other(sim: Simulator, transport: Transport) -> None:
    outlet = Outlet(sim, transport, sim.apns.key(topic=TOPIC, environments=("production",)))
    tokens = [device(number, prefix="0badc0de") for number in range(2)]
    try:
        for token in tokens:
            await outlet.hand_over([token])
    finally:
        await outlet.aclose()
    assert {outlet.verdicts[token].outcome for token in tokens} == {Outcome.TOKEN_GUARDED}
    assert tried(sim) == {("production", "BadDeviceToken"): 2, ("sandbox", "BadEnvironmentKeyIdInToken"): 1}


async def test_devices_remembered_elsewhere_fall_back_when_the_key_is_no_longer_good_there(
    sim: Simulator, transport: Transport
) -> None:
    outlet = Outlet(sim, transport, sim.apns.key(topic=TOPIC, environments=("production",)))
    token = device(1)
    try:
        await outlet.hand_over([token], route="apns:sandbox")
    finally:
        await outlet.aclose()
    assert outlet.verdicts[token].outcome is Outcome.OK
    assert outlet.verdicts[token].environment == "production"


@pytest.mark.parametrize(
    ("environments", "outcome"),
    [(("production",), Outcome.TOKEN_GUARDED), (("production", "sandbox"), Outcome.OK)],
    ids=["production only", "universal"],
)
async def test_a_certificate_is_tried_only_where_it_may_be_used(
    sim: Simulator, transport: Transport, environments: tuple[str, ...], outcome: Outcome
) -> None:
    uploaded = sim.apns.certificate(topic=TOPIC, environments=environments, form="pem")
    outlet = Outlet(sim, transport, await stored(uploaded))
    try:
        await outlet.hand_over([device(1, prefix=SANDBOX_DEVICE)])
    finally:
        await outlet.aclose()
    assert outlet.outcomes() == {outcome: 1}


async def test_when_everything_is_bad_everywhere_only_some_tokens_are_tried_twice(
    sim: Simulator, outlet: Outlet
) -> None:
    await outlet.hand_over([device(number, prefix="0badc0de") for number in range(400)])
    assert outlet.outcomes() == {Outcome.TOKEN_GUARDED: 400}
    assert tried(sim) == {("production", "BadDeviceToken"): 400, ("sandbox", "BadDeviceToken"): 100}


async def test_trouble_in_the_other_environment_is_not_the_tokens_fault(sim: Simulator, outlet: Outlet) -> None:
    token = device(1)
    sim.apns.on_token(token, "BadDeviceToken", "ServiceUnavailable")
    await outlet.hand_over([token])
    assert outlet.verdicts[token].outcome is Outcome.TRANSIENT


async def test_a_whole_app_in_the_wrong_environment_is_served(sim: Simulator, transport: Transport) -> None:
    outlet = Outlet(sim, transport, sim.apns.key(topic=TOPIC, environment="production"))
    try:
        await outlet.hand_over([device(number, prefix=SANDBOX_DEVICE) for number in range(400)])
    finally:
        await outlet.aclose()
    assert outlet.outcomes() == {Outcome.OK: 400}
    assert {verdict.environment for verdict in outlet.verdicts.values()} == {"sandbox"}


async def test_messages_for_both_environments_leave_in_one_batch(sim: Simulator, outlet: Outlet) -> None:
    own = await outlet.requests([device(number) for number in range(100)])
    other = await outlet.requests(
        [device(number, prefix=SANDBOX_DEVICE) for number in range(100)], route="apns:sandbox"
    )
    await outlet.submit([*own, *other])
    assert outlet.outcomes() == {Outcome.OK: 200}
    assert tried(sim) == {("production", "accepted"): 100, ("sandbox", "accepted"): 100}


async def test_messages_under_way_elsewhere_count_as_pending_and_can_be_taken_back(
    sim: Simulator, outlet: Outlet
) -> None:
    token = device(1)
    requests = await outlet.requests([token], route="apns:sandbox")
    outlet.sender.submit(requests)
    assert outlet.sender.pending == 1
    assert outlet.sender.withdraw() == requests
    assert requests[0].tag == token
    assert outlet.sender.pending == 0
