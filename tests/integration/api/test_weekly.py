"""Weekly sendings over the paths of the management API, under every spelling (management-api.md Q1)."""

from typing import Any

import pytest
from tests.integration.api.management_client import Api

pytestmark = pytest.mark.anyio

WEEKLY = {"name": "Tips", "days": [7, 1, 1], "time": "09-30", "local_time": True, "all_apps": True}
PUSH = {"default_lang": "en", "translations": [{"language": "en", "title": "Hi", "text": "Sale"}]}
SPELLINGS = ("weekly", "smart", "smart_weekly", "smart-weekly")


async def test_a_weekly_sending_is_made_read_and_bound_under_every_spelling(api: Api) -> None:
    await api.new_app()
    for spelling in SPELLINGS:
        made = (await api.ok("POST", f"/sched/{spelling}", WEEKLY, status=201))["id"]
        push = (await api.ok("POST", "/pushes", PUSH, status=201))["id"]
        await api.ok("PUT", f"/sched/{spelling}/{made}/pushes", {"push_ids": [push]}, status=204)
        for other in SPELLINGS:
            assert await api.ok("GET", f"/sched/{other}/{made}") == {
                "id": made,
                "name": "Tips",
                "days": [1, 7],
                "times": ["09:30"],
                "local_time": True,
                "all_apps": True,
                "pushes": [push],
                "status": "active",
            }
        await api.refused("GET", f"/sched/onesend/{made}", status=404)


async def test_days_times_and_zone_have_their_other_names_and_forms(api: Api) -> None:
    await api.new_app()
    body = {
        "name": "Tips",
        "weekdays": [2],
        "times": ["18:00", "06:00"],
        "local_time": False,
        "timezone": "-03:30",
        "first_date": "2031-01-01",
        "last_date": "2031-12-31",
        "all_apps": True,
        "event_include": "reg",
    }
    made = (await api.ok("POST", "/sched/weekly", body, status=201))["id"]
    shown = await api.ok("GET", f"/sched/weekly/{made}")
    assert (shown["days"], shown["times"], shown["timezone"]) == ([2], ["06:00", "18:00"], "-03:30")
    assert (shown["first_date"], shown["last_date"], shown["event_include"]) == ("2031-01-01", "2031-12-31", "reg")
    assert (await api.ok("GET", f"/api/v1/schedulers/{made}"))["next_due_at"] == "2031-01-07T09:30:00Z"


WRONG: list[tuple[dict[str, Any], str]] = [
    ({"days": None}, "days must be"),
    ({"days": [8]}, "days must be"),
    ({"days": ["monday"]}, "days[0] must be a whole number"),
    ({"weekdays": [1]}, "two names of one field"),
    ({"time": None}, "time is required"),
    ({"times": ["10:00"]}, "either time or times"),
    ({"time": "25:00"}, "calendar"),
    ({"timezone": "+01:00"}, "timezone must be absent"),
    ({"local_time": False}, "timezone is required"),
    ({"local_time": False, "timezone": "+15:00"}, "timezone must be from"),
    ({"last_date": "2020-01-01"}, "in the past"),
    ({"first_date": "2999-01-01"}, "more than five years"),
    ({"first_date": "0001-01-01"}, "calendar"),
    ({"first_date": "tomorrow"}, "first_date must be YYYY-MM-DD"),
    ({"all_apps": None}, "no active app"),
]


async def test_what_is_wrong_is_named(api: Api) -> None:
    await api.new_app()
    for fields, fault in WRONG:
        assert fault in await api.refused("POST", "/sched/weekly", {**WEEKLY, **fields}), fields
