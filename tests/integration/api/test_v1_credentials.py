"""Credentials and estimates over `/api/v1`: pauses, the mass guard's suspects, and who is meant."""

from datetime import UTC, datetime
from typing import Any

import pytest
from tests.integration.api.management_client import ONESIGNAL, Api
from tests.integration.api.sent_world import SentWorld

from clarion.db import Database
from clarion.services import Services
from clarion.simulator import Simulator

pytestmark = pytest.mark.anyio


@pytest.fixture
def world(api: Api, database: Database, services: Services) -> SentWorld:
    return SentWorld(api, database, services)


async def _guarded(world: SentWorld) -> tuple[int, list[int]]:
    """An app whose OneSignal credential is paused and guarded: two suspects, one device that is none."""
    app = await world.api.new_app()
    await world.fetchval(
        """
        update app_credential
        set paused_at = now(), pause_reason = 'refused', probe_at = now() + interval '15 minutes',
            guard_tripped_at = now(), guard_code = 'invalid_player_ids'
        where app_id = $1
        """,
        app,
    )
    await world.fetchval(
        "insert into credential_minute values ($1, 'onesignal', date_trunc('minute', now()), 200, 150)", app
    )
    devices = [await world.device(app, transport="onesignal") for _ in range(3)]
    await world.fetchval(
        "update device set suspect_code = 'invalid_player_ids', suspect_at = now() where app_id = $1 and id = any($2)",
        app,
        devices[:2],
    )
    return app, devices


async def _credential(api: Api) -> dict[str, Any]:
    """The OneSignal credential; beside it every app has a VAPID pair."""
    found: list[dict[str, Any]] = await api.ok("GET", "/api/v1/credentials")
    assert [item["provider"] for item in found] == ["onesignal", "webpush"]
    return found[0]


async def _tokens(world: SentWorld, app: int) -> list[tuple[int, str | None, str | None]]:
    async with world.database.acquire() as conn:
        rows = await conn.fetch(
            "select token_state, token_reason, suspect_code from device where app_id = $1 order by token_state desc",
            app,
        )
    return [tuple(row) for row in rows]


async def test_a_credential_tells_its_pause_and_guard_but_no_secret(world: SentWorld, api: Api) -> None:
    app, _ = await _guarded(world)
    found = await _credential(api)
    assert (found["app_id"], found["provider"], found["version"]) == (app, "onesignal", 1)
    assert found["paused"]["reason"] == "refused"
    assert found["paused"]["next_probe_at"] > found["paused"]["since"]
    assert (found["guard"]["code"], found["guard"]["suspects"]) == ("invalid_player_ids", 2)
    assert found["fingerprint"]
    assert ONESIGNAL["api_key"] not in str(found)


async def test_a_paused_credential_is_resumed_once(world: SentWorld, api: Api) -> None:
    app, _ = await _guarded(world)
    for _ in range(2):
        await api.ok("POST", f"/api/v1/apps/{app}/credentials/onesignal/resume", status=204)
    found = await _credential(api)
    assert found["paused"] is None
    assert found["guard"]["suspects"] == 2
    assert await _audited(world, "credential.resume") == 1


async def test_confirmed_suspects_are_not_used_any_more(world: SentWorld, api: Api) -> None:
    app, _ = await _guarded(world)
    path = f"/api/v1/apps/{app}/credentials/onesignal/suspects/confirm"
    assert await api.ok("POST", path) == {"tokens": 2}
    assert await _tokens(world, app) == [(2, "invalid_player_ids", None)] * 2 + [(1, None, None)]
    assert (await _credential(api))["guard"] == {"tripped_at": None, "code": None, "suspects": 0}
    assert await api.ok("POST", path) == {"tokens": 0}
    assert await _audited(world, "credential.confirm_suspects") == 1


async def test_dismissed_suspects_stay_in_use_and_the_guard_forgets(world: SentWorld, api: Api) -> None:
    app, _ = await _guarded(world)
    path = f"/api/v1/apps/{app}/credentials/onesignal/suspects/dismiss"
    assert await api.ok("POST", path) == {"tokens": 2}
    assert await _tokens(world, app) == [(1, None, None)] * 3
    assert (await _credential(api))["guard"] == {"tripped_at": None, "code": None, "suspects": 0}
    assert await world.fetchval("select count(*) from credential_minute") == 0
    assert await api.ok("POST", path) == {"tokens": 0}
    assert await _audited(world, "credential.dismiss_suspects") == 1


@pytest.mark.parametrize("call", ["resume", "suspects/confirm", "suspects/dismiss"])
@pytest.mark.parametrize("provider", ["fcm", "pigeon", "one%00signal"])
async def test_a_provider_without_credential_is_not_found(api: Api, call: str, provider: str) -> None:
    app = await api.new_app()
    await api.refused("POST", f"/api/v1/apps/{app}/credentials/{provider}/{call}", status=404)


async def test_credentials_of_deleted_apps_are_not_listed(api: Api) -> None:
    app = await api.new_app()
    await api.ok("DELETE", f"/apps/{app}", status=204)
    assert await api.ok("GET", "/api/v1/credentials") == []
    await api.refused("POST", f"/api/v1/apps/{app}/credentials/onesignal/resume", status=404)


async def test_an_estimate_counts_reachable_devices_by_app(world: SentWorld, api: Api) -> None:
    one, two = await world.app(), await world.app()
    for app, country in ((one, "PT"), (one, "BR"), (two, "PT")):
        await world.device(app, country=country)
    await world.device(one, country="PT", token_state=2)
    answer = await api.ok("POST", "/api/v1/audiences/estimate", {"all_apps": True, "countries_include": ["pt"]})
    assert (answer["devices"], answer["exact"], answer["margin"]) == (2, True, 0)
    assert answer["by_app"] == [{"app_id": one, "devices": 1}, {"app_id": two, "devices": 1}]
    assert answer["by_country"] == [{"value": "PT", "devices": 2}]


@pytest.mark.parametrize(
    "filter_", [{"all_apps": False}, {"app_ids_include": [987654321]}, {"event_include": "nope"}, {"all_apps": 1}]
)
async def test_a_wrong_filter_is_refused(api: Api, filter_: dict[str, Any]) -> None:
    assert (await api.refused("POST", "/api/v1/audiences/estimate", filter_)).startswith("validation error: ")


async def _audited(world: SentWorld, action: str) -> int:
    count: int = await world.fetchval("select count(*) from audit_entry where action = $1", action)
    return count


async def test_a_certificate_tells_when_it_runs_out_and_a_key_does_not(world: SentWorld, api: Api) -> None:
    """The day is read from the upload; the warning comes by itself, and goes with a new certificate."""
    async with Simulator() as sim:
        creds = sim.apns.certificate(topic="com.example.app")
        body = {"push_provider": "apns", "name": "Weather", "apns_creds": creds}
        app = (await api.ok("POST", "/apps", body, status=201))["id"]
        listed = {item["provider"]: item for item in await api.ok("GET", "/api/v1/credentials")}
        assert listed["webpush"]["expires_at"] is None
        ends = datetime.fromisoformat(listed["apns"]["expires_at"])
        assert ends > datetime.now(UTC)
        await world.fetchval("update app_credential set expires_at = now() + interval '6 days' where provider = 'apns'")
        assert await _alerts(api, "apns") == ["expires_in_7_days"]
        key = {"push_provider": "apns", "apns_creds": sim.apns.key(topic="com.example.app")}
        await api.ok("PUT", f"/apps/{app}/creds", key, status=204)
    assert await _alerts(api, "apns") == []


async def test_what_hinders_a_credential_is_told_and_forgotten_with_its_replacement(world: SentWorld, api: Api) -> None:
    app, _ = await _guarded(world)
    await world.fetchval(
        """
        update app_credential set blocked_until = now() + interval '1 minute', block_reason = 'throttled',
               unknown_answers = 2, unknown_text = 'HTTP_418: teapot', unknown_at = now() where app_id = $1
        """,
        app,
    )
    found = await _credential(api)
    assert [alert["code"] for alert in found["alerts"]] == ["paused", "guard_tripped", "throttled", "unknown_answers"]
    assert found["blocked"]["reason"] == "throttled"
    assert (found["unknown"]["answers"], found["unknown"]["last_text"]) == (2, "HTTP_418: teapot")
    replacement = {"push_provider": "onesignal", "onesignal_creds": ONESIGNAL}
    await api.ok("PUT", f"/apps/{app}/creds", replacement, status=204)
    found = await _credential(api)
    assert (found["alerts"], found["blocked"], found["unknown"]["answers"]) == ([], None, 0)


async def _alerts(api: Api, provider: str) -> list[str]:
    (found,) = [item for item in await api.ok("GET", "/api/v1/credentials") if item["provider"] == provider]
    return [alert["code"] for alert in found["alerts"]]
