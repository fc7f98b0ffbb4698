"""The story of a device over HTTP: what happened to it, and why not what did not (decisions.md 21)."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from tests.integration.api.management_client import Api
from tests.integration.api.sent_world import Outcome, SentWorld

from clarion.db import Database
from clarion.features.deliveries.model import State
from clarion.services import Services

pytestmark = pytest.mark.anyio


@pytest.fixture
def world(api: Api, database: Database, services: Services) -> SentWorld:
    return SentWorld(api, database, services)


async def story(api: Api, device: int) -> dict[str, Any]:
    answer: dict[str, Any] = await api.ok("GET", f"/api/v1/devices/{device}/story")
    return answer


async def causes(api: Api, device: int) -> dict[int, str]:
    """Send → why the device has no delivery in it."""
    return {item["send_id"]: item["cause"] for item in (await story(api, device))["missed"]}


async def test_the_device_is_told_with_its_token_masked(world: SentWorld, api: Api) -> None:
    app = await world.app()
    token = "fcm-0123456789-0123456789-end"
    device = await world.device(app, token=token, country="PT", lang="pt", ext_id="user-1", audiences=["gold"])
    await world.fetchval("update device set tags = $1 where id = $2", {"webmaster": "w"}, device)
    told = (await story(api, device))["device"]
    assert (told["id"], told["app_id"], told["external_id"]) == (str(device), app, "user-1")
    assert (told["country"], told["language"], told["tags"], told["audiences"]) == (
        "PT",
        "pt",
        {"webmaster": "w"},
        ["gold"],
    )
    assert (told["token"]["state"], told["token"]["transport"]) == ("valid", "fcm")
    assert told["token"]["masked"].startswith("fcm-01")
    assert token not in str(told)


async def test_an_iphone_is_told_with_the_environment_that_took_its_token(world: SentWorld, api: Api) -> None:
    phone = await world.device(await world.app(), transport="apns", token="ab" * 32)
    await world.fetchval("update device set apns_environment = 'sandbox' where id = $1", phone)
    told = (await story(api, phone))["device"]
    assert told["token"]["apns_environment"] == "sandbox"


async def test_all_registrations_of_the_installation_are_told(world: SentWorld, api: Api) -> None:
    app = await world.app()
    first = await world.device(app, ic_token_hash=b"same", ext_id="a", active=False)
    second = await world.device(app, ic_token_hash=b"same", ext_id="b")
    await world.device(app, ic_token_hash=b"other")
    told = (await story(api, second))["registrations"]
    assert {(item["id"], item["external_id"], item["active"]) for item in told} == {
        (str(first), "a", False),
        (str(second), "b", True),
    }


async def test_events_are_told_with_their_codes_newest_first(world: SentWorld, api: Api) -> None:
    app = await world.app()
    device = await world.device(app)
    await world.fetchval(
        """
        insert into device_event (app_id, device_id, at, bit, number)
        values ($1, $2, now() - interval '2 minutes', 0, 1), ($1, $2, now(), 1, 1)
        """,
        app,
        device,
    )
    told = (await story(api, device))["events"]
    assert [(item["code"], item["number"]) for item in told] == [("reg", 1), ("install", 1)]


async def test_a_delivery_tells_the_code_and_our_decision(world: SentWorld, api: Api) -> None:
    app = await world.app()
    device = await world.device(app, token_state=2, token_reason="UNREGISTERED", token_hash=b"token")
    send = await world.send(app)
    await world.record(send, app, [Outcome(device, State.FAILED, "token", "UNREGISTERED")])
    [told] = (await story(api, device))["deliveries"]
    assert (told["send_id"], told["state"], told["code"]) == (send, "failed", "UNREGISTERED")
    assert told["decision"] == (
        "the provider says that the app was removed from this device, or its token ran out, "
        "so its token is not used any more"
    )


async def test_deliveries_of_other_devices_are_not_told(world: SentWorld, api: Api) -> None:
    app = await world.app()
    one, two = await world.device(app), await world.device(app)
    send = await world.send(app)
    await world.record(send, app, [Outcome(two)])
    told = await story(api, one)
    assert told["deliveries"] == []
    assert [item["send_id"] for item in told["missed"]] == [send]


async def test_each_missed_send_is_explained(world: SentWorld, api: Api) -> None:
    app, other = await world.app(), await world.app()
    device = await world.device(app, country="PT", created_at=datetime.now(UTC) - timedelta(days=1))
    filtered = await world.scheduler(all_apps=True, countries_include=["BR"])
    elsewhere = await world.scheduler(app_ids_include=[other])
    long_ago = datetime.now(UTC) - timedelta(days=2)
    expected = {
        await world.send(app, scheduler_id=filtered): "not_matched",
        await world.send(other, scheduler_id=elsewhere): "app_not_meant",
        await world.send(app, cutoff_at=long_ago, due_at=long_ago): "registered_later",
        await world.send(app): "changed_since",
    }
    running = await world.send(state="running", finished_at=None)
    await world.slice(running, 0, app, state="ready")
    expected[running] = "credential_missing"
    assert await causes(api, device) == expected


async def test_sends_by_local_time_to_other_zones_are_told_apart_until_one_has_reached_the_device(
    world: SentWorld, api: Api
) -> None:
    app = await world.app()
    created = datetime.now(UTC) - timedelta(days=9)
    device = await world.device(app, tz_name="Europe/Lisbon", created_at=created)
    scheduler, at = await world.scheduler(), datetime.now(UTC)
    part = {"scheduler_id": scheduler, "occurrence": at, "zone_apps": []}
    lisbon = await world.send(app, **part, zones=["Europe/Lisbon"], zone_bucket=0)
    tokyo = await world.send(app, **part, zones=["Asia/Tokyo"], zone_bucket=32_400)
    sweep = await world.send(app, **part, zones=[], zone_bucket=-1_000_000)
    await world.send(app, scheduler_id=scheduler, zone_bucket=-1_000_001, device_ids=[device + 1])
    assert await causes(api, device) == {lisbon: "changed_since", tokyo: "other_part", sweep: "other_part"}
    await world.record(lisbon, app, [Outcome(device)])
    assert await causes(api, device) == {}


async def test_the_parts_of_the_filter_that_do_not_match_are_named(world: SentWorld, api: Api) -> None:
    app = await world.app()
    device = await world.device(app, country="PT", lang="pt", events=1)
    scheduler = await world.scheduler(
        all_apps=True,
        countries_include=["BR"],
        languages_exclude=["pt"],
        audiences_include=["gold"],
        event_include="dep",
    )
    await world.send(app, scheduler_id=scheduler)
    [missed] = (await story(api, device))["missed"]
    assert missed["scheduler_id"] == scheduler
    assert missed["explanation"].endswith("filter: countries and languages and audiences and events")


@pytest.mark.parametrize(
    ("columns", "cause"),
    [
        ({"active": False}, "deactivated"),
        ({"token_state": 0, "token": "", "token_hash": None}, "no_token"),
        ({"token_state": 2, "token_reason": "UNREGISTERED"}, "token_invalid"),
        ({"token_state": 3}, "token_superseded"),
        ({"token_state": 4, "token_reason": "host not allowed"}, "token_unusable"),
        ({"transport": "apns"}, "credential_missing"),
    ],
)
async def test_the_state_of_a_device_explains_what_it_missed(
    world: SentWorld, api: Api, columns: dict[str, Any], cause: str
) -> None:
    app = await world.app()
    device = await world.device(app, **columns)
    send = await world.send(app)
    assert await causes(api, device) == {send: cause}


async def test_a_paused_credential_explains_a_send_that_does_not_go_on(world: SentWorld, api: Api) -> None:
    app = await world.app()
    device = await world.device(app)
    await world.fetchval(
        """
        insert into app_credential (app_id, provider, account_id, sealed, fingerprint, paused_at, pause_reason)
        values ($1, 'fcm', $2, '', 'f', now(), 'PERMISSION_DENIED')
        """,
        app,
        api.account_id,
    )
    send = await world.send(state="running", finished_at=None)
    await world.slice(send, 0, app, state="ready")
    [missed] = (await story(api, device))["missed"]
    assert (missed["send_id"], missed["cause"]) == (send, "credential_paused")
    assert "PERMISSION_DENIED" in missed["explanation"]


async def test_sends_older_than_thirty_days_are_left_out(world: SentWorld, api: Api) -> None:
    app = await world.app()
    device = await world.device(app)
    await world.send(app, day=(datetime.now(UTC) - timedelta(days=31)).date())
    recent = await world.send(app)
    assert list(await causes(api, device)) == [recent]


async def test_the_device_of_another_account_is_not_found(world: SentWorld, api: Api, stranger: Api) -> None:
    device = await world.device(await world.app())
    await stranger.refused("GET", f"/api/v1/devices/{device}/story", status=404)
    await api.refused("GET", "/api/v1/devices/9223372036854775808/story", status=404)
    await api.refused("GET", "/api/v1/devices/abc/story")


async def test_the_devices_of_a_deleted_app_have_no_story(world: SentWorld, api: Api) -> None:
    app = await api.new_app()
    device = await world.device(app)
    await api.ok("DELETE", f"/apps/{app}", status=204)
    await api.refused("GET", f"/api/v1/devices/{device}/story", status=404)
