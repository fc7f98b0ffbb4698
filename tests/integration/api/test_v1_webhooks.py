"""Webhooks under `/api/v1`: making, changing, testing them, and their log."""

from typing import Any

import pytest
from tests.integration.api.management_client import Api

from clarion.db import Database
from clarion.features.webhooks import EventType, tell
from clarion.services import Services
from clarion.settings import Settings

pytestmark = pytest.mark.anyio

HOOKS = "/api/v1/webhooks"
URL = "https://hooks.example/clarion"


@pytest.fixture
def settings() -> Settings:
    return Settings(webhook_hosts=("127.0.0.1:9000",))


async def make(api: Api, **changes: Any) -> dict[str, Any]:
    body = {"url": URL, "events": ["send.finished", "token.dropped"], **changes}
    created: dict[str, Any] = await api.ok("POST", HOOKS, body, status=201)
    return created


async def test_a_webhook_is_made_shown_changed_and_deleted(api: Api, database: Database) -> None:
    created = await make(api, description="orders")
    assert created["secret"].startswith("whsec_")
    path = f"{HOOKS}/{created['id']}"
    shown = await api.ok("GET", path)
    assert await api.ok("GET", HOOKS) == [shown]
    assert {key: shown[key] for key in ("url", "events", "description", "active", "alerts", "waiting", "dropped")} == {
        "url": URL,
        "events": ["send.finished", "token.dropped"],
        "description": "orders",
        "active": True,
        "alerts": [],
        "waiting": 0,
        "dropped": 0,
    }
    await api.ok("PUT", path, {"active": False, "events": ["event.received"]}, status=204)
    changed = await api.ok("GET", path)
    assert (changed["active"], changed["events"], changed["url"]) == (False, ["event.received"], URL)
    rotated = await api.ok("POST", f"{path}/secret", status=201)
    assert rotated["secret"] != created["secret"]
    assert (await api.ok("GET", path))["old_secret_until"] is not None
    async with database.acquire() as conn:
        stored = await conn.fetchrow("select secret, old_secret from webhook")
        entries = await conn.fetch(
            "select action from audit_entry where object = $1 order by id", f"webhook:{created['id']}"
        )
    assert created["secret"].encode() not in stored["old_secret"]
    await api.ok("DELETE", path, status=204)
    await api.refused("GET", path, status=404)
    assert [row["action"] for row in entries] == ["webhook.create", "webhook.update", "webhook.rotate_secret"]


async def test_addresses_that_are_never_reached_are_refused_at_once(api: Api) -> None:
    for url in [
        "http://hooks.example/",
        "https://hooks.example:9000/",
        "https://127.0.0.1/",
        "https://[::ffff:127.0.0.1]/",
        "https://169.254.169.254/latest/meta-data/",
        "https://2130706433/",
        "https://user@hooks.example/",
        "https://hooks.example/#x",
        "https://hooks.example./",
        "http://127.0.0.1:9001/",
        "ftp://hooks.example/",
        "hooks.example",
        "",
    ]:
        assert "url" in await api.refused("POST", HOOKS, {"url": url, "events": ["send.finished"]})
    await make(api, url="http://127.0.0.1:9000/named-by-the-operator")
    webhook_id = (await make(api, url="https://hooks.example:8443/"))["id"]
    await api.refused("PUT", f"{HOOKS}/{webhook_id}", {"url": "https://10.0.0.1/"})


async def test_wrong_bodies_are_refused_and_ten_webhooks_are_enough(api: Api) -> None:
    for body in (
        {"url": URL},
        {"url": URL, "events": []},
        {"url": URL, "events": ["send.began"]},
        {"url": URL, "events": ["send.finished"], "description": "x" * 201},
    ):
        await api.refused("POST", HOOKS, body)
    for _ in range(10):
        await make(api)
    assert "10 webhooks" in await api.refused("POST", HOOKS, {"url": URL, "events": ["send.finished"]})


async def test_the_log_tells_what_became_of_each_message_and_sends_it_once_more(
    api: Api, stranger: Api, database: Database
) -> None:
    webhook_id = (await make(api))["id"]
    path = f"{HOOKS}/{webhook_id}"
    async with database.transaction() as conn:
        for send_id in (5, 6, 7):
            data = {"send_id": send_id}
            await tell(conn, api.account_id, EventType.SEND_FINISHED, object_=f"send:{send_id}", data=data)
        await conn.execute(
            "update webhook_message set state = 3, settled_at = now(), attempt = 9, last_at = now(), "
            "last_status = 500, last_error = 'answered 500: oops', last_ms = 12 where object = 'send:5'"
        )
    await api.ok("POST", f"{path}/ping", status=201)
    first = await api.ok("GET", f"{path}/deliveries?limit=3")
    rest = await api.ok("GET", f"{path}/deliveries?limit=3&cursor={first['next_cursor']}")
    assert [item["object"] for item in first["deliveries"]] == [f"webhook:{webhook_id}", "send:7", "send:6"]
    [failed] = rest["deliveries"]
    assert rest["next_cursor"] is None
    assert (failed["state"], failed["attempts"], failed["last_status"], failed["last_error"]) == (
        "failed",
        9,
        500,
        "answered 500: oops",
    )
    assert len((await api.ok("GET", f"{path}/deliveries?state=waiting&event=send.finished"))["deliveries"]) == 2
    assert await api.ok("POST", f"{path}/redeliver", {"state": "failed"}, status=201) == {"queued": 1}
    assert await api.ok("POST", f"{path}/redeliver", {"delivery_ids": [failed["id"]]}, status=201) == {"queued": 1}
    again = await api.ok("GET", f"{path}/deliveries?state=waiting&limit=1")
    assert again["deliveries"][0]["event_id"] == failed["event_id"]
    for body in ({}, {"state": "waiting"}, {"state": "failed", "delivery_ids": [1]}):
        await api.refused("POST", f"{path}/redeliver", body)
    foreign = (await stranger.ok("POST", HOOKS, {"url": URL, "events": ["send.finished"]}, status=201))["id"]
    body = {"delivery_ids": [failed["id"]]}
    assert await stranger.ok("POST", f"{HOOKS}/{foreign}/redeliver", body, status=201) == {"queued": 0}


async def test_a_webhook_that_fails_says_so(api: Api, database: Database) -> None:
    path = f"{HOOKS}/{(await make(api))['id']}"
    async with database.acquire() as conn:
        await conn.execute("update webhook set failing_since = now() - interval '1 hour', dropped = 3")
        failing = (await api.ok("GET", path))["alerts"]
        await conn.execute("update webhook set active = false, disabled_at = now()")
        disabled = (await api.ok("GET", path))["alerts"]
    assert "taken nothing since" in failing[0]
    assert "3 messages were dropped" in failing[1]
    assert "made inactive" in disabled[0]
    await api.ok("PUT", path, {"active": True}, status=204)
    assert (await api.ok("GET", path))["alerts"] == failing[1:]


async def test_a_received_event_is_told(api: Api, services: Services, database: Database) -> None:
    await make(api, events=["event.received"])
    app_id = await api.new_app()
    async with database.transaction() as conn:
        device_id = await conn.fetchval(
            "insert into device (app_id, id, account_id, ic_token_hash, ic_token, ext_id) "
            "values ($1, 77, $2, 'h', 's', 'customer-1') returning id",
            app_id,
            api.account_id,
        )
    for _ in range(2):
        assert await services.devices.postback(api.account_id, "dep", reference="customer-1") == 1
    async with database.acquire() as conn:
        told = await conn.fetch("select object, body from webhook_message order by id")
    first, second = ((row["object"], row["body"]["event"], row["body"]["number"]) for row in told)
    assert first == (f"device:{device_id}", "dep", 1)
    assert second == (f"device:{device_id}", "dep", 2)
