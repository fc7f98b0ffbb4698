"""One-time sendings and the binding of pushes over HTTP: management-api.md §6.3 and §7.1-7.2."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from tests.integration.api.management_client import Api

pytestmark = pytest.mark.anyio

MISSING = 987_654_321
TOMORROW = (datetime.now(UTC) + timedelta(days=1)).date().isoformat()
ONESEND = {"name": "Sale", "date": TOMORROW, "time": "18:30", "local_time": False, "timezone": "+03:00"}
PUSH = {"default_lang": "en", "translations": [{"language": "en", "title": "Hi", "text": "Sale"}]}


async def new_onesend(api: Api, **fields: Any) -> int:
    created = await api.ok("POST", "/sched/onesend", {**ONESEND, "all_apps": True, **fields}, status=201)
    assert set(created) == {"id"}
    return int(created["id"])


async def new_push(api: Api) -> int:
    return int((await api.ok("POST", "/pushes", PUSH, status=201))["id"])


@pytest.fixture
async def app(api: Api) -> int:
    return await api.new_app()


@pytest.mark.usefixtures("app")
async def test_a_onesend_reads_back_with_its_fields_pushes_and_status(api: Api) -> None:
    filter_ = {
        "all_countries": True,
        "countries_include": [],
        "all_languages": True,
        "languages_exclude": ["pt"],
        "audiences_exclude": [f"vip_{api.account_id}"],
        "event_include": "reg",
        "event_exclude": ["dep"],
    }
    scheduler_id = await new_onesend(api, **filter_, audiences_include=None, unknown=1)
    assert await api.ok("GET", f"/sched/onesend/{scheduler_id}") == {
        **ONESEND,
        "id": scheduler_id,
        "all_apps": True,
        **filter_,
        "pushes": [],
        "status": "active",
    }


@pytest.mark.usefixtures("app")
async def test_the_published_example_is_accepted(api: Api) -> None:
    flags = {"all_countries": True, "all_languages": True, "all_audiences": True}
    await new_onesend(
        api, **flags, event_include="reg", event_exclude="dep", app_ids_include=None, countries_include=[]
    )


@pytest.mark.usefixtures("app")
async def test_time_may_be_written_with_a_dash(api: Api) -> None:
    scheduler_id = await new_onesend(api, time="18-30")
    assert (await api.ok("GET", f"/sched/onesend/{scheduler_id}"))["time"] == "18:30"


WRONG: list[tuple[dict[str, Any], str]] = [
    ({"name": None}, "name must be text"),
    ({"name": ""}, "name is required"),
    ({"date": "2020-01-01"}, "in the past"),
    ({"date": "9999-12-31", "timezone": "-12:00"}, "calendar"),
    ({"date": "0001-01-01", "time": "00:00", "timezone": "+14:00"}, "calendar"),
    ({"date": "2999-01-01"}, "more than five years ahead"),
    ({"date": "04.05.2031"}, "date must be YYYY-MM-DD"),
    ({"time": "24:00"}, "calendar"),
    ({"time": "23:59:60"}, "time must be HH:MM"),
    ({"timezone": "Europe/Lisbon"}, "timezone must be ±HH:MM"),
    ({"timezone": None}, "timezone is required when local_time is false"),
    ({"local_time": None}, "local_time must be true or false"),
    ({"local_time": "false"}, "local_time must be true or false"),
    ({"local_time": True}, "timezone must be absent when local_time is true"),
    ({"local_time": True, "timezone": None, "date": "2020-01-01"}, "in the past"),
    ({"all_apps": None}, "the filter leaves no active app"),
    ({"all_apps": False}, "app_ids_include must not be empty when all_apps is false"),
    ({"app_ids_include": [1]}, "app_ids_include must be empty when all_apps is true"),
    ({"all_languages": True, "languages_include": ["pt"]}, "languages_include must be empty"),
    ({"countries_include": ["PT"], "countries_exclude": ["pt"]}, "both contain"),
    ({"countries_include": ["Portugal"]}, "alpha-2"),
    ({"countries_include": [620]}, "countries_include[0] must be text"),
    ({"app_ids_exclude": ["5"]}, "app_ids_exclude[0] must be a whole number"),
    ({"app_ids_exclude": [1.5]}, "app_ids_exclude[0] must be a whole number"),
    ({"app_ids_exclude": [2**63]}, "too large"),
    ({"app_ids_exclude": [-1]}, "app_ids_exclude contains -1, which does not exist"),
    ({"audience_groups_include": [7]}, "audience_groups_include contains 7, which does not exist"),
    ({"event_include": ["nope"]}, "event code 'nope' does not exist"),
]


@pytest.mark.usefixtures("app")
async def test_a_wrong_onesend_is_refused_in_words(api: Api) -> None:
    for change, text in WRONG:
        assert text in await api.refused("POST", "/sched/onesend", {**ONESEND, "all_apps": True, **change})


@pytest.mark.usefixtures("app")
async def test_required_fields_are_required(api: Api) -> None:
    for name in ("name", "date", "time", "local_time"):
        body = {key: value for key, value in {**ONESEND, "all_apps": True}.items() if key != name}
        assert f"{name} is required" in await api.refused("POST", "/sched/onesend", body)


async def test_archived_and_excluded_apps_leave_nothing(api: Api, app: int) -> None:
    group = await api.new_group(app)
    body = {**ONESEND, "all_apps": True, "app_groups_exclude": [group]}
    assert "no active app" in await api.refused("POST", "/sched/onesend", body)
    await api.ok("POST", f"/apps/{app}/archive", status=204)
    body = {**ONESEND, "app_ids_include": [app]}
    assert "no active app" in await api.refused("POST", "/sched/onesend", body)


async def test_ids_of_others_in_filters_answer_like_missing_ones(api: Api, stranger: Api, app: int) -> None:
    foreign_app = await stranger.new_app()
    foreign_group = await stranger.new_group(foreign_app)
    for name, foreign in (
        ("app_ids_include", foreign_app),
        ("app_ids_exclude", foreign_app),
        ("app_groups_include", foreign_group),
        ("app_groups_exclude", foreign_group),
    ):
        base = {**ONESEND, "app_ids_include": [app]} if name != "app_ids_include" else ONESEND
        texts = {
            (await api.refused("POST", "/sched/onesend", {**base, name: [value]})).replace(str(value), "N")
            for value in (foreign, MISSING)
        }
        assert texts == {f"validation error: {name} contains N, which does not exist"}


async def test_event_codes_of_others_do_not_exist(api: Api, stranger: Api, app: int) -> None:
    await stranger.new_event("secret_level")
    body = {**ONESEND, "app_ids_include": [app], "event_include": "secret_level"}
    assert "'secret_level' does not exist" in await api.refused("POST", "/sched/onesend", body)
    await api.new_event("secret_level")
    await api.ok("POST", "/sched/onesend", body, status=201)


@pytest.mark.usefixtures("app")
@pytest.mark.parametrize("form", ["push_ids", "pushes", "objects", "bare", "bare objects"])
async def test_every_form_of_the_binding_body_replaces_what_was_bound(api: Api, form: str) -> None:
    scheduler_id, old, new = await new_onesend(api), await new_push(api), await new_push(api)
    path = f"/sched/onesend/{scheduler_id}/pushes"
    await api.ok("PUT", path, {"push_ids": [old]}, status=204)
    forms: dict[str, Any] = {
        "push_ids": {"push_ids": [new]},
        "pushes": {"pushes": [new]},
        "objects": {"pushes": [{"id": new}]},
        "bare": [new],
        "bare objects": [{"id": new, "more": 1}],
    }
    await api.ok("PUT", path, forms[form], status=204)
    assert (await api.ok("GET", f"/sched/onesend/{scheduler_id}"))["pushes"] == [new]
    assert (await api.ok("GET", f"/pushes/{new}"))["scheduler"] == {"type": "onesend", "id": scheduler_id}
    assert (await api.ok("GET", f"/pushes/{old}"))["scheduler"] is None
    await api.ok("PUT", path, [], status=204)
    assert (await api.ok("GET", f"/sched/onesend/{scheduler_id}"))["pushes"] == []


@pytest.mark.usefixtures("app")
async def test_a_wrong_binding_body_is_refused_and_changes_nothing(api: Api) -> None:
    scheduler_id, push_id = await new_onesend(api), await new_push(api)
    await api.ok("PUT", f"/sched/onesend/{scheduler_id}/pushes", [push_id], status=204)
    wrong: list[Any] = [{}, {"push_ids": None}, {"push_ids": 5}, ["5"], [1.5], {"pushes": [{"no": 1}]}, "5", 5, [2**63]]
    for body in wrong:
        await api.refused("PUT", f"/sched/onesend/{scheduler_id}/pushes", body)
    assert (await api.ok("GET", f"/sched/onesend/{scheduler_id}"))["pushes"] == [push_id]


@pytest.mark.usefixtures("app")
async def test_a_push_bound_elsewhere_is_refused_and_nothing_changes(api: Api) -> None:
    first, second, push_id = await new_onesend(api), await new_onesend(api), await new_push(api)
    await api.ok("PUT", f"/sched/onesend/{first}/pushes", [push_id], status=204)
    text = await api.refused("PUT", f"/sched/onesend/{second}/pushes", [await new_push(api), push_id])
    assert f"push {push_id} is bound to another scheduler" in text
    assert (await api.ok("GET", f"/sched/onesend/{first}"))["pushes"] == [push_id]
    assert (await api.ok("GET", f"/sched/onesend/{second}"))["pushes"] == []


@pytest.mark.usefixtures("app")
async def test_pushes_of_others_in_a_binding_answer_like_missing_ones(api: Api, stranger: Api) -> None:
    foreign, scheduler_id = await new_push(stranger), await new_onesend(api)
    texts = {
        (await api.refused("PUT", f"/sched/onesend/{scheduler_id}/pushes", [value])).replace(str(value), "N")
        for value in (foreign, MISSING)
    }
    assert texts == {"validation error: push N does not exist"}
    assert (await stranger.ok("GET", f"/pushes/{foreign}"))["scheduler"] is None


@pytest.mark.usefixtures("app")
async def test_schedulers_of_others_or_of_another_type_answer_like_missing_ones(api: Api, stranger: Api) -> None:
    await stranger.new_app()
    foreign, own = await new_onesend(stranger), await new_onesend(api)
    for method, path, body in (("GET", "", None), ("PUT", "/pushes", [])):
        texts = {
            (await api.refused(method, f"/sched/onesend/{value}{path}", body, status=404)).replace(str(value), "N")
            for value in (foreign, MISSING)
        }
        assert len(texts) == 1
        for type_ in ("conversion", "weekly", "smart", "smart_weekly", "smart-weekly", "pigeon"):
            await api.refused(method, f"/sched/{type_}/{own}{path}", body, status=404)
        for value, status in (("0", 404), (str(2**63), 404), ("x", 400)):
            await api.refused(method, f"/sched/onesend/{value}{path}", body, status=status)


async def test_types_that_do_not_exist_have_no_route(api: Api) -> None:
    for type_ in ("instant", "monthly", "smartweekly"):
        await api.refused("POST", f"/sched/{type_}", {"name": "n"}, status=404)
