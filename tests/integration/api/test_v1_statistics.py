"""Statistics over HTTP: any period, any grouping, JSON and safe CSV (reliability.md AU-7)."""

import csv
import io
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from tests.integration.api.management_client import Api
from tests.integration.api.sent_world import Outcome, SentWorld

from clarion.db import Database
from clarion.features.deliveries.model import State
from clarion.features.statistics.reading import period_of
from clarion.services import Services

pytestmark = pytest.mark.anyio

PATH = "/api/v1/statistics"


@pytest.fixture
def world(api: Api, database: Database, services: Services) -> SentWorld:
    return SentWorld(api, database, services)


async def _two_countries(world: SentWorld) -> tuple[int, int]:
    """Three messages to Portugal, one failed, and two to Brazil two days ago; the app and the send."""
    app = await world.app()
    send = await world.send(app)
    devices = [await world.device(app) for _ in range(5)]
    earlier = {"country": "BR", "push_id": 2, "lang": "pt", "settled_at": datetime.now(UTC) - timedelta(days=2)}
    await world.record(
        send,
        app,
        [
            Outcome(devices[0]),
            Outcome(devices[1]),
            Outcome(devices[2], State.FAILED, "token", "UNREGISTERED"),
            Outcome(devices[3], columns=earlier),
            Outcome(devices[4], columns=earlier),
        ],
    )
    await world.confirm(send, app, devices[0], clicked=True)
    return app, send


async def read(api: Api, query: str = "") -> list[dict[str, Any]]:
    groups: list[dict[str, Any]] = (await api.ok("GET", f"{PATH}?{query}"))["groups"]
    return groups


async def test_without_dimensions_there_is_one_group_of_everything(world: SentWorld, api: Api) -> None:
    await _two_countries(world)
    [group] = await read(api)
    assert group["counts"] == {
        "sent": 4,
        "failed": 1,
        "failed_by_reason": {"token": 1, "message": 0, "internal": 0, "expired": 0},
        "cancelled": 0,
        "skipped": 0,
        "skipped_by_reason": {"frequency": 0, "gap": 0, "too_late": 0},
        "delivered": 1,
        "clicked": 1,
        "delivery_rate": 0.25,
        "click_rate": 1.0,
    }
    assert {value for name, value in group.items() if name != "counts"} == {None}


async def test_an_account_without_messages_has_zeros_and_no_groups(api: Api) -> None:
    [group] = await read(api)
    assert (group["counts"]["sent"], group["counts"]["delivery_rate"]) == (0, None)
    assert await read(api, "group_by=country") == []


async def test_groups_by_one_dimension(world: SentWorld, api: Api) -> None:
    app, send = await _two_countries(world)
    expected: dict[str, tuple[str, dict[Any, int]]] = {
        "country": ("country", {"BR": 2, "PT": 2}),
        "push": ("push_id", {1: 2, 2: 2}),
        "language": ("language", {"en": 2, "pt": 2}),
        "app": ("app_id", {app: 4}),
        "send": ("send_id", {send: 4}),
        "platform": ("platform", {"android": 4}),
    }
    for dimension, (name, sent) in expected.items():
        groups = await read(api, f"group_by={dimension}")
        assert {group[name]: group["counts"]["sent"] for group in groups} == sent, dimension


async def test_groups_by_time_come_in_its_order(world: SentWorld, api: Api) -> None:
    await _two_countries(world)
    today = datetime.now(UTC).date()
    days = await read(api, "group_by=day")
    assert [group["day"] for group in days] == [str(today - timedelta(days=2)), str(today)]
    hours = await read(api, "group_by=hour&group_by=country")
    assert [group["country"] for group in hours] == ["BR", "PT"]
    assert all(datetime.fromisoformat(group["hour"]).minute == 0 for group in hours)


async def test_every_filter_narrows(world: SentWorld, api: Api) -> None:
    app, send = await _two_countries(world)
    for query, sent in (
        ("country=br", 2),
        ("language=pt", 2),
        ("push_id=1", 2),
        ("platform=ios", 0),
        (f"app_id={app}", 4),
        (f"send_id={send}&country=PT", 2),
        (f"app_id={app + 1}", 0),
    ):
        [group] = await read(api, query)
        assert group["counts"]["sent"] == sent, query


async def test_a_period_of_dates_contains_its_last_day(world: SentWorld, api: Api) -> None:
    await _two_countries(world)
    today = datetime.now(UTC).date()
    [only_today] = await read(api, f"from={today}&to={today}")
    assert only_today["counts"]["sent"] == 2
    [before] = await read(api, f"from={today - timedelta(days=3)}&to={today - timedelta(days=1)}")
    assert before["counts"]["sent"] == 2


async def test_instants_are_widened_to_whole_hours(api: Api) -> None:
    answer = await api.ok("GET", f"{PATH}?from=2026-03-01T12:30:00%2B02:00&to=2026-03-01T12:10:00Z")
    assert (answer["from"], answer["to"]) == ("2026-03-01T10:00:00Z", "2026-03-01T13:00:00Z")


async def test_other_accounts_are_not_counted(world: SentWorld, stranger: Api) -> None:
    app, send = await _two_countries(world)
    for query in ("", f"app_id={app}", f"send_id={send}"):
        [group] = await read(stranger, query)
        assert group["counts"]["sent"] == 0


@pytest.mark.parametrize(
    "query",
    [
        "from=yesterday",
        "from=2026-02-30",
        "from=2026-03-01T12:00:00",
        "from=0001-01-01",
        "to=9999-12-31T23:59:59-12:00",
        "from=2026-03-02&to=2026-03-01",
        "from=20260301",
        "group_by=colour",
        "group_by=",
        "app_id=0",
        "push_id=9223372036854775808",
        "country=Portugal",
        "language=a%00b",
        "platform=" + "x" * 257,
        "format=xml",
    ],
)
async def test_a_wrong_argument_is_refused(api: Api, query: str) -> None:
    assert (await api.refused("GET", f"{PATH}?{query}")).startswith("validation error: ")


async def test_csv_has_the_same_counts(world: SentWorld, api: Api) -> None:
    await _two_countries(world)
    by_query = await api.call("GET", f"{PATH}?group_by=country&format=csv")
    by_header = await api.call("GET", f"{PATH}?group_by=country", headers={"accept": "text/csv"})
    assert by_query.headers["content-type"] == "text/csv; charset=utf-8"
    assert by_query.text == by_header.text
    rows = list(csv.DictReader(io.StringIO(by_query.text)))
    assert [(row["country"], row["sent"], row["failed_token"], row["delivery_rate"]) for row in rows] == [
        ("BR", "2", "0", "0.0"),
        ("PT", "2", "1", "0.5"),
    ]


async def test_csv_turns_no_text_of_a_device_into_a_formula(world: SentWorld, api: Api) -> None:
    app = await world.app()
    send = await world.send(app)
    texts = ["=cmd|' /C calc'!A0", "+1", "-1", "@SUM(A1)", "\tx", "plain"]
    outcomes = [Outcome(await world.device(app), columns={"platform": text}) for text in texts]
    await world.record(send, app, outcomes)
    answer = await api.call("GET", f"{PATH}?group_by=platform&format=csv")
    cells = {row["platform"] for row in csv.DictReader(io.StringIO(answer.text))}
    assert cells == {*(f"'{text}" for text in texts[:-1]), "plain"}


async def test_messages_of_tests_count_only_where_their_send_is_asked_for(
    world: SentWorld, api: Api, services: Services, database: Database
) -> None:
    async with database.acquire() as conn:
        await conn.execute("update stat_total_mark set until = date_trunc('hour', now(), 'UTC') - interval '4 days'")
    app, _ = await _two_countries(world)
    device = await world.device(app)
    test = await world.send(app, device_ids=[device])
    earlier = {"settled_at": datetime.now(UTC) - timedelta(hours=5)}
    await world.record(test, app, [Outcome(device), Outcome(await world.device(app), columns=earlier)])
    assert [group["counts"]["sent"] for group in await read(api)] == [4]
    assert test not in [group["send_id"] for group in await read(api, "group_by=send")]
    assert (await read(api, f"send_id={test}"))[0]["counts"]["sent"] == 2
    period = period_of(None, None, now=datetime.now(UTC))
    assert (await services.totals.total(api.account_id, period)).sent == 4
    while await services.totals.roll():
        pass
    assert (await services.totals.total(api.account_id, period)).sent == 4
    by_day = await services.totals.by_day(api.account_id, period, zone="UTC")
    assert sum(counts.sent for counts in by_day.values()) == 4
