"""Numbers in the console: the overview, analytics, and the operator's page."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from tests.factories import new_app, new_device, new_onesend
from tests.integration.console.conftest import Visitor

from clarion.db import Connection, Database
from clarion.features.statistics import StatRow
from clarion.features.statistics.reading import Period
from clarion.features.statistics.totals import Part
from clarion.foundation.secrets import Secret
from clarion.services import Services
from clarion.settings import Settings

pytestmark = pytest.mark.anyio

SPANS = [(0, 144), (5, 100), (24, 72), (30, 40), (10, 30), (100, 101)]
"""Hours between which counts are asked for: whole days and parts of them."""


@pytest.fixture
def settings() -> Settings:
    """With secrets."""
    return Settings(database_url=Secret("postgresql://hunter2@db"), fcm_url="https://me:hunter2@db.example/v1")


async def new_send(conn: Connection, account_id: int, scheduler_id: int, *, state: str = "running") -> int:
    """A send that has begun."""
    send_id: int = await conn.fetchval(
        "insert into send (account_id, scheduler_id, occurrence, day, push_ids, cutoff_at, due_at, expires_at, state, "
        "estimate) values ($1, $2, now(), current_date, '{}', now(), now(), now() + interval '1 day', $3, 400) "
        "returning id",
        account_id,
        scheduler_id,
        state,
    )
    await conn.execute(
        "insert into slice (send_id, no, account_id, app_id, provider, id_from, id_to, state) "
        "values ($1, 0, $2, 1, 'fcm', 1, 100, 'done'), ($1, 1, $2, 1, 'fcm', 101, 200, 'ready')",
        send_id,
        account_id,
    )
    return send_id


def stat(account_id: int, at: datetime, **traits: Any) -> StatRow:
    """Counts of one outcome in the hour of a moment."""
    row = {"app_id": 1, "send_id": 1, "push_id": 1, "country": "PT", "lang": "pt", "platform": "android", **traits}
    return StatRow(account_id=account_id, hour=at.replace(minute=0, second=0, microsecond=0), **row)


async def test_an_empty_installation_shows_the_first_steps(owner: Visitor, stranger: Visitor) -> None:
    page = await owner.page("/overview")
    for words in ("First steps", "Create an app", "Put the app&#39;s id into your app", "Nothing is planned."):
        assert words in page
    assert "Last 30 days" not in page
    assert (await owner.get("")).headers["location"] == "/console/overview"


async def test_the_overview_tells_what_happened_what_runs_and_what_needs_a_person(
    owner: Visitor, stranger: Visitor, services: Services, database: Database
) -> None:
    assert owner.member is not None
    account_id, now = owner.member.account_id, datetime.now(UTC)
    async with database.transaction() as conn:
        app_id = await new_app(conn, account_id)
        for _ in range(3):
            await new_device(conn, account_id, app_id)
        running, paused = [await new_onesend(conn, account_id) for _ in range(2)]
        await new_send(conn, account_id, running)
        await new_send(conn, account_id, paused, state="paused")
        await conn.execute("update scheduler set name = 'Half <b>done</b>' where id = $1", running)
        await conn.execute(
            "insert into app_credential (app_id, provider, account_id, sealed, fingerprint, expires_at, paused_at, "
            "pause_reason) values ($1, 'apns', $2, '', 'f', now() + interval '3 days', now(), 'wrong key')",
            app_id,
            account_id,
        )
        rows = [
            stat(account_id, now, app_id=app_id, outcome="sent", n=1200),
            stat(account_id, now, app_id=app_id, outcome="delivered", n=900),
            stat(account_id, now - timedelta(days=5), app_id=app_id, outcome="sent", n=800),
            stat(account_id, now - timedelta(days=40), app_id=app_id, outcome="sent", n=7777),
        ]
        await services.statistics.fold(conn, rows)
        await conn.execute("update stat_total_mark set until = now() - interval '50 days'")
    while await services.reach.settle() or await services.totals.roll():
        pass
    page = await owner.page("/overview")
    for words in ("1,200", "75% of sent", "2,000", "Half &lt;b&gt;done", "50% done", "Go on or cancel"):
        assert words in page
    for words in ("Nothing is sent", "wrong key", "The certificate runs out soon", f"/console/apps/{app_id}"):
        assert words in page
    assert "7,777" not in page
    live = (await owner.get("/overview", headers={"hx-request": "true"})).text
    assert live.lstrip().startswith('<div class="two-columns now" id="live"')
    assert "every 2s" in live
    assert "Half" not in await stranger.page("/overview")


async def test_analytics_compare_any_days_by_every_dimension(
    owner: Visitor, stranger: Visitor, services: Services, database: Database
) -> None:
    assert owner.member is not None
    account_id = owner.member.account_id
    wednesday = datetime(2026, 3, 4, 12, tzinfo=UTC)
    async with database.transaction() as conn:
        app_id = await new_app(conn, account_id)
        traits: dict[str, Any] = {"app_id": app_id, "send_id": 1, "push_id": 1, "platform": "ios"}
        rows = [
            stat(account_id, wednesday, **traits, outcome="sent", n=600),
            stat(account_id, wednesday, **{**traits, "country": "=BR"}, outcome="sent", n=400),
            stat(account_id, wednesday + timedelta(hours=14), **traits, outcome="clicked", n=50),
            stat(account_id, wednesday, **traits, outcome="failed:token", n=111),
            stat(account_id, wednesday - timedelta(days=2), **traits, outcome="sent", n=500),
            stat(account_id, wednesday - timedelta(days=9), **traits, outcome="sent", n=9999),
        ]
        await services.statistics.fold(conn, rows)
        await conn.execute("update stat_total_mark set until = '2026-02-01'")
        await conn.execute("update member set time_zone = 'Asia/Tokyo' where account_id = $1", account_id)
        await conn.executemany(
            "insert into reach_day (account_id, day, app_id, platform, n) values ($1, $2, $3, 'ios', $4)",
            [(account_id, wednesday.date() - timedelta(days=age), app_id, 4321 - age) for age in (0, 1)],
        )
    query = "/analytics?from=2026-03-03&to=2026-03-04&by="
    page = await owner.page(f"{query}country")
    for words in ("1,000", "+100% against the days before", "=BR", "4,321", "The app was removed"):
        assert words in page
    assert "9,999" not in page
    for part in ("day", "app", "push", "language", "platform", "nonsense"):
        assert "1,000" in await owner.page(f"{query}{part}")
    # 02:00 UTC on Thursday is 11:00 in Tokyo
    heat = (await owner.page("/analytics?from=2026-03-03&to=2026-03-06")).partition('class="heat"')[2]
    assert 'title="Thu 11:00 – 50"' in heat
    file = await owner.get("/analytics/table.csv?from=2026-03-03&to=2026-03-04&by=country")
    assert "PT,600,0,0,111,0,0,500,0,0,0,0,0" in file.text
    assert "'=BR,400" in file.text, "a country that looks like a formula is disarmed"
    for wrong in ("from=2026-13-01", "from=2026-03-05&to=2026-03-01", "from=1&to=%00", "from=2010-01-01&to=2026-01-01"):
        assert "invalid-feedback" in await owner.page(f"/analytics?{wrong}")
    assert "Nothing was sent in these days" in await stranger.page(f"{query}day")


async def test_rolled_up_totals_equal_the_counts_they_are_made_of(
    owner: Visitor, services: Services, database: Database
) -> None:
    assert owner.member is not None
    account_id, begin = owner.member.account_id, datetime(2026, 3, 1, tzinfo=UTC)
    numbers = [(hour, (hour * 7) % 11 + 1) for hour in range(0, 24 * 6, 3)]
    async with database.transaction() as conn:
        rows = [stat(account_id, begin + timedelta(hours=hour), outcome="sent", n=n) for hour, n in numbers]
        await services.statistics.fold(conn, rows)
        await conn.execute("update stat_total_mark set until = $1", begin)
    periods = [Period(begin + timedelta(hours=first), begin + timedelta(hours=last)) for first, last in SPANS]
    wanted = [sum(n for hour, n in numbers if first <= hour < last) for first, last in SPANS]
    for hours in (1, 5, 20, 1, 40, 60, 20, 0):
        found = [(await services.totals.split(account_id, period, Part.COUNTRY)).get("PT") for period in periods]
        assert [counts.sent if counts else 0 for counts in found] == wanted
        assert (await services.totals.total(account_id, periods[0])).sent == wanted[0]
        for _ in range(hours):
            assert await services.totals.roll() == 1, "there is more"
    async with database.acquire() as conn:
        assert await conn.fetchval("select until from stat_total_mark") > begin + timedelta(days=6)


async def test_devices_are_noted_by_day_and_by_cohort(owner: Visitor, services: Services, database: Database) -> None:
    assert owner.member is not None
    account_id, now = owner.member.account_id, datetime.now(UTC)
    async with database.transaction() as conn:
        app_id = await new_app(conn, account_id)
        for age, seen in [(28, 0), (28, 27), (28, 10), (1, 0)]:
            came, last = now - timedelta(days=age), now - timedelta(days=seen)
            await new_device(conn, account_id, app_id, platform="ios", created_at=came, last_seen_at=last)
    while await services.reach.settle():
        pass
    for _ in range(2):
        await services.growth.note()
    today = now.date()
    by_day = await services.growth.by_day(account_id, today, today + timedelta(days=1), by_app=False)
    assert by_day == {today: {"ios": 4}}
    assert await services.growth.count_cohorts() == 1
    assert await services.growth.count_cohorts() == 0, "once a day"
    old, new = await services.growth.retention(account_id)
    assert (old.devices, list(old.seen[:5]), old.exact) == (3, [2, 2, 1, 1, 0], True)
    assert (new.devices, list(new.seen[:1])) == (1, [0])
    page = await owner.page("/analytics")
    assert "66.7%" in page
    assert "counted once a day" in page.lower()


async def test_only_the_operator_sees_the_system_and_no_secrets(
    owner: Visitor, stranger: Visitor, editor: Visitor, database: Database
) -> None:
    async with database.acquire() as conn:
        await conn.execute("insert into worker (id) values ('host-1-77')")
    page = await owner.page("/system")
    for words in ("host-1-77", "alive", "CLARION_MAX_UNRECORDED", "1500", "•••@db.example", "Largest tables"):
        assert words in page
    assert "hunter2" not in page
    assert "/console/system" in await owner.page("/overview")
    for other in (stranger, editor):
        assert (await other.get("/system")).status_code == 403
        assert "/console/system" not in await other.page("/overview")
    live = await owner.get("/system", headers={"hx-request": "true"})
    assert live.text.lstrip().startswith('<div class="stack" id="live"')
    assert "CLARION_" not in live.text
