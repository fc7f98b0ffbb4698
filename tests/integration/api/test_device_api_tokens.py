"""Push tokens: validity, owners, web push subscriptions (decisions.md 12, reliability.md DV-12, SS-1)."""

import asyncio
import base64
import json
import os
from collections.abc import AsyncIterator

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from tests.integration.api.device_api import Api, open_api

from clarion.db import Database
from clarion.features.devices.model import DeviceKey, Info, Report, Token
from clarion.foundation.secrets import Keeper
from clarion.settings import Settings

pytestmark = pytest.mark.anyio

VALID, INVALID, SUPERSEDED, UNUSABLE = 1, 2, 3, 4


@pytest.fixture
async def api(database: Database, keeper: Keeper) -> AsyncIterator[Api]:
    async with open_api(database, keeper, Settings(webpush_hosts=("127.0.0.1:9443",))) as opened:
        yield opened


def subscription(endpoint: str) -> str:
    """What a browser's PushSubscription gives."""
    point = ec.generate_private_key(ec.SECP256R1()).public_key()
    raw = point.public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
    keys = {"p256dh": _base64url(raw), "auth": _base64url(os.urandom(16))}
    return json.dumps({"endpoint": endpoint, "expirationTime": None, "keys": keys})


def _base64url(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")


async def invalidate(api: Api, device: str) -> None:
    """What dispatch does when the provider calls a token dead."""
    async with api.database.acquire() as connection:
        await connection.execute(
            """
            update device set token_state = 2, token_reason = 'UNREGISTERED', token_state_at = now(),
                              suspect_code = 'UNREGISTERED', suspect_at = now()
            where id = $1
            """,
            int(device),
        )


async def state(api: Api, device: str) -> int:
    """The device's token state."""
    return int((await api.row(device))["token_state"])


async def test_a_device_without_a_token_has_none(api: Api) -> None:
    device = await api.create()
    await api.info(device, transport_token="")
    row = await api.row(device)
    assert (row["token"], row["token_hash"], row["token_state"]) == ("", None, 0)


async def test_an_empty_token_keeps_the_one_before_and_its_transport(api: Api) -> None:
    device = await api.create()
    await api.info(device, transport_token="t-1")
    await api.info(device, transport_token="", transport_type="apns")
    row = await api.row(device)
    assert (row["token"], row["transport"], row["token_state"]) == ("t-1", "fcm", VALID)


async def test_an_invalid_token_stays_invalid_until_another_comes(api: Api) -> None:
    device = await api.create()
    await api.info(device, transport_token="t-1")
    await invalidate(api, device)
    await api.info(device, transport_token="t-1", country="pt")
    row = await api.row(device)
    assert (row["token_state"], row["token_reason"], row["country"]) == (INVALID, "UNREGISTERED", "PT")
    await api.info(device, transport_token="t-2")
    row = await api.row(device)
    healed = {name: row[name] for name in ("token", "token_state", "token_reason", "suspect_code", "suspect_at")}
    assert healed == {
        "token": "t-2",
        "token_state": VALID,
        "token_reason": None,
        "suspect_code": None,
        "suspect_at": None,
    }


async def test_a_new_owner_of_a_token_silences_the_old_one(api: Api) -> None:
    old, new = await api.create("ic-1"), await api.create("ic-2")
    await api.info(old, transport_token="t")
    await api.info(new, transport_token="t")
    assert [await state(api, device) for device in (old, new)] == [SUPERSEDED, VALID]


async def test_the_device_that_told_the_token_last_owns_it(api: Api) -> None:
    """Two logins on one phone: whoever is used sends info and gets the pushes."""
    first, second = await api.create("ic-1", "a"), await api.create("ic-1", "b")
    for device, other in ((first, second), (second, first), (first, second)):
        await api.info(device, transport_token="t")
        assert await state(api, device) == VALID
        assert await state(api, other) != VALID


async def test_a_deactivated_device_takes_no_token_from_an_active_one(api: Api) -> None:
    gone, used = await api.create("ic-1", "a"), await api.create("ic-1", "b")
    await api.call("POST", f"instances/{gone}/deactivate", {"ic_token": "ic-1"})
    await api.info(used, transport_token="t")
    await api.info(gone, transport_token="t")
    assert await state(api, used) == VALID


async def test_waking_a_device_takes_its_token_back(api: Api) -> None:
    first, second = await api.create("ic-1", "a"), await api.create("ic-1", "b")
    await api.info(first, transport_token="t")
    await api.call("POST", f"instances/{first}/deactivate", {"ic_token": "ic-1"})
    await api.info(second, transport_token="t")
    assert await api.create("ic-1", "a") == first
    assert [await state(api, device) for device in (first, second)] == [VALID, SUPERSEDED]


async def test_many_devices_with_one_token_in_one_batch_leave_one_owner(api: Api) -> None:
    """DV-12: 60 devices, one token."""
    devices = [await api.create(f"ic-{number}") for number in range(60)]
    replies = await asyncio.gather(*(api.info(device, transport_token="t") for device in devices))
    assert {reply.status for reply in replies} == {200}
    states = [await state(api, device) for device in devices]
    assert sorted(states) == [VALID] + [SUPERSEDED] * 59


async def test_devices_that_swap_tokens_in_one_batch_both_own_one(api: Api) -> None:
    first, second = await api.create("ic-1"), await api.create("ic-2")
    await asyncio.gather(api.info(first, transport_token="t-1"), api.info(second, transport_token="t-2"))
    await asyncio.gather(api.info(first, transport_token="t-2"), api.info(second, transport_token="t-1"))
    rows = [await api.row(device) for device in (first, second)]
    assert sorted(row["token"] for row in rows) == ["t-1", "t-2"]
    assert {row["token_state"] for row in rows} == {VALID}


async def test_processes_that_race_for_a_token_leave_one_owner(api: Api) -> None:
    """The unique index decides; the loser starts again and wins or is silenced."""
    devices = [await api.create(f"ic-{number}") for number in range(8)]
    info = Info(transport="fcm", platform="android", token=Token("raced"))
    reports = [Report(DeviceKey(api.app_id, int(device)), info) for device in devices]
    answers = await asyncio.gather(*(api.services.devices.report([report]) for report in reports))
    assert answers == [[True]] * 8
    states = [await state(api, device) for device in devices]
    assert sorted(states) == [VALID] + [SUPERSEDED] * 7


async def test_equal_tokens_in_two_apps_are_independent(api: Api, database: Database, keeper: Keeper) -> None:
    """TA-4."""
    async with open_api(database, keeper) as other:
        mine, theirs = await api.create("ic-1"), await other.create("ic-1")
        await api.info(mine, transport_token="t")
        await other.info(theirs, transport_token="t")
        assert [await state(api, mine), await state(other, theirs)] == [VALID, VALID]


async def test_apns_tokens_are_stored_in_lower_case(api: Api) -> None:
    device = await api.create()
    await api.info(device, transport_type="apns", transport_token="AB" * 32)
    row = await api.row(device)
    assert (row["token"], row["token_state"]) == ("ab" * 32, VALID)


async def test_an_apns_token_that_apple_cannot_have_made_is_kept_but_not_sent_to(api: Api) -> None:
    device = await api.create()
    reply = await api.info(device, transport_type="apns", transport_token="../3/device/x")
    row = await api.row(device)
    assert (reply.status, row["token_state"]) == (200, UNUSABLE)
    assert row["token_reason"]


async def test_a_web_push_subscription_is_accepted(api: Api) -> None:
    device = await api.create()
    token = subscription("https://updates.push.services.mozilla.com/wpush/v2/abc")
    reply = await api.info(device, transport_type="webpush", platform_type="browser", transport_token=token)
    row = await api.row(device)
    assert (reply.status, row["token_state"]) == (200, VALID)
    assert json.loads(row["token"])["endpoint"] == "https://updates.push.services.mozilla.com/wpush/v2/abc"


async def test_the_same_subscription_written_differently_is_the_same_token(api: Api) -> None:
    first, second = await api.create("ic-1"), await api.create("ic-2")
    token = json.loads(subscription("https://web.push.apple.com/abc"))
    reordered = {"keys": token["keys"], "endpoint": token["endpoint"], "expirationTime": 4_000_000_000_000}
    await api.info(first, transport_type="webpush", transport_token=json.dumps(token))
    await api.info(second, transport_type="webpush", transport_token=json.dumps(reordered, indent=1))
    assert [await state(api, device) for device in (first, second)] == [SUPERSEDED, VALID]


async def test_a_subscription_of_a_foreign_host_is_kept_but_not_sent_to(api: Api) -> None:
    """SS-1: answered 200, so that clients do not loop; the owner sees the reason."""
    device = await api.create()
    token = subscription("https://169.254.169.254/latest/meta-data")
    reply = await api.info(device, transport_type="webpush", transport_token=token)
    row = await api.row(device)
    assert (reply.status, row["token_state"]) == (200, UNUSABLE)
    assert "accepted push service" in row["token_reason"]


async def test_a_host_that_the_operator_names_is_accepted(api: Api) -> None:
    device = await api.create()
    await api.info(device, transport_type="webpush", transport_token=subscription("https://127.0.0.1:9443/push/1"))
    assert await state(api, device) == VALID


async def test_an_unusable_token_becomes_usable_when_the_operator_names_its_host(
    api: Api, database: Database, keeper: Keeper
) -> None:
    device = await api.create()
    token = subscription("https://push.example.org/1")
    await api.info(device, transport_type="webpush", transport_token=token)
    assert await state(api, device) == UNUSABLE
    async with open_api(database, keeper, Settings(webpush_hosts=("push.example.org",))) as allowing:
        path = f"{api.base}/instances/{device}/info"
        told = {"transport_type": "webpush", "platform_type": "browser", "transport_token": token}
        assert (await allowing.call("PUT", path, told)).status == 200
    assert await state(api, device) == VALID


MALFORMED = {
    "not JSON": "not json",
    "empty": "{}",
    "no keys": '{"endpoint":"https://web.push.apple.com/a"}',
    "short keys": '{"endpoint":"https://web.push.apple.com/a","keys":{"p256dh":"AAAA","auth":"AAAA"}}',
    "relative": subscription("web.push.apple.com/a"),
    "space": subscription("https://web.push.apple.com/a b"),
    "port": subscription("https://web.push.apple.com:99999/a"),
    "host": subscription("https://[::1/a"),
    "deep": "[" * 2000,
}


@pytest.mark.parametrize("token", MALFORMED.values(), ids=MALFORMED.keys())
async def test_a_malformed_subscription_is_400(api: Api, token: str) -> None:
    device = await api.create()
    reply = await api.info(device, transport_type="webpush", transport_token=token)
    assert reply.status == 400
    assert await state(api, device) == 0
