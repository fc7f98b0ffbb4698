"""Sendings in the console: listed, followed, paused, cancelled, duplicated, and who got them."""

from datetime import UTC, datetime

import pytest
from tests.factories import new_app, new_device
from tests.integration.console.conftest import Visitor

from clarion.db import Database
from clarion.features.accounts import Caller
from clarion.features.audiences import Filter
from clarion.features.pushes import PushBody, TranslationBody
from clarion.features.schedulers.body import SchedulerBody
from clarion.features.sends.model import TEST
from clarion.features.statistics import StatRow
from clarion.services import Services

pytestmark = pytest.mark.anyio

HELLO = PushBody("en", [TranslationBody("en", "Hello <i>you</i>", "Text"), TranslationBody("pt", "Olá", "Texto")])


async def planned(visitor: Visitor, services: Services, database: Database, name: str = "Spring sale") -> int:
    """A sending at a moment far ahead; its id."""
    assert visitor.member is not None
    async with database.acquire() as connection:
        await new_app(connection, visitor.member.account_id)
    body = SchedulerBody(
        name=name,
        type="onesend",
        filter=Filter(all_apps=True, countries_include=["PT"], languages_exclude=["de"]),
        date=f"{datetime.now(UTC).year + 1}-05-04",
        time="18:30",
        local_time=False,
        timezone="+03:00",
        pushes=[HELLO],
    )
    caller = Caller(visitor.member.account_id, f"member:{visitor.member.id}")
    return await services.editing.create(caller, body)


async def test_a_sending_is_found_and_told_in_words(owner: Visitor, services: Services, database: Database) -> None:
    number = await planned(owner, services, database)
    listed = await owner.page("/sendings?q=spring")
    assert f"/console/sendings/{number}" in listed
    assert "planned" in listed
    assert "No sending is like this" in await owner.page("/sendings?q=autumn")
    assert "No sending is like this" in await owner.page("/sendings?type=weekly&state=done")
    rows = await owner.get("/sendings?q=spring", headers={"hx-request": "true"})
    assert rows.text.lstrip().startswith('<div id="sendings">')
    page = await owner.page(f"/sendings/{number}")
    for words in ("PT", "all but de", "UTC+03:00", "Hello &lt;i&gt;you&lt;/i&gt;", "all active ones"):
        assert words in page
    assert "<i>you" not in page


async def test_a_sending_can_be_held_back_copied_and_cancelled(
    owner: Visitor, viewer: Visitor, services: Services, database: Database
) -> None:
    path = f"/sendings/{await planned(owner, services, database)}"
    assert (await viewer.post(f"{path}/cancel")).status_code == 403
    assert await owner.done(f"{path}/pause") == path
    assert "Go on" in await owner.page(path)
    await owner.done(f"{path}/resume")
    copy = await owner.done(f"{path}/duplicate")
    assert copy != path
    page = await owner.page(copy)
    assert "Spring sale (copy)" in page
    assert "Activate" in page
    await owner.done(f"{copy}/activate")
    assert "Activate" not in await owner.page(copy)
    await owner.done(f"{path}/cancel")
    page = await owner.page(path)
    assert "devices will not get it" in page
    assert "cancelled" in page
    await owner.done(f"{path}/pause")
    assert "alert-warning" in await owner.page(path), "what is over cannot be paused, which is said"


async def test_results_are_told_by_every_aspect_and_as_a_file(
    owner: Visitor, stranger: Visitor, services: Services, database: Database
) -> None:
    assert owner.member is not None
    account_id, number = owner.member.account_id, await planned(owner, services, database)
    async with database.transaction() as connection:
        app_id = await connection.fetchval("select id from app where account_id = $1", account_id)
        push_id = await connection.fetchval("select id from push where account_id = $1", account_id)
        device_id = await new_device(connection, account_id, app_id)
        send_id = await connection.fetchval(
            "insert into send (account_id, scheduler_id, occurrence, day, push_ids, cutoff_at, due_at, expires_at) "
            "values ($1, $2, now(), current_date, array[$3::bigint], now(), now(), now() + interval '1 day') "
            "returning id",
            account_id,
            number,
            push_id,
        )
        await connection.execute(
            "insert into slice (send_id, no, account_id, app_id, provider, id_from, id_to, state) "
            "values ($1, 0, $2, $3, 'fcm', 1, 100, 'done'), ($1, 1, $2, $3, 'fcm', 101, 200, 'ready')",
            send_id,
            account_id,
            app_id,
        )
        hour = datetime.now(UTC).replace(minute=0, second=0, microsecond=0)
        rows = [
            StatRow(account_id, app_id, send_id, push_id, country, "pt", "android", hour, outcome, n)
            for country, outcome, n in [
                ("PT", "sent", 80),
                ("BR", "sent", 20),
                ("PT", "clicked", 8),
                ("PT", "failed:token", 3),
            ]
        ]
        test_id = await connection.fetchval(
            "insert into send (account_id, scheduler_id, occurrence, zone_bucket, device_ids, day, push_ids, "
            "cutoff_at, due_at, expires_at) "
            "select account_id, scheduler_id, occurrence, $2, array[$3::bigint], day, push_ids, "
            "cutoff_at, due_at, expires_at from send where id = $1 returning id",
            send_id,
            TEST,
            device_id,
        )
        rows.append(StatRow(account_id, app_id, test_id, push_id, "ES", "es", "ios", hour, "sent", 7))
        await services.statistics.fold(connection, rows)
    path = f"/sendings/{number}"
    page = await owner.page(f"{path}?by=country")
    for words in ("50% done", "every 2s", "BR", "The app was removed, or its push token is no longer valid"):
        assert words in page
    live = await owner.get(path, headers={"hx-request": "true"})
    assert live.text.lstrip().startswith('<div id="live"')
    listed = await owner.page("/sendings")
    assert "sending" in listed
    assert "8%" in listed
    file = await owner.get(f"{path}/results.csv")
    assert file.headers["content-disposition"] == f'attachment; filename="sending-{number}.csv"'
    assert "country,BR,20,0,0,0,0,0" in file.text
    assert "country,ES" not in file.text, "tests are nobody's results"
    assert ">100<" in page, "nor are they in the sum"
    recipients = await owner.page(f"{path}/recipients?state=sent&after=1-1")
    assert "Nobody in this state" in recipients
    await owner.page(f"{path}/recipients?after=1-x", status=404)
    for part in ("", "/recipients", "/results.csv"):
        await stranger.page(f"{path}{part}", status=404)
    for part in ("/pause", "/resume", "/cancel", "/activate", "/duplicate"):
        assert (await stranger.post(f"{path}{part}")).status_code == 404
