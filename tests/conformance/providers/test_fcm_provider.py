"""The FCM sender against the simulator, over both transports: happy path, access tokens, every kind of answer."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import pytest
from tests.conformance.providers.fcm_outlet import Outlet, ids

from clarion.providers.contract import SAME_PLATFORM, CredentialRefused, Outcome
from clarion.providers.http import PyreqwestTransport
from clarion.providers.http2 import Http2Transport
from clarion.providers.transport import ChannelOptions, Transport
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
    outlet = Outlet(sim, transport)
    yield outlet
    await outlet.aclose()


@pytest.mark.parametrize("kind", ["fcm.data", "fcm"])
async def test_a_thousand_messages_arrive_once_each_and_are_accepted(sim: Simulator, outlet: Outlet, kind: str) -> None:
    devices = [f"device:{number}" for number in range(1000)]
    await outlet.hand_over(devices, transport=kind)
    assert outlet.outcomes() == {Outcome.OK: 1000}
    sends = [entry for entry in sim.journal.entries() if entry.endpoint == "send"]
    assert sorted(entry.token for entry in sends) == sorted(devices)
    assert {entry.message_id for entry in sends} == {ids(device)[0].decode() for device in devices}
    provider_ids = {verdict.provider_id for verdict in outlet.verdicts.values()}
    assert len(provider_ids) == 1000
    assert all(provider_id and provider_id.startswith("0:") for provider_id in provider_ids)
    assert sum(sim.fcm.accounts.calls.values()) == 1


async def test_an_expired_access_token_is_renewed_once_and_nothing_is_lost(sim: Simulator, outlet: Outlet) -> None:
    await outlet.hand_over(["first"])
    sim.fcm.accounts.expire_tokens()
    await outlet.hand_over_with_renewal([f"device:{number}" for number in range(300)])
    assert outlet.outcomes() == {Outcome.OK: 301}
    assert sum(sim.fcm.accounts.calls.values()) == 2


async def test_access_tokens_that_expire_again_and_again_are_renewed_each_time(sim: Simulator, outlet: Outlet) -> None:
    for turn in range(4):
        await outlet.hand_over_with_renewal([f"device:{turn}:{number}" for number in range(50)])
        sim.fcm.accounts.expire_tokens()
    assert outlet.outcomes() == {Outcome.OK: 200}
    assert sum(sim.fcm.accounts.calls.values()) == 4


async def test_revoked_service_account_is_refused_with_the_providers_words(sim: Simulator, outlet: Outlet) -> None:
    sim.fcm.accounts.revoke(outlet.document["client_email"])
    with pytest.raises(CredentialRefused) as caught:
        await outlet.hand_over(["device"])
    verdict = caught.value.verdict
    assert (verdict.outcome, verdict.code) == (Outcome.CREDENTIAL, "invalid_grant")
    assert "clock" in verdict.text


async def test_disabled_api_is_the_credentials_fault(sim: Simulator, outlet: Outlet) -> None:
    sim.fcm.deny("acceptance-one")
    await outlet.hand_over(["device"])
    assert outlet.verdicts["device"].outcome is Outcome.CREDENTIAL
    assert outlet.verdicts["device"].code == "PERMISSION_DENIED"


@dataclass(frozen=True)
class Expected:
    """An action of the simulator and what the sender must make of it."""

    action: Action
    outcome: Outcome
    code: str
    more: tuple[tuple[str, Any], ...] = ()


HTML = '<!DOCTYPE html><html lang="en"><title>Error</title>'
ANSWERS = {
    "unregistered": Expected(Action(error="UNREGISTERED"), Outcome.TOKEN_CERTAIN, "UNREGISTERED"),
    "malformed-token": Expected(Action(error="INVALID_ARGUMENT"), Outcome.TOKEN_GUARDED, "INVALID_ARGUMENT"),
    "sender": Expected(Action(error="SENDER_ID_MISMATCH"), Outcome.TOKEN_GUARDED, "SENDER_ID_MISMATCH"),
    "third-party": Expected(
        Action(error="THIRD_PARTY_AUTH_ERROR"),
        Outcome.CREDENTIAL,
        "THIRD_PARTY_AUTH_ERROR",
        (("platform_only", SAME_PLATFORM),),
    ),
    "quota": Expected(
        Action(error="QUOTA_EXCEEDED"), Outcome.THROTTLED_CREDENTIAL, "QUOTA_EXCEEDED", (("default_wait", 60.0),)
    ),
    "quota-seconds": Expected(
        Action(error="QUOTA_EXCEEDED", retry_after=17),
        Outcome.THROTTLED_CREDENTIAL,
        "QUOTA_EXCEEDED",
        (("retry_after", 17.0),),
    ),
    "unavailable": Expected(Action(error="UNAVAILABLE"), Outcome.TRANSIENT, "UNAVAILABLE", (("floor", 10.0),)),
    "unavailable-wait": Expected(
        Action(error="UNAVAILABLE", retry_after=120),
        Outcome.THROTTLED_PROVIDER,
        "UNAVAILABLE",
        (("retry_after", 120.0),),
    ),
    "internal": Expected(Action(error="INTERNAL"), Outcome.TRANSIENT, "INTERNAL"),
    "unspecified": Expected(
        Action(error="UNSPECIFIED_ERROR"), Outcome.TRANSIENT, "UNSPECIFIED_ERROR", (("max_retries", 2),)
    ),
    "gateway": Expected(Action(status=502, body=HTML), Outcome.AMBIGUOUS, "HTTP_502"),
    "gateway-timeout": Expected(Action(status=504), Outcome.AMBIGUOUS, "HTTP_504"),
    "too-large": Expected(Action(status=413), Outcome.MESSAGE, "HTTP_413"),
    "html-400": Expected(Action(status=400, body=HTML), Outcome.MESSAGE, "HTTP_400", (("known", False),)),
    "html-404": Expected(Action(status=404, body=HTML), Outcome.CREDENTIAL, "HTTP_404"),
    "html-200": Expected(Action(status=200, body=HTML), Outcome.OK, "OK", (("provider_id", None),)),
    "empty-403": Expected(Action(status=403), Outcome.CREDENTIAL, "HTTP_403"),
    "redirect": Expected(
        Action(status=302, headers={"location": "https://127.0.0.1:1/"}), Outcome.CREDENTIAL, "HTTP_302"
    ),
    "half-a-body": Expected(Action(error="UNREGISTERED", truncate=True), Outcome.CREDENTIAL, "HTTP_404"),
    "endless-body": Expected(Action(status=500, body="x", padding=200_000), Outcome.TRANSIENT, "HTTP_500"),
    "teapot": Expected(Action(status=418, body="short and stout"), Outcome.MESSAGE, "HTTP_418", (("known", False),)),
    "reset": Expected(Action(manner=Manner.RESET, code=2), Outcome.AMBIGUOUS, "ambiguous"),
}


async def test_every_kind_of_answer_gets_its_verdict_beside_others_on_the_same_connection(
    sim: Simulator, transport: Transport
) -> None:
    outlet = Outlet(sim, transport, ChannelOptions(connections=1))
    try:
        for name, expected in ANSWERS.items():
            sim.fcm.on_token(f"x-{name}", expected.action)
        bystanders = [f"device:{number}" for number in range(100)]
        await outlet.hand_over([*bystanders[:50], *(f"x-{name}" for name in ANSWERS), *bystanders[50:]])
    finally:
        await outlet.aclose()
    for name, expected in ANSWERS.items():
        verdict = outlet.verdicts[f"x-{name}"]
        assert (name, verdict.outcome, verdict.code) == (name, expected.outcome, expected.code)
        for attribute, value in expected.more:
            assert (name, getattr(verdict, attribute)) == (name, value)
    assert {outlet.verdicts[device].outcome for device in bystanders} == {Outcome.OK}


async def test_retry_after_may_be_a_date(sim: Simulator, outlet: Outlet) -> None:
    sim.fcm.on_token("later", Action(error="QUOTA_EXCEEDED", retry_after=40, retry_after_date=True))
    await outlet.hand_over(["later"])
    wait = outlet.verdicts["later"].retry_after
    assert wait is not None
    assert 30 <= wait <= 41


async def test_refused_connection_is_not_a_possible_duplicate(sim: Simulator, outlet: Outlet) -> None:
    await outlet.hand_over(["device:1"])
    await sim.listen(Mode.REFUSE)
    sim.disconnect()
    await outlet.hand_over(["device:2"])
    assert outlet.verdicts["device:2"].outcome in {Outcome.UNSENT, Outcome.AMBIGUOUS}
    await outlet.hand_over(["device:3"])
    assert outlet.verdicts["device:3"].outcome is Outcome.UNSENT
    assert outlet.verdicts["device:3"].floor == 10.0


async def test_lost_answer_is_a_possible_duplicate(sim: Simulator, outlet: Outlet) -> None:
    sim.fcm.on_token("lost", Action(manner=Manner.DROP))
    await outlet.hand_over(["lost"])
    assert outlet.verdicts["lost"].outcome is Outcome.AMBIGUOUS
