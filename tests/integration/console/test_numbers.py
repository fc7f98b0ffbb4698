"""Numbers in the console: the overview, analytics, and the operator's page."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from tests.factories import new_app, new_device, new_onesend
from tests.integration.console.conftest import Visitor

from clarion.db import Connection, Database
from clarion.features.statistics import StatRow
from clarion.services import Services

pytestmark = pytest.mark.anyio


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
    assert live.lstrip().startswith('<div class="two-columns" id="live"')
    assert "every 2s" in live
    assert "Half" not in await stranger.page("/overview")
