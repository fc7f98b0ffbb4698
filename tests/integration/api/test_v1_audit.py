"""The audit log: every change makes exactly one entry, nothing else does, and nobody can change them (AU-10)."""

import asyncpg
import pytest
from tests.integration.api.isolation_cases import MAKERS
from tests.integration.api.management_client import Api
from tests.integration.api.test_isolation import routes_of

from clarion.api.front import Front
from clarion.db import Database

pytestmark = pytest.mark.anyio

AUDIT = "/api/v1/audit"
LOOKING = {
    ("POST", "/api/b/v2/query/app-instances"),
    ("POST", "/api/v1/audiences/estimate"),
    ("POST", "/api/v1/apps/{app_id}/credentials/{provider}/check"),
}
"""Calls that only look, although they are no GET."""
TABLES = (
    *("app", "app_credential", "app_group", "app_group_member", "event_definition", "push", "push_translation"),
    *("scheduler", "comparison", "webhook", "webhook_message", "send"),
)


async def newest(database: Database) -> int:
    async with database.acquire() as conn:
        found: int = await conn.fetchval("select coalesce(max(id), 0) from audit_entry")
    return found


async def entries_since(database: Database, last: int) -> list[tuple[str, str]]:
    async with database.acquire() as conn:
        rows = await conn.fetch("select action, object from audit_entry where id > $1 order by id", last)
    return [(row["action"], row["object"]) for row in rows]


async def state(database: Database) -> list[object]:
    """What calls can change."""
    async with database.acquire() as conn:
        return [await conn.fetchval(f"select jsonb_agg(to_jsonb(t) order by t::text) from {name} t") for name in TABLES]


async def test_each_call_that_changes_something_leaves_an_entry_and_no_other_call_does(
    application: Front, api: Api, database: Database
) -> None:
    changing = 0
    for route in routes_of(application.management):
        own = await MAKERS[route.id_name](api, database) if route.id_name else 0
        before, last = await state(database), await newest(database)
        answer = await api.call(route.method, route.at(own), route.case.body)
        changed, entries = await state(database) != before, await entries_since(database, last)
        assert bool(entries) >= changed, f"{route.method} {route.path} changed something without an entry"
        looking = route.method == "GET" or (route.method, route.path) in LOOKING
        if (looking and not route.path.endswith("/export")) or answer.status_code >= 400:
            assert entries == [], (route, answer.text)
        changing += changed
    assert changing > 25


async def test_an_instant_sending_tells_its_parts(api: Api, database: Database) -> None:
    app_id = await api.new_app()
    last = await newest(database)
    push = {"default_lang": "en", "translations": [{"language": "en", "title": "t", "text": "t"}]}
    body = {"name": "i", "filters": {"app_ids_include": [app_id]}, "push": push}
    created = await api.ok("POST", "/send/instant", body, status=201)
    assert await entries_since(database, last) == [
        ("scheduler.create", f"scheduler:{created['sched_id']}"),
        ("push.create", f"push:{created['push_id']}"),
    ]


async def test_the_log_is_narrowed_and_paged(api: Api, stranger: Api) -> None:
    app_id = await api.new_app()
    for name in ("archive", "unarchive", "archive"):
        await api.ok("POST", f"/apps/{app_id}/{name}", status=204)
    event_id = await api.new_event()
    everything = (await api.ok("GET", AUDIT))["entries"]
    assert [entry["action"] for entry in everything] == [
        "event.create",
        "app.archive",
        "app.unarchive",
        "app.archive",
        "app.create",
        "account.create",
    ]
    assert everything[0]["object"] == f"event:{event_id}"
    assert everything[0]["actor"].startswith("key:")
    assert everything[-1]["actor"] == "operator"

    async def found(query: str) -> list[str]:
        return [entry["action"] for entry in (await api.ok("GET", f"{AUDIT}?{query}"))["entries"]]

    assert await found("action=app.archive") == ["app.archive"] * 2
    assert len(await found("action=app")) == 4
    assert await found("action=ap") == await found("action=app.") == []
    assert await found(f"object=event:{event_id}") == ["event.create"]
    assert await found("actor=operator") == ["account.create"]
    assert await found("to=2001-01-01") == await found("from=2100-01-01T00:00:00Z") == []
    assert len(await found("from=2001-01-01&to=2100-01-01")) == 6
    first = await api.ok("GET", f"{AUDIT}?action=app&limit=3")
    rest = await api.ok("GET", f"{AUDIT}?action=app&limit=3&cursor={first['next_cursor']}")
    assert [entry["action"] for entry in (*first["entries"], *rest["entries"])] == await found("action=app")
    assert rest["next_cursor"] is None
    assert [entry["action"] for entry in (await stranger.ok("GET", AUDIT))["entries"]] == ["account.create"]
    for query in (
        "from=yesterday",
        "to=2026-02-30",
        "from=0001-01-01",
        "to=9999-12-31T23:59:59Z",
        "limit=0",
        "cursor=x",
    ):
        await api.refused("GET", f"{AUDIT}?{query}")


async def test_entries_can_be_neither_changed_nor_deleted(api: Api, database: Database) -> None:
    for statement in ("update audit_entry set actor = 'x'", "delete from audit_entry", "truncate audit_entry"):
        async with database.acquire() as conn:
            with pytest.raises(asyncpg.InsufficientPrivilegeError):
                await conn.execute(statement)
    assert len((await api.ok("GET", AUDIT))["entries"]) == 1
