"""The published clients, call by call (sdk-api.md §8)."""

import json
from collections.abc import AsyncIterator

import pytest
from tests.integration.api.device_api import Api, open_api

from clarion.db import Database
from clarion.foundation.secrets import Keeper
from clarion.settings import Settings

pytestmark = pytest.mark.anyio

IC_TOKEN = "018f3c1e-7a35-7c58-9d2f-3b7a1c5e8f90"


@pytest.fixture
async def api(database: Database, keeper: Keeper) -> AsyncIterator[Api]:
    async with open_api(database, keeper) as opened:
        yield opened


async def test_android(api: Api) -> None:
    """1.4.1: `origin`, nulls left out, empty tags, lifecycle without a body, `delivered` and `clicked`."""
    created = await api.call("POST", "instances?origin=droid", {"ic_token": IC_TOKEN, "ext_id": ""})
    device = created.json["id"]
    info = {
        "transport_type": "fcm.data",
        "transport_token": "fcm-1",
        "platform_type": "android",
        "agent_name": "1.4.1",
        "lang": "pt",
        "tz_sec": -10_800,
        "tags": {"adID": "ad-1", "segment": "", "webmaster": ""},
        "notif_perm_granted": True,
    }
    assert (await api.call("PUT", f"instances/{device}/info?origin=droid", info)).status == 200
    assert (await api.call("POST", f"instances/{device}/events/lifecycle?origin=droid", b"")).status == 202
    msg_id = await api.deliver(device)
    for event in ("delivered", "clicked"):
        assert (await api.confirm(device, msg_id, event)).status == 202
    out = await api.call("POST", f"instances/{device}/deactivate", {"ic_token": IC_TOKEN, "ext_id": ""})
    assert out.json == {"id": device, "just_created": False}
    row = await api.row(device)
    assert (row["tags"], row["transport"], row["tz_sec"]) == ({"ad_id": "ad-1"}, "fcm.data", -10_800)
    assert await api.counts() == {"delivered": 1, "clicked": 1}


async def test_swift(api: Api) -> None:
    """1.1.2: string ids in create and deactivate, `county`, info before the token is known, every foreground field."""
    device = (await api.call("POST", "instances", {"ic_token": IC_TOKEN, "ext_id": "u-1"})).json["id"]
    assert isinstance(device, str)
    info = {
        "transport_type": "apns",
        "transport_token": "",
        "platform_type": "ios",
        "platform_name": "ios_17",
        "agent_name": "px_swift_sdk_1.1.2",
        "county": "PT",
        "lang": "pt-BR",
        "tz_sec": 3600,
        "tz_name": "Europe/Lisbon",
        "tags": {"audiences": "gender:F,age:>=21"},
        "onscreen_count": 1,
        "onscreen_sec": 5,
        "onscreen_start_ts": 1_767_225_600,
        "onscreen_stop_ts": 0,
        "notif_perm_granted": False,
    }
    reply = await api.call("PUT", f"instances/{device}/info", info)
    assert isinstance(reply.json["update_interval_sec"], int)
    assert (await api.row(device))["token_state"] == 0
    await api.call("PUT", f"instances/{device}/info", {**info, "transport_token": "ab" * 32})
    row = await api.row(device)
    assert (row["token_state"], row["country"], row["lang"]) == (1, "PT", "pt")
    assert row["audiences"] == ["age:>=21", "gender:F", "gender:F,age:>=21"]
    for event in ("onscreen", "background", "closed"):
        assert (await api.call("POST", f"instances/{device}/events/lifecycle", {"event": event})).status == 202
    out = await api.call("POST", f"instances/{device}/deactivate", {"ic_token": IC_TOKEN, "ext_id": "u-1"})
    assert out.json["id"] == device


async def test_web(api: Api) -> None:
    """1.0.0: preflight, no external id key, zero counters, setExternalId by info, events from page and worker."""
    assert (await api.call("OPTIONS", "instances")).status == 204
    device = (await api.call("POST", "instances", {"ic_token": IC_TOKEN})).json["id"]
    keys = {
        "p256dh": "BNcRdreALRFXTkOOUHK1EtK2wtaz5Ry4YfYCA_0QTpQtUbVlUls0VJXg7A8u-Ts1XbjhazAkj7I99e8QcYP7DkM",
        "auth": "tBHItJI5svbpez7KI4CCXg",
    }
    subscription = {"endpoint": "https://fcm.googleapis.com/fcm/send/abc", "expirationTime": None, "keys": keys}
    info = {
        "transport_type": "webpush",
        "transport_token": json.dumps(subscription),
        "platform_type": "browser",
        "platform_name": "Mozilla/5.0",
        "agent_name": "@pushexpress/web-sdk@1.0.0",
        "country": "",
        "lang": "en-US",
        "tz_sec": 0,
        "tags": {},
        "ext_id": "u-1",
        "onscreen_count": 0,
        "onscreen_sec": 0,
    }
    reply = await api.call("PUT", f"instances/{device}/info", info)
    assert reply.json["update_interval_sec"] >= 30
    row = await api.row(device)
    assert (row["token_state"], row["ext_id"], row["country"]) == (1, "u-1", "")
    msg_id = await api.deliver(device)
    for _ in ("page", "worker"):
        assert (await api.confirm(device, msg_id)).status == 202
    assert await api.counts() == {"delivered": 1}


async def test_node_example(database: Database, keeper: Keeper) -> None:
    """Goes on only after a 201; other external ids in create and info."""
    async with open_api(database, keeper, Settings(created_status_201=True)) as api:
        created = await api.call("POST", "instances", {"ic_token": IC_TOKEN, "ext_id": "first"})
        assert created.status == 201
        device = created.json["id"]
        told = {"ext_id": "second", "tags": {"audiences": "a"}, "country": "PT", "lang": "e", "tz_sec": 3600}
        assert (await api.info(device, transport_token="t", **told)).status == 200
        row = await api.row(device)
        assert (row["ext_id"], row["lang"], row["lang_tag"]) == ("second", "", "")


async def test_unity(api: Api) -> None:
    """1.3: creates with a random number as external id, then `""` for ever; reports the FCM message id."""
    device = (await api.call("POST", "instances", {"ic_token": IC_TOKEN, "ext_id": "4815162"})).json["id"]
    for _ in range(2):
        reply = await api.info(device, transport_token="t", ext_id="", country="", lang="", tz_sec=0)
        assert reply.status == 200
    assert (await api.row(device))["ext_id"] == "4815162"
    assert (await api.confirm(device, "0:1709158441%abc")).status == 202


async def test_flutter(api: Api) -> None:
    """0.0.3: the first run uses the installation token as device id, later runs the stored id."""
    device = (await api.call("POST", "instances", {"ic_token": IC_TOKEN})).json["id"]
    assert (await api.info(IC_TOKEN, transport_token="t", county="PT")).json["id"] == device
    assert (await api.info(device, transport_token="t", county="PT")).status == 200


async def test_fcm_example(api: Api) -> None:
    """Logs in and out by external id, old event name, postback with an empty POST."""
    guest = (await api.call("POST", "instances", {"ic_token": IC_TOKEN, "ext_id": ""})).json["id"]
    await api.call("POST", f"instances/{guest}/deactivate", {"ic_token": IC_TOKEN, "ext_id": ""})
    person = (await api.call("POST", "instances", {"ic_token": IC_TOKEN, "ext_id": "u-7"})).json["id"]
    assert person != guest
    tags = {"audiences": "offer1234", "ad_id": "x", "webmaster": "w"}
    await api.info(person, transport_token="t", ext_id="u-7", tags=tags)
    msg_id = await api.deliver(person)
    assert (await api.confirm(person, msg_id, "click")).status == 202
    assert (await api.call("POST", f"/api/postback/?id=u-7&status=dep_{api.account_id}")).status == 200
    assert await api.history(person) == [(0, 1), (2, 1)]
    assert (await api.row(guest))["active"] is False
