"""PUT …/info (sdk-api.md §3)."""

import asyncio
import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import pytest
from tests.integration.api.device_api import FULL_INFO, Api, open_api

from clarion.db import Database
from clarion.foundation.secrets import Keeper
from clarion.settings import Settings

pytestmark = pytest.mark.anyio


@pytest.fixture
async def api(database: Database, keeper: Keeper) -> AsyncIterator[Api]:
    async with open_api(database, keeper) as opened:
        yield opened


async def test_the_answer_is_a_string_id_and_a_numeric_interval(api: Api) -> None:
    device = await api.create()
    reply = await api.info(device, **FULL_INFO)
    assert (reply.status, reply.json) == (200, {"id": device, "update_interval_sec": 120})


async def test_the_interval_is_a_setting(database: Database, keeper: Keeper) -> None:
    async with open_api(database, keeper, Settings(update_interval_sec=45)) as api:
        assert (await api.info(await api.create())).json["update_interval_sec"] == 45


async def test_everything_told_is_stored(api: Api) -> None:
    device = await api.create()
    await api.info(device, **FULL_INFO)
    row = await api.row(device)
    expected = {
        "transport": "fcm",
        "token": "fcm-token-1",
        "token_state": 1,
        "token_hash": api.keeper.lookup_hash("fcm-token-1", "token"),
        "platform": "android",
        "platform_name": "android_api_34",
        "agent": "1.4.1",
        "country": "PT",
        "lang": "pt",
        "lang_tag": "pt-BR",
        "tz_sec": 3600,
        "tz_name": "Europe/Lisbon",
        "tags": {"audiences": "vip,new", "ad_id": "a-1"},
        "audiences": ["new", "vip", "vip,new"],
        "onscreen_count": 3,
        "onscreen_sec": 40,
        "onscreen_start_at": datetime.fromtimestamp(1_767_225_600, UTC),
        "onscreen_stop_at": datetime.fromtimestamp(1_767_225_640, UTC),
        "notif_perm_granted": True,
    }
    assert {name: row[name] for name in expected} == expected


@pytest.mark.parametrize("nothing", [{}, {name: None for name in FULL_INFO if not name.endswith("_type")}])
async def test_fields_that_are_absent_or_null_keep_their_values(api: Api, nothing: dict[str, None]) -> None:
    device = await api.create()
    await api.info(device, **FULL_INFO)
    before = await api.row(device)
    await api.info(device, **nothing)
    after = await api.row(device)
    ignored = {"updated_at", "last_seen_at"}
    assert {n: v for n, v in after.items() if n not in ignored} == {n: v for n, v in before.items() if n not in ignored}


async def test_an_unchanged_info_call_writes_nothing(api: Api) -> None:
    """BP-3: the row keeps its very version."""
    device = await api.create()
    await api.info(device, **FULL_INFO)
    before = (await api.row(device), await _version(api, device))
    for _ in range(3):
        assert (await api.info(device, **FULL_INFO)).status == 200
    assert (await api.row(device), await _version(api, device)) == before


async def test_a_change_of_zone_is_dated_but_not_what_a_new_device_tells_first(api: Api) -> None:
    """Sends by local time look for devices that moved in the middle of an occurrence."""
    device = await api.create()
    await api.info(device, **{**FULL_INFO, "tz_name": "Asia/Tokyo"})
    await api.info(device, **FULL_INFO)
    assert (await api.row(device))["zone_at"] is None
    async with api.database.acquire() as connection:
        await connection.execute("update device set created_at = now() - interval '11 minutes'")
    await api.info(device, **{**FULL_INFO, "tz_sec": 0})
    assert (await api.row(device))["zone_at"] is None, "the name counts, whatever the offset"
    await api.info(device, **{**FULL_INFO, "tz_name": "Asia/Tokyo"})
    moved = (await api.row(device))["zone_at"]
    assert moved > datetime.now(UTC) - timedelta(seconds=30)
    await api.info(device, **{**FULL_INFO, "tz_name": "Asia/Tokyo", "country": "JP"})
    assert (await api.row(device))["zone_at"] == moved


async def test_an_old_last_activity_is_refreshed_by_unchanged_info(api: Api) -> None:
    device = await api.create()
    await api.info(device, **FULL_INFO)
    async with api.database.acquire() as connection:
        await connection.execute("update device set last_seen_at = now() - interval '61 seconds'")
    await api.info(device, **FULL_INFO)
    assert (await api.row(device))["last_seen_at"] > datetime.now(UTC) - timedelta(seconds=30)


async def test_a_tags_object_replaces_the_one_before(api: Api) -> None:
    device = await api.create()
    await api.info(device, tags={"audiences": "a", "one": "1"})
    await api.info(device, tags={"two": "2"})
    row = await api.row(device)
    assert (row["tags"], row["audiences"]) == ({"two": "2"}, [])


async def test_a_device_that_tells_no_agent_is_plain(api: Api) -> None:
    device = await api.create()
    await api.info(device)
    assert (await api.row(device))["agent"] == "plain_0.0.0"
    await api.info(device, agent_name="px_1")
    await api.info(device)
    assert (await api.row(device))["agent"] == "px_1"


async def test_the_misspelt_county_counts_when_country_is_absent(api: Api) -> None:
    device = await api.create()
    await api.info(device, county="br")
    assert (await api.row(device))["country"] == "BR"
    await api.info(device, county="de", country="fr")
    assert (await api.row(device))["country"] == "FR"


async def test_an_installation_token_in_the_path_finds_its_device(api: Api) -> None:
    """flutter 0.0.3 (sdk-api.md §8)."""
    uuid = "0d9c6b1e-7a35-4c58-9d2f-3b7a1c5e8f90"
    device = await api.create(uuid)
    assert (await api.info(uuid, country="es")).json["id"] == device
    assert (await api.row(device))["country"] == "ES"


async def test_an_unknown_installation_token_in_the_path_is_404(api: Api) -> None:
    assert (await api.info("0d9c6b1e-7a35-4c58-9d2f-3b7a1c5e8f90")).status == 404


@pytest.mark.parametrize(
    "missing", [{"transport_type": None}, {"transport_type": ""}, {"platform_type": None}, {"platform_type": ""}]
)
async def test_missing_types_are_400(api: Api, missing: dict[str, object]) -> None:
    assert (await api.info(await api.create(), **missing)).status == 400


async def test_an_unknown_transport_is_400(api: Api) -> None:
    assert (await api.info(await api.create(), transport_type="pigeon")).status == 400


@pytest.mark.parametrize("transport", ["fcm", "fcm.data", "onesignal", "huawei"])
async def test_tokens_of_other_services_are_opaque(api: Api, transport: str) -> None:
    device = await api.create()
    await api.info(device, transport_type=transport, transport_token="Any:Token_1")
    row = await api.row(device)
    assert (row["transport"], row["token"], row["token_state"]) == (transport, "Any:Token_1", 1)


async def test_empty_external_ids_do_not_wipe(api: Api) -> None:
    """unity 1.3 sends `""` with every info call (Q3)."""
    device = await api.create("ic-1", "1234567")
    await api.info(device, ext_id="")
    assert (await api.row(device))["ext_id"] == "1234567"


async def test_an_external_id_told_by_info_becomes_the_session_key(api: Api) -> None:
    device = await api.create("ic-1")
    await api.info(device, ext_id="u-1")
    assert await api.create("ic-1", "u-1") == device
    assert await api.create("ic-1") != device


async def test_taking_a_session_deactivates_the_device_that_had_it(api: Api) -> None:
    first, second = await api.create("ic-1", "old"), await api.create("ic-1", "new")
    assert (await api.info(first, ext_id="new", country="it")).status == 200
    assert (await api.row(first))["ext_id"] == "new"
    assert (await api.row(first))["country"] == "IT"
    assert (await api.row(second))["active"] is False
    assert await api.create("ic-1", "new") == first


async def test_alternating_sessions_never_pile_up_devices(api: Api) -> None:
    """node-ex: the external id differs between create and info, on every page load."""
    for _ in range(6):
        device = await api.create("ic-1", "created")
        await api.info(device, ext_id="told")
    async with api.database.acquire() as connection:
        assert await connection.fetchval("select count(*) from device") == 2


async def test_two_devices_that_take_one_session_in_one_batch_are_both_answered(api: Api) -> None:
    first, second = await api.create("ic-1", "a"), await api.create("ic-1", "b")
    replies = await asyncio.gather(api.info(first, ext_id="c"), api.info(second, ext_id="c"))
    assert [reply.status for reply in replies] == [200, 200]
    rows = [await api.row(first), await api.row(second)]
    assert sorted(row["ext_id"] == "c" and row["active"] for row in rows) == [False, True]


async def test_parallel_updates_of_different_fields_lose_none(api: Api) -> None:
    """ID-4: partial updates merge, inside a batch and between batches."""
    device = await api.create()
    for round_ in range(20):
        await asyncio.gather(
            api.info(device, onscreen_count=round_),
            api.info(device, onscreen_sec=round_ * 2),
            api.info(device, tags={"round": str(round_)}),
        )
        row = await api.row(device)
        assert (row["onscreen_count"], row["onscreen_sec"]) == (round_, round_ * 2)
        assert row["tags"] == {"round": str(round_)}


async def test_info_never_creates(api: Api) -> None:
    assert (await api.info("123456789")).status == 404
    async with api.database.acquire() as connection:
        assert await connection.fetchval("select count(*) from device") == 0


async def test_calls_of_one_batch_are_one_statement(api: Api) -> None:
    """Merging: many calls of many devices are written by few statements."""
    devices = [await api.create(f"ic-{number}") for number in range(20)]
    async with api.database.acquire() as connection:
        before = await connection.fetchval("select txid_current()")
    await asyncio.gather(*(api.info(device, onscreen_count=n) for device in devices for n in range(5)))
    async with api.database.acquire() as connection:
        after = await connection.fetchval("select txid_current()")
    assert after - before <= 5
    assert {(await api.row(device))["onscreen_count"] for device in devices} == {4}


async def test_a_refused_call_harms_no_other_of_its_batch(api: Api) -> None:
    devices = [await api.create(f"ic-{number}") for number in range(5)]
    replies = await asyncio.gather(
        *(api.info(device, country="pl") for device in devices), api.info("77"), api.info(devices[0], tags=5)
    )
    assert [reply.status for reply in replies] == [200] * 5 + [404, 400]


async def test_old_keys_of_version_one_have_no_effect(api: Api) -> None:
    device = await api.create()
    told = {"onscreen_cnt": 5, "country_net": "DE", "timezone": 3600, "app_id": 7, "fcm_token": "t", "install_ts": 1}
    await api.info(device, **told)
    row = await api.row(device)
    assert (row["onscreen_count"], row["country"], row["tz_sec"], row["token"]) == (None, "", None, "")


async def _version(api: Api, device: str) -> str:
    async with api.database.acquire() as connection:
        return json.dumps(await connection.fetchval("select xmin::text from device where id = $1", int(device)))
