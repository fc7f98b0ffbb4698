"""The simulated devices: they register with Clarion, receive through the simulator's journal, and report back."""

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass

from clarion.cli.demonstration.client import JsonClient
from clarion.cli.demonstration.samples import SampleDevice

AT_ONCE = 16
CLICKS_EVERY = 3
JOURNAL_PAGE = 1000


@dataclass(frozen=True, slots=True)
class Address:
    """Where a registered device reports to."""

    path: str


class Phones:
    """All devices of the demonstration."""

    def __init__(self, api: JsonClient, simulator: JsonClient) -> None:
        self._api = api
        self._simulator = simulator
        self._addresses: dict[str, Address] = {}
        self._turns = asyncio.Semaphore(AT_ONCE)
        self._seen = 0
        self.delivered = 0
        """How many messages were reported as shown."""
        self.clicked = 0
        """How many of them were reported as tapped."""

    async def register(self, sdk_id: str, devices: Iterable[SampleDevice]) -> None:
        """Do what an SDK does at its first start, for each device."""
        async with asyncio.TaskGroup() as tasks:
            for device in devices:
                tasks.create_task(self._register(sdk_id, device))

    async def _register(self, sdk_id: str, device: SampleDevice) -> None:
        async with self._turns:
            instances = f"/api/r/v2/apps/{sdk_id}/instances"
            made = await self._api.call("POST", instances, {"ic_token": device.ic_token})
            path = f"{instances}/{made['id']}"
            await self._api.call("PUT", f"{path}/info", device.info)
            self._addresses[device.token.journal] = Address(path)

    async def look(self) -> None:
        """Report every message that the simulator has handed over since the last look; every third one is tapped."""
        while await self._look():
            pass

    async def _look(self) -> int:
        """Report some of them; how many there were."""
        path = f"/_sim/journal?after={self._seen}&limit={JOURNAL_PAGE}"
        page = await self._simulator.call("GET", path)
        async with asyncio.TaskGroup() as tasks:
            for entry in page["entries"]:
                if entry["accepted"] and entry["token"] in self._addresses:
                    tasks.create_task(self._report(self._addresses[entry["token"]], entry))
        self._seen = page["next"]
        return len(page["entries"])

    async def _report(self, address: Address, entry: dict[str, object]) -> None:
        async with self._turns:
            await self._tell(address, entry, "delivered")
            self.delivered += 1
            if self.delivered % CLICKS_EVERY == 0:
                await self._tell(address, entry, "clicked")
                self.clicked += 1

    async def _tell(self, address: Address, entry: dict[str, object], event: str) -> None:
        body = {"msg_id": entry["message_id"], "event": event}
        await self._api.call("POST", f"{address.path}/events/notification", body)
