"""The part of `/metrics` that comes from the database: what waits, what is late, which credentials need somebody."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families
from tests.integration.api.management_client import Api
from tests.integration.api.sent_world import Outcome, SentWorld

from clarion.api.backlog_metrics import FRESH, BacklogMetrics
from clarion.db import Database
from clarion.features.deliveries.backlog import BacklogService
from clarion.features.deliveries.model import State
from clarion.services import Services

pytestmark = pytest.mark.anyio


@pytest.fixture
def world(api: Api, database: Database, services: Services) -> SentWorld:
    return SentWorld(api, database, services)


async def samples(http: httpx.AsyncClient) -> dict[str, float]:
    """Every sample of the page by its name and its labels' values."""
    answer = await http.get("/metrics")
    assert answer.status_code == 200
    return {
        "/".join((sample.name, *sample.labels.values())): sample.value
        for family in text_string_to_metric_families(answer.text)
        for sample in family.samples
    }


async def test_an_idle_installation_shows_every_series_at_zero(http: httpx.AsyncClient) -> None:
    """A series that comes and goes cannot be alerted on."""
    found = await samples(http)
    for provider in ("fcm", "apns", "webpush", "onesignal", "huawei"):
        assert found[f"clarion_oldest_due_slice_seconds/{provider}"] == 0
        assert found[f"clarion_slices/{provider}/ready"] == 0
        assert found[f"clarion_credentials_paused/{provider}"] == 0


async def test_work_that_nobody_does_grows_old(http: httpx.AsyncClient, world: SentWorld, api: Api) -> None:
    """BP-9: the age of the oldest due slice by provider; what may not be worked on is not late."""
    app, resting = await api.new_app(), await api.new_app()
    long_ago = datetime.now(UTC) - timedelta(minutes=10)
    send = await world.send(state="running", due_at=long_ago, created_at=long_ago, finished_at=None)
    for number, one in enumerate((app, resting)):
        await world.slice(send, number, one, state="ready")
    await world.fetchval("update slice set provider = 'onesignal'")
    await world.fetchval("update app_credential set paused_at = now() where app_id = $1", resting)
    found = await samples(http)
    assert 600 <= found["clarion_oldest_due_slice_seconds/onesignal"] < 700
    assert found["clarion_slices/onesignal/ready"] == 2
    assert found["clarion_credentials_paused/onesignal"] == 1


async def test_a_paused_credential_alone_is_not_late(http: httpx.AsyncClient, world: SentWorld, api: Api) -> None:
    app = await api.new_app()
    send = await world.send(state="running", due_at=datetime.now(UTC) - timedelta(hours=1), finished_at=None)
    await world.slice(send, 0, app, state="ready")
    await world.fetchval("update slice set provider = 'onesignal'")
    await world.fetchval("update app_credential set paused_at = now(), guard_tripped_at = now()")
    found = await samples(http)
    assert found["clarion_oldest_due_slice_seconds/onesignal"] == 0
    assert found["clarion_guards_tripped/onesignal"] == 1


async def test_due_retries_and_expiring_certificates_are_counted(
    http: httpx.AsyncClient, world: SentWorld, api: Api
) -> None:
    app = await api.new_app()
    send = await world.send(app)
    devices = [await world.device(app) for _ in range(3)]
    await world.record(send, app, [Outcome(device, State.WAITING) for device in devices])
    await world.fetchval(
        "update delivery set next_attempt_at = now() - interval '1 s' where device_id <> $1", devices[0]
    )
    await world.fetchval(
        "update app_credential set expires_at = now() + interval '20 days' where provider = 'onesignal'"
    )
    found = await samples(http)
    assert found["clarion_retries_due/fcm"] == 2
    assert found["clarion_credentials_expiring/onesignal"] == 1
    assert found["clarion_credentials_expiring/webpush"] == 0


class _Clock:
    """A clock that a test moves."""

    def __init__(self, now: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
        self.now = now
        self.moment = 100.0

    def monotonic(self) -> float:
        return self.moment


async def test_webhooks_that_fail_or_wait_for_workers_are_told(
    http: httpx.AsyncClient, world: SentWorld, api: Api
) -> None:
    body = {"url": "https://hooks.example/", "events": ["send.finished"]}
    made = (await api.ok("POST", "/api/v1/webhooks", body, status=201))["id"]
    await world.fetchval("update webhook set failing_since = now() where id = $1", made)
    await world.fetchval(
        "insert into webhook_message (webhook_id, account_id, type, object, body, next_attempt_at) "
        "values ($1, $2, 'send.finished', 'send:1', '{}', now() - interval '40 seconds')",
        made,
        api.account_id,
    )
    found = await samples(http)
    assert found["clarion_webhooks_failing"] == 1
    assert 39 < found["clarion_oldest_due_webhook_message_seconds"] < 100


async def test_the_database_is_asked_every_five_seconds_at_most(world: SentWorld) -> None:
    clock = _Clock()
    metrics = BacklogMetrics(BacklogService(database=world.database), clock=clock)
    app = await world.api.new_app()

    async def paused() -> float:
        await metrics.refresh()
        (family,) = [one for one in metrics.collect() if one.name == "clarion_credentials_paused"]
        return sum(sample.value for sample in family.samples)

    assert await paused() == 0
    await world.fetchval("update app_credential set paused_at = now() where app_id = $1", app)
    clock.moment += FRESH - 0.1
    assert await paused() == 0
    clock.moment += 0.1
    assert await paused() == 2


async def test_the_page_is_there_while_the_database_is_away(http: httpx.AsyncClient, database: Database) -> None:
    await database.close()
    found = await samples(http)
    assert not [name for name in found if name.startswith("clarion_slices")]
