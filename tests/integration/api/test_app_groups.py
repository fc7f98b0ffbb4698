"""Application groups over HTTP: management-api.md §4."""

import asyncio

import pytest
from tests.integration.api.management_client import Api

from clarion.db import Database

pytestmark = pytest.mark.anyio


async def test_a_created_group_is_returned_alone_and_in_the_list(api: Api) -> None:
    first, second = await api.new_app(), await api.new_app()
    group_id = await api.new_group(second, first, second, name="Iberia")
    expected = {"id": group_id, "app_ids": [first, second], "name": "Iberia", "all_apps": False, "archived": False}
    assert await api.ok("GET", f"/app/groups/{group_id}") == expected
    assert await api.ok("GET", "/app/groups") == [expected]
    assert await api.ok("GET", "/app/groups?archived=true") == []


async def test_an_all_apps_group_names_the_active_apps_of_the_moment(api: Api) -> None:
    group_id = (await api.ok("POST", "/app/groups", {"name": "all", "all_apps": True}, status=201))["id"]
    assert (await api.ok("GET", f"/app/groups/{group_id}"))["app_ids"] == []
    first, second = await api.new_app(), await api.new_app()
    assert (await api.ok("GET", f"/app/groups/{group_id}"))["app_ids"] == [first, second]
    await api.ok("POST", f"/apps/{first}/archive", status=204)
    assert (await api.ok("GET", f"/app/groups/{group_id}"))["app_ids"] == [second]


@pytest.mark.parametrize(
    ("body", "text"),
    [
        ({"name": "n", "all_apps": False}, "app_ids must not be empty when all_apps is false"),
        ({"name": "n", "all_apps": False, "app_ids": []}, "app_ids must not be empty when all_apps is false"),
        ({"all_apps": True}, "name is required"),
        ({"name": " ", "all_apps": True}, "name is required"),
        ({"name": "n", "app_ids": [1]}, "all_apps is required"),
        ({"name": "n", "all_apps": "true"}, "all_apps must be true or false, not text"),
        ({"name": "n", "all_apps": False, "app_ids": ["1"]}, "app_ids[0] must be a whole number, not text"),
        ({"name": "n", "all_apps": False, "app_ids": [1.0]}, "app_ids[0] must be a whole number, not a number"),
        ({"name": "n", "all_apps": False, "app_ids": [987654]}, "app_ids contains 987654, which does not exist"),
        ({"name": "n", "all_apps": True, "app_ids": [987654]}, "app_ids contains 987654, which does not exist"),
    ],
)
async def test_a_broken_rule_is_named_and_creates_nothing(api: Api, body: dict[str, object], text: str) -> None:
    assert await api.refused("POST", "/app/groups", body) == f"validation error: {text}"
    assert await api.ok("GET", "/app/groups") == []


async def test_a_put_replaces_all_three_fields(api: Api) -> None:
    first, second = await api.new_app(), await api.new_app()
    group_id = await api.new_group(first)
    await api.ok("PUT", f"/app/groups/{group_id}", {"name": "x", "all_apps": False, "app_ids": [second]}, status=204)
    group = await api.ok("GET", f"/app/groups/{group_id}")
    assert (group["name"], group["app_ids"]) == ("x", [second])
    await api.ok("PUT", f"/app/groups/{group_id}", {"name": "x", "all_apps": True}, status=204)
    assert (await api.ok("GET", f"/app/groups/{group_id}"))["app_ids"] == [first, second]
    assert await api.refused("PUT", f"/app/groups/{group_id}", {"name": "x", "all_apps": False})
    assert (await api.ok("GET", f"/app/groups/{group_id}"))["all_apps"] is True


async def test_archiving_is_idempotent_in_both_directions_and_in_parallel(api: Api, database: Database) -> None:
    group_id = await api.new_group(await api.new_app())
    for action, archived in (("archive", True), ("unarchive", False)):
        answers = await asyncio.gather(*(api.call("POST", f"/app/groups/{group_id}/{action}") for _ in range(8)))
        assert {answer.status_code for answer in answers} == {204}
        assert (await api.ok("GET", f"/app/groups/{group_id}"))["archived"] is archived
        listed = await api.ok("GET", f"/app/groups?archived={str(archived).lower()}")
        assert [group["id"] for group in listed] == [group_id]
    async with database.acquire() as connection:
        rows = await connection.fetch(
            "select action from audit_entry where object = $1 order by id", f"app_group:{group_id}"
        )
    assert [row["action"] for row in rows] == ["app_group.create", "app_group.archive", "app_group.unarchive"]


async def test_a_deleted_group_leaves_all_schedulers(api: Api, database: Database) -> None:
    app_id = await api.new_app()
    group_id, other = await api.new_group(app_id), await api.new_group(app_id)
    filters = [
        {"app_groups_include": [group_id, other], "app_ids_include": [group_id]},
        {"all_apps": True, "app_groups_exclude": [group_id]},
        {"all_apps": True},
    ]
    async with database.acquire() as connection:
        for filter_ in filters:
            await connection.execute(
                """
                insert into scheduler (account_id, type, name, timing, filter) values ($1, 'onesend', 's', '{}', $2)
                """,
                api.account_id,
                filter_,
            )
    await api.ok("DELETE", f"/app/groups/{group_id}", status=204)
    async with database.acquire() as connection:
        rows = await connection.fetch("select filter from scheduler order by id")
    assert [row["filter"] for row in rows] == [
        {"app_groups_include": [other], "app_ids_include": [group_id]},
        {"all_apps": True, "app_groups_exclude": []},
        {"all_apps": True},
    ]
    for method, path in (("GET", ""), ("DELETE", ""), ("POST", "/archive"), ("POST", "/unarchive")):
        await api.refused(method, f"/app/groups/{group_id}{path}", status=404)
    assert (await api.ok("GET", f"/apps/{app_id}"))["groups"] == [{"id": other, "name": "Iberia"}]


async def test_a_group_may_have_10_000_ids_and_no_more(api: Api) -> None:
    app_id = await api.new_app()
    await api.ok("POST", "/app/groups", {"name": "n", "all_apps": False, "app_ids": [app_id] * 10_000}, status=201)
    body = {"name": "n", "all_apps": False, "app_ids": [app_id] * 10_001}
    assert "more than 10000 entries" in await api.refused("POST", "/app/groups", body)
