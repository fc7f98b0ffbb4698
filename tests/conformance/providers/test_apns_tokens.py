"""Provider tokens towards APNs: one for all who share a key, renewed in time, never for a wrong clock."""

import time
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import pytest
from tests.conformance.providers.apns_outlet import TOPIC, Outlet, device

from clarion.providers.apns.auth import LocalJwtStore
from clarion.providers.contract import Outcome
from clarion.providers.http import PyreqwestTransport
from clarion.providers.http2 import Http2Transport
from clarion.providers.transport import Transport
from clarion.simulator import Simulator

pytestmark = pytest.mark.anyio


@dataclass
class ShiftedClock:
    """The machine's clock, some seconds ahead; also for the simulator."""

    ahead: float = 0.0

    def now(self) -> datetime:
        return datetime.now(UTC) + timedelta(seconds=self.ahead)

    def monotonic(self) -> float:
        return time.monotonic() + self.ahead

    def __call__(self) -> float:
        return time.time() + self.ahead


@pytest.fixture
def apples() -> ShiftedClock:
    return ShiftedClock()


@pytest.fixture
def ours() -> ShiftedClock:
    return ShiftedClock()


@pytest.fixture
async def sim(apples: ShiftedClock) -> AsyncIterator[Simulator]:
    async with Simulator(clock=apples) as sim:
        yield sim


@pytest.fixture(params=[Http2Transport, PyreqwestTransport], ids=["engine", "pyreqwest"])
def transport(request: pytest.FixtureRequest) -> Transport:
    made: Transport = request.param()
    return made


@pytest.fixture
async def outlet(sim: Simulator, transport: Transport, ours: ShiftedClock) -> AsyncIterator[Outlet]:
    outlet = Outlet(sim, transport, sim.apns.key(topic=TOPIC), clock=ours)
    yield outlet
    await outlet.aclose()


def tokens_seen(sim: Simulator) -> int:
    """How many different provider tokens were presented."""
    return sum(sim.apns.keys.provider_tokens(key.key_id) for key in sim.apns.keys.known())


async def test_senders_that_share_a_store_share_one_token_over_many_connections(
    sim: Simulator, transport: Transport
) -> None:
    values, store = sim.apns.key(topic=TOPIC), LocalJwtStore()
    for turn in range(3):
        outlets = [Outlet(sim, transport, values, store=store) for _ in range(4)]
        for number, outlet in enumerate(outlets):
            await outlet.hand_over([device(100 * turn + number)])
            assert outlet.outcomes() == {Outcome.OK: 1}
            await outlet.aclose()
    assert tokens_seen(sim) == 1


async def test_apps_with_the_same_key_share_one_token(sim: Simulator, transport: Transport) -> None:
    values, store = sim.apns.key(topic=TOPIC, topics=()), LocalJwtStore()
    for topic in (TOPIC, "com.example.radio"):
        outlet = Outlet(sim, transport, values | {"topic": topic}, store=store)
        await outlet.hand_over([device(1)])
        assert outlet.outcomes() == {Outcome.OK: 1}
        await outlet.aclose()
    assert tokens_seen(sim) == 1


async def test_senders_that_share_none_are_throttled_and_keep_their_token(sim: Simulator, transport: Transport) -> None:
    values = sim.apns.key(topic=TOPIC)
    first, second = Outlet(sim, transport, values), Outlet(sim, transport, values)
    try:
        await first.hand_over([device(1)])
        await second.hand_over([device(2)])
        await second.hand_over([device(3)])
    finally:
        await first.aclose()
        await second.aclose()
    assert [second.verdicts[device(number)].code for number in (2, 3)] == ["TooManyProviderTokenUpdates"] * 2
    assert second.outcomes() == {Outcome.THROTTLED_CREDENTIAL: 2}
    assert second.verdicts[device(2)].default_wait == 60.0
    assert tokens_seen(sim) == 2


async def test_a_token_is_renewed_after_45_minutes_and_not_before(
    sim: Simulator, outlet: Outlet, ours: ShiftedClock, apples: ShiftedClock
) -> None:
    await outlet.hand_over([device(1)])
    ours.ahead = apples.ahead = 44 * 60
    await outlet.hand_over([device(2)])
    assert tokens_seen(sim) == 1
    ours.ahead = apples.ahead = 45 * 60 + 1
    await outlet.hand_over([device(3)])
    assert tokens_seen(sim) == 2
    assert outlet.outcomes() == {Outcome.OK: 3}


async def test_an_old_token_that_apple_calls_expired_is_renewed_once_for_all_messages(
    sim: Simulator, outlet: Outlet, ours: ShiftedClock, apples: ShiftedClock
) -> None:
    await outlet.hand_over([device(0)])
    ours.ahead, apples.ahead = 30 * 60, 61 * 60
    await outlet.hand_over_with_renewal([device(number) for number in range(200)])
    assert outlet.outcomes() == {Outcome.OK: 200}
    assert tokens_seen(sim) == 2


async def test_a_young_token_that_apple_calls_expired_proves_a_wrong_clock(
    sim: Simulator, outlet: Outlet, apples: ShiftedClock
) -> None:
    apples.ahead = 2 * 3600
    await outlet.hand_over_with_renewal([device(1)])
    verdict = outlet.verdicts[device(1)]
    assert (verdict.outcome, verdict.code) == (Outcome.CREDENTIAL, "ExpiredProviderToken")
    assert "clock is wrong" in verdict.text
    assert tokens_seen(sim) == 1


async def test_each_environment_has_a_token_of_its_own(sim: Simulator, outlet: Outlet) -> None:
    await outlet.hand_over([device(1)])
    await outlet.hand_over([device(2)], route="apns:sandbox")
    assert outlet.outcomes() == {Outcome.OK: 2}
    assert tokens_seen(sim) == 2
