"""The APNs sender against the simulator, over both transports: happy path, both kinds of credential, environments."""

from collections import Counter
from collections.abc import AsyncIterator

import pytest
from tests.conformance.providers.apns_outlet import TOPIC, Outlet, dashed, device, ids, stored

from clarion.providers.contract import Outcome
from clarion.providers.http import PyreqwestTransport
from clarion.providers.http2 import Http2Transport
from clarion.providers.transport import Transport
from clarion.simulator import Simulator

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


def accepted_in(sim: Simulator) -> Counter[str]:
    """How many messages each environment has accepted."""
    accepted = (entry.project for entry in sim.journal.entries() if entry.accepted)
    return Counter("sandbox" if project.startswith("sandbox:") else "production" for project in accepted)


async def test_a_thousand_messages_arrive_once_each_and_are_accepted(sim: Simulator, outlet: Outlet) -> None:
    tokens = [device(number) for number in range(1000)]
    await outlet.hand_over(tokens)
    assert outlet.outcomes() == {Outcome.OK: 1000}
    sends = list(sim.journal.entries())
    assert sorted(entry.token for entry in sends) == sorted(tokens)
    assert {entry.message_id for entry in sends} == {ids(token)[0].decode() for token in tokens}
    assert {entry.project for entry in sends} == {TOPIC}
    assert {token: verdict.provider_id for token, verdict in outlet.verdicts.items()} == {
        token: dashed(token) for token in tokens
    }


@pytest.mark.parametrize(
    ("form", "password"), [("p12", ""), ("p12", "pass word"), ("pem", "")], ids=["p12", "p12 with password", "pem"]
)
async def test_certificates_authenticate_the_connection(
    sim: Simulator, transport: Transport, form: str, password: str
) -> None:
    values = await stored(sim.apns.certificate(topic=TOPIC, form=form, password=password))  # type: ignore[arg-type]
    outlet = Outlet(sim, transport, values)
    try:
        await outlet.hand_over([device(number) for number in range(50)])
    finally:
        await outlet.aclose()
    assert outlet.outcomes() == {Outcome.OK: 50}
    assert accepted_in(sim) == {"production": 50}
