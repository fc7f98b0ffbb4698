"""Auto-push under `/sched/conversion` (management-api.md §7.3)."""

from typing import Any

import pytest
from tests.integration.api.management_client import Api

pytestmark = pytest.mark.anyio

WELCOME: dict[str, Any] = {"name": "Welcome", "all_apps": True, "event_include": ["reg"]}
PUSH = {"default_lang": "en", "translations": [{"language": "en", "title": "Hi", "text": "There"}]}


async def create(api: Api, **fields: Any) -> int:
    """An auto-push; its id."""
    created: int = (await api.ok("POST", "/sched/conversion", {**WELCOME, **fields}, status=201))["id"]
    return created


async def test_it_is_answered_as_it_was_told_with_its_pushes_and_state(api: Api) -> None:
    app_id = await api.new_app()
    scheduler_id = await create(
        api, all_apps=None, app_ids_include=[app_id], delay="5d10h30m", event_exclude="dep", event_include=["reg"]
    )
    push_id = (await api.ok("POST", "/pushes", PUSH, status=201))["id"]
    await api.ok("PUT", f"/sched/conversion/{scheduler_id}/pushes", {"push_ids": [push_id]}, status=204)
    told = await api.ok("GET", f"/sched/conversion/{scheduler_id}")
    assert told == {
        "id": scheduler_id,
        "name": "Welcome",
        "delay": "5d10h30m",
        "app_ids_include": [app_id],
        "event_include": ["reg"],
        "event_exclude": "dep",
        "pushes": [push_id],
        "status": "active",
    }
    assert (await api.ok("GET", f"/pushes/{push_id}"))["scheduler"] == {"type": "conversion", "id": scheduler_id}
    shown = await api.ok("GET", f"/api/v1/schedulers/{scheduler_id}")
    assert (shown["type"], shown["state"], shown["timing"]["delay"]) == ("conversion", "active", "5d10h30m")


BROKEN: tuple[tuple[dict[str, Any], str], ...] = (
    ({"event_include": None}, "event_include is required"),
    ({"event_include": []}, "event_include is required"),
    ({"event_include": ""}, "event_include is required"),
    ({"event_include": ["level_up"]}, "does not exist"),
    ({"event_exclude": ["reg"]}, "both contain"),
    ({"delay": "10h5d"}, "delay must be days, hours and minutes"),
    ({"delay": "367d"}, "at most 366 days"),
    ({"delay": 5}, "delay"),
    ({"name": ""}, "name is required"),
    ({"all_apps": False}, "app_ids_include must not be empty"),
    ({"all_apps": None}, "no active app"),
)


async def test_a_broken_rule_is_named_and_nothing_is_created(api: Api) -> None:
    await api.new_app()
    for fields, text in BROKEN:
        assert text in await api.refused("POST", "/sched/conversion", {**WELCOME, **fields}), fields
    assert (await api.ok("GET", "/api/v1/schedulers"))["schedulers"] == []


async def test_it_is_paused_resumed_and_cancelled_like_every_scheduler(api: Api) -> None:
    await api.new_app()
    scheduler_id = await create(api)
    for verb, state in (("pause", "paused"), ("resume", "active"), ("cancel", "cancelled")):
        answer = await api.call("POST", f"/api/v1/schedulers/{scheduler_id}/{verb}")
        assert answer.is_success, answer.text
        assert (await api.ok("GET", f"/sched/conversion/{scheduler_id}"))["status"] == state
    await api.refused("POST", f"/api/v1/schedulers/{scheduler_id}/resume", status=409)


async def test_other_types_and_accounts_do_not_find_it(api: Api, stranger: Api) -> None:
    await api.new_app()
    scheduler_id = await create(api)
    await api.refused("GET", f"/sched/onesend/{scheduler_id}", status=404)
    await stranger.refused("GET", f"/sched/conversion/{scheduler_id}", status=404)


async def test_events_are_a_string_or_a_list_everywhere_and_come_back_in_their_form(api: Api) -> None:
    await api.new_app()
    for include, exclude in (("reg", "dep"), (["reg", "install"], ["dep"]), ("reg", ["dep"])):
        filters = {"all_apps": True, "event_include": include, "event_exclude": exclude}
        onesend = {"name": "s", "date": "2031-05-04", "time": "18:30", "local_time": False, "timezone": "+03:00"}
        for path, body in (("onesend", {**onesend, **filters}), ("conversion", {"name": "s", **filters})):
            scheduler_id = (await api.ok("POST", f"/sched/{path}", body, status=201))["id"]
            told = await api.ok("GET", f"/sched/{path}/{scheduler_id}")
            assert (told["event_include"], told["event_exclude"]) == (include, exclude)
        sent = await api.ok("POST", "/send/instant", {"name": "i", "filters": filters, "push": PUSH}, status=201)
        told = await api.ok("GET", f"/sched/onesend/{sent['sched_id']}")
        assert (told["event_include"], told["event_exclude"]) == (include, exclude)
        assert (await api.ok("POST", "/api/v1/audiences/estimate", filters))["devices"] == 0
        assert (await api.ok("POST", "/query/app-instances", {"event_include": include}))["active_count"] == 0
