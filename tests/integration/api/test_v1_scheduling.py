"""What an owner does with schedulers over `/api/v1`: make them, change them, try them out, take them back."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from tests.factories import new_device
from tests.integration.api.management_client import Api

from clarion.db import Database

pytestmark = pytest.mark.anyio

PATH = "/api/v1/schedulers"
SOON = f"{datetime.now(UTC) + timedelta(days=3):%Y-%m-%d}"
PUSH = {
    "default_lang": "en",
    "translations": [{"language": "en", "title": "Hi", "text": "There"}],
    "options": {"ttl": 3600},
}
TEXT = {"image": "", "icon": "", "link": ""}
ONESEND = {"type": "onesend", "date": SOON, "time": "09:00", "local_time": True}
WEEKLY = {"type": "weekly", "days": [5, 1], "times": ["18:30", "09:00"], "local_time": True}


def body(kind: dict[str, Any], **fields: Any) -> dict[str, Any]:
    return {"name": "s", "filter": {"all_apps": True}, **kind, **fields}


async def create(api: Api, kind: dict[str, Any], **fields: Any) -> dict[str, Any]:
    made: dict[str, Any] = await api.ok("POST", PATH, body(kind, **fields), status=201)
    return made


async def devices(api: Api, database: Database, **counts: int) -> int:
    """An app with so many devices per country and zone; its id."""
    app_id = await api.new_app()
    async with database.acquire() as conn:
        for name, count in counts.items():
            zone = {"lisbon": "Europe/Lisbon", "tokyo": "Asia/Tokyo", "nowhere": ""}[name]
            for _ in range(count):
                await new_device(conn, api.account_id, app_id, transport="onesignal", tz_name=zone, ext_id=name)
                name = ""
    return app_id


async def actions(database: Database, scheduler_id: int) -> list[str]:
    async with database.acquire() as conn:
        rows = await conn.fetch(
            "select action from audit_entry where object = $1 order by id", f"scheduler:{scheduler_id}"
        )
    return [row["action"].removeprefix("scheduler.") for row in rows]


async def test_every_type_is_made_whole_with_rules_and_pushes(api: Api) -> None:
    await api.new_app()
    own = (await api.ok("POST", "/pushes", PUSH, status=201))["id"]
    rules = {"pace": {"messages": 10, "per": "second", "ramp": None}, "too_late_minutes": 60}
    made = await create(api, ONESEND, rules=rules, push_ids=[own], pushes=[PUSH], late="next_day")
    assert (made["type"], made["state"], made["late"], made["version"]) == ("onesend", "active", "next_day", 1)
    assert made["rules"] == rules
    assert made["timing"] == {"date": SOON, "time": "09:00", "timezone": None}
    assert made["push_ids"][0] == own
    assert len(made["push_ids"]) == 2
    first = datetime.fromisoformat(made["next_due_at"])
    assert first == datetime.fromisoformat(f"{SOON}T09:00+00:00") - timedelta(hours=14)
    weekly = await create(api, WEEKLY, first_date=SOON)
    assert weekly["timing"]["days"] == [1, 5]
    assert weekly["timing"]["times"] == ["09:00", "18:30"]
    assert (weekly["late"], weekly["timing"]["first_date"]) == ("skip", SOON)
    conversion = {"type": "conversion", "delay": "1h", "filter": {"all_apps": True, "event_include": ["reg"]}}
    assert (await create(api, conversion))["timing"]["delay"] == "1h"
    instant = await create(api, {"type": "instant"}, pushes=[PUSH])
    assert (instant["type"], instant["source"], len(instant["push_ids"])) == ("onesend", "instant", 1)


WRONG: list[tuple[dict[str, Any], str]] = [
    ({"type": "monthly"}, "type"),
    ({**ONESEND, "days": [1]}, "days does not go with the type onesend"),
    ({**ONESEND, "delay": "1h"}, "delay does not go"),
    ({**ONESEND, "timezone": "+00:00"}, "timezone must be absent"),
    ({**ONESEND, "local_time": False}, "timezone is required"),
    ({**ONESEND, "local_time": False, "timezone": "+00:00", "late": "skip"}, "late goes with local_time"),
    ({**ONESEND, "date": None}, "date is required"),
    ({**ONESEND, "date": "2020-01-01"}, "in the past"),
    ({**ONESEND, "date": "9999-12-31"}, "calendar"),
    ({**ONESEND, "late": "never"}, "late"),
    ({**ONESEND, "filter": {}}, "filter or filter_id is required"),
    ({**ONESEND, "push_ids": [987654321]}, "push 987654321 does not exist"),
    ({**ONESEND, "pushes": [{"default_lang": "en", "translations": []}]}, "translation"),
    ({**ONESEND, "rules": {"urgent": "yes"}}, "rules"),
    ({**WEEKLY, "days": [0]}, "days must be"),
    ({**WEEKLY, "days": []}, "days must be"),
    ({**WEEKLY, "times": []}, "time is required"),
    ({**WEEKLY, "time": "09:00"}, "either time or times"),
    ({**WEEKLY, "times": ["24:00"]}, "calendar"),
    ({**WEEKLY, "late": "next_day"}, "next_day is for one-time"),
    ({**WEEKLY, "last_date": "2020-01-01"}, "in the past"),
    ({**WEEKLY, "first_date": SOON, "last_date": "2026-01-01"}, "before first_date"),
    ({"type": "conversion"}, "event_include is required"),
    ({"type": "instant"}, "needs pushes"),
    ({"type": "instant", "draft": True, "pushes": [PUSH]}, "cannot be a draft"),
]


async def test_a_broken_rule_makes_nothing_and_a_dry_run_says_the_same(api: Api, database: Database) -> None:
    await api.new_app()
    for kind, fault in WRONG:
        for path in (PATH, f"{PATH}/dry-run"):
            assert fault in await api.refused("POST", path, body(kind)), (path, kind)
    async with database.acquire() as conn:
        assert await conn.fetchval("select count(*) from scheduler") == 0
        assert await conn.fetchval("select count(*) from push") == 0


async def test_a_dry_run_tells_how_many_are_meant_and_makes_nothing(api: Api, database: Database) -> None:
    app_id = await devices(api, database, lisbon=3, tokyo=2)
    found = await api.ok("POST", f"{PATH}/dry-run", body(ONESEND, pushes=[PUSH]))
    assert (found["devices"], found["exact"]) == (5, True)
    assert found["by_app"] == [{"app_id": app_id, "devices": 5}]
    assert found["next_due_at"] is not None
    async with database.acquire() as conn:
        for table in ("scheduler", "push", "audit_entry where action like 'scheduler%'"):
            assert await conn.fetchval(f"select count(*) from {table}") == 0


async def test_an_edit_changes_what_it_names_and_fails_when_somebody_was_faster(api: Api, database: Database) -> None:
    await api.new_app()
    made = await create(api, ONESEND, pushes=[PUSH], rules={"urgent": True})
    where = f"{PATH}/{made['id']}"
    changed = await api.ok("PATCH", where, {"time": "10-15", "late": "skip", "version": 1})
    assert changed["timing"]["time"] == "10:15"
    assert (changed["version"], changed["name"], changed["late"], changed["rules"]["urgent"]) == (2, "s", "skip", True)
    moved = datetime.fromisoformat(changed["next_due_at"]) - datetime.fromisoformat(made["next_due_at"])
    assert moved == timedelta(hours=1, minutes=15)
    assert "its version is 2" in await api.refused("PATCH", where, {"name": "x", "version": 1}, status=409)
    fixed = await api.ok("PATCH", where, {"local_time": False, "timezone": "+02:00", "rules": None, "push_ids": []})
    assert (fixed["next_due_at"], fixed["rules"], fixed["late"]) == (f"{SOON}T08:15:00Z", None, None)
    assert fixed["push_ids"] == []
    whole = await api.ok("PUT", where, {**body(ONESEND), "name": "whole"})
    assert (whole["name"], whole["timing"], whole["late"]) == ("whole", made["timing"], "at_once")
    assert "stays what it is" in await api.refused("PUT", where, body(WEEKLY))
    assert await actions(database, made["id"]) == ["create", "update", "update", "update"]


async def test_what_has_begun_or_is_over_cannot_be_edited(api: Api, database: Database) -> None:
    await api.new_app()
    begun, over = await create(api, ONESEND), await create(api, ONESEND)
    weekly = await create(api, WEEKLY)
    async with database.acquire() as conn:
        for made in (begun, weekly):
            await conn.execute(
                "insert into send (account_id, scheduler_id, occurrence, zone_bucket, day, push_ids, cutoff_at, "
                "due_at, expires_at) values ($1, $2, now(), 0, current_date, '{}', now(), now(), now())",
                api.account_id,
                made["id"],
            )
    await api.ok("POST", f"{PATH}/{over['id']}/cancel")
    assert "has begun" in await api.refused("PATCH", f"{PATH}/{begun['id']}", {"name": "x"}, status=409)
    assert "is over" in await api.refused("PATCH", f"{PATH}/{over['id']}", {"name": "x"}, status=409)
    assert (await api.ok("PATCH", f"{PATH}/{weekly['id']}", {"days": [7]}))["timing"]["days"] == [7]


async def test_a_draft_waits_until_it_is_activated(api: Api) -> None:
    await api.new_app()
    draft = await create(api, ONESEND, draft=True)
    assert (draft["state"], draft["next_due_at"]) == ("draft", None)
    where = f"{PATH}/{draft['id']}"
    assert "a draft waits" in await api.refused("POST", f"{where}/pause", status=409)
    await api.ok("PATCH", where, {"date": "2020-01-01"})
    assert "in the past" in await api.refused("POST", f"{where}/activate")
    await api.ok("PATCH", where, {"date": SOON})
    for _ in range(2):
        await api.ok("POST", f"{where}/activate", status=204)
    shown = await api.ok("GET", where)
    assert (shown["state"], shown["next_due_at"] is None) == ("active", False)
    await api.ok("POST", f"{where}/cancel")
    assert "is over" in await api.refused("POST", f"{where}/activate", status=409)


async def test_a_duplicate_is_a_draft_with_pushes_of_its_own(api: Api) -> None:
    await api.new_app()
    made = await create(api, WEEKLY, pushes=[PUSH, PUSH], rules={"urgent": True}, late="at_once")
    copy = await api.ok("POST", f"{PATH}/{made['id']}/duplicate", {"name": "again"}, status=201)
    same = ("type", "timing", "filter", "local_time", "late", "rules")
    assert {name: copy[name] for name in same} == {name: made[name] for name in same}
    assert (copy["state"], copy["name"], copy["version"]) == ("draft", "again", 1)
    assert len(copy["push_ids"]) == 2
    assert not set(copy["push_ids"]) & set(made["push_ids"])
    push = await api.ok("GET", f"/api/v1/pushes/{copy['push_ids'][0]}")
    assert push["translations"][0]["text"] == "There"
    assert push["options"]["ttl"] == 3600


async def test_a_test_goes_to_the_chosen_devices_only_and_is_marked(api: Api, database: Database) -> None:
    await devices(api, database, lisbon=2, tokyo=1)
    made = await create(api, ONESEND, pushes=[PUSH, PUSH], filter={"all_apps": True, "countries_include": ["FR"]})
    where, chosen = f"{PATH}/{made['id']}/test", made["push_ids"][1]
    sent = await api.ok("POST", where, {"external_ids": ["lisbon", "nobody"], "push_id": chosen}, status=201)
    assert sent["devices"] == 1
    send = await api.ok("GET", f"/api/v1/sends/{sent['send_id']}")
    assert (send["test"], send["push_ids"], send["scheduler_id"]) == (True, [chosen], made["id"])
    async with database.acquire() as conn:
        device = await conn.fetchval("select id from device where ext_id = 'tokyo'")
        listed = await conn.fetchval("select device_ids from send")
        assert listed == [await conn.fetchval("select id from device where ext_id = 'lisbon'")]
    assert (await api.ok("POST", where, {"device_ids": [str(device)]}, status=201))["devices"] == 1
    assert "none of the devices" in await api.refused("POST", where, {"external_ids": ["nobody"]})
    assert "no device id" in await api.refused("POST", where, {"device_ids": ["x"]})
    assert "not an active push" in await api.refused("POST", where, {"external_ids": ["lisbon"], "push_id": 987654321})
    assert "are required" in await api.refused("POST", where, {})
    assert (await api.ok("PATCH", f"{PATH}/{made['id']}", {"name": "still editable"}))["version"] == 2
    assert await actions(database, made["id"]) == ["create", "test", "test", "update"]


async def test_cancelling_tells_how_many_were_saved(api: Api, database: Database) -> None:
    await devices(api, database, lisbon=3, tokyo=2)
    made = await create(api, ONESEND, pushes=[PUSH])
    assert await api.ok("POST", f"{PATH}/{made['id']}/cancel") == {"saved": 5, "sends": 0}
    assert await api.ok("POST", f"{PATH}/{made['id']}/cancel") == {"saved": 0, "sends": 0}
    half = await create(api, ONESEND, pushes=[PUSH])
    async with database.acquire() as conn:
        for bucket, state, estimate in ((0, "running", 3), (3600, "complete", 1)):
            await conn.execute(
                "insert into send (account_id, scheduler_id, occurrence, zone_bucket, day, state, push_ids, cutoff_at, "
                "due_at, expires_at, estimate) "
                "values ($1, $2, now(), $3, current_date, $4, '{}', now(), now(), now(), $5)",
                api.account_id,
                half["id"],
                bucket,
                state,
                estimate,
            )
        send = await conn.fetchval("select max(id) from send where state = 'running'")
        await conn.execute(
            "insert into stat_hour values ($1, 1, $2, 1, 'PT', 'en', 'ios', date_trunc('hour', now()), 'sent', 1)",
            api.account_id,
            send,
        )
    assert await api.ok("POST", f"{PATH}/{half['id']}/cancel") == {"saved": 3, "sends": 1}


async def test_a_preview_shows_zones_rules_and_the_end(api: Api, database: Database) -> None:
    await devices(api, database, lisbon=40, tokyo=20, nowhere=10)
    rules = {
        "quiet_hours": {"from": "22:00", "to": "08:00"},
        "pace": {"messages": 10, "per": "second", "ramp": None},
    }
    early = {**ONESEND, "time": "07:00"}
    found = await api.ok("POST", f"{PATH}/preview", body(early, rules=rules))
    tokyo, lisbon = found["moments"]
    assert (found["devices"], found["exact"], found["started"]) == (70, True, [])
    assert (tokyo["local"], tokyo["zones"], tokyo["devices"]) == (f"{SOON}T07:00", ["Asia/Tokyo"], 20)
    seven = datetime.fromisoformat(f"{SOON}T07:00+00:00")
    assert datetime.fromisoformat(tokyo["due_at"]) == seven - timedelta(hours=9)
    assert datetime.fromisoformat(tokyo["first_at"]) == seven - timedelta(hours=8)
    assert lisbon["zones"] == ["", "Europe/Lisbon"]
    assert datetime.fromisoformat(found["finished_at"]) >= seven + timedelta(hours=1, seconds=4)
    made = await create(api, early, rules=rules, pushes=[PUSH])
    shown = await api.ok("GET", f"{PATH}/{made['id']}/timeline")
    assert shown["moments"] == found["moments"]
    draft = await create(api, {**WEEKLY, "local_time": False, "timezone": "+00:00"}, draft=True)
    slots = (await api.ok("GET", f"{PATH}/{draft['id']}/timeline"))["moments"]
    assert [slot["devices"] for slot in slots] in ([70] * 4, [70] * 5)


async def test_a_preview_tells_who_has_reached_a_cap(api: Api, database: Database) -> None:
    app_id = await devices(api, database, lisbon=3)
    rules = {"caps": [{"max": 2, "hours": 24}]}
    async with database.acquire() as conn:
        ids = [row["id"] for row in await conn.fetch("select id from device order by id")]
        for send_id, device_id in ((1, ids[0]), (2, ids[0]), (1, ids[1])):
            await conn.execute(
                "insert into contact (send_id, device_id, subject, account_id, app_id, scheduler_id, at) "
                "values ($1, $2, $2, $3, $4, 9, now())",
                send_id,
                device_id,
                api.account_id,
                app_id,
            )
    await api.ok("PUT", "/api/v1/rules", rules, status=204)
    assert (await api.ok("POST", f"{PATH}/preview", body(ONESEND)))["capped_now"] == 1
    assert (await api.ok("POST", f"{PATH}/preview", body(ONESEND, rules={"urgent": True})))["capped_now"] == 0


async def test_an_app_has_a_default_zone_for_devices_that_tell_none(api: Api, database: Database) -> None:
    app_id = await devices(api, database, nowhere=1)
    where = f"/api/v1/apps/{app_id}/default-zone"
    assert await api.ok("GET", where) == {"zone": "UTC"}
    assert "is not the IANA name" in await api.refused("PUT", where, {"zone": "+03:00"})
    await api.ok("PUT", where, {"zone": "Asia/Tokyo"}, status=204)
    assert await api.ok("GET", where) == {"zone": "Asia/Tokyo"}
    (moment,) = (await api.ok("POST", f"{PATH}/preview", body(ONESEND)))["moments"]
    assert (moment["due_at"], moment["zones"]) == (f"{SOON}T00:00:00Z", [""])


async def test_an_auto_push_is_edited_copied_and_activated_like_the_others(api: Api) -> None:
    await api.new_app()
    kind = {"type": "conversion", "delay": "1h", "filter": {"all_apps": True, "event_include": ["reg"]}}
    made = await create(api, kind, pushes=[PUSH])
    changed = await api.ok("PATCH", f"{PATH}/{made['id']}", {"delay": "1d2h", "rules": {"urgent": True}})
    assert (changed["timing"]["delay_sec"], changed["rules"]["urgent"], changed["next_due_at"]) == (93_600, True, None)
    fault = {"filter": {"all_apps": True}}
    assert "event_include is required" in await api.refused("PATCH", f"{PATH}/{made['id']}", fault)
    copy = await api.ok("POST", f"{PATH}/{made['id']}/duplicate", {}, status=201)
    assert (copy["state"], copy["timing"]) == ("draft", changed["timing"])
    await api.ok("POST", f"{PATH}/{copy['id']}/activate", status=204)
    assert (await api.ok("GET", f"{PATH}/{copy['id']}"))["state"] == "active"
    assert (await api.ok("GET", f"{PATH}/{copy['id']}/timeline"))["moments"] == []


async def test_a_saved_filter_is_copied_into_a_scheduler_by_its_number(api: Api) -> None:
    app_id = await api.new_app()
    gold = {"app_ids_include": [app_id], "countries_include": ["PT"]}
    saved = (await api.ok("POST", "/api/v1/filters", {"name": "Gold", "filter": gold}, status=201))["id"]
    everybody = await create(api, ONESEND)
    named = {"name": "s", **ONESEND, "filter_id": saved}
    made = await api.ok("POST", PATH, named, status=201)
    await api.ok("POST", f"{PATH}/dry-run", named)
    await api.ok("POST", f"{PATH}/preview", named)
    patched = await api.ok("PATCH", f"{PATH}/{everybody['id']}", {"filter_id": saved})
    put = await api.ok("PUT", f"{PATH}/{made['id']}", {**named, "name": "again"})
    assert made["filter"] == patched["filter"] == put["filter"] == gold
    await api.ok("PUT", f"/api/v1/filters/{saved}", {"name": "Gold", "filter": {"all_apps": True}}, status=204)
    assert (await api.ok("GET", f"{PATH}/{made['id']}"))["filter"] == gold
    await api.ok("DELETE", f"/api/v1/filters/{saved}", status=204)
    assert "filter" in await api.refused("POST", PATH, named)
    assert "either" in await api.refused("POST", PATH, {**named, "filter": gold})
    assert "required" in await api.refused("POST", PATH, {"name": "s", **ONESEND})
