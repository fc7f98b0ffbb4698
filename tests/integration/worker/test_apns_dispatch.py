"""APNs in a worker: one provider token for all processes and restarts, environments remembered, dead tokens dropped."""

import asyncio
import hashlib
import json
import os
import sys
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from tests.factories import new_app
from tests.integration.worker.harness import World

from clarion.db import Database
from clarion.features.apps.jwt_store import DatabaseJwtStore
from clarion.foundation.secrets import Keeper
from clarion.providers.apns.auth import ProviderToken
from clarion.simulator import Simulator
from clarion.simulator.apns.provider import SANDBOX_DEVICE
from clarion.simulator.faults import Action

pytestmark = pytest.mark.anyio

PROCESSES, RECONNECTS = 4, 20
SCRIPT = Path(__file__).with_name("apns_process.py")
NOW = datetime(2026, 11, 22, tzinfo=UTC)


def tokens_of(count: int, prefix: str = "") -> list[str]:
    """Distinct device tokens."""
    made = [hashlib.sha256(f"{prefix}{number}".encode()).hexdigest() for number in range(count)]
    return [f"{prefix}a{digits}"[:64] for digits in made]


async def apns_app(world: World, **key: object) -> int:
    """An app with a token key."""
    async with world.database.transaction() as conn:
        app_id = await new_app(conn, world.account_id)
        await conn.execute(
            "insert into app_credential (app_id, provider, account_id, sealed, fingerprint) "
            "values ($1, 'apns', $2, '', 'apns')",
            app_id,
            world.account_id,
        )
    values = world.sim.apns.key(topic="com.example.weather", **key)  # type: ignore[arg-type]
    world.credentials.values[app_id, "apns"] = values
    return app_id


def urls(world: World) -> dict[str, object]:
    """Both environments on the world's simulator."""
    return {"apns_url": world.sim.url, "apns_sandbox_url": world.sim.url.replace("127.0.0.1", "localhost")}


async def add_phones(world: World, app_id: int, tokens: Sequence[str], **columns: object) -> None:
    await world.add_devices(tokens, app_id=app_id, transport="apns", platform="ios", **columns)


async def run_one_send(world: World) -> None:
    """Send to everybody and wait until all is settled."""
    await world.plan()
    async with world.worker(**urls(world)):
        await world.until_complete()


async def test_a_send_reaches_every_phone_once_and_keeps_the_notifications_ids(world: World) -> None:
    app_id, tokens = await apns_app(world), tokens_of(300)
    await add_phones(world, app_id, tokens)
    await run_one_send(world)
    assert world.accepted_once(tokens)
    assert await world.counts() == {"sent": 300}
    assert await world.value("select count(distinct provider_id) from delivery where length(provider_id) = 36") == 300
    await world.check()


async def test_an_environment_that_worked_is_asked_first_the_next_time(world: World) -> None:
    app_id = await apns_app(world)
    testers, others = tokens_of(20, SANDBOX_DEVICE), tokens_of(20)
    await add_phones(world, app_id, [*testers, *others])
    await run_one_send(world)
    assert await world.counts() == {"sent": 40}
    found = await world.rows("select token, apns_environment as at from device where apns_environment is not null")
    assert {row["token"]: row["at"] for row in found} == dict.fromkeys(testers, "sandbox")
    world.sim.journal.reset()
    await run_one_send(world)
    assert world.sim.journal.counts() == {"accepted": 40}


async def test_a_retry_goes_to_the_remembered_environment(world: World) -> None:
    app_id, (tester,) = await apns_app(world), tokens_of(1, SANDBOX_DEVICE)
    await add_phones(world, app_id, [tester])
    await run_one_send(world)
    world.sim.journal.reset()
    world.sim.apns.on_token(tester, "TooManyRequests", Action())
    await world.plan()
    async with world.worker(**urls(world)):
        await world.until("select exists (select from delivery where state = 1 and next_attempt_at > now())")
        waits = await world.value(
            "select next_attempt_at > now() + interval '50 seconds' from delivery where state = 1"
        )
        await world.hasten()
        await world.until_complete()
    assert waits
    assert world.sim.journal.counts() == {"TooManyRequests": 1, "accepted": 1}


@pytest.mark.parametrize(("registered", "state"), [("2025-12-31", 2), ("2026-01-02", 1)])
async def test_a_dead_token_is_dropped_unless_it_was_registered_later(
    world: World, registered: str, state: int
) -> None:
    app_id, (token,) = await apns_app(world), tokens_of(1)
    died = int(datetime(2026, 1, 1, tzinfo=UTC).timestamp() * 1000)
    body = json.dumps({"reason": "Unregistered", "timestamp": died})
    world.sim.apns.on_token(token, Action(status=410, body=body))
    await add_phones(world, app_id, [token], token_at=datetime.fromisoformat(registered).replace(tzinfo=UTC))
    await run_one_send(world)
    assert await world.value("select token_state from device where token = $1", token) == state
    assert await world.counts() == {"failed:token": 1}


async def test_a_wrong_environment_of_a_one_sided_key_invalidates_nobody(world: World) -> None:
    app_id = await apns_app(world, environments=("production",))
    await add_phones(world, app_id, tokens_of(2000, SANDBOX_DEVICE))
    await world.plan()
    async with world.worker(**urls(world)):
        await world.until("select paused_at is not null from app_credential where app_id = $1", app_id)
        await world.until_idle()
    assert await world.value("select count(*) from device where token_state <> 1") == 0
    assert await world.counts() == {}
    assert len({entry.token for entry in world.sim.journal.entries()}) <= 1000


async def test_a_revoked_key_pauses_the_credential_after_its_first_message(world: World) -> None:
    app_id = await apns_app(world)
    await add_phones(world, app_id, tokens_of(500))
    world.sim.apns.keys.change(world.credentials.values[app_id, "apns"]["auth_key_id"], revoked=True)
    await world.plan()
    async with world.worker(**urls(world)):
        await world.until("select paused_at is not null from app_credential where app_id = $1", app_id)
        await world.until_idle()
    reason = await world.value("select pause_reason from app_credential where app_id = $1", app_id)
    assert reason.startswith("InvalidProviderToken: ")
    assert world.handed_over() == 1
    assert await world.value("select count(*) from device where token_state <> 1") == 0


async def test_a_restarted_worker_takes_up_the_provider_token(world: World) -> None:
    app_id = await apns_app(world)
    await add_phones(world, app_id, tokens_of(3))
    await run_one_send(world)
    await run_one_send(world)
    assert world.sim.journal.counts() == {"accepted": 6}
    assert world.sim.apns.keys.provider_tokens(world.credentials.values[app_id, "apns"]["auth_key_id"]) == 1


async def test_four_processes_that_reconnect_twenty_times_show_one_provider_token(dsn: str) -> None:
    async with Simulator() as sim:
        values = sim.apns.key(topic="com.example.weather")
        world = {"dsn": dsn, "url": sim.url, "ca_file": sim.ca_file, "values": values, "root_key": "00" * 32}
        worlds = [world | {"tokens": tokens_of(RECONNECTS, f"{n:08x}")} for n in range(PROCESSES)]
        outcomes = await asyncio.gather(*(_run(json.dumps(one)) for one in worlds))
        assert outcomes == [["OK"] * RECONNECTS] * PROCESSES
        assert sim.apns.keys.provider_tokens(values["auth_key_id"]) == 1
        assert len(sim.journal.connections) == PROCESSES * RECONNECTS


async def _run(world: str) -> list[str]:
    process = await asyncio.create_subprocess_exec(
        sys.executable, str(SCRIPT), stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, env=dict(os.environ)
    )
    output, _ = await asyncio.wait_for(process.communicate(world.encode()), 60)
    outcomes: list[str] = json.loads(output)
    return outcomes


async def test_the_database_keeps_a_token_sealed_until_it_is_too_old_or_from_the_future(database: Database) -> None:
    store = DatabaseJwtStore(database=database, keeper=Keeper(bytes(32)))

    async def agree(text: str, minute: float, *, after: float = -45) -> str:
        moment = NOW + timedelta(minutes=minute)
        offer = ProviderToken(text, moment)
        return (await store.agree(b"key", offer, after=moment + timedelta(minutes=after))).text

    assert await agree("first", 0) == "first"
    assert await agree("second", 44) == "first"
    assert await agree("third", 45) == "third"
    assert await agree("fourth", 46, after=-1) == "fourth"
    assert await agree("back in time", 0) == "back in time"
    assert (await store.agree(b"other", ProviderToken("other", NOW), after=NOW)).text == "other"
    async with database.acquire() as conn:
        sealed = [row["sealed"] for row in await conn.fetch("select sealed from apns_jwt")]
    assert len(sealed) == 2
    assert not any(b"back in time" in one for one in sealed)
