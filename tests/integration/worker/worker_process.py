"""One worker as a process of its own, to be killed: `python worker_process.py`, with its world as JSON on stdin."""

import asyncio
import json
import sys

from tests.integration.worker.harness import StoredCredentials, core_services

from clarion.db import Database
from clarion.foundation.secrets import Keeper
from clarion.settings import read_settings
from clarion.worker.process import build_worker, run_worker


async def main() -> None:
    """Work until killed."""
    world = json.load(sys.stdin)
    database = await Database.connect(world["dsn"], max_size=10)
    values = {(app_id, provider): value for app_id, provider, value in world["credentials"]}
    services = core_services(database, StoredCredentials(database, values))
    flags = {**world["flags"], "token_uri_allow": tuple(world["flags"]["token_uri_allow"])}
    keeper = Keeper(bytes.fromhex(world["root_key"]))
    worker = build_worker(read_settings({}, **flags), services, database, keeper)
    await run_worker(worker, asyncio.Event())


if __name__ == "__main__":
    asyncio.run(main())
