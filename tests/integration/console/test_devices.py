"""Devices in the console: found, filtered, and their stories."""

import pytest
from tests.factories import new_app, new_device
from tests.integration.console.conftest import Visitor

from clarion.db import Database
from clarion.foundation.secrets import Keeper

pytestmark = pytest.mark.anyio


async def test_a_device_is_found_by_each_of_its_names_and_tells_why_it_got_nothing(
    owner: Visitor, stranger: Visitor, database: Database, keeper: Keeper
) -> None:
    assert owner.member is not None
    token = "0190c8a0-0000-7000-8000-000000000001"
    async with database.acquire() as connection:
        app_id = await new_app(connection, owner.member.account_id)
        device_id = await new_device(
            connection,
            owner.member.account_id,
            app_id,
            ext_id="u-77",
            country="PT",
            lang="pt",
            agent="<script>alert(1)</script>",
            ic_token_hash=keeper.lookup_hash(token, "ic_token"),
            token_state=2,
            token_reason="UNREGISTERED",
        )
        await connection.execute("update device set tags = $1 where id = $2", {"name": "<b>Ana</b>"}, device_id)
        await new_device(connection, owner.member.account_id, app_id, country="BR", lang="pt", platform="android")
    for name in ("u-77", token, str(device_id)):
        assert f"/console/devices/{device_id}" in await owner.page(f"/devices?q={name}"), name
        assert "No device is known by this" in await stranger.page(f"/devices?q={name}")
    page = await owner.page(f"/devices/{device_id}")
    for words in ("token dead", "UNREGISTERED", "u-77", "&lt;script&gt;", "&lt;b&gt;Ana"):
        assert words in page, words
    assert "<b>Ana" not in page
    await stranger.page(f"/devices/{device_id}", status=404)

    sample = await owner.page("/devices?countries=br, pt&platforms=android")
    assert "BR" in sample
    assert f"/console/devices/{device_id}" not in sample, "its token is dead: no filter means it"
    assert "Nobody" in await owner.page("/devices?countries=DE")
    assert "alert-warning" in await owner.page("/devices?countries=Germany"), "a wrong filter is explained"
    assert "alert-warning" in await owner.page("/devices?event=never_heard_of")
    assert "alert-warning" in await stranger.page(f"/devices?app={app_id}")


async def test_a_device_is_exported_and_a_person_erased(
    owner: Visitor, editor: Visitor, viewer: Visitor, database: Database, keeper: Keeper
) -> None:
    assert owner.member is not None
    devices = []
    async with database.acquire() as connection:
        app_id = await new_app(connection, owner.member.account_id)
        for _ in range(3):
            device = await new_device(connection, owner.member.account_id, app_id, ext_id="u <1>", token="secret-token")
            sealed = keeper.seal("installation", f"ic_token:{app_id}:{device}")
            await connection.execute("update device set ic_token = $1 where id = $2", sealed, device)
            devices.append(device)
    path = f"/devices/{devices[0]}"
    assert (await viewer.get(f"{path}/export")).status_code == 403
    assert "Erase" not in await editor.page(path)
    told = await editor.get(f"{path}/export")
    assert told.headers["content-disposition"] == f'attachment; filename="device-{devices[0]}.json"'
    [record] = told.json()["devices"]
    assert (record["device"]["token"], record["device"]["installation_token"]) == ("secret-token", "installation")
    assert "Erase all devices of u &lt;1&gt; for good?" in await owner.page(path)
    assert await owner.done(f"{path}/erase") == "/devices"
    assert "The device is erased." in await owner.page("/devices")
    await owner.page(path, status=404)
    assert (await editor.post("/devices/erase-person", {"external_id": "u <1>"})).status_code == 403
    assert await owner.done("/devices/erase-person", {"external_id": "u <1>"}) == "/devices"
    assert "The person is erased. Devices: 2" in await owner.page("/devices")
    assert (await owner.post("/devices/erase-person", {"external_id": "nobody"})).status_code == 404
