"""Instant sendings of the demonstration, and how they end."""

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any

from clarion.cli.demonstration.client import CallFailed, JsonClient
from clarion.features.sends.service import SendService

SETTLE_SECONDS = 120.0
LOOK_SECONDS = 0.5


async def send_now(api: JsonClient, name: str, push: Mapping[str, Any], filters: Mapping[str, Any]) -> int:
    """The id of the scheduler of a new instant sending."""
    body = {"name": name, "filters": filters, "push": push}
    sent = await api.call("POST", "/api/b/v2/send/instant", body)
    return int(sent["sched_id"])


async def settled(sends: SendService, account_id: int, scheduler_ids: Sequence[int]) -> list[int]:
    """The sends of the schedulers, once all of them are complete. `CallFailed` when that takes too long."""
    try:
        async with asyncio.timeout(SETTLE_SECONDS):
            found: list[int] = []
            for scheduler_id in scheduler_ids:
                found += await _complete(sends, account_id, scheduler_id)
            return found
    except TimeoutError:
        raise CallFailed(f"the messages were not settled within {SETTLE_SECONDS:.0f} s") from None


async def _complete(sends: SendService, account_id: int, scheduler_id: int) -> list[int]:
    while True:
        states = await sends.states_of(account_id, scheduler_id)
        if states and all(state == "complete" for state in states.values()):
            return list(states)
        await asyncio.sleep(LOOK_SECONDS)
