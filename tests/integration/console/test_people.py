"""Audiences, audience groups, saved filters and events in the console."""

import re

import pytest
from tests.factories import new_app, new_device
from tests.integration.console.conftest import Visitor

from clarion.db import Database
from clarion.features.audiences import Filter
from clarion.services import Services

pytestmark = pytest.mark.anyio


async def test_audiences_are_listed_with_their_sizes_page_by_page(
    owner: Visitor, stranger: Visitor, database: Database, services: Services
) -> None:
    assert owner.member is not None
    account_id = owner.member.account_id
    assert "No audience yet" in await owner.page("/audiences")
    async with database.acquire() as connection:
        app_id = await new_app(connection, account_id)
        for number in range(60):
            audiences = ["<b>vip</b>", f"level {number:02}"]
            await new_device(connection, account_id, app_id, audiences=audiences)
    while await services.reach.settle():
        pass
    page = await owner.page("/audiences")
    assert "&lt;b&gt;vip&lt;/b&gt;" in page
    assert re.search(r"vip.*?<td[^>]*>60</td>", page, re.DOTALL)
    assert "audiences=level+00" in page
    assert "level 59" not in page
    after = page.partition("after=")[2].partition('"')[0]
    later = await owner.page(f"/audiences?after={after}")
    assert "level 59" in later
    assert "level 00" not in later
    found = await owner.page("/audiences?q=level 5")
    assert "level 50" in found
    assert "level 49" not in found
    assert "No audience begins like this" in await owner.page("/audiences?q=Level")
    assert "No audience yet" in await stranger.page("/audiences")


async def test_groups_of_audiences_and_saved_filters(owner: Visitor, services: Services) -> None:
    empty = await owner.post("/audience-groups/new", {"name": "Loyal", "audiences": " \n "})
    assert empty.status_code == 422
    refused = await owner.post("/audience-groups/new", {"name": "Loyal", "audiences": "x" * 2_000})
    assert refused.status_code == 422
    assert "alert-danger" in refused.text
    await owner.done("/audience-groups/new", {"name": "Loyal <i>", "audiences": "gold\r\nsilver\n\ngold"})
    listed = await owner.page("/audience-groups")
    assert "gold, silver" in listed
    assert "Loyal &lt;i&gt;" in listed
    path = f"/audience-groups/{re.findall(r'audience-groups/([0-9]+)', listed)[0]}"
    assert "gold\nsilver" in await owner.page(path)
    await owner.done(path, {"name": "Loyal", "audiences": "bronze"})
    await owner.done(f"{path}/archive")
    assert "bronze" in await owner.page("/audience-groups?archived=1")
    assert "No group yet" in await owner.page("/audience-groups")
    await owner.done(f"{path}/restore")
    assert await owner.done(f"{path}/delete") == "/audience-groups"

    assert owner.member is not None
    assert "No saved filter" in await owner.page("/audiences/filters")
    session = await services.sessions.find(owner.cookie)
    assert session is not None
    wanted = Filter(all_apps=True, countries_include=["PT"], audiences_exclude=["vip"])
    saved = await services.saved_filters.create(session.caller, name="Iberia", filter_=wanted)
    page = await owner.page("/audiences/filters")
    for words in ("Iberia", "PT", "all but vip"):
        assert words in page
    assert await owner.done(f"/audiences/filters/{saved}/delete") == "/audiences/filters"
    assert "No saved filter" in await owner.page("/audiences/filters")


async def test_an_event_lives_from_its_address_to_its_deletion(
    owner: Visitor, editor: Visitor, stranger: Visitor, database: Database
) -> None:
    assert owner.member is not None
    account_id = owner.member.account_id
    assert (await owner.post("/events/new", {"name": "Bought", "code": "no spaces"})).status_code == 422
    path = await owner.done("/events/new", {"name": "<b>Bought</b>", "code": "ticket"})
    page = await owner.page(path)
    assert f"status=ticket_{account_id}" in page
    assert "<b>Bought" not in page
    listed = await owner.page("/events")
    assert "built in" in listed
    assert f"status=ticket_{account_id}" in listed

    async with database.acquire() as connection:
        app_id = await new_app(connection, account_id)
        device = await new_device(connection, account_id, app_id, ext_id="u-1")
    for reference in ("u-1", str(device)):
        tried = await editor.post(f"{path}/test", {"reference": reference, "fires": "1"})
        assert "The event is recorded. Devices: 1" in tried.text
    unknown = await editor.post(f"{path}/test", {"reference": "nobody"})
    assert unknown.status_code == 422
    assert "No active device is known by this" in unknown.text
    async with database.acquire() as connection:
        recorded = await connection.fetch(
            "select number from device_event where device_id = $1 order by number", device
        )
    assert [row["number"] for row in recorded] == [1, 2]

    await owner.done(f"{path}/deactivate")
    ignored = await owner.post(f"{path}/test", {"reference": "u-1"})
    assert "Nothing was recorded" in ignored.text
    await owner.done(f"{path}/activate")
    assert await owner.done(path, {"name": "Bought", "code": "bought"}) == path
    assert f"status=bought_{account_id}" in await owner.page(path)
    in_use = await owner.post(path, {"name": "Bought", "code": "reg"})
    assert in_use.status_code == 422
    assert (await editor.post(f"{path}/delete")).status_code == 403
    assert await owner.done(f"{path}/delete") == "/events"
    await owner.page(path, status=404)
    assert "bought" not in await stranger.page("/events")


async def test_postbacks_are_protected_from_the_page(owner: Visitor, editor: Visitor, services: Services) -> None:
    wanted = {"signature_required": "1", "networks": "203.0.113.0/24\n198.51.100.7", "quiet": "1"}
    early = await editor.post("/events/protection", wanted)
    assert early.status_code == 422
    assert "make a secret" in early.text
    assert (await editor.post("/events/protection/secret")).status_code == 403
    made = await owner.post("/events/protection/secret")
    secret = re.findall(r"pbsec_[\w-]+", made.text)[0]
    assert secret not in await owner.page("/events/protection")
    await editor.done("/events/protection", wanted)
    assert owner.member is not None
    options, has_secret = await services.postbacks.get(owner.member.account_id)
    assert has_secret
    assert (options.signature_required, options.quiet, options.starts_auto_push) == (True, True, False)
    assert options.networks == ["203.0.113.0/24", "198.51.100.7/32"]
    wrong = await owner.post("/events/protection", {"networks": "everywhere"})
    assert wrong.status_code == 422
