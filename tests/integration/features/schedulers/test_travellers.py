"""A weekly scheduler by local time over real sends, while people travel at random: nobody missed, nobody twice."""

import random
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any, cast

import pytest
from tests.factories import EventCodes, new_account, new_app, new_device
from tests.integration.features.schedulers.conftest import SettableClock, push_body

from clarion.db import Conditions, Connection, Database
from clarion.db.statements import Statement
from clarion.features.accounts import Caller
from clarion.features.audiences import AudienceService
from clarion.features.pushes import PushService
from clarion.features.schedulers import SchedulerService, WeeklyBody
from clarion.features.sends import SendService
from clarion.features.sends.zones import narrowed

pytestmark = pytest.mark.anyio

BEGIN = datetime(2027, 3, 17, tzinfo=UTC)
END = datetime(2027, 4, 6, tzinfo=UTC)
"""The clocks of New York change on 14 March, of Berlin on the 28th, of Lord Howe and Chatham on 4 April."""
PLACES = [
    ("Australia/Lord_Howe", None),
    ("Pacific/Chatham", None),
    ("Pacific/Kiritimati", None),
    ("Europe/Berlin", None),
    ("America/St_Johns", None),
    ("", 20_700),
    ("", -43_200),
]


class Providers(SimpleNamespace):
    """Apps with credentials for FCM."""

    async def providers_of(
        self, account_id: int, app_ids: Sequence[int], within: Connection | None = None
    ) -> Mapping[int, set[str]]:
        del account_id, within
        return {app_id: {"fcm"} for app_id in app_ids}


async def deliver(database: Database, sends: SendService) -> None:
    """Do what workers do with the sends that are open: one delivery to each device that is meant."""
    async with database.transaction() as conn:
        for row in await conn.fetch("select id from send where state = 'running' order by id"):
            plan = await sends.open(row["id"])
            chosen = Statement("select d.app_id, d.id from device d where d.created_at <= :cutoff and {conditions}")
            found = await chosen.where(narrowed(Conditions(), plan)).fetch(conn, cutoff=plan.cutoff_at)
            await conn.executemany(
                "insert into delivery (day, app_id, send_id, device_id, account_id, push_id, provider, lang, country, "
                "platform, state, token_hash, attempt, settled_at) "
                "values ($1, $2, $3, $4, $5, $6, 'fcm', '', '', '', 2, '', 1, now())",
                [(plan.day, item["app_id"], plan.id, item["id"], plan.account_id, plan.push_ids[0]) for item in found],
            )
            await conn.execute("update send set state = 'complete' where id = $1", row["id"])


async def test_travellers_get_every_slot_exactly_once(database: Database) -> None:
    chance = random.Random(20270328)  # noqa: S311 - repeatable
    async with database.transaction() as conn:
        account = await new_account(conn)
        app = await new_app(conn, account)
        await conn.execute(
            f"create table delivery_then partition of delivery for values from ('{BEGIN:%Y-%m-%d}') "
            f"to ('{END + timedelta(days=9):%Y-%m-%d}')"
        )
        ids = [
            await new_device(conn, account, app, tz_name=name, tz_sec=sec, created_at=BEGIN - timedelta(days=9))
            for name, sec in PLACES * 3
        ]
    clock = SettableClock(BEGIN)
    audiences, pushes = AudienceService(database=database, events=EventCodes({})), PushService(database=database)
    sends = SendService(database=database, apps=cast("Any", Providers()), audiences=audiences)
    schedulers = SchedulerService(
        database=database,
        audiences=audiences,
        pushes=pushes,
        sends=sends,
        clock=clock,
        instant_delay=timedelta(0),
    )
    caller = Caller(account, "operator")
    body = WeeklyBody(
        name="w",
        days=[7],
        time="02:15",
        local_time=True,
        all_apps=True,
        first_date="2027-03-21",
        last_date="2027-04-04",
    )
    scheduler_id = await schedulers.create_weekly(caller, body)
    push = await pushes.create(caller, push_body())
    await schedulers.bind_pushes(caller, scheduler_id, type_="weekly", push_ids=[push.id])
    moves = sorted(
        (BEGIN + (END - BEGIN) * chance.random(), chance.choice(ids), chance.choice(PLACES)) for _ in range(150)
    )
    while (look := (await schedulers.get(account, scheduler_id)).next_due_at) is not None:
        clock.moment = look
        async with database.transaction() as conn:
            while moves and moves[0][0] <= look:
                at, device_id, (name, sec) = moves.pop(0)
                await conn.execute(
                    "update device set tz_name = $2, tz_sec = $3, zone_at = $4 where id = $1", device_id, name, sec, at
                )
        await schedulers.start_due(look)
        await deliver(database, sends)
    async with database.acquire() as conn:
        rows = await conn.fetch(
            "select s.occurrence, d.device_id, count(*) as n "
            "from delivery d join send s on s.id = d.send_id group by 1, 2"
        )
        swept = await conn.fetchval(
            "select count(*) from delivery d join send s on s.id = d.send_id where s.zone_bucket = -1000000"
        )
    slots = [datetime(2027, 3, day, 2, 15, tzinfo=UTC) for day in (21, 28)] + [datetime(2027, 4, 4, 2, 15, tzinfo=UTC)]
    assert {(row["occurrence"], row["device_id"]): row["n"] for row in rows} == {
        (slot, device_id): 1 for slot in slots for device_id in ids
    }
    assert swept
