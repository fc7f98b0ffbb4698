"""Apps, their credentials and app groups in the console."""

import json
from typing import Any

import pytest
from tests.integration.api.management_client import service_account
from tests.integration.console.conftest import ORIGIN, Visitor

from clarion.console.tokens import form_token
from clarion.services import Services

pytestmark = pytest.mark.anyio


async def upload(visitor: Visitor, path: str, fields: dict[str, str], content: bytes, name: str = "key.json") -> Any:
    """Send a form with a file."""
    data = {"form_token": form_token(visitor.cookie), **fields}
    files = {"file": (name, content)}
    return await visitor.http.post(f"/console{path}", data=data, files=files, headers={"origin": ORIGIN})


async def test_an_app_lives_from_the_downloaded_key_to_its_deletion(owner: Visitor, services: Services) -> None:
    key = json.dumps(service_account()).encode()
    made = await upload(owner, "/apps/new/firebase", {"name": "Weather <b>PT</b>", "link": ""}, key)
    assert made.status_code == 303, made.text
    path = made.headers["location"].removeprefix("/console")
    page = await owner.page(path)
    assert "Weather &lt;b&gt;PT&lt;/b&gt;" in page
    assert "<b>PT" not in page
    assert "PRIVATE KEY" not in page
    assert path.rpartition("/")[2] in await owner.page("/apps?q=weather")
    assert "No app is called so" in await owner.page("/apps?q=nothing")

    replaced = await upload(owner, f"{path}/credentials/firebase", {}, json.dumps(service_account()).encode())
    assert replaced.headers["location"].endswith(path)
    assert await owner.done(f"{path}/edit", {"name": "Weather", "link": "https://store.example/w"}) == path
    assert "https://store.example/w" in await owner.page(path)
    assert (await owner.post(f"{path}/edit", {"name": ""})).status_code == 422

    await owner.done(f"{path}/archive")
    assert "Weather" in await owner.page("/apps?archived=1")
    assert "Weather" not in await owner.page("/apps")
    await owner.done(f"{path}/restore")
    assert await owner.done(f"{path}/delete") == "/apps"
    await owner.page(path, status=404)


WRONG_UPLOADS: list[tuple[str, dict[str, str], bytes, str]] = [
    ("firebase", {}, b"not json", "This is not the JSON file that Firebase gives"),
    ("firebase", {}, b'{"type": "authorized_user"}', "firebase_creds"),
    ("firebase", {}, b"x" * 300_000, "too large to be a key"),
    ("apns", {"topic": "a.b", "team_id": "T" * 10, "key_id": "K" * 10}, b"\xff\x00", "This is not a key file"),
    ("apns", {"kind": "certificate", "topic": "a.b"}, b"\x30\x82", "apns_creds.certificate"),
]


async def test_a_wrong_upload_is_explained_and_makes_nothing(owner: Visitor) -> None:
    for transport, fields, content, words in WRONG_UPLOADS:
        given = {"name": "X", "environment": "production", **fields}
        answer = await upload(owner, f"/apps/new/{transport}", given, content)
        assert answer.status_code == 422, words
        assert words in answer.text
    assert "No app yet" in await owner.page("/apps")


async def test_keys_without_a_file_make_apps_too(owner: Visitor) -> None:
    ids = {"app_id": "0b0c5d1e-0000-4a4a-9a9a-7f6f5f4f3f2f", "secret": "k-9"}
    path = await owner.done("/apps/new/onesignal", {"name": "One", **ids})
    assert ids["app_id"] in await owner.page(path)
    await owner.done(f"{path}/credentials/huawei", {"app_id": "100200300", "secret": "s-1"})
    assert "Huawei Push Kit" in await owner.page(path)
    assert (await owner.post("/apps/new/carrier-pigeon", {"name": "x"})).status_code == 404
    assert (await owner.post(f"{path}/check/pigeon")).status_code == 404


async def test_suspect_tokens_are_decided_on_the_page(owner: Visitor, database: Any) -> None:
    path = await owner.done("/apps/new/huawei", {"name": "H", "app_id": "100200300", "secret": "s-1"})
    app_id = int(path.rpartition("/")[2])
    async with database.acquire() as connection:
        await connection.execute(
            "update app_credential set guard_tripped_at = now(), guard_code = '80300007', paused_at = now() "
            "where app_id = $1 and provider = 'huawei'",
            app_id,
        )
    page = await owner.page(path)
    assert "They are good" in page
    assert "80300007" in page
    assert await owner.done(f"{path}/suspects/huawei", {"verdict": "good"}) == path
    await owner.done(f"{path}/resume/huawei")
    assert "They are good" not in await owner.page(path)


async def test_groups_name_apps_and_forget_them(owner: Visitor) -> None:
    app = await owner.done("/apps/new/huawei", {"name": "H", "app_id": "100200300", "secret": "s-1"})
    app_id = app.rpartition("/")[2]
    empty = await owner.post("/app-groups/new", {"name": "Iberia", "all_apps": ""})
    assert empty.status_code == 422
    assert "Choose at least one app." in empty.text
    await owner.done("/app-groups/new", {"name": "Iberia", "all_apps": "", "app_ids": [app_id]})
    assert "Iberia" in await owner.page(app)
    listed = await owner.page("/app-groups")
    group = listed.split('href="/console/app-groups/')[2].partition('"')[0]
    assert 'value="' + app_id + '" checked' in await owner.page(f"/app-groups/{group}")
    await owner.done(f"/app-groups/{group}", {"name": "All", "all_apps": "1"})
    assert "all active ones" in await owner.page("/app-groups")
    await owner.done(f"/app-groups/{group}/archive")
    assert "All" in await owner.page("/app-groups?archived=1")
    await owner.done(f"/app-groups/{group}/restore")
    await owner.done(f"/app-groups/{group}/delete")
    await owner.page(f"/app-groups/{group}", status=404)


async def test_another_account_finds_nothing(owner: Visitor, stranger: Visitor) -> None:
    app = await owner.done("/apps/new/huawei", {"name": "H", "app_id": "100200300", "secret": "s-1"})
    await owner.done("/app-groups/new", {"name": "G", "all_apps": "1"})
    assert "No app yet" in await stranger.page("/apps")
    for path in (app, f"{app}/edit", f"{app}/credentials/huawei"):
        await stranger.page(path, status=404)
    for path in (f"{app}/archive", f"{app}/delete", f"{app}/check/huawei", f"{app}/resume/huawei"):
        assert (await stranger.post(path)).status_code == 404
    app_id = app.rpartition("/")[2]
    assert (await stranger.post("/app-groups/new", {"name": "x", "app_ids": [app_id]})).status_code == 422
