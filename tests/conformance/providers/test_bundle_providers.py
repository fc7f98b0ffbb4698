"""The OneSignal and Huawei senders against the simulator: bundles, keys, header forms, access tokens."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from uuid import uuid4

import pytest

from clarion.foundation.clock import SystemClock
from clarion.providers.bundles import BundleSender, BundleVerdict
from clarion.providers.contract import Content, Credential, CredentialRefused, Outcome, Verdict
from clarion.providers.http import HttpClient, HttpOptions, PyreqwestTransport
from clarion.providers.huawei.settings import HuaweiSettings
from clarion.providers.onesignal.settings import OnesignalSettings
from clarion.providers.registry import BUNDLED, Outside, open_sender
from clarion.providers.transport import Answer
from clarion.simulator import Action, Rule, Simulator

pytestmark = pytest.mark.anyio

CONTENT = Content("Hi «you»", 'A "quoted" text', image="https://i.example/a.png", link="https://example.com/")
MSG_ID, KEY = b"739576.1.1.0.0123456789abcdef", b"0123456789abcdef0123456789abcdef"


class Outlet:
    """One sender, and what its answers meant."""

    def __init__(self, sim: Simulator, provider: str, values: dict[str, str], *, base: str = "") -> None:
        self.http = HttpClient(HttpOptions(ca_file=sim.ca_file))
        one, two = OnesignalSettings(), HuaweiSettings()
        outside = Outside(
            transport=PyreqwestTransport(),
            http=self.http,
            clock=SystemClock(),
            onesignal=replace(one, url=sim.url + base, channel=replace(one.channel, ca_file=sim.ca_file)),
            huawei=replace(two, url=sim.url, token_url=sim.url, channel=replace(two.channel, ca_file=sim.ca_file)),
        )
        credential = Credential(1, 1, provider, 1, "fingerprint", values)
        sender = open_sender(credential, outside=outside, sink=self._take)
        assert provider in BUNDLED
        self.sender: BundleSender = sender  # type: ignore[assignment]  # as the registry says
        self._answers: asyncio.Queue[Answer] = asyncio.Queue()

    def _take(self, answers: list[Answer]) -> None:
        for answer in answers:
            self._answers.put_nowait(answer)

    async def send(self, tokens: Sequence[str], *, key: bytes = KEY) -> BundleVerdict:
        """One bundle and the verdicts on it."""
        await self.sender.ready()
        prepared = self.sender.prepare(CONTENT, transport="any", ttl=3600)
        sent = [prepared.recipient(token) for token in tokens]
        assert not [one for one in sent if isinstance(one, Verdict)]
        self.sender.submit([prepared.bundle([str(one) for one in sent], MSG_ID, key, object())])
        return self.sender.verdicts(await asyncio.wait_for(self._answers.get(), 10))

    async def aclose(self) -> None:
        await self.sender.aclose(grace=0)
        await self.http.aclose()


@pytest.fixture
async def sim() -> AsyncIterator[Simulator]:
    async with Simulator() as sim:
        yield sim


def uuids(count: int) -> list[str]:
    return [str(uuid4()) for _ in range(count)]


@pytest.mark.parametrize("base", ["", "/api/v1"], ids=["new address", "old address"])
@pytest.mark.parametrize("old", [False, True], ids=["new key", "old key"])
async def test_both_kinds_of_keys_work_at_both_addresses(sim: Simulator, base: str, *, old: bool) -> None:
    outlet = Outlet(sim, "onesignal", sim.onesignal.app(old=old), base=base)
    tokens = uuids(2000)
    assert (await outlet.send(tokens)).common.outcome is Outcome.OK
    assert set(sim.journal.accepted_per_token()) == set(tokens)
    assert {entry.message_id for entry in sim.journal.entries()} == {MSG_ID.decode()}
    await outlet.aclose()


async def test_an_old_key_that_needs_the_new_header_form_is_tried_once_and_remembered(sim: Simulator) -> None:
    outlet = Outlet(sim, "onesignal", sim.onesignal.app(old=True, scheme="key"))
    [token] = uuids(1)
    for _ in range(3):
        assert (await outlet.send([token], key=uuid4().hex.encode())).common.outcome is Outcome.OK
    assert sim.journal.counts() == {"refused:403": 1, "accepted": 3}
    await outlet.aclose()


@pytest.mark.parametrize(("old", "tries"), [(False, 1), (True, 2)])
async def test_a_wrong_key_is_the_credentials_fault(sim: Simulator, *, old: bool, tries: int) -> None:
    values = sim.onesignal.app(old=old)
    outlet = Outlet(sim, "onesignal", {**values, "api_key": values["api_key"][:-1] + "_"})
    assert (await outlet.send(uuids(1))).common.outcome is Outcome.CREDENTIAL
    assert sim.journal.counts() == {"refused:403": tries}
    await outlet.aclose()


async def test_the_same_key_sends_nothing_twice(sim: Simulator) -> None:
    outlet = Outlet(sim, "onesignal", sim.onesignal.app())
    tokens = uuids(3)
    first, second = await outlet.send(tokens), await outlet.send(tokens)
    assert first == second
    assert sim.journal.accepted == 3
    assert sim.onesignal.replayed == 1
    await outlet.aclose()


@pytest.mark.parametrize("shape", ["object", "objects", "players"])
async def test_partial_errors_concern_the_recipients_they_name(sim: Simulator, shape: str) -> None:
    outlet = Outlet(sim, "onesignal", sim.onesignal.app())
    sim.onesignal.shape = shape  # type: ignore[assignment]  # one of the shapes
    dead, alive = "deaddead" + uuids(1)[0][8:], uuids(1)[0]
    verdict = await outlet.send([dead.upper(), alive])
    assert (verdict.of(dead).outcome, verdict.of(alive).outcome) == (Outcome.TOKEN_GUARDED, Outcome.OK)
    await outlet.aclose()


async def test_onesignals_rate_limit_slows_the_credential(sim: Simulator) -> None:
    outlet = Outlet(sim, "onesignal", sim.onesignal.app())
    sim.onesignal.rate_limit = 0
    verdict = (await outlet.send(uuids(1))).common
    assert (verdict.outcome, verdict.retry_after) == (Outcome.THROTTLED_CREDENTIAL, 1)
    await outlet.aclose()


async def test_an_id_that_is_no_uuid_never_leaves(sim: Simulator) -> None:
    outlet = Outlet(sim, "onesignal", sim.onesignal.app())
    refused = outlet.sender.prepare(CONTENT, transport="onesignal", ttl=60).recipient("not-a-uuid")
    assert isinstance(refused, Verdict)
    assert refused.outcome is Outcome.TOKEN_GUARDED
    await outlet.aclose()


async def test_huawei_takes_a_hundred_tokens_with_one_access_token(sim: Simulator) -> None:
    outlet = Outlet(sim, "huawei", sim.huawei.app())
    tokens = [f"token-{number}" for number in range(100)]
    await asyncio.gather(*(outlet.sender.ready() for _ in range(50)))
    verdict = await outlet.send(tokens)
    assert verdict.common.outcome is Outcome.OK
    assert set(sim.journal.accepted_per_token()) == set(tokens)
    assert sum(sim.huawei.accounts.calls.values()) == 1
    await outlet.aclose()


@pytest.mark.parametrize("as_number", [False, True])
async def test_huawei_names_illegal_tokens_with_codes_of_either_kind(sim: Simulator, *, as_number: bool) -> None:
    outlet = Outlet(sim, "huawei", sim.huawei.app())
    sim.huawei.code_as_number = as_number
    verdict = await outlet.send(["alive", "illegal-1"])
    assert (verdict.of("alive").outcome, verdict.of("illegal-1").outcome) == (Outcome.OK, Outcome.TOKEN_GUARDED)
    await outlet.aclose()


async def test_an_expired_access_token_of_huawei_is_replaced_on_request(sim: Simulator) -> None:
    outlet = Outlet(sim, "huawei", sim.huawei.app())
    await outlet.send(["token"])
    sim.huawei.accounts.expire_tokens()
    assert (await outlet.send(["token"])).common.outcome is Outcome.AUTH
    outlet.sender.refresh()
    assert (await outlet.send(["token"])).common.outcome is Outcome.OK
    assert sum(sim.huawei.accounts.calls.values()) == 2
    await outlet.aclose()


async def test_a_wrong_secret_is_refused_with_huaweis_code(sim: Simulator) -> None:
    outlet = Outlet(sim, "huawei", {**sim.huawei.app(), "app_secret": "wrong"})
    with pytest.raises(CredentialRefused) as caught:
        await outlet.sender.ready()
    assert (caught.value.verdict.outcome, caught.value.verdict.code) == (Outcome.CREDENTIAL, "1203.12303")
    await outlet.aclose()


async def test_huaweis_503_is_flow_control(sim: Simulator) -> None:
    outlet = Outlet(sim, "huawei", sim.huawei.app())
    sim.faults.add(Rule(action=Action(error="FLOW_CONTROL"), provider="huawei", endpoint="send"))
    verdict = (await outlet.send(["token"])).common
    assert (verdict.outcome, verdict.default_wait) == (Outcome.THROTTLED_CREDENTIAL, 30)
    await outlet.aclose()


async def test_the_simulator_counts_tokens_that_stand_twice_in_a_list(sim: Simulator) -> None:
    outlet = Outlet(sim, "huawei", sim.huawei.app())
    await outlet.send(["twice", "once", "twice"])
    assert sim.huawei.repeated == 1
    assert sim.journal.duplicates() == {("twice", MSG_ID.decode()): 2}
    await outlet.aclose()
