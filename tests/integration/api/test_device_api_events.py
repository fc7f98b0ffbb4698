"""Events and deactivation (sdk-api.md §4)."""

import asyncio
import random
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import pytest
from tests.integration.api.device_api import Api, open_api

from clarion.db import Database
from clarion.foundation.ids import MessageIds
from clarion.foundation.secrets import Keeper

pytestmark = pytest.mark.anyio


@pytest.fixture
async def api(database: Database, keeper: Keeper) -> AsyncIterator[Api]:
    async with open_api(database, keeper) as opened:
        yield opened


async def delivery(api: Api, device: str) -> tuple[bool, bool]:
    """Whether the device's message is delivered, and clicked."""
    async with api.database.acquire() as connection:
        row = await connection.fetchrow(
            "select delivered_at, clicked_at from delivery where device_id = $1", int(device)
        )
    assert row is not None
    return row["delivered_at"] is not None, row["clicked_at"] is not None


async def test_an_event_is_answered_202_with_null(api: Api) -> None:
    device = await api.create()
    reply = await api.confirm(device, await api.deliver(device))
    assert (reply.status, reply.body, reply.headers["content-type"]) == (202, b"null", "application/json")


@pytest.mark.parametrize("event", ["delivered", "delivery"])
async def test_a_delivery_is_counted(api: Api, event: str) -> None:
    device = await api.create()
    await api.confirm(device, await api.deliver(device), event)
    assert await delivery(api, device) == (True, False)
    assert await api.counts() == {"delivered": 1}


@pytest.mark.parametrize("event", ["clicked", "click"])
async def test_a_click_is_also_a_delivery(api: Api, event: str) -> None:
    device = await api.create()
    await api.confirm(device, await api.deliver(device), event)
    assert await delivery(api, device) == (True, True)
    assert await api.counts() == {"delivered": 1, "clicked": 1}


async def test_counts_carry_the_dimensions_of_the_delivery(api: Api) -> None:
    device = await api.create()
    await api.confirm(device, await api.deliver(device))
    async with api.database.acquire() as connection:
        row = await connection.fetchrow("select * from stat_hour")
    assert row is not None
    dimensions = ("account_id", "app_id", "send_id", "push_id", "country", "lang", "platform")
    assert [row[name] for name in dimensions] == [api.account_id, api.app_id, 7, 9, "PT", "en", "android"]
    assert row["hour"] == datetime.now(UTC).replace(minute=0, second=0, microsecond=0)


async def test_events_repeated_in_any_order_count_once(api: Api) -> None:
    """ID-2: page and service worker both report, retries, clicks before deliveries."""
    rng = random.Random(5)  # noqa: S311 - a reproducible order
    devices = [await api.create(f"ic-{number}") for number in range(12)]
    messages = [(device, await api.deliver(device)) for device in devices]
    calls = [(*message, event) for message in messages for event in ("delivered", "clicked", "delivered") * 2]
    rng.shuffle(calls)
    replies = await asyncio.gather(*(api.confirm(*call) for call in calls))
    assert {reply.status for reply in replies} == {202}
    assert await api.counts() == {"delivered": 12, "clicked": 12}


async def test_a_batch_msg_id_counts_for_the_device_of_the_path(api: Api) -> None:
    """OneSignal and Huawei: one msg_id for many devices."""
    first, second = await api.create("ic-1"), await api.create("ic-2")
    msg_id = await api.deliver(first, batch=True)
    await api.deliver(second, batch=True)
    await api.confirm(first, msg_id)
    await api.confirm(second, msg_id, "clicked")
    assert await delivery(api, first) == (True, False)
    assert await delivery(api, second) == (True, True)


async def test_forged_and_foreign_msg_ids_are_accepted_and_dropped(api: Api, keeper: Keeper) -> None:
    """DV-9."""
    device, other = await api.create("ic-1"), await api.create("ic-2")
    genuine = await api.deliver(device)
    forger = MessageIds(b"k" * 32)
    prefix = forger.prefix(datetime.now(UTC).date(), 7, api.app_id)
    foreign_app = MessageIds(keeper.message_key).prefix(datetime.now(UTC).date(), 7, api.app_id + 1)
    forged = [
        genuine[:-1] + ("0" if genuine[-1] != "0" else "1"),
        forger.make(prefix, int(device))[0].decode(),
        MessageIds(keeper.message_key).make(foreign_app, int(device))[0].decode(),
        "0:1709158441%unity",
        "1709158441_6662.5bd0116a-d112-4771-93ea-8be47c9402e0.0",
        "é" * 10,
        "x" * 500,
    ]
    for msg_id in forged:
        assert (await api.confirm(device, msg_id)).status == 202
    assert (await api.confirm(other, genuine)).status == 202
    assert await delivery(api, device) == (False, False)
    assert await api.counts() == {}


async def test_old_messages_no_longer_count(api: Api) -> None:
    """ID-3: replayed 60 days later."""
    device = await api.create()
    msg_id = await api.deliver(device)
    api.clock.ahead = timedelta(days=60)
    assert (await api.confirm(device, msg_id)).status == 202
    assert await api.counts() == {}
    api.clock.ahead = timedelta(days=30)
    await api.confirm(device, msg_id)
    assert await api.counts() == {"delivered": 1}


async def test_another_account_s_message_is_not_found(api: Api) -> None:
    device = await api.create()
    msg_id = await api.deliver(device)
    async with api.database.acquire() as connection:
        await connection.execute("update delivery set account_id = account_id + 1")
    assert (await api.confirm(device, msg_id)).status == 202
    assert await api.counts() == {}


async def test_a_waiting_message_that_the_device_confirms_is_delivered(api: Api) -> None:
    device = await api.create()
    msg_id = await api.deliver(device)
    async with api.database.acquire() as connection:
        await connection.execute("update delivery set state = 1, settled_at = null, may_be_sent = true")
    await api.confirm(device, msg_id)
    assert await delivery(api, device) == (True, False)


async def test_a_device_faster_than_the_record_of_its_message_is_counted(api: Api) -> None:
    device = await api.create()
    call = asyncio.create_task(api.confirm(device, api.msg_id(device)))
    await asyncio.sleep(0.05)
    await api.deliver(device)
    assert (await call).status == 202
    assert await api.counts() == {"delivered": 1}


@pytest.mark.parametrize(
    "body",
    [
        {"event": "delivered"},
        {"msg_id": "", "event": "delivered"},
        {"msg_id": None, "event": "delivered"},
        {"msg_id": "x"},
        {"msg_id": "x", "event": ""},
        {"msg_id": "x", "event": "opened"},
        {"msg_id": 5, "event": "delivered"},
    ],
)
async def test_unfit_notification_events_are_400(api: Api, body: object) -> None:
    device = await api.create()
    assert (await api.call("POST", f"instances/{device}/events/notification", body)).status == 400


@pytest.mark.parametrize("event", ["onscreen", "background", "closed", "hbeat"])
async def test_lifecycle_events_are_accepted(api: Api, event: str) -> None:
    device = await api.create()
    reply = await api.call("POST", f"instances/{device}/events/lifecycle", {"event": event})
    assert (reply.status, reply.body) == (202, b"null")


@pytest.mark.parametrize("body", [b"", b"  \n", b"null"])
async def test_a_lifecycle_call_without_a_body_is_a_heartbeat(api: Api, body: bytes) -> None:
    """android 1.3-1.4: no body, no content type."""
    device = await api.create()
    reply = await api.call("POST", f"instances/{device}/events/lifecycle?origin=droid", body)
    assert (reply.status, reply.body) == (202, b"null")


async def test_other_lifecycle_events_are_400(api: Api) -> None:
    device = await api.create()
    for body in ({"event": "asleep"}, {"event": None}, {}, [], {"event": 1}):
        assert (await api.call("POST", f"instances/{device}/events/lifecycle", body)).status == 400


async def test_activity_is_noted_at_most_once_a_minute(api: Api) -> None:
    device = await api.create()
    async with api.database.acquire() as connection:
        await connection.execute("update device set last_seen_at = now() - interval '1 hour'")
    await api.call("POST", f"instances/{device}/events/lifecycle", b"")
    noted = (await api.row(device))["last_seen_at"]
    assert noted > datetime.now(UTC) - timedelta(minutes=1)
    async with api.database.acquire() as connection:
        await connection.execute("update device set last_seen_at = now() - interval '2 hours'")
    await api.call("POST", f"instances/{device}/events/lifecycle", b"")
    assert (await api.row(device))["last_seen_at"] < datetime.now(UTC) - timedelta(hours=1)
    api.clock.ahead = timedelta(seconds=61)
    await api.call("POST", f"instances/{device}/events/lifecycle", b"")
    assert (await api.row(device))["last_seen_at"] > datetime.now(UTC) - timedelta(minutes=1)


async def test_events_of_an_inactive_device_are_accepted(api: Api) -> None:
    device = await api.create()
    msg_id = await api.deliver(device)
    await api.call("POST", f"instances/{device}/deactivate", {"ic_token": "ic-1"})
    assert (await api.confirm(device, msg_id)).status == 202
    assert (await api.call("POST", f"instances/{device}/events/lifecycle", b"")).status == 202
    assert await api.counts() == {"delivered": 1}


async def test_events_of_unknown_devices_are_404(api: Api) -> None:
    assert (await api.confirm("1234", "x")).status == 404
    assert (await api.call("POST", "instances/1234/events/lifecycle", b"")).status == 404


async def test_deactivation_answers_a_string_id_and_repeats(api: Api) -> None:
    """swift retries for ever unless the JSON has a string id; android parses the creation model."""
    device = await api.create("ic-1", "u-1")
    for _ in range(2):
        reply = await api.call("POST", f"instances/{device}/deactivate", {"ic_token": "ic-1", "ext_id": "u-1"})
        assert (reply.status, reply.json) == (200, {"id": device, "just_created": False})
    assert (await api.row(device))["active"] is False


async def test_deactivation_compares_the_installation_token_only(api: Api) -> None:
    device = await api.create("ic-1", "u-1")
    reply = await api.call("POST", f"instances/{device}/deactivate", {"ic_token": "ic-1", "ext_id": "changed"})
    assert reply.status == 200


async def test_deactivation_needs_the_installation_token(api: Api) -> None:
    """DV-4."""
    device = await api.create("ic-1")
    for body in ({"ic_token": "ic-2"}, {"ic_token": ""}, {}):
        assert (await api.call("POST", f"instances/{device}/deactivate", body)).status == 400
    assert (await api.row(device))["active"] is True


async def test_deactivation_of_an_unknown_device_is_404(api: Api) -> None:
    assert (await api.call("POST", "instances/1234/deactivate", {"ic_token": "ic-1"})).status == 404


async def test_creation_wakes_a_deactivated_device(api: Api) -> None:
    device = await api.create("ic-1", "u-1")
    await api.call("POST", f"instances/{device}/deactivate", {"ic_token": "ic-1"})
    reply = await api.call("POST", "instances", {"ic_token": "ic-1", "ext_id": "u-1"})
    assert reply.json == {"id": device, "just_created": False}
    assert (await api.row(device))["active"] is True
