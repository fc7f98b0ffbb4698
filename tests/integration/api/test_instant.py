"""Instant sendings over HTTP: management-api.md §7.5."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from tests.integration.api.management_client import Api

from clarion.db import Database
from clarion.services import Services
from clarion.settings import Settings

pytestmark = pytest.mark.anyio

MISSING = 987_654_321
PUSH = {
    "default_lang": "en",
    "translations": [
        {"language": "en", "title": "Hi", "text": "Sale"},
        {"language": "pt", "title": "Olá", "text": "Saldos"},
    ],
}


def instant(**filters: Any) -> dict[str, Any]:
    return {"name": "Now", "filters": {"all_apps": True, **filters}, "push": PUSH}


@pytest.fixture
def settings() -> Settings:
    return Settings(instant_delay_sec=90)


async def counts(database: Database) -> list[int]:
    async with database.acquire() as conn:
        return [await conn.fetchval(f"select count(*) from {table}") for table in ("scheduler", "push")]


async def test_an_instant_sending_is_visible_as_a_onesend_with_its_push(api: Api, services: Services) -> None:
    await api.new_app()
    earliest = datetime.now(UTC) + timedelta(seconds=90)
    created = await api.ok("POST", "/send/instant", instant(countries_include=["PT"]), status=201)
    latest = datetime.now(UTC) + timedelta(seconds=90)
    assert set(created) == {"sched_id", "push_id", "translations"}
    assert [item["language"] for item in created["translations"]] == ["en", "pt"]
    shown = await api.ok("GET", f"/sched/onesend/{created['sched_id']}")
    assert (shown["name"], shown["pushes"], shown["status"]) == ("Now", [created["push_id"]], "active")
    assert (shown["all_apps"], shown["countries_include"], shown["timezone"]) == (True, ["PT"], "+00:00")
    scheduler = await services.schedulers.get(api.account_id, created["sched_id"])
    assert scheduler.next_due_at is not None
    assert earliest <= scheduler.next_due_at <= latest


@pytest.mark.parametrize(
    ("change", "text"),
    [
        ({"name": ""}, "name is required"),
        ({"filters": None}, "filters must be an object"),
        ({"filters": {}}, "the filter leaves no active app"),
        ({"filters": {"all_apps": True, "event_include": "nope"}}, "'nope' does not exist"),
        ({"filters": {"all_apps": True, "countries_include": [1]}}, "filters.countries_include[0] must be text"),
        ({"push": {}}, "push.default_lang is required"),
        ({"push": {**PUSH, "default_lang": "de"}}, "translations has no entry for the default_lang de"),
    ],
)
async def test_a_fault_in_any_part_is_400_and_creates_nothing(
    api: Api, database: Database, change: dict[str, Any], text: str
) -> None:
    await api.new_app()
    assert text in await api.refused("POST", "/send/instant", {**instant(), **change})
    assert await counts(database) == [0, 0]


@pytest.mark.parametrize("part", ["name", "filters", "push"])
async def test_every_part_is_required(api: Api, part: str) -> None:
    body = {key: value for key, value in instant().items() if key != part}
    assert f"{part} is required" in await api.refused("POST", "/send/instant", body)


async def test_ids_of_others_and_missing_ones_are_403_alike_and_create_nothing(
    api: Api, stranger: Api, database: Database
) -> None:
    await api.new_app()
    foreign_app = await stranger.new_app()
    foreign_group = await stranger.new_group(foreign_app)
    for name, foreign in (
        ("app_ids_exclude", foreign_app),
        ("app_groups_exclude", foreign_group),
        ("audience_groups_exclude", foreign_group),
    ):
        texts = {
            (await api.refused("POST", "/send/instant", instant(**{name: [value]}), status=403)).replace(
                str(value), "N"
            )
            for value in (foreign, MISSING)
        }
        assert texts == {f"{name} contains N, which does not exist"}
    assert await counts(database) == [0, 0]


async def test_an_app_of_others_cannot_be_sent_to(api: Api, stranger: Api) -> None:
    foreign = await stranger.new_app()
    body = instant(all_apps=None, app_ids_include=[foreign])
    await api.refused("POST", "/send/instant", body, status=403)


async def test_when_due_it_becomes_one_send_of_its_push(api: Api, services: Services, database: Database) -> None:
    await api.new_app()
    created = await api.ok("POST", "/send/instant", instant(), status=201)
    due = (await services.schedulers.get(api.account_id, created["sched_id"])).next_due_at
    assert due is not None
    assert [await services.schedulers.start_due(due) for _ in range(2)] == [1, 0]
    async with database.acquire() as conn:
        rows = await conn.fetch("select account_id, scheduler_id, push_ids, due_at from send")
    assert [tuple(row) for row in rows] == [(api.account_id, created["sched_id"], [created["push_id"]], due)]
    assert (await api.ok("GET", f"/sched/onesend/{created['sched_id']}"))["status"] == "done"
