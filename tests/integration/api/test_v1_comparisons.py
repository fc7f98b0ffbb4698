"""Comparisons of pushes under `/api/v1`."""

from datetime import datetime, timedelta
from typing import Any

import pytest
from tests.factories import new_device
from tests.integration.api.isolation_cases import ONESEND, PUSH
from tests.integration.api.management_client import Api

from clarion.db import Database

pytestmark = pytest.mark.anyio


async def onesend(api: Api, **changes: Any) -> str:
    await api.new_app()
    body = {**ONESEND, **changes}
    scheduler_id = (await api.ok("POST", "/sched/onesend", body, status=201))["id"]
    return f"/api/v1/schedulers/{scheduler_id}/comparison"


async def pushes(api: Api, count: int) -> list[int]:
    return [(await api.ok("POST", "/pushes", PUSH, status=201))["id"] for _ in range(count)]


async def test_a_comparison_is_set_up_shown_and_dropped(api: Api, database: Database) -> None:
    path, [one, two] = await onesend(api), await pushes(api, 2)
    winner = {"sample_percent": 20, "after_minutes": 120}
    body = {"pushes": [{"id": one, "share": 30}, {"id": two, "share": 70}], "winner": winner}
    made = await api.ok("PUT", path, body)
    assert made == await api.ok("GET", path)
    assert [(item["push_id"], item["share"], item["click_rate"]) for item in made["variants"]] == [
        (one, 30, None),
        (two, 70, None),
    ]
    assert made["winner"] == {**winner, "minimum_delivered": 100, "enough_delivered": None}
    assert made["phase"] == "waiting"
    scheduler_id = made["scheduler_id"]
    assert (await api.ok("GET", f"/sched/onesend/{scheduler_id}"))["pushes"] == [one, two]
    await api.ok("PUT", path, {"pushes": [{"id": two}, {"id": one}]})
    await api.ok("DELETE", path, status=204)
    shown = await api.ok("GET", path)
    assert [(item["push_id"], item["share"]) for item in shown["variants"]] == [(two, 1), (one, 1)]
    async with database.acquire() as conn:
        rows = await conn.fetch("select action from audit_entry where object = $1", f"scheduler:{scheduler_id}")
    actions = [row["action"].removeprefix("scheduler.") for row in rows]
    assert actions == ["create", "compare", "compare", "compare_no_more"]


async def test_a_duplicate_compares_the_copies_of_its_pushes(api: Api) -> None:
    path, [one, two] = await onesend(api), await pushes(api, 2)
    winner = {"sample_percent": 20, "after_minutes": 120}
    told = {"pushes": [{"id": one, "share": 30}, {"id": two, "share": 70}], "winner": winner}
    original = (await api.ok("PUT", path, told))["scheduler_id"]
    made = await api.ok("POST", f"/api/v1/schedulers/{original}/duplicate", {}, status=201)
    shown = await api.ok("GET", f"/api/v1/schedulers/{made['id']}/comparison")
    assert not {one, two} & set(made["push_ids"])
    assert [(item["push_id"], item["share"]) for item in shown["variants"]] == list(
        zip(made["push_ids"], (30, 70), strict=True)
    )
    assert shown["winner"] == {**winner, "minimum_delivered": 100, "enough_delivered": None}


async def test_a_sending_whose_winner_is_to_be_chosen_cannot_become_one_by_local_time(api: Api) -> None:
    path, [one, two] = await onesend(api), await pushes(api, 2)
    both = [{"id": one}, {"id": two}]
    await api.ok("PUT", path, {"pushes": both, "winner": {"sample_percent": 20, "after_minutes": 120}})
    scheduler = path.removesuffix("/comparison")
    assert "winner" in await api.refused("PATCH", scheduler, {"local_time": True}, status=409)
    await api.ok("PUT", path, {"pushes": both})
    assert (await api.ok("PATCH", scheduler, {"local_time": True}))["local_time"]


async def test_the_timeline_shows_the_sample_and_then_the_rest(api: Api, database: Database) -> None:
    path, [one, two] = await onesend(api), await pushes(api, 2)
    async with database.acquire() as conn:
        app_id = await conn.fetchval("select id from app")
        for _ in range(10):
            await new_device(conn, api.account_id, app_id, transport="onesignal")
    winner = {"sample_percent": 20, "after_minutes": 120}
    await api.ok("PUT", path, {"pushes": [{"id": one}, {"id": two}], "winner": winner})
    shown = await api.ok("GET", path.replace("comparison", "timeline"))
    first, rest = shown["moments"]
    assert (first["devices"], rest["devices"], shown["devices"]) == (2, 8, 10)
    due, decided = (datetime.fromisoformat(moment["due_at"]) for moment in (first, rest))
    assert decided - due == timedelta(hours=2)
    assert shown["finished_at"] == rest["due_at"]


async def test_results_have_confidence_intervals(api: Api, database: Database) -> None:
    path, [one, two] = await onesend(api), await pushes(api, 2)
    made = await api.ok("PUT", path, {"pushes": [{"id": one}, {"id": two}]})
    async with database.acquire() as conn:
        send_id = await conn.fetchval(
            """
            insert into send (account_id, scheduler_id, occurrence, day, state, push_ids, cutoff_at, due_at, expires_at)
            values ($1, $2, now(), current_date, 'complete', '{}', now(), now(), now() + interval '1 day') returning id
            """,
            api.account_id,
            made["scheduler_id"],
        )
        for outcome, n in (("sent", 263), ("delivered", 263), ("clicked", 81)):
            await conn.execute(
                "insert into stat_hour (account_id, app_id, send_id, push_id, country, lang, platform, hour, outcome, "
                "n) values ($1, 1, $2, $3, '', 'en', '', date_trunc('hour', now()), $4, $5)",
                api.account_id,
                send_id,
                one,
                outcome,
                n,
            )
    [first, second] = (await api.ok("GET", path))["variants"]
    assert first["click_rate"] == {
        "value": pytest.approx(0.307985),
        "low": pytest.approx(0.2553, abs=1e-4),
        "high": pytest.approx(0.3662, abs=1e-4),
    }
    assert first["delivery_rate"]["value"] == 1
    assert second["counts"]["sent"] == 0
    assert await api.refused("PUT", path, {"pushes": [{"id": two}]}, status=409)
    assert await api.refused("DELETE", path, status=409)


async def test_what_cannot_be_compared_is_refused(api: Api, stranger: Api) -> None:
    path, [one, two] = await onesend(api), await pushes(api, 2)
    [foreign] = await pushes(stranger, 1)
    both = [{"id": one}, {"id": two}]
    for body in (
        {},
        {"pushes": [{"id": one}, {"id": one}]},
        {"pushes": [{"id": one, "share": 0}, {"id": two}]},
        {"pushes": [{"id": one}, {"id": foreign}]},
        {"pushes": both, "winner": {"sample_percent": 0, "after_minutes": 5}},
        {"pushes": both, "winner": {"sample_percent": 20, "after_minutes": 100_000}},
        {"pushes": both, "winner": {"sample_percent": 20}},
    ):
        await api.refused("PUT", path, body)
    local = await onesend(api, local_time=True, timezone=None)
    contest = {"sample_percent": 20, "after_minutes": 5}
    assert "local time" in await api.refused("PUT", local, {"pushes": both, "winner": contest})
    await api.ok("PUT", local, {"pushes": both})
    assert "bound to another" in await api.refused("PUT", path, {"pushes": both})
