"""Rules over `/api/v1`: setting, showing and refusing them."""

from typing import Any

import pytest
from tests.integration.api.management_client import Api

from clarion.db import Database

pytestmark = pytest.mark.anyio

RULES = "/api/v1/rules"
DRIP = {"quiet_hours": None, "pace": {"messages": 5, "per": "minute", "ramp": None}}
NIGHT = {"quiet_hours": {"from": "22:00", "to": "08:00", "days": ["fri", "sat"]}, "too_late_minutes": 60}


async def test_rules_of_the_account_and_its_apps_are_shown_as_they_were_set_and_audited(
    api: Api, database: Database
) -> None:
    app_id = await api.new_app()
    of_app = f"/api/v1/apps/{app_id}/rules"
    assert await api.ok("GET", RULES) == {}
    assert await api.ok("GET", of_app) == {}
    await api.ok("PUT", RULES, NIGHT, status=204)
    await api.ok("PUT", of_app, DRIP, status=204)
    assert await api.ok("GET", RULES) == NIGHT
    assert await api.ok("GET", of_app) == DRIP
    await api.ok("PUT", RULES, {}, status=204)
    assert await api.ok("GET", RULES) == {}
    async with database.acquire() as conn:
        rows = await conn.fetch("select object, detail from audit_entry where action = 'rules.set' order by id")
    assert [(row["object"], row["detail"]) for row in rows] == [
        (f"account:{api.account_id}", NIGHT),
        (f"app:{app_id}", DRIP),
        (f"account:{api.account_id}", {}),
    ]


BROKEN: list[tuple[dict[str, Any], str]] = [
    ({"quiet_hours": {"from": "22:00"}}, "quiet_hours.to is required"),
    ({"quiet_hours": {"from": "22:61", "to": "08:00"}}, "quiet_hours.from must be a time"),
    ({"quiet_hours": {"from": "22:00", "to": "08:00", "days": ["friday"]}}, "quiet_hours.days"),
    ({"caps": [{"max": 0, "hours": 24}]}, "caps[0].max must be at least 1"),
    ({"caps": [{"max": 1, "hours": 1}] * 6}, "caps has more than 5 entries"),
    ({"gap": {"minutes": 10, "then": "drop"}}, "gap.then"),
    ({"pace": {"messages": 10, "ramp": {"start": 10, "minutes": 1}}}, "pace.ramp.start must be less"),
    ({"urgent": True}, "urgent belongs to schedulers only"),
    ({"quiet_hour": None}, "quiet_hour is not known"),
]


async def test_rules_that_make_no_sense_are_refused_in_words(api: Api) -> None:
    for body, fault in BROKEN:
        assert fault in await api.refused("PUT", RULES, body)
    assert await api.ok("GET", RULES) == {}


async def test_each_account_has_rules_of_its_own(api: Api, stranger: Api) -> None:
    await api.ok("PUT", RULES, NIGHT, status=204)
    assert await stranger.ok("GET", RULES) == {}
    await stranger.ok("PUT", RULES, DRIP, status=204)
    assert await api.ok("GET", RULES) == NIGHT
