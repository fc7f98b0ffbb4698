"""POST /instances (sdk-api.md §2)."""

import asyncio
from collections.abc import AsyncIterator

import pytest
from tests.integration.api.device_api import Api, build_services, open_api

from clarion.api.r_v2 import device_app
from clarion.db import Database
from clarion.foundation.secrets import Keeper
from clarion.settings import Settings

pytestmark = pytest.mark.anyio


@pytest.fixture
async def api(database: Database, keeper: Keeper) -> AsyncIterator[Api]:
    async with open_api(database, keeper) as opened:
        yield opened


async def test_a_new_session_answers_a_string_id_and_a_bool(api: Api) -> None:
    reply = await api.call("POST", "instances", {"ic_token": "ic-1"})
    assert reply.status == 200
    assert set(reply.json) == {"id", "just_created"}
    assert isinstance(reply.json["id"], str)
    assert reply.json["id"].isdigit()
    assert reply.json["just_created"] is True


async def test_created_status_201_is_a_setting_and_only_for_new_sessions(database: Database, keeper: Keeper) -> None:
    async with open_api(database, keeper, Settings(created_status_201=True)) as api:
        statuses = [(await api.call("POST", "instances", {"ic_token": "ic-1"})).status for _ in range(2)]
    assert statuses == [201, 200]


async def test_the_same_session_is_found_again(api: Api) -> None:
    first = await api.create("ic-1", "u-1")
    reply = await api.call("POST", "instances", {"ic_token": "ic-1", "ext_id": "u-1"})
    assert reply.json == {"id": first, "just_created": False}


async def test_absent_null_and_empty_external_ids_are_one_session(api: Api) -> None:
    ids = {
        (await api.call("POST", "instances", body)).json["id"]
        for body in ({"ic_token": "ic-1"}, {"ic_token": "ic-1", "ext_id": None}, {"ic_token": "ic-1", "ext_id": ""})
    }
    assert len(ids) == 1


async def test_another_external_id_is_another_device(api: Api) -> None:
    assert await api.create("ic-1", "u-1") != await api.create("ic-1", "u-2")


async def test_creation_records_the_install_event_once(api: Api) -> None:
    device = await api.create("ic-1")
    await api.create("ic-1")
    assert await api.history(device) == [(0, 1)]
    assert (await api.row(device))["events"] == 1


async def test_parallel_creation_makes_one_row_with_one_just_created(api: Api) -> None:
    """ID-1: 50 equal calls over two processes' batchers → one row, one id, one `just_created`."""
    other = device_app(build_services(api.database, api.keeper, api.clock), Settings())
    twin = Api(other, api.services, api.database, api.keeper, api.account_id, api.app_id, api.clock)
    for round_ in range(10):
        body = {"ic_token": f"ic-{round_}", "ext_id": "u"}
        calls = [(api, twin)[number % 2].call("POST", "instances", body) for number in range(50)]
        replies = await asyncio.gather(*calls)
        assert len({reply.json["id"] for reply in replies}) == 1
        assert sum(reply.json["just_created"] for reply in replies) == 1
    await other.stop()
    async with api.database.acquire() as connection:
        assert await connection.fetchval("select count(*) from device") == 10
        assert await connection.fetchval("select count(*) from device_event") == 10


async def test_the_installation_token_is_not_stored_readably(api: Api) -> None:
    """DV-4: hashed to find it by, sealed for the owner's query."""
    device = await api.create("secret-installation-token")
    row = await api.row(device)
    assert b"secret" not in row["ic_token"]
    opened = api.keeper.open(row["ic_token"], f"ic_token:{api.app_id}:{device}")
    assert opened == b"secret-installation-token"
    assert row["ic_token_hash"] == api.keeper.lookup_hash("secret-installation-token", "ic_token")


async def test_device_ids_are_random_and_long(api: Api) -> None:
    """DV-1: at most 19 digits, not in the order of creation."""
    ids = [int(await api.create(f"ic-{number}")) for number in range(20)]
    assert ids != sorted(ids)
    assert all(0 < device < 2**62 for device in ids)
    assert max(ids) > 2**56


@pytest.mark.parametrize("body", [{}, {"ic_token": ""}, {"ic_token": None}, {"ic_token": 5}, {"ic_token": "x" * 257}])
async def test_a_missing_or_unfit_installation_token_is_400(api: Api, body: object) -> None:
    assert (await api.call("POST", "instances", body)).status == 400


async def test_archived_apps_go_on_registering_and_deleted_ones_do_not(api: Api) -> None:
    async with api.database.acquire() as connection:
        await connection.execute("update app set archived_at = now()")
    assert (await api.call("POST", "instances", {"ic_token": "ic-1"})).status == 200
    async with api.database.acquire() as connection:
        await connection.execute("update app set deleted_at = now()")
    other = device_app(api.services, Settings())
    twin = Api(other, api.services, api.database, api.keeper, api.account_id, api.app_id, api.clock)
    assert (await twin.call("POST", "instances", {"ic_token": "ic-1"})).status == 404


async def test_creation_is_limited_per_network_and_nothing_else_is(database: Database, keeper: Keeper) -> None:
    """BP-4, decisions.md 23: 429 with Retry-After on creation only; other networks are served."""
    async with open_api(database, keeper, Settings(device_create_per_min=3)) as api:
        device = await api.create("ic-0")
        statuses = [
            (await api.call("POST", "instances", {"ic_token": f"ic-{n}"}, client=f"2001:db8::{n:x}")).status
            for n in range(5)
        ]
        assert statuses == [200, 200, 200, 429, 429]
        refused = await api.call("POST", "instances", {"ic_token": "ic-9"}, client="2001:db8::ffff")
        assert int(refused.headers["retry-after"]) >= 1
        assert (await api.call("POST", "instances", {"ic_token": "ic-9"}, client="2001:db9::1")).status == 200
        assert {(await api.info(device)).status for _ in range(10)} == {200}


async def test_client_addresses_are_not_stored(api: Api) -> None:
    """GD-4: nothing of the caller's address is in the device's row."""
    device = await api.create("ic-1")
    await api.info(device)
    assert "203.0.113.9" not in repr(await api.row(device))
