"""The devices query over HTTP: management-api.md §5 and Q6, Q7, Q12."""

import random
from typing import Any

import pytest
from tests.factories import new_device
from tests.integration.api.management_client import Api

from clarion.db import Database
from clarion.foundation.ids import new_device_id
from clarion.foundation.secrets import Keeper

pytestmark = pytest.mark.anyio

MISSING = 987_654_321
PATH = "/query/app-instances"


class Devices:
    """Makes devices and asks for them."""

    def __init__(self, database: Database, keeper: Keeper) -> None:
        self._database = database
        self._keeper = keeper

    async def new(self, api: Api, app_id: int, **columns: Any) -> str:
        device_id = columns.pop("id", new_device_id())
        ic_token = columns.pop("ic_token", "ic")
        sealed = self._keeper.seal(ic_token, f"ic_token:{app_id}:{device_id}")
        async with self._database.transaction() as conn:
            await new_device(conn, api.account_id, app_id, id=device_id, ic_token=sealed, **columns)
        return str(device_id)


@pytest.fixture
def devices(database: Database, keeper: Keeper) -> Devices:
    return Devices(database, keeper)


async def found(api: Api, **body: Any) -> set[str]:
    return {item["id"] for item in (await api.ok("POST", PATH, body))["app_instances"]}


async def test_a_device_is_shown_with_a_masked_token_and_all_fields(api: Api, devices: Devices) -> None:
    app_id = await api.new_app()
    device_id = await devices.new(
        api,
        app_id,
        ic_token="ic-1",
        ext_id="u-77",
        token="dfLrxu0123456789abcdefCKl",
        lang="pt",
        country="BR",
        platform="android",
        platform_name="android_api_34",
        tz_sec=-10800,
        audiences=["vip", "new"],
        events=0b111,
    )
    answer = await api.ok("POST", PATH, {"app_ids_include": [app_id], "external_user_id": ["u-77"]})
    (device,) = answer["app_instances"]
    assert (answer["active_count"], answer["pagination"]["total_count"]) == (1, 1)
    assert device.pop("created_at").endswith("Z")
    assert device.pop("last_active_at").endswith("Z")
    assert device == {
        "external_id": "u-77",
        "transport_token_masked": "dfLrxu…CKl",
        "language": "pt",
        "country": "BR",
        "id": device_id,
        "app_id": app_id,
        "ic_token": "ic-1",
        "transport_type": "fcm",
        "platform_type": "android",
        "platform_name": "android_api_34",
        "tz_sec": -10800,
        "audiences": ["vip", "new"],
        "events": ["install", "reg", "dep"],
        "active": True,
    }


async def test_without_an_external_user_id_the_installation_token_identifies(api: Api, devices: Devices) -> None:
    await devices.new(api, await api.new_app(), ic_token="ic-9")
    (device,) = (await api.ok("POST", PATH, {}))["app_instances"]
    assert device["external_id"] == "ic-9"


async def test_nothing_found_is_an_empty_answer(api: Api) -> None:
    answer = await api.ok("POST", PATH)
    assert (answer["active_count"], answer["app_instances"]) == (0, [])


async def test_each_filter_narrows_the_answer(api: Api, devices: Devices) -> None:
    one, two = await api.new_app(), await api.new_app()
    a = await devices.new(api, one, country="PT", lang="pt", audiences=["vip"], events=0b011, ext_id="u-1")
    b = await devices.new(api, one, country="BR", lang="pt", audiences=["new"], events=0b001, ext_id="u-2")
    c = await devices.new(api, two, country="US", lang="en", events=0)
    cases: list[tuple[dict[str, Any], set[str]]] = [
        ({}, {a, b, c}),
        ({"app_ids_include": [], "countries_include": None}, {a, b, c}),
        ({"app_ids_include": [one]}, {a, b}),
        ({"countries_include": ["pt", "US"]}, {a, c}),
        ({"languages_include": ["pt-BR"]}, {a, b}),
        ({"audiences_include": ["vip"]}, {a}),
        ({"audiences_include": [f"vip_{api.account_id}", "none"]}, {a}),
        ({"audiences_include": ["vip_1234567"]}, set()),
        ({"event_include": "install"}, {a, b, c}),
        ({"event_include": ""}, {a, b, c}),
        ({"event_include": None}, {a, b, c}),
        ({"event_include": "reg"}, {a}),
        ({"external_user_id": ["u-2", "u-3"]}, {b}),
        ({"external_user_id": [""]}, set()),
        ({"countries_include": ["BR"], "languages_include": ["en"]}, set()),
    ]
    for body, expected in cases:
        assert await found(api, **body) == expected, body


async def test_deactivated_devices_are_listed_but_not_counted_as_active(api: Api, devices: Devices) -> None:
    app_id = await api.new_app()
    await devices.new(api, app_id)
    await devices.new(api, app_id, active=False)
    answer = await api.ok("POST", PATH, {})
    assert (answer["active_count"], answer["pagination"]["total_count"]) == (1, 2)
    assert sorted(item["active"] for item in answer["app_instances"]) == [False, True]


@pytest.mark.parametrize("token_state", [0, 2, 3, 4])
async def test_devices_without_a_usable_token_are_not_active(api: Api, devices: Devices, token_state: int) -> None:
    app_id = await api.new_app()
    await devices.new(api, app_id)
    useless = await devices.new(api, app_id, token_state=token_state)
    answer = await api.ok("POST", PATH, {})
    assert (answer["active_count"], answer["pagination"]["total_count"]) == (1, 2)
    assert [item["id"] for item in answer["app_instances"] if not item["active"]] == [useless]
    assert (await api.ok("POST", PATH, {"cursor": ""}))["active_count"] == 1


async def test_devices_of_archived_apps_are_not_active_until_it_is_restored(api: Api, devices: Devices) -> None:
    app_id = await api.new_app()
    await devices.new(api, app_id)
    for step, active in (("archive", 0), ("unarchive", 1)):
        await api.ok("POST", f"/apps/{app_id}/{step}", status=204)
        answer = await api.ok("POST", PATH, {})
        assert (answer["active_count"], answer["pagination"]["total_count"]) == (active, 1)
        assert [item["active"] for item in answer["app_instances"]] == [bool(active)]


async def test_devices_of_archived_apps_are_shown_and_those_of_deleted_apps_are_not(api: Api, devices: Devices) -> None:
    archived, deleted = await api.new_app(), await api.new_app()
    device_id = await devices.new(api, archived)
    await devices.new(api, deleted)
    await api.ok("POST", f"/apps/{archived}/archive", status=204)
    await api.ok("DELETE", f"/apps/{deleted}", status=204)
    assert await found(api) == {device_id}


async def test_devices_of_others_are_never_shown(api: Api, stranger: Api, devices: Devices) -> None:
    own, foreign = await api.new_app(), await stranger.new_app()
    mine = await devices.new(api, own, ext_id="u-1", audiences=["vip"], country="PT")
    await devices.new(stranger, foreign, ext_id="u-1", audiences=["vip"], country="PT")
    for body in ({}, {"external_user_id": ["u-1"]}, {"audiences_include": ["vip"]}, {"cursor": ""}):
        assert await found(api, **body) == {mine}
    texts = {
        (await api.refused("POST", PATH, {"app_ids_include": [value]})).replace(str(value), "N")
        for value in (foreign, MISSING)
    }
    assert texts == {"validation error: app_ids_include contains N, which does not exist"}


@pytest.mark.parametrize("place", ["body", "address"])
async def test_pages_cover_every_device_once_in_order(api: Api, devices: Devices, place: str) -> None:
    apps = [await api.new_app() for _ in range(3)]
    made = sorted([(app_id, int(await devices.new(api, app_id))) for app_id in apps for _ in range(3)])
    seen = []
    for page in (1, 2, 3):
        paging = {"page": page, "per_page": 4}
        path, body = (PATH, paging) if place == "body" else (f"{PATH}?page={page}&per_page=4", {})
        answer = await api.ok("POST", path, body)
        assert answer["pagination"] == {"page": page, "per_page": 4, "total_pages": 3, "total_count": 9}
        seen += [(item["app_id"], int(item["id"])) for item in answer["app_instances"]]
    assert seen == made
    assert (await api.ok("POST", PATH, {"page": 4, "per_page": 4}))["app_instances"] == []


@pytest.mark.parametrize("per_page", [1, 2, 3, 9, 10])
async def test_a_cursor_covers_every_device_once_in_order(api: Api, devices: Devices, per_page: int) -> None:
    apps = [await api.new_app() for _ in range(3)]
    made = sorted([(app_id, int(await devices.new(api, app_id, country="PT"))) for app_id in apps for _ in range(3)])
    await devices.new(api, random.choice(apps), country="BR")  # noqa: S311
    seen, cursor = [], ""
    while cursor is not None:
        body = {"cursor": cursor, "per_page": per_page, "countries_include": ["PT"]}
        answer = await api.ok("POST", PATH, body)
        assert answer["active_count"] == 9
        assert answer["pagination"]["per_page"] == per_page
        assert len(answer["app_instances"]) == min(per_page, 9 - len(seen))
        seen += [(item["app_id"], int(item["id"])) for item in answer["app_instances"]]
        cursor = answer["pagination"]["next_cursor"]
    assert seen == made


async def test_cursors_of_others_and_damaged_ones_are_refused_alike(api: Api, stranger: Api, devices: Devices) -> None:
    for caller in (api, stranger):
        app_id = await caller.new_app()
        for _ in range(2):
            await devices.new(caller, app_id)
    cursor = (await stranger.ok("POST", PATH, {"cursor": "", "per_page": 1}))["pagination"]["next_cursor"]
    damaged = cursor[:-1] + ("A" if cursor[-1] != "A" else "B")
    texts = {await api.refused("POST", PATH, {"cursor": text}) for text in (cursor, damaged, "x", "é", "====", "MS4y")}
    assert len(texts) == 1


WRONG: list[tuple[dict[str, Any], str]] = [
    ({"page": 0}, "page must be 1 or more"),
    ({"page": -1}, "page must be 1 or more"),
    ({"page": 2**63 - 1}, "beyond the first 10000"),
    ({"page": 11, "per_page": 1000}, "beyond the first 10000"),
    ({"per_page": 0}, "per_page must be from 1 to 1000"),
    ({"per_page": 1001}, "per_page must be from 1 to 1000"),
    ({"page": "1"}, "page must be a whole number"),
    ({"page": 1.5}, "page must be a whole number"),
    ({"page": 1, "cursor": ""}, "page and cursor exclude each other"),
    ({"cursor": "", "per_page": 5001}, "per_page must be from 1 to 5000"),
    ({"cursor": 5}, "cursor must be text"),
    ({"countries_include": ["PRT"]}, "alpha-2"),
    ({"countries_include": [1]}, "countries_include[0] must be text"),
    ({"event_include": "nope"}, "event code 'nope' does not exist"),
    ({"external_user_id": "u-1"}, "external_user_id must be a list"),
    ({"app_ids_include": ["1"]}, "app_ids_include[0] must be a whole number"),
]


async def test_a_wrong_query_is_refused_in_words(api: Api) -> None:
    for body, text in WRONG:
        assert text in await api.refused("POST", PATH, body)


async def test_the_last_page_within_the_cap_is_served(api: Api) -> None:
    assert (await api.ok("POST", PATH, {"page": 10, "per_page": 1000}))["app_instances"] == []
