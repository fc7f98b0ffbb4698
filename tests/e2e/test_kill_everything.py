"""`kill -9` of everything in the middle of a send: nobody is lost, and repeats stay within the promised window."""

import asyncio
import json
import os
import random
import signal
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import asyncpg
import pytest
from tests.e2e.conftest import Clarion, Running

from clarion.cli.demonstration.simulation import running_simulator, settings_of
from clarion.db.embedded import EmbeddedPostgres
from clarion.foundation.ids import new_device_id
from clarion.simulator import SimulatorAddress, read_journal

Call = Callable[..., tuple[int, Any]]

DEVICES = 20_000
WINDOW = 300
KILLS = 4


@pytest.fixture
def simulator(tmp_path: Path) -> Iterator[SimulatorAddress]:
    """A simulator that survives what happens to Clarion."""
    with running_simulator(tmp_path / "simulator") as address:
        yield address


def service_account(simulator: SimulatorAddress, call: Call) -> dict[str, str]:
    """A service account that the simulator accepts."""
    answer = call(
        f"{simulator.url}/_sim/fcm/service-accounts", body={"project_id": "acceptance-one"}, ca_file=simulator.ca_file
    )
    account: dict[str, str] = answer[1]
    return account


async def add_devices(dsn: str, account_id: int, app_id: int) -> None:
    """Devices written straight into the table, half with each FCM transport."""
    created = datetime.now(UTC) - timedelta(minutes=1)
    rows = [
        (app_id, new_device_id(), account_id, b"%d" % number, b"", ("fcm", "fcm.data")[number % 2], f"t{number}",
         b"hash-%d" % number, 1, created)
        for number in range(DEVICES)
    ]  # fmt: skip
    columns = [
        "app_id",
        "id",
        "account_id",
        "ic_token_hash",
        "ic_token",
        "transport",
        "token",
        "token_hash",
        "token_state",
        "created_at",
    ]
    connection = await asyncpg.connect(dsn)
    await connection.copy_records_to_table("device", records=rows, columns=columns)
    await connection.close()


async def fetch(dsn: str, sql: str) -> list[tuple[Any, ...]]:
    """The rows of one query."""
    connection = await asyncpg.connect(dsn)
    rows = [tuple(row) for row in await connection.fetch(sql)]
    await connection.close()
    return rows


def accepted(simulator: SimulatorAddress) -> Counter[str]:
    """How often the simulator accepted a message for each token."""
    entries = read_journal(Path(simulator.journal_file))
    return Counter(entry.token for entry in entries if entry.endpoint == "send" and entry.status == 200)


def instant(address: str, key: str, account: dict[str, str], call: Call, clarion: Clarion) -> int:
    """An app with many devices and an instant sending to them; the scheduler's id."""
    creation = {"push_provider": "firebase", "name": "App", "firebase_creds": account}
    app_id = call(f"{address}/api/b/v2/apps", key=key, body=creation)[1]["id"]
    with EmbeddedPostgres.start(clarion.folder / "clarion-data") as database:
        asyncio.run(add_devices(database.dsn, 1, app_id))
    push = {"default_lang": "en", "translations": [{"language": "en", "title": "Hi", "text": "There"}]}
    body = {"name": "All", "filters": {"all_apps": True}, "push": push}
    scheduler_id: int = call(f"{address}/api/b/v2/send/instant", key=key, body=body)[1]["sched_id"]
    return scheduler_id


def handed_over(simulator: SimulatorAddress, call: Call) -> int:
    """How many messages the simulator has accepted."""
    count: int = call(f"{simulator.url}/_sim/counts", ca_file=simulator.ca_file)[1]["accepted"]
    return count


def kill_somewhere(
    running: Running, clarion: Clarion, simulator: SimulatorAddress, call: Call, *, rng: random.Random
) -> None:
    """Kill everything after a random number of further messages; now and then the database too."""
    goal = handed_over(simulator, call) + rng.randrange(500, DEVICES // KILLS // 2)
    running.until(lambda: handed_over(simulator, call) >= goal)
    postmaster = postmaster_of(clarion)
    running.kill_all()
    if rng.random() < 0.5:
        os.kill(postmaster, signal.SIGKILL)


def postmaster_of(clarion: Clarion) -> int:
    """The process number of the embedded database."""
    with EmbeddedPostgres.start(clarion.folder / "clarion-data") as database:
        rows = asyncio.run(fetch(database.dsn, "select pg_read_file('postmaster.pid', 0, 20)"))
    return int(str(rows[0][0]).split()[0])


@pytest.mark.timeout(300)
def test_killing_everything_again_and_again_loses_nobody(
    clarion: Clarion, simulator: SimulatorAddress, call: Call
) -> None:
    clarion.environment |= settings_of(simulator) | {
        "CLARION_INSTANT_DELAY_SEC": "0",
        "CLARION_FCM_WARMUP_SEC": "0",
        "CLARION_FCM_RATE_PER_SEC": "3000",
        "CLARION_MAX_UNRECORDED": str(WINDOW),
    }
    rng = random.Random(20261121)  # noqa: S311 - a repeatable test
    running = clarion.start("serve")
    address = running.address()
    key = json.loads(clarion.ok("account", "create", "owner@example.com"))["api_key"]
    instant(address, key, service_account(simulator, call), call, clarion)
    for _ in range(KILLS):
        kill_somewhere(running, clarion, simulator, call, rng=rng)
        running = clarion.start("serve")
        address = running.address()
    running.until(lambda: _complete(address, key, call), seconds=120)
    assert running.stop() == 0
    with EmbeddedPostgres.start(clarion.folder / "clarion-data") as database:
        rows = asyncio.run(
            fetch(database.dsn, "select state, count(*), count(distinct device_id) from delivery group by 1")
        )
        counted = asyncio.run(fetch(database.dsn, "select outcome, sum(n)::int from stat_hour group by 1"))
    assert rows == [(2, DEVICES, DEVICES)]
    assert counted == [("sent", DEVICES)]
    per_token = accepted(simulator)
    assert len(per_token) == DEVICES
    assert per_token.total() - DEVICES <= KILLS * WINDOW


def _complete(address: str, key: str, call: Call) -> bool:
    _, answer = call(f"{address}/api/v1/sends", key=key)
    return bool(answer["sends"]) and all(item["state"] == "complete" for item in answer["sends"])
