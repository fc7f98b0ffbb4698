"""The live check of credentials: what works, what is refused and why, what cannot be asked (CR-5)."""

import json
import time
from collections.abc import AsyncIterator
from typing import Any

import pytest
from tests.integration.api.management_client import Api

from clarion.features.deliveries import checking
from clarion.settings import Settings
from clarion.simulator import Simulator
from clarion.simulator.listener import Mode

pytestmark = pytest.mark.anyio
TOPIC = "com.example.weather"


@pytest.fixture
async def sim() -> AsyncIterator[Simulator]:
    async with Simulator() as simulator:
        yield simulator


@pytest.fixture
def settings(sim: Simulator) -> Settings:
    """Every provider is the simulator."""
    return Settings(
        fcm_url=sim.url,
        apns_url=sim.url,
        apns_sandbox_url=sim.url.replace("127.0.0.1", "localhost"),
        onesignal_url=sim.url,
        huawei_url=sim.url,
        huawei_token_url=sim.url,
        token_uri_allow=(f"{sim.url}/token",),
        provider_ca_file=sim.ca_file,
    )


async def new_app(api: Api, provider: str, credentials: dict[str, Any]) -> int:
    body = {"push_provider": provider, "name": "Weather", f"{provider}_creds": credentials}
    created: int = (await api.ok("POST", "/apps", body, status=201))["id"]
    return created


async def check(api: Api, app: int, provider: str) -> dict[str, Any]:
    found: dict[str, Any] = await api.ok("POST", f"/api/v1/apps/{app}/credentials/{provider}/check")
    assert set(found) == {"ok", "code", "message", "checked_at"}
    return found


def credentials_of(sim: Simulator, provider: str) -> dict[str, Any]:
    """Fresh ones that work."""
    makers = {
        "firebase": lambda: sim.service_account(project_id="weather-pt"),
        "apns": lambda: sim.apns.key(topic=TOPIC),
        "onesignal": sim.onesignal.app,
        "huawei": sim.huawei.app,
    }
    return makers[provider]()


@pytest.mark.parametrize("provider", ["firebase", "apns", "onesignal", "huawei"])
async def test_a_working_credential_is_accepted_and_nothing_is_sent(api: Api, sim: Simulator, provider: str) -> None:
    app = await new_app(api, provider, credentials_of(sim, provider))
    found = await check(api, app, {"firebase": "fcm"}.get(provider, provider))
    assert (found["ok"], found["code"]) == (True, "accepted"), found
    assert found["message"].endswith("nothing was sent")
    assert sim.journal.accepted == 0
    assert sim.journal.counts().total() == 1


async def test_an_old_onesignal_key_and_an_apple_certificate_are_accepted(api: Api, sim: Simulator) -> None:
    app = await new_app(api, "onesignal", sim.onesignal.app(old=True, scheme="key"))
    assert (await check(api, app, "onesignal"))["ok"]
    app = await new_app(api, "apns", sim.apns.certificate(topic=TOPIC, environment="sandbox", password="x"))
    assert (await check(api, app, "apns"))["ok"]
    assert sim.journal.accepted == 0


async def test_a_web_push_key_is_our_own(api: Api) -> None:
    app = await api.new_app()
    assert (await check(api, app, "webpush"))["ok"]


async def test_a_revoked_key_is_refused_in_words(api: Api, sim: Simulator) -> None:
    creds = sim.apns.key(topic=TOPIC)
    app = await new_app(api, "apns", creds)
    sim.apns.keys.change(creds["auth_key_id"], revoked=True)
    found = await check(api, app, "apns")
    assert (found["ok"], found["code"]) == (False, "InvalidProviderToken")
    assert "Apple refuses the credential" in found["message"]
    assert "revoked" in found["message"]


async def test_a_topic_that_the_key_does_not_cover_is_refused(api: Api, sim: Simulator) -> None:
    app = await new_app(api, "apns", sim.apns.key(topic=TOPIC, topics=("com.example.other",)))
    found = await check(api, app, "apns")
    assert (found["ok"], found["code"]) == (False, "TopicDisallowed")


async def test_a_denied_project_and_a_deleted_account_are_refused(api: Api, sim: Simulator) -> None:
    app = await new_app(api, "firebase", sim.service_account(project_id="weather-pt"))
    sim.fcm.deny("weather-pt")
    found = await check(api, app, "fcm")
    assert (found["ok"], found["code"]) == (False, "PERMISSION_DENIED")
    creds = sim.service_account(project_id="weather-br")
    app = await new_app(api, "firebase", creds)
    sim.fcm.accounts.revoke(creds["client_email"])
    found = await check(api, app, "fcm")
    assert (found["ok"], found["code"]) == (False, "invalid_grant")
    assert "clock" in found["message"]


@pytest.mark.parametrize("provider", ["onesignal", "huawei"])
async def test_a_wrong_secret_is_refused(api: Api, sim: Simulator, provider: str) -> None:
    creds = credentials_of(sim, provider)
    secret = "api_key" if provider == "onesignal" else "app_secret"
    app = await new_app(api, provider, creds | {secret: "os_v2_app_wrong"})
    found = await check(api, app, provider)
    assert found["ok"] is False
    assert found["code"] not in {"accepted", "unavailable"}, found
    assert "os_v2_app_wrong" not in json.dumps(found)


async def test_a_provider_that_is_down_says_nothing_about_the_credential(api: Api, sim: Simulator) -> None:
    app = await new_app(api, "apns", sim.apns.key(topic=TOPIC))
    await sim.listen(Mode.REFUSE)
    found = await check(api, app, "apns")
    assert (found["ok"], found["code"]) == (False, "unavailable")
    assert "says nothing about the credential" in found["message"]


async def test_a_provider_that_never_answers_is_given_up(
    api: Api, sim: Simulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(checking, "PATIENCE", 1.0)
    app = await new_app(api, "firebase", sim.service_account(project_id="weather-pt"))
    await sim.listen(Mode.BLACKHOLE)
    began = time.monotonic()
    found = await check(api, app, "fcm")
    assert (found["ok"], found["code"]) == (False, "unavailable")
    assert time.monotonic() - began < 10


async def test_a_finding_is_given_again_until_the_credential_is_replaced(api: Api, sim: Simulator) -> None:
    app = await new_app(api, "onesignal", sim.onesignal.app())
    first = await check(api, app, "onesignal")
    assert await check(api, app, "onesignal") == first
    assert sim.journal.counts().total() == 1
    body = {"push_provider": "onesignal", "onesignal_creds": sim.onesignal.app()}
    await api.ok("PUT", f"/apps/{app}/creds", body, status=204)
    assert await check(api, app, "onesignal") != first
    assert sim.journal.counts().total() == 2


async def test_nobody_checks_what_is_not_theirs(api: Api, stranger: Api) -> None:
    app = await api.new_app()
    path = f"/api/v1/apps/{app}/credentials"
    await stranger.refused("POST", f"{path}/onesignal/check", status=404)
    await api.refused("POST", f"{path}/fcm/check", status=404)
    await api.refused("POST", f"{path}/pigeon/check", status=404)
