"""Schedulers over `/api/v1`: the list, and pausing, resuming and cancelling."""

import pytest
from tests.integration.api.isolation_cases import ONESEND
from tests.integration.api.management_client import Api

from clarion.db import Database

pytestmark = pytest.mark.anyio

PATH = "/api/v1/schedulers"


async def _onesend(api: Api) -> int:
    created: int = (await api.ok("POST", "/sched/onesend", ONESEND, status=201))["id"]
    return created


async def test_a_scheduler_is_shown_with_all_it_has(api: Api) -> None:
    await api.new_app()
    scheduler = await _onesend(api)
    shown = await api.ok("GET", f"{PATH}/{scheduler}")
    assert (shown["id"], shown["type"], shown["name"], shown["source"]) == (scheduler, "onesend", "s", "api")
    assert (shown["state"], shown["filter"], shown["push_ids"]) == ("active", {"all_apps": True}, [])
    assert shown["timing"]["date"] == ONESEND["date"]
    assert shown["next_due_at"] == f"{ONESEND['date']}T12:00:00Z"


async def test_schedulers_are_listed_newest_first_page_by_page(api: Api) -> None:
    await api.new_app()
    made = [await _onesend(api) for _ in range(5)]
    found, query = [], "limit=2"
    while query:
        page = await api.ok("GET", f"{PATH}?{query}")
        found += [item["id"] for item in page["schedulers"]]
        query = f"limit=2&cursor={page['next_cursor']}" if page["next_cursor"] else ""
    assert found == made[::-1]


async def test_the_list_can_be_narrowed_to_one_state(api: Api) -> None:
    await api.new_app()
    kept, paused = await _onesend(api), await _onesend(api)
    await api.ok("POST", f"{PATH}/{paused}/pause", status=204)
    for state, expected in (("active", [kept]), ("paused", [paused]), ("done", [])):
        page = await api.ok("GET", f"{PATH}?state={state}")
        assert [item["id"] for item in page["schedulers"]] == expected


async def test_pause_resume_and_cancel_can_be_repeated_and_are_audited_once(api: Api, database: Database) -> None:
    await api.new_app()
    scheduler = await _onesend(api)
    for verb, state in (("pause", "paused"), ("resume", "active"), ("cancel", "cancelled")):
        for _ in range(2):
            await api.ok("POST", f"{PATH}/{scheduler}/{verb}", status=200 if verb == "cancel" else 204)
        assert (await api.ok("GET", f"{PATH}/{scheduler}"))["state"] == state
    async with database.acquire() as conn:
        rows = await conn.fetch(
            "select action from audit_entry where object = $1 order by id", f"scheduler:{scheduler}"
        )
    assert [row["action"] for row in rows] == [f"scheduler.{verb}" for verb in ("create", "pause", "resume", "cancel")]


async def test_a_cancelled_scheduler_cannot_be_paused_or_resumed(api: Api) -> None:
    await api.new_app()
    scheduler = await _onesend(api)
    await api.ok("POST", f"{PATH}/{scheduler}/cancel")
    for verb in ("pause", "resume"):
        assert await api.refused("POST", f"{PATH}/{scheduler}/{verb}", status=409) == "the scheduler is cancelled"


@pytest.mark.parametrize("query", ["state=asleep", "limit=0", "cursor=-1", "cursor=abc"])
async def test_a_wrong_argument_is_refused(api: Api, query: str) -> None:
    assert (await api.refused("GET", f"{PATH}?{query}")).startswith("validation error: ")
