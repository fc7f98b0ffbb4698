"""Custom events over HTTP: management-api.md §8."""

import asyncio

import pytest
from tests.integration.api.management_client import Api

from clarion.db import Database
from clarion.services import Services

pytestmark = pytest.mark.anyio


async def test_a_created_event_is_active_and_custom(api: Api) -> None:
    event_id = (await api.ok("POST", "/events", {"name": "Level up", "code": "level_up"}, status=201))["id"]
    expected = {"id": event_id, "name": "Level up", "code": "level_up", "status": 1, "type": "CUSTOM"}
    assert await api.ok("GET", f"/events/{event_id}") == expected
    assert await api.ok("GET", "/events") == {
        "events": [expected],
        "pagination": {"page": 1, "per_page": 50, "total_pages": 1, "total_count": 1},
    }


async def test_system_events_are_listed_on_demand_and_cannot_be_changed(api: Api) -> None:
    assert (await api.ok("GET", "/events"))["events"] == []
    events = (await api.ok("GET", "/events?type=all"))["events"]
    assert [(event["code"], event["type"], event["status"]) for event in events] == [
        ("install", "SYSTEM", 1),
        ("reg", "SYSTEM", 1),
        ("dep", "SYSTEM", 1),
    ]
    event_id = events[1]["id"]
    assert await api.ok("GET", f"/events/{event_id}") == events[1]
    for method, path in (("PUT", ""), ("DELETE", ""), ("POST", "/activate"), ("POST", "/deactivate")):
        body = {"name": "n", "code": "n"} if method == "PUT" else None
        assert "system events" in await api.refused(method, f"/events/{event_id}{path}", body, status=403)
    assert await api.ok("GET", f"/events/{event_id}") == events[1]


@pytest.mark.parametrize(
    ("body", "text"),
    [
        ({"name": "n"}, "code is required"),
        ({"name": "n", "code": ""}, "code is required"),
        ({"code": "c"}, "name is required"),
        ({"name": "", "code": "c"}, "name is required"),
        ({"name": "n", "code": "a-b"}, "code must hold letters, digits and underscores only"),
        ({"name": "n", "code": "ünder"}, "code must hold letters, digits and underscores only"),
        ({"name": "n", "code": "a\n"}, "code must hold letters, digits and underscores only"),
        ({"name": "n", "code": "x" * 65}, "code must have at most 64 characters"),
        ({"name": "n", "code": 5}, "code must be text, not a whole number"),
        ({"name": "n", "code": "reg"}, "the event code 'reg' is in use"),
        ({"name": "n", "code": "taken"}, "the event code 'taken' is in use"),
    ],
)
async def test_a_broken_rule_is_named_and_creates_nothing(api: Api, body: dict[str, object], text: str) -> None:
    await api.new_event("taken")
    assert await api.refused("POST", "/events", body) == f"validation error: {text}"
    assert (await api.ok("GET", "/events"))["pagination"]["total_count"] == 1


async def test_two_accounts_may_use_the_same_code(api: Api, stranger: Api) -> None:
    await api.new_event("vip")
    await stranger.new_event("vip")


async def test_equal_codes_created_at_once_yield_one_event(api: Api) -> None:
    calls = [api.call("POST", "/events", {"name": "n", "code": "once"}) for _ in range(8)]
    statuses = [answer.status_code for answer in await asyncio.gather(*calls)]
    assert sorted(statuses) == [201] + [400] * 7


async def test_pages_follow_the_order_of_creation(api: Api) -> None:
    ids = [await api.new_event(f"code_{number}") for number in range(5)]
    page = await api.ok("GET", "/events?page=2&per_page=2")
    assert [event["id"] for event in page["events"]] == ids[2:4]
    assert page["pagination"] == {"page": 2, "per_page": 2, "total_pages": 3, "total_count": 5}
    assert (await api.ok("GET", "/events?page=9&per_page=2"))["events"] == []


@pytest.mark.parametrize(
    "query",
    [
        "page=0",
        "page=-1",
        "page=x",
        "page=1e3",
        "page=1.0",
        "page=",
        "per_page=0",
        "per_page=1001",
        "page=99999999999999999999",
        "page=11&per_page=1000",
        "page=201",
    ],
)
async def test_pages_beyond_the_limits_are_refused(api: Api, query: str) -> None:
    assert (await api.refused("GET", f"/events?{query}")).startswith("validation error: p")


async def test_the_last_allowed_page_is_answered(api: Api) -> None:
    for query in ("page=10&per_page=1000", "page=200"):
        assert (await api.ok("GET", f"/events?{query}"))["events"] == []


async def test_activation_is_idempotent(api: Api) -> None:
    event_id = await api.new_event()
    for action, status in (("deactivate", 0), ("deactivate", 0), ("activate", 1), ("activate", 1)):
        await api.ok("POST", f"/events/{event_id}/{action}", status=204)
        assert (await api.ok("GET", f"/events/{event_id}"))["status"] == status


async def test_a_new_code_keeps_its_bit_and_is_followed_by_filters(
    api: Api, services: Services, database: Database
) -> None:
    event_id = await api.new_event("old")
    bit = (await services.events.bits(api.account_id))["old"]
    await _new_scheduler(database, api, {"event_include": "old", "event_exclude": ["reg", "old"]})
    await api.ok("PUT", f"/events/{event_id}", {"name": "New", "code": "new"}, status=204)
    event = await api.ok("GET", f"/events/{event_id}")
    assert (event["name"], event["code"]) == ("New", "new")
    bits = await services.events.bits(api.account_id)
    assert bits["new"] == bit
    assert "old" not in bits
    assert await _filters(database) == [{"event_include": "new", "event_exclude": ["reg", "new"]}]


async def test_a_name_alone_leaves_the_code(api: Api) -> None:
    event_id = await api.new_event("kept")
    await api.ok("PUT", f"/events/{event_id}", {"name": "New"}, status=204)
    event = await api.ok("GET", f"/events/{event_id}")
    assert (event["name"], event["code"]) == ("New", "kept")
    await api.new_event("other")
    assert "in use" in await api.refused("PUT", f"/events/{event_id}", {"name": "New", "code": "other"})


async def test_a_deleted_code_leaves_filters_without_widening_them(api: Api, database: Database) -> None:
    event_id = await api.new_event("vip")
    for filter_ in (
        {"event_include": ["vip", "reg"]},
        {"event_include": ["vip"]},
        {"event_include": "vip", "event_exclude": "dep"},
        {"event_exclude": ["vip"]},
        {"event_exclude": "vip"},
    ):
        await _new_scheduler(database, api, filter_)
    await api.ok("DELETE", f"/events/{event_id}", status=204)
    assert await _filters(database) == [
        {"event_include": ["reg"]},
        {"event_include": ["vip"]},
        {"event_include": "vip", "event_exclude": "dep"},
        {"event_exclude": []},
        {"event_exclude": ""},
    ]
    await api.refused("GET", f"/events/{event_id}", status=404)
    await api.refused("DELETE", f"/events/{event_id}", status=404)


async def test_a_deleted_codes_bit_is_never_given_out_again(api: Api, services: Services) -> None:
    event_id = await api.new_event("vip")
    bit = (await services.events.bits(api.account_id))["vip"]
    await api.ok("DELETE", f"/events/{event_id}", status=204)
    await api.new_event("vip")
    assert (await services.events.bits(api.account_id))["vip"] == bit + 1


async def test_an_account_has_room_for_126_codes(api: Api, database: Database) -> None:
    async with database.acquire() as connection:
        await connection.execute(
            """
            insert into event_definition (account_id, code, name, type, bit)
            select $1, 'c' || bit, 'c', 'CUSTOM', bit from generate_series(3, 124) as bit
            """,
            api.account_id,
        )
    await api.new_event("last")
    assert "126 event codes" in await api.refused("POST", "/events", {"name": "n", "code": "one_too_many"})


async def _new_scheduler(database: Database, api: Api, filter_: dict[str, object]) -> None:
    async with database.acquire() as connection:
        await connection.execute(
            "insert into scheduler (account_id, type, name, timing, filter) values ($1, 'onesend', 's', '{}', $2)",
            api.account_id,
            filter_,
        )


async def _filters(database: Database) -> list[object]:
    async with database.acquire() as connection:
        return [row["filter"] for row in await connection.fetch("select filter from scheduler order by id")]
