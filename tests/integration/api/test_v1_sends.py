"""Sends and their deliveries over HTTP: decisions.md 21, reliability.md I6."""

import pytest
from tests.integration.api.management_client import Api
from tests.integration.api.sent_world import Outcome, SentWorld

from clarion.db import Database
from clarion.features.deliveries.model import State
from clarion.services import Services

pytestmark = pytest.mark.anyio


@pytest.fixture
def world(api: Api, database: Database, services: Services) -> SentWorld:
    return SentWorld(api, database, services)


async def _mixed(world: SentWorld) -> tuple[int, int, list[int]]:
    """A send of one app with every kind of outcome; its id, the app, and the devices in the order of the outcomes."""
    app = await world.app()
    send = await world.send(app)
    devices = sorted([await world.device(app) for _ in range(7)])
    kinds = [
        (State.SENT, None, None),
        (State.SENT, None, None),
        (State.FAILED, "token", "UNREGISTERED"),
        (State.FAILED, "message", "INVALID_ARGUMENT"),
        (State.FAILED, "expired", "unsent"),
        (State.WAITING, None, "HTTP_503"),
        (State.CANCELLED, None, None),
    ]
    outcomes = [Outcome(device, *kind) for device, kind in zip(devices, kinds, strict=True)]
    await world.record(send, app, outcomes)
    await world.confirm(send, app, devices[0], clicked=True)
    return send, app, devices


async def test_a_send_shows_its_state_and_counts(world: SentWorld, api: Api) -> None:
    send, _, _ = await _mixed(world)
    shown = await api.ok("GET", f"/api/v1/sends/{send}")
    assert shown["state"] == "complete"
    assert (shown["slices_total"], shown["slices_done"], shown["waiting"]) == (1, 1, 1)
    assert shown["counts"] == {
        "sent": 2,
        "failed": 3,
        "failed_by_reason": {"token": 1, "message": 1, "internal": 0, "expired": 1},
        "cancelled": 1,
        "skipped": 0,
        "skipped_by_reason": {"frequency": 0, "gap": 0, "too_late": 0},
        "delivered": 1,
        "clicked": 1,
        "delivery_rate": 0.5,
        "click_rate": 1.0,
    }
    assert (await api.ok("GET", "/api/v1/sends"))["sends"] == [shown]


async def test_the_counts_of_a_send_equal_its_rows(world: SentWorld, api: Api) -> None:
    send, _, _ = await _mixed(world)
    counts = (await api.ok("GET", f"/api/v1/sends/{send}"))["counts"]
    for state in ("sent", "failed", "cancelled"):
        rows = (await api.ok("GET", f"/api/v1/sends/{send}/deliveries?state={state}"))["deliveries"]
        assert counts[state] == len(rows), state
    rows = (await api.ok("GET", f"/api/v1/sends/{send}/deliveries"))["deliveries"]
    assert counts["delivered"] == len([row for row in rows if row["delivered_at"]])
    assert counts["clicked"] == len([row for row in rows if row["clicked_at"]])


async def test_a_send_of_which_nothing_is_known_yet_has_zero_counts_and_no_rates(world: SentWorld, api: Api) -> None:
    app = await world.app()
    send = await world.send(state="running", finished_at=None)
    await world.slice(send, 0, app, state="ready")
    shown = await api.ok("GET", f"/api/v1/sends/{send}")
    assert (shown["slices_total"], shown["slices_done"], shown["finished_at"]) == (1, 0, None)
    assert (shown["counts"]["sent"], shown["counts"]["delivery_rate"], shown["counts"]["click_rate"]) == (0, None, None)


async def test_every_delivery_tells_its_outcome(world: SentWorld, api: Api) -> None:
    send, app, devices = await _mixed(world)
    rows = (await api.ok("GET", f"/api/v1/sends/{send}/deliveries"))["deliveries"]
    assert [row["device_id"] for row in rows] == [str(device) for device in devices]
    sent, _, gone, *_, waiting, _ = rows
    assert (sent["state"], sent["app_id"], sent["provider_id"], sent["language"]) == ("sent", app, "p-1", "en")
    assert sent["clicked_at"] is not None
    assert sent["delivered_at"] is not None
    assert (gone["state"], gone["reason"], gone["code"]) == ("failed", "token", "UNREGISTERED")
    assert (waiting["state"], waiting["settled_at"]) == ("waiting", None)
    assert waiting["next_attempt_at"] is not None


async def test_deliveries_can_be_narrowed_by_state_and_reason(world: SentWorld, api: Api) -> None:
    send, _, devices = await _mixed(world)
    path = f"/api/v1/sends/{send}/deliveries"
    failed = (await api.ok("GET", f"{path}?state=failed"))["deliveries"]
    assert [row["device_id"] for row in failed] == [str(device) for device in devices[2:5]]
    gone = (await api.ok("GET", f"{path}?state=failed&reason=token"))["deliveries"]
    assert [row["device_id"] for row in gone] == [str(devices[2])]
    assert (await api.ok("GET", f"{path}?state=sent&reason=token"))["deliveries"] == []


async def test_the_cursor_leads_through_all_deliveries_of_all_apps_once(world: SentWorld, api: Api) -> None:
    apps = [await world.app() for _ in range(3)]
    send = await world.send(*apps)
    expected = []
    for app in apps:
        devices = sorted([await world.device(app) for _ in range(4)])
        await world.record(send, app, [Outcome(device) for device in devices])
        expected += [(app, str(device)) for device in devices]
    found, cursor = [], ""
    while cursor is not None:
        page = await api.ok("GET", f"/api/v1/sends/{send}/deliveries?limit=5&cursor={cursor}")
        assert len(page["deliveries"]) <= 5
        found += [(row["app_id"], row["device_id"]) for row in page["deliveries"]]
        cursor = page["next_cursor"]
    assert found == expected


async def test_deliveries_of_another_send_or_account_are_not_listed(
    world: SentWorld, api: Api, stranger: Api, database: Database, services: Services
) -> None:
    send, app, _ = await _mixed(world)
    other = await world.send(app)
    await world.record(other, app, [Outcome(await world.device(app))])
    assert len((await api.ok("GET", f"/api/v1/sends/{send}/deliveries"))["deliveries"]) == 7
    foreign = await stranger.refused("GET", f"/api/v1/sends/{send}/deliveries", status=404)
    missing = await stranger.refused("GET", "/api/v1/sends/987654321/deliveries", status=404)
    assert foreign.replace(str(send), "N") == missing.replace("987654321", "N")


async def test_a_page_of_deliveries_is_read_along_the_primary_key(world: SentWorld, database: Database) -> None:
    send, app, _ = await _mixed(world)
    statement = (
        "explain select device_id from delivery d where d.day = current_date and d.app_id = $1 and d.send_id = $2"
        " and d.account_id = $3 and d.device_id > 0 order by d.device_id limit 50"
    )
    async with database.transaction() as conn:
        await conn.execute("set local enable_seqscan = off")
        plan = await conn.fetch(statement, app, send, world.api.account_id)
    text = "\n".join(row[0] for row in plan)
    assert "Index Scan using delivery_" in text
    assert "Sort" not in text


async def test_sends_are_listed_newest_first_and_by_scheduler_and_state(world: SentWorld, api: Api) -> None:
    scheduler = await world.scheduler()
    first = await world.send(scheduler_id=scheduler)
    second = await world.send()
    third = await world.send(state="paused", pause_reason="refused", finished_at=None)
    page = await api.ok("GET", "/api/v1/sends?limit=2")
    assert [send["id"] for send in page["sends"]] == [third, second]
    rest = await api.ok("GET", f"/api/v1/sends?limit=2&cursor={page['next_cursor']}")
    assert ([send["id"] for send in rest["sends"]], rest["next_cursor"]) == ([first], None)
    paused = (await api.ok("GET", "/api/v1/sends?state=paused"))["sends"]
    assert [(send["id"], send["pause_reason"]) for send in paused] == [(third, "refused")]
    by_scheduler = (await api.ok("GET", f"/api/v1/sends?scheduler_id={scheduler}"))["sends"]
    assert [send["id"] for send in by_scheduler] == [first]


@pytest.mark.parametrize(
    "query",
    [
        "state=lost",
        "limit=0",
        "limit=501",
        "limit=x",
        "limit=9223372036854775808",
        "cursor=0",
        "cursor=x",
        "cursor=9223372036854775808",
        "scheduler_id=0",
        "scheduler_id=1e3",
    ],
)
async def test_a_wrong_argument_of_the_list_is_refused(api: Api, query: str) -> None:
    assert (await api.refused("GET", f"/api/v1/sends?{query}")).startswith("validation error: ")


@pytest.mark.parametrize("query", ["state=9", "reason=love", "cursor=1", "cursor=1-", "cursor=-1-2", "cursor=a-b"])
async def test_a_wrong_argument_of_the_deliveries_is_refused(world: SentWorld, api: Api, query: str) -> None:
    send = await world.send()
    assert (await api.refused("GET", f"/api/v1/sends/{send}/deliveries?{query}")).startswith("validation error: ")
