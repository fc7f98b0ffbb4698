"""What web pages load from `/sdk`, and the calls of the public web SDK 1.0.0 (sdk-api.md §3, §8)."""

import base64
import json
import os
from itertools import takewhile
from typing import Any

import httpx
import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from tests.integration.api.management_client import Api

from clarion.db import Database

pytestmark = pytest.mark.anyio


def subscription(endpoint: str = "https://updates.push.services.mozilla.com/wpush/v2/abc") -> dict[str, Any]:
    """What a browser's `PushSubscription.toJSON()` gives."""
    public = ec.generate_private_key(ec.SECP256R1()).public_key()
    point = public.public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
    keys = {"p256dh": _text(point), "auth": _text(os.urandom(16))}
    return {"endpoint": endpoint, "expirationTime": None, "keys": keys}


def _text(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


@pytest.mark.parametrize("name", ["clarion.js", "clarion-sw.js"])
async def test_scripts_are_open_to_pages_of_any_origin(http: httpx.AsyncClient, name: str) -> None:
    answer = await http.get(f"/sdk/{name}")
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "text/javascript; charset=utf-8"
    assert answer.headers["access-control-allow-origin"] == "*"
    assert answer.headers["service-worker-allowed"] == "/"
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert "/**" not in answer.text


async def test_both_scripts_together_stay_small(http: httpx.AsyncClient) -> None:
    page, worker = [await http.get(f"/sdk/{name}") for name in ("clarion.js", "clarion-sw.js")]
    shared = sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], zip(page.content, worker.content, strict=False)))
    assert shared > 1000
    assert len(page.content) + len(worker.content) - shared < 10_000


async def test_the_example_page_loads_nothing_from_elsewhere(http: httpx.AsyncClient) -> None:
    page = await http.get("/sdk/example/")
    assert page.headers["content-type"] == "text/html; charset=utf-8"
    assert "default-src 'self'" in page.headers["content-security-policy"]
    for name in ("page.js", "page.css", "worker.js"):
        assert (await http.get(f"/sdk/example/{name}")).status_code == 200


@pytest.mark.parametrize("path", ["other.js", "shared.js", "example/index.html", "..%2fapp.py", "apps/x.json"])
async def test_nothing_else_is_served(http: httpx.AsyncClient, path: str) -> None:
    assert (await http.get(f"/sdk/{path}")).status_code == 404


async def test_a_page_learns_the_key_that_its_app_signs_with(api: Api, http: httpx.AsyncClient) -> None:
    app_id = await api.new_app()
    for name in (f"{app_id}-{api.account_id}", str(app_id)):
        answer = await http.get(f"/sdk/apps/{name}.json")
        assert answer.status_code == 200
        assert answer.headers["access-control-allow-origin"] == "*"
        (key,) = answer.json().values()
        assert len(key) == 87
        assert list(answer.json()) == ["vapid_key"]


async def test_the_key_is_told_under_the_right_account_only(api: Api, stranger: Api) -> None:
    app_id = await api.new_app()
    for name in (f"{app_id}-{stranger.account_id}", f"{app_id}-{2**63}", f"{2**63}-1", str(2**64), str(app_id + 1)):
        assert (await api.http.get(f"/sdk/apps/{name}.json")).status_code == 404
    await api.call("POST", f"/apps/{app_id}/archive")
    assert (await api.http.get(f"/sdk/apps/{app_id}-{api.account_id}.json")).status_code == 200
    await api.call("DELETE", f"/apps/{app_id}")
    assert (await api.http.get(f"/sdk/apps/{app_id}-{api.account_id}.json")).status_code == 404


async def test_calls_of_the_public_web_sdk_are_answered_as_it_expects(
    api: Api, http: httpx.AsyncClient, database: Database
) -> None:
    """Create once, info with its fields, events from page and worker; any 2xx with JSON on the first two."""
    base = f"/api/r/v2/apps/{await api.new_app()}-{api.account_id}/instances"
    created = (await http.post(base, json={"ic_token": "0b9e2f9c-5f0e-4f8a-9b1c-2f6d8c5a7e10"})).json()
    assert isinstance(created["id"], str)
    assert created["just_created"] is True
    info = {
        "transport_type": "webpush",
        "transport_token": json.dumps(subscription()),
        "platform_type": "browser",
        "platform_name": ("Mozilla/5.0 (X11; Linux x86_64) " * 10)[:200],
        "agent_name": "@pushexpress/web-sdk@1.0.0",
        "country": "",
        "lang": "pt",
        "tz_sec": -10800,
        "tags": {"audiences": "offer1234"},
        "onscreen_count": 0,
        "onscreen_sec": 0,
    }
    told = await http.put(f"{base}/{created['id']}/info", json=info)
    assert told.json() == {"id": created["id"], "update_interval_sec": 120}
    for event in ("delivered", "clicked", "delivered"):
        body = {"msg_id": "739576.1.1.abc", "event": event}
        answer = await http.post(f"{base}/{created['id']}/events/notification", json=body)
        assert answer.status_code == 202
    for event in ("onscreen", "background", "closed"):
        answer = await http.post(f"{base}/{created['id']}/events/lifecycle", json={"event": event})
        assert answer.status_code == 202
    async with database.acquire() as connection:
        row = await connection.fetchrow("select transport, token_state, lang, audiences from device")
    assert tuple(row) == ("webpush", 1, "pt", ["offer1234"])


async def test_a_browser_may_send_the_proof_of_its_installation(http: httpx.AsyncClient, api: Api) -> None:
    base = f"/api/r/v2/apps/{await api.new_app()}-{api.account_id}/instances"
    preflight = await http.options(base, headers={"access-control-request-headers": "content-type,x-instance-token"})
    assert preflight.headers["access-control-allow-headers"] == "content-type, x-instance-token"
    answer = await http.post(base, json={"ic_token": "t-1"}, headers={"x-instance-token": "t-1"})
    assert answer.status_code == 200
