"""A process that sends through APNs over one connection after the other, with the provider token of the database.

`python apns_process.py`, with its world as JSON on standard input; writes the outcomes as JSON.
"""

import asyncio
import json
import sys
from dataclasses import replace
from typing import Any

from clarion.db import Database
from clarion.features.apps.jwt_store import DatabaseJwtStore
from clarion.foundation.clock import SystemClock
from clarion.foundation.secrets import Keeper
from clarion.providers.apns.sender import ApnsSender
from clarion.providers.apns.settings import ApnsSettings
from clarion.providers.contract import Content, Credential
from clarion.providers.http2 import Http2Transport
from clarion.providers.transport import Answer, Request


async def send_one(world: dict[str, Any], store: DatabaseJwtStore, token: str) -> str:
    """One message over a connection of its own; its outcome."""
    answered: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()
    settings = ApnsSettings(url=world["url"], sandbox_url=world["url"])
    sender = ApnsSender(
        Credential(1, 1, "apns", 1, "f", world["values"]),
        settings=replace(settings, channel=replace(settings.channel, ca_file=world["ca_file"])),
        transport=Http2Transport(),
        store=store,
        clock=SystemClock(),
        sink=lambda answers: answered.set_result(answers[0]),
    )
    await sender.ready()
    request = sender.prepare(Content("Hi", "There"), transport="apns", ttl=60).request(token, b"m", b"0" * 32, token)
    assert isinstance(request, Request)
    sender.submit([request])
    outcome = sender.verdict(await asyncio.wait_for(answered, 20)).code
    await sender.aclose(grace=1)
    return outcome


async def main() -> None:
    """Send the messages of this process."""
    world = json.load(sys.stdin)
    database = await Database.connect(world["dsn"], max_size=2)
    store = DatabaseJwtStore(database=database, keeper=Keeper(bytes.fromhex(world["root_key"])))
    outcomes = [await send_one(world, store, token) for token in world["tokens"]]
    await database.close()
    sys.stdout.write(json.dumps(outcomes))


if __name__ == "__main__":
    asyncio.run(main())
