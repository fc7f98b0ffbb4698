"""An FCM sender on a simulator, used as dispatch uses it, and everything it was answered."""

import asyncio
import hashlib
from collections import Counter
from collections.abc import Iterable
from dataclasses import replace

from clarion.foundation.clock import SystemClock
from clarion.providers.contract import Content, Credential, Outcome, Sender, Verdict
from clarion.providers.fcm.settings import FcmSettings
from clarion.providers.http import HttpClient, HttpOptions
from clarion.providers.registry import Outside, open_sender
from clarion.providers.transport import Answer, ChannelOptions, Request, Transport
from clarion.simulator import Simulator

PROJECT = "acceptance-one"
CONTENT = Content("Привет", "There 😀", image="https://i.example/a.png", link="/relative")


class Outlet:
    """One credential's sender. A refused access token is renewed and the message tried once more."""

    def __init__(self, sim: Simulator, transport: Transport, options: ChannelOptions | None = None) -> None:
        self.document = sim.service_account(project_id=PROJECT)
        self.http = HttpClient(HttpOptions(ca_file=sim.ca_file))
        base = options or ChannelOptions(connections=2)
        settings = FcmSettings(
            url=sim.url,
            token_uri_allow=(self.document["token_uri"],),
            channel=replace(base, ca_file=sim.ca_file),
        )
        outside = Outside(transport=transport, http=self.http, clock=SystemClock(), fcm=settings)
        credential = Credential(1, 1, "fcm", 1, "fingerprint", self.document)
        self.sender: Sender = open_sender(credential, outside=outside, sink=self._take)
        self.verdicts: dict[str, Verdict] = {}
        self.answers: dict[str, Answer] = {}
        self._refused: list[str] = []
        self._wanted = 0
        self._done = asyncio.Event()

    def _take(self, answers: list[Answer]) -> None:
        for answer in answers:
            device = str(answer.tag)
            verdict = self.sender.verdict(answer)
            if verdict.outcome is Outcome.AUTH:
                self.sender.refresh()
                self._refused.append(device)
            self.verdicts[device], self.answers[device] = verdict, answer
            self._wanted -= 1
        if not self._wanted:
            self._done.set()

    async def hand_over(self, devices: Iterable[str], *, transport: str = "fcm.data") -> None:
        """Send one message to each device and wait for all answers."""
        await self.sender.ready()
        prepared = self.sender.prepare(CONTENT, transport=transport, ttl=3600)
        made = [prepared.request(device, *ids(device), device) for device in devices]
        requests = [request for request in made if isinstance(request, Request)]
        assert len(requests) == len(made)
        self._wanted += len(requests)
        self._done.clear()
        self.sender.submit(requests)
        async with asyncio.timeout(20):
            await self._done.wait()

    async def hand_over_with_renewal(self, devices: Iterable[str]) -> None:
        """The same; what was refused for its access token is sent again once."""
        await self.hand_over(devices)
        refused, self._refused = self._refused, []
        if refused:
            await self.hand_over(refused)

    def outcomes(self) -> Counter[Outcome]:
        """The last verdict of each device."""
        return Counter(verdict.outcome for verdict in self.verdicts.values())

    async def aclose(self) -> None:
        """Close everything at once."""
        await self.sender.aclose(grace=0)
        await self.http.aclose()


def ids(device: str) -> tuple[bytes, bytes]:
    """A msg_id and the hex digits of a UUID for a device."""
    digits = hashlib.blake2b(device.encode(), digest_size=16).hexdigest().encode()
    return b"739576.1.1." + digits[:8], digits
