"""One call in a process that kills itself at a point of it: `python killed_api.py`, with its world as JSON on stdin."""

import asyncio
import json
import os
import signal
import sys
from functools import partial
from typing import Any

import httpx
from prometheus_client import CollectorRegistry

from clarion.api.app import create_app
from clarion.api.idempotency import _Answer
from clarion.bootstrap import build_services
from clarion.db import Database
from clarion.db.readiness import check_ready
from clarion.features.idempotency import Claim
from clarion.foundation.secrets import Keeper
from clarion.settings import Settings


def die(*_: Any) -> Any:
    """As when a machine loses its power."""
    os.kill(os.getpid(), signal.SIGKILL)


async def main() -> None:
    """Make the call; never returns."""
    world = json.load(sys.stdin)
    if world["point"] == "created":
        Claim.keep = die  # type: ignore[method-assign]
    else:
        _Answer.give = die  # type: ignore[method-assign]
    database = await Database.connect(world["dsn"], max_size=2)
    services = build_services(Settings(), database=database, keeper=Keeper(bytes.fromhex(world["root"])))
    application = create_app(
        services, Settings(), readiness=partial(check_ready, database), registry=CollectorRegistry()
    )
    headers = {"authorization": f"Bearer {world['key']}", "idempotency-key": "order-1"}
    async with httpx.AsyncClient(transport=httpx.ASGITransport(application), base_url="http://clarion.test") as client:
        await client.post("/api/b/v2/events", json=world["body"], headers=headers)


if __name__ == "__main__":
    asyncio.run(main())
