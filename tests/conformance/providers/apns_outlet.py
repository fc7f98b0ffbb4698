"""An APNs sender on a simulator, used as dispatch uses it, and everything it was answered."""

import asyncio
import hashlib
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import replace

from clarion.features.apps.credentials import CredentialChecker
from clarion.features.apps.forms import ApnsForm
from clarion.foundation.clock import Clock, SystemClock
from clarion.providers.apns.auth import JwtStore, LocalJwtStore
from clarion.providers.apns.settings import ApnsSettings
from clarion.providers.contract import Content, Credential, Outcome, Sender, Verdict
from clarion.providers.http import HttpClient, HttpOptions
from clarion.providers.registry import Outside, open_sender
from clarion.providers.transport import Answer, ChannelOptions, Request, Transport
from clarion.simulator import Simulator

TOPIC = "com.example.weather"
CONTENT = Content("Привет", "There 😀", image="https://i.example/a.png", link="/relative")


def device(number: int, *, prefix: str = "") -> str:
    """A device token; equal numbers give equal ones."""
    digits = hashlib.sha256(str(number).encode()).hexdigest()
    return prefix + ("a" + digits)[len(prefix) : 64]


def ids(token: str) -> tuple[bytes, bytes]:
    """A msg_id and the hex digits of a UUID for a device."""
    digits = hashlib.blake2b(token.encode(), digest_size=16).hexdigest().encode()
    return b"739576.1.1." + digits[:8], digits


def dashed(token: str) -> str:
    """The UUID of a device's message as APNs writes it."""
    text = ids(token)[1].decode()
    return "-".join((text[:8], text[8:12], text[12:16], text[16:20], text[20:]))


async def stored(uploaded: Mapping[str, str]) -> dict[str, str]:
    """What Clarion stores of uploaded credentials."""
    return (await CredentialChecker().check(ApnsForm(**uploaded))).values


class Outlet:
    """One credential's sender. A refused provider token is renewed and the message tried once more."""

    def __init__(
        self,
        sim: Simulator,
        transport: Transport,
        values: Mapping[str, str],
        *,
        store: JwtStore | None = None,
        clock: Clock | None = None,
        options: ChannelOptions | None = None,
    ) -> None:
        self.http = HttpClient(HttpOptions(ca_file=sim.ca_file))
        settings = settings_for(sim, options)
        outside = Outside(
            transport=transport,
            http=self.http,
            clock=clock or SystemClock(),
            apns=settings,
            jwts=store or LocalJwtStore(),
        )
        credential = Credential(1, 1, "apns", 1, "fingerprint", dict(values))
        self.sender: Sender = open_sender(credential, outside=outside, sink=self._take)
        self.verdicts: dict[str, Verdict] = {}
        self.answers: dict[str, Answer] = {}
        self._refused: list[Request] = []
        self._requests: dict[str, Request] = {}
        self._wanted = 0
        self._done = asyncio.Event()
        self._news = asyncio.Event()

    def _take(self, answers: list[Answer]) -> None:
        for answer in answers:
            token = str(answer.tag)
            assert token not in self.answers, "answered twice"
            verdict = self.sender.verdict(answer)
            if verdict.outcome is Outcome.AUTH:
                self.sender.refresh()
                self._refused.append(self._requests[token])
            self.verdicts[token], self.answers[token] = verdict, answer
            self._wanted -= 1
        self._news.set()
        if not self._wanted:
            self._done.set()

    async def requests(self, tokens: Iterable[str], *, route: str = "apns") -> list[Request]:
        """Rendered requests for these devices."""
        await self.sender.ready()
        prepared = self.sender.prepare(CONTENT, transport=route, ttl=3600)
        made = [prepared.request(token, *ids(token), token) for token in tokens]
        requests = [request for request in made if isinstance(request, Request)]
        assert len(requests) == len(made)
        return requests

    async def submit(self, requests: Iterable[Request]) -> None:
        """Send these requests and wait for all answers."""
        wanted = list(requests)
        self._wanted += len(wanted)
        self._done.clear()
        for request in wanted:
            self.answers.pop(str(request.tag), None)
            self._requests[str(request.tag)] = request
        self.sender.submit(wanted)
        async with asyncio.timeout(20):
            await self._done.wait()

    async def hand_over(self, tokens: Iterable[str], *, route: str = "apns") -> None:
        """Send one message to each device and wait for all answers."""
        await self.submit(await self.requests(tokens, route=route))

    async def hand_over_with_renewal(self, tokens: Iterable[str]) -> None:
        """The same; what was refused for its provider token is sent again once."""
        await self.hand_over(tokens)
        refused, self._refused = self._refused, []
        if refused:
            await self.sender.ready()
            await self.submit(refused)

    async def answered(self, token: str) -> None:
        """Wait until a device's message has been answered."""
        async with asyncio.timeout(20):
            while token not in self.answers:
                await self._news.wait()
                self._news.clear()

    def outcomes(self) -> Counter[Outcome]:
        """The last verdict of each device."""
        return Counter(verdict.outcome for verdict in self.verdicts.values())

    async def aclose(self) -> None:
        """Close everything at once."""
        await self.sender.aclose(grace=0)
        await self.http.aclose()


def settings_for(sim: Simulator, options: ChannelOptions | None = None) -> ApnsSettings:
    """Both environments on a simulator."""
    base = options or replace(ApnsSettings().channel, connections=2)
    return ApnsSettings(
        url=sim.url, sandbox_url=sandbox_of(sim), channel=replace(base, ca_file=sim.ca_file, open_interval=0.0)
    )


def sandbox_of(sim: Simulator) -> str:
    """The sandbox on a simulator's port."""
    return sim.url.replace("127.0.0.1", "localhost")
