"""The sending part of a worker as a process of its own, to be killed: `python webhook_process.py`, world on stdin."""

import asyncio
import json
import sys

from clarion.db import Database
from clarion.features.webhooks.queue import WebhookQueue
from clarion.foundation.clock import SystemClock
from clarion.foundation.secrets import Keeper
from clarion.providers.guarded import GuardedHttp, GuardedOptions
from clarion.worker.webhooks import WebhookSender


async def main() -> None:
    """Send until killed."""
    world = json.load(sys.stdin)
    database = await Database.connect(world["dsn"], max_size=2)
    queue = WebhookQueue(database=database, keeper=Keeper(bytes.fromhex(world["root"])), clock=SystemClock())
    http = GuardedHttp(GuardedOptions(hosts=(world["host"],), timeout=60))
    sender = WebhookSender(queue=queue, http=http, clock=SystemClock())
    while True:
        await sender.step()
        await asyncio.sleep(0.05)


if __name__ == "__main__":
    asyncio.run(main())
