"""Audiences, audience groups, saved filters and the devices query under `/api/v1`."""

from typing import Any

import pytest
from tests.factories import new_device
from tests.integration.api.isolation_cases import ONESEND, PUSH
from tests.integration.api.management_client import Api

from clarion.db import Database
from clarion.features.devices.model import Session
from clarion.services import Services

pytestmark = pytest.mark.anyio

ESTIMATE = "/api/v1/audiences/estimate"
GROUPS = "/api/v1/audience-groups"
FILTERS = "/api/v1/filters"
SEARCH = "/api/v1/devices/query"


async def _devices(api: Api, database: Database, *rows: dict[str, Any]) -> int:
    """An app with these devices."""
    app_id = await api.new_app()
    async with database.acquire() as connection:
        for row in rows:
            await new_device(connection, api.account_id, app_id, **row)
    return app_id


async def _estimate(api: Api, **filter_: Any) -> int:
    found: int = (await api.ok("POST", ESTIMATE, {"all_apps": True, **filter_}))["devices"]
    return found


async def test_an_estimate_tells_shares_and_shows_masked_devices(api: Api, database: Database) -> None:
    app_id = await _devices(
        api,
        database,
        {"country": "PT", "lang": "pt", "platform": "ios", "transport": "apns", "ext_id": "u-1", "id": 5},
        {"country": "PT", "lang": "en", "platform": "android"},
        {"country": "BR", "lang": "pt", "platform": "android", "active": False},
    )
    body = {"all_apps": True, "countries_include": ["PT"], "sample": 2}
    found = await api.ok("POST", ESTIMATE, body)
    assert (found["devices"], found["exact"], found["margin"]) == (2, True, 0)
    assert found["by_app"] == [{"app_id": app_id, "devices": 2}]
    assert found["by_country"] == [{"value": "PT", "devices": 2}]
    assert found["by_language"] == [{"value": "en", "devices": 1}, {"value": "pt", "devices": 1}]
    assert found["by_platform"] == [{"value": "android", "devices": 1}, {"value": "ios", "devices": 1}]
    shown = {device["id"]: device for device in found["sample"]}
    assert len(shown) == 2
    assert (shown["5"]["external_id"], shown["5"]["transport_type"]) == ("u-1", "apns")
    assert shown["5"]["transport_token_masked"].startswith("to")
    assert "…" in shown["5"]["transport_token_masked"]
    assert (await api.ok("POST", ESTIMATE, {"all_apps": True}))["sample"] == []


async def test_extensions_narrow_under_v1_and_are_ignored_by_the_management_api(api: Api, database: Database) -> None:
    await _devices(api, database, {"platform": "ios"}, {"platform": "android"})
    narrowed = {"all_apps": True, "platforms_include": ["ios"], "last_active_within": "nonsense"}
    await api.refused("POST", ESTIMATE, narrowed)
    onesend = await api.ok("POST", "/sched/onesend", {**ONESEND, **narrowed}, status=201)
    shown = await api.ok("GET", f"/api/v1/schedulers/{onesend['id']}")
    assert shown["filter"] == {"all_apps": True}
    instant = await api.ok("POST", "/send/instant", {"name": "i", "filters": narrowed, "push": PUSH}, status=201)
    assert (await api.ok("GET", f"/api/v1/schedulers/{instant['sched_id']}"))["filter"] == {"all_apps": True}


async def test_faults_of_extensions_are_named(api: Api) -> None:
    faults: list[tuple[dict[str, Any], str]] = [
        ({"transports_include": ["sms"]}, "'sms', which is none of fcm"),
        ({"platforms_include": [""]}, "platforms_include has an entry"),
        ({"external_ids_include": ["u"], "external_ids_exclude": ["u"]}, "both contain 'u'"),
        ({"tags": [{"key": "a", "equals": "b", "contains": "c"}]}, "both equals and contains"),
        ({"tags": [{"key": "a"}] * 21}, "more than 20"),
        ({"tags": [{"equals": "a"}]}, "key"),
        ({"last_active_within": "0d"}, "such as 30d"),
        ({"last_active_before": "9999d"}, "at most 3650d"),
        ({"last_active_within": "1d", "last_active_before": "2d"}, "longer than"),
        ({"registered_from": "2026-03-01T00:00:00"}, "UTC offset"),
        ({"registered_to": "0001-01-01T00:00:00+14:00"}, "from the years 2000 to 2099"),
        ({"registered_from": "2026-03-02T00:00:00Z", "registered_to": "2026-03-02T00:00:00Z"}, "before"),
        ({"app_version_min": "1.x"}, "such as 1.4.0"),
        ({"app_version_min": "1.10", "app_version_max": "1.9"}, "must not be above"),
        ({"sample": 51}, "sample"),
    ]
    for fields, words in faults:
        assert words in await api.refused("POST", ESTIMATE, {"all_apps": True, **fields}), fields


async def test_ten_thousand_external_ids_can_be_asked_for_and_no_more(api: Api, database: Database) -> None:
    await _devices(api, database, {"ext_id": "u-7"}, {"ext_id": "u-x"}, {})
    ids = [f"u-{number}" for number in range(10_000)]
    assert await _estimate(api, external_ids_include=ids) == 1
    assert await _estimate(api, external_ids_exclude=ids) == 2
    assert "10000" in await api.refused("POST", ESTIMATE, {"external_ids_include": [*ids, "one more"]})


async def test_audiences_are_listed_once_they_are_counted(api: Api, database: Database, services: Services) -> None:
    await _devices(api, database, {"audiences": ["vip", "new"]}, {"audiences": ["vip"]}, {"active": False})
    while await services.reach.settle():
        pass
    listed = await api.ok("GET", "/api/v1/audiences?limit=1")
    assert listed == {"audiences": [{"audience": "new", "devices": 1}], "next_cursor": "new"}
    following = await api.ok("GET", "/api/v1/audiences?limit=1&cursor=new")
    assert following == {"audiences": [{"audience": "vip", "devices": 2}], "next_cursor": None}
    assert (await api.ok("GET", "/api/v1/audiences?prefix=vi"))["audiences"] == following["audiences"]


async def test_an_audience_group_works_in_filters_like_its_audiences(api: Api, database: Database) -> None:
    suffixed = f"gold_{api.account_id}"
    await _devices(api, database, {"audiences": ["vip"]}, {"audiences": ["gold"]}, {"audiences": ["new"]})
    body = {"name": "Best", "audiences": ["vip", suffixed, "vip"]}
    group = (await api.ok("POST", GROUPS, body, status=201))["id"]
    expected = {"id": group, "name": "Best", "audiences": sorted(["vip", suffixed]), "archived": False}
    assert await api.ok("GET", f"{GROUPS}/{group}") == expected
    assert await api.ok("GET", GROUPS) == [expected]
    assert await _estimate(api, audience_groups_include=[group]) == 2
    assert await _estimate(api, audience_groups_exclude=[group]) == 1
    assert await _estimate(api, audience_groups_include=[group], audiences_include=["new"]) == 3
    await api.ok("PUT", f"{GROUPS}/{group}", {"name": "New", "audiences": ["new"]}, status=204)
    assert await _estimate(api, audience_groups_include=[group]) == 1
    for _ in range(2):
        await api.ok("POST", f"{GROUPS}/{group}/archive", status=204)
    assert await _estimate(api, audience_groups_include=[group]) == 0
    assert [item["id"] for item in await api.ok("GET", f"{GROUPS}?archived=true")] == [group]
    await api.ok("POST", f"{GROUPS}/{group}/unarchive", status=204)
    assert await _estimate(api, audience_groups_include=[group]) == 1


async def test_a_group_needs_a_name_and_audiences(api: Api) -> None:
    assert "name" in await api.refused("POST", GROUPS, {"name": " ", "audiences": ["a"]})
    assert "1 to 10000" in await api.refused("POST", GROUPS, {"name": "g", "audiences": []})
    assert "audiences has an entry" in await api.refused("POST", GROUPS, {"name": "g", "audiences": ["a", ""]})


async def test_a_deleted_group_leaves_all_filters_without_widening_any(api: Api, database: Database) -> None:
    await _devices(api, database, {"audiences": ["vip"]}, {"audiences": ["new"]})
    group, other = [
        (await api.ok("POST", GROUPS, {"name": "g", "audiences": ["vip"]}, status=201))["id"] for _ in range(2)
    ]
    filters = {
        "only": {"all_apps": True, "audience_groups_include": [group]},
        "with another": {"all_apps": True, "audience_groups_include": [group, other]},
        "with an audience": {"all_apps": True, "audience_groups_include": [group], "audiences_include": ["new"]},
        "excluded": {"all_apps": True, "audience_groups_exclude": [group]},
    }
    left = {
        "only": {"all_apps": True, "all_audiences": False, "audience_groups_include": []},
        "with another": {"all_apps": True, "audience_groups_include": [other]},
        "with an audience": {"all_apps": True, "audience_groups_include": [], "audiences_include": ["new"]},
        "excluded": {"all_apps": True, "audience_groups_exclude": []},
    }
    made, saved = {}, {}
    for name, filter_ in filters.items():
        made[name] = (await api.ok("POST", "/sched/onesend", {**ONESEND, **filter_}, status=201))["id"]
        saved[name] = (await api.ok("POST", FILTERS, {"name": name, "filter": filter_}, status=201))["id"]
    await api.ok("DELETE", f"{GROUPS}/{group}", status=204)
    for name, expected in left.items():
        assert (await api.ok("GET", f"/api/v1/schedulers/{made[name]}"))["filter"] == expected, name
        assert (await api.ok("GET", f"{FILTERS}/{saved[name]}"))["filter"] == expected, name
    await api.refused("GET", f"{GROUPS}/{group}", status=404)
    await api.refused("DELETE", f"{GROUPS}/{group}", status=404)


async def test_a_filter_whose_only_group_is_gone_means_nobody(api: Api, database: Database, services: Services) -> None:
    app_id = await _devices(api, database, {"audiences": ["vip"]})
    group = (await api.ok("POST", GROUPS, {"name": "g", "audiences": ["vip"]}, status=201))["id"]
    body = {**ONESEND, "audience_groups_include": [group]}
    scheduler = (await api.ok("POST", "/sched/onesend", body, status=201))["id"]
    await api.ok("DELETE", f"{GROUPS}/{group}", status=204)
    stored = (await services.schedulers.get(api.account_id, scheduler)).filter
    conditions = await services.audiences.conditions(api.account_id, stored)
    assert await services.audiences.matches(api.account_id, app_id, conditions, ["fcm"]) == 0


async def test_saved_filters_are_kept_under_unique_names(api: Api, stranger: Api) -> None:
    filter_ = {"all_apps": True, "tags": [{"key": "plan", "equals": "gold"}], "registered_from": "2026-03-01T00:00:00Z"}
    made = (await api.ok("POST", FILTERS, {"name": "Gold", "filter": filter_}, status=201))["id"]
    shown = await api.ok("GET", f"{FILTERS}/{made}")
    assert (shown["name"], shown["filter"]) == ("Gold", filter_)
    assert await api.ok("GET", FILTERS) == [shown]
    assert "has this name" in await api.refused("POST", FILTERS, {"name": "Gold", "filter": {}}, status=409)
    await stranger.ok("POST", FILTERS, {"name": "Gold", "filter": {"all_apps": True}}, status=201)
    other = (await api.ok("POST", FILTERS, {"name": "Other", "filter": {}}, status=201))["id"]
    await api.refused("PUT", f"{FILTERS}/{other}", {"name": "Gold", "filter": {}}, status=409)
    await api.ok("PUT", f"{FILTERS}/{other}", {"name": "Another", "filter": {"all_apps": True}}, status=204)
    assert [saved["name"] for saved in await api.ok("GET", FILTERS)] == ["Another", "Gold"]
    assert "does not exist" in await api.refused("POST", FILTERS, {"name": "x", "filter": {"event_include": "nope"}})
    await api.ok("DELETE", f"{FILTERS}/{made}", status=204)
    await api.refused("DELETE", f"{FILTERS}/{made}", status=404)


async def test_devices_are_found_by_a_filter_page_by_page(api: Api, services: Services) -> None:
    from_sdk = [await services.devices.create([session]) for session in await _sessions(api, 3)]
    created = sorted(str(device.device_id) for [device] in from_sdk)
    found: list[list[str]] = []
    cursor: str | None = ""
    while cursor is not None:
        page = await api.ok("POST", SEARCH, {"all_apps": True, "limit": 2, "cursor": cursor})
        assert (page["total_count"], page["active_count"]) == (3, 0)
        found.append([device["id"] for device in page["devices"]])
        cursor = page["next_cursor"]
    assert [len(page) for page in found] == [2, 1]
    assert sorted(id_ for page in found for id_ in page) == created
    none = await api.ok("POST", SEARCH, {"all_apps": True, "transports_include": ["fcm"]})
    assert (none["total_count"], none["devices"], none["next_cursor"]) == (0, [], None)
    assert "limit" in await api.refused("POST", SEARCH, {"all_apps": True, "limit": 5001})
    await api.refused("POST", SEARCH, {"all_apps": True, "cursor": "made up"})


async def _sessions(api: Api, number: int) -> list[Session]:
    app_id = await api.new_app()
    return [Session(app_id, api.account_id, f"installation-{place}", "") for place in range(number)]
