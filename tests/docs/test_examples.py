"""The shell examples of the how-to pages work as they stand, in their order, against a real server.

A page runs in one shell with `$CLARION` and `$KEY`, on an installation of its own that has what pages name: account
1147, app 501, scheduler 71, pushes 31 to 36, and devices of the user `user-77`. The next scheduler is 73 (a dry run
takes a number, too), the next webhook 3. JSON right behind a shell block shows a part of its last answer: every field
that it names must be in the answer.
"""

import asyncio
import contextlib
import json
import re
import socket
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from granian.constants import Interfaces
from granian.server.embed import Server
from prometheus_client import CollectorRegistry
from tests.factories import new_device

from clarion.api.app import create_app
from clarion.bootstrap import build_services
from clarion.db import Database
from clarion.db.readiness import check_ready
from clarion.features.accounts import Caller
from clarion.features.audiences import Filter
from clarion.features.pushes import PushBody, TranslationBody
from clarion.features.schedulers.body import SchedulerBody
from clarion.foundation.ids import new_device_id
from clarion.foundation.secrets import Keeper
from clarion.services import Services
from clarion.settings import Settings

pytestmark = pytest.mark.anyio

HOW_TO = Path(__file__).resolve().parents[2] / "docs" / "how-to"
PAGES = sorted(page.name for page in HOW_TO.glob("*.md") if "$CLARION" in page.read_text("utf-8"))
SECONDS = 30
END = "--- end of block ---"
_BLOCK = re.compile(r"^```sh\n(.*?)^```$(?:\n\n```json\n(.*?)^```$)?", re.MULTILINE | re.DOTALL)
_NEXT = {"account": 1147, "app": 501, "scheduler": 71, "push": 31, "webhook": 3}


@dataclass(frozen=True)
class Example:
    """A shell block, and the part of its last answer that the page shows."""

    script: str
    shown: Any = None


def examples(page: str) -> list[Example]:
    """The shell blocks of a page that call the server."""
    found = _BLOCK.findall((HOW_TO / page).read_text("utf-8"))
    return [Example(script, json.loads(shown) if shown else None) for script, shown in found if "$CLARION" in script]


async def furnish(database: Database, services: Services, keeper: Keeper) -> str:
    """Make what pages name; the key of the account."""
    async with database.acquire() as conn:
        for table, number in _NEXT.items():
            await conn.execute(f"alter table {table} alter column id restart with {number}")
    account = await services.accounts.create(email="docs@example.com", name="Docs")
    caller = Caller(account.account_id, "docs")
    async with database.transaction() as conn:
        app_id = await conn.fetchval(
            "insert into app (account_id, push_provider, name, vapid_public) values ($1, 'firebase', 'Docs', 'B') "
            "returning id",
            account.account_id,
        )
        for zone, ext_id in (("Europe/Lisbon", "user-77"), ("Asia/Tokyo", "user-1"), ("", "")):
            device_id = new_device_id()
            sealed = keeper.seal(f"ic-{ext_id}", f"ic_token:{app_id}:{device_id}")
            told = {"tz_name": zone, "ext_id": ext_id, "country": "PT"}
            await new_device(conn, account.account_id, app_id, id=device_id, ic_token=sealed, **told)
    body = PushBody("en", [TranslationBody("en", "Hi", "There")])
    pushes = [(await services.pushes.create(caller, body)).id for _ in range(6)]
    day = f"{datetime.now(UTC) + timedelta(days=30):%Y-%m-%d}"
    fields = {"date": day, "time": "12:00", "timezone": "+00:00", "push_ids": pushes[-1:]}
    await services.editing.create(
        caller, SchedulerBody(type="onesend", name="Rain", filter=Filter(app_ids_include=[app_id]), **fields)
    )
    async with database.acquire() as conn:
        await conn.execute("alter table scheduler alter column id restart with 73")
    return account.api_key


@contextlib.asynccontextmanager
async def serving(database: Database, services: Services) -> AsyncIterator[str]:
    """A server on the loopback address; where it is."""
    application = create_app(
        services, Settings(), readiness=partial(check_ready, database), registry=CollectorRegistry()
    )
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    server = Server(application, address="127.0.0.1", port=port, interface=Interfaces.ASGI, log_enabled=False)
    running = asyncio.create_task(server.serve())
    try:
        async with asyncio.timeout(SECONDS):
            while not await _answers(port):  # noqa: ASYNC110 - the server tells nobody
                await asyncio.sleep(0.02)
        yield f"http://127.0.0.1:{port}"
    finally:
        server.stop()
        await running


async def _answers(port: int) -> bool:
    try:
        _, writer = await asyncio.open_connection("127.0.0.1", port)
    except OSError:
        return False
    writer.close()
    return True


async def run(blocks: Sequence[Example], folder: Path, environment: dict[str, str]) -> list[str]:
    """What each block printed; fails with the first command that fails, or whose answer is an error."""
    (folder / ".curlrc").write_text('silent\nshow-error\nfail-with-body\nwrite-out = "\\n"\n')
    script = "\n".join(f"{block.script}\necho\necho '{END}'" for block in blocks)
    process = await asyncio.create_subprocess_exec(
        "bash",
        "-euo",
        "pipefail",
        "-c",
        script,
        env={"PATH": "/usr/local/bin:/usr/bin:/bin", "HOME": str(folder), **environment},
        cwd=folder,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    async with asyncio.timeout(SECONDS):
        output = (await process.communicate())[0].decode()
    done = output.split(f"{END}\n")
    assert process.returncode == 0, f"{blocks[len(done) - 1].script}\n{done[-1]}"
    return done[:-1]


def check_shown(shown: Any, answer: Any, where: str) -> None:
    """Every field that a page shows is in the answer. Lists are shown by their first entry; anything may be null."""
    if answer is None:
        return
    if isinstance(shown, dict):
        assert isinstance(answer, dict), where
        for name, value in shown.items():
            if name != "...":
                assert name in answer, f"{where}: the answer has no {name}"
                check_shown(value, answer[name], f"{where}.{name}")
    elif isinstance(shown, list) and shown and answer:
        check_shown(shown[0], answer[0], f"{where}[0]")


def test_there_are_pages_with_examples() -> None:
    assert {"send-at-local-time.md", "send-weekly.md", "preview.md"} <= set(PAGES)


@pytest.mark.parametrize("page", PAGES)
async def test_the_examples_of_a_page_work(page: str, database: Database, keeper: Keeper, tmp_path: Path) -> None:
    services = build_services(Settings(), database=database, keeper=keeper)
    key = await furnish(database, services, keeper)
    blocks = examples(page)
    async with serving(database, services) as address:
        printed = await run(blocks, tmp_path, {"CLARION": address, "KEY": key})
    for block, output in zip(blocks, printed, strict=True):
        if block.shown is not None:
            check_shown(block.shown, json.loads(output.strip().splitlines()[-1]), page)
