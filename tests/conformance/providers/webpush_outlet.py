"""A web push sender on one or more simulated push services, used as dispatch uses it, and what it was answered."""

import asyncio
import base64
import hashlib
import json
import time
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from urllib.parse import urlsplit

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from clarion.foundation.clock import SystemClock
from clarion.providers.contract import Content, Credential, Outcome, Verdict
from clarion.providers.http import HttpClient, HttpOptions
from clarion.providers.registry import Outside, open_sender
from clarion.providers.transport import Answer, Request, Transport
from clarion.providers.webpush.sealing import ProcessSealer
from clarion.providers.webpush.settings import WebPushSettings
from clarion.simulator import Simulator

CONTENT = Content("Привет", "There 😀", image="https://i.example/a.png", link="/relative")


def new_pair() -> dict[str, str]:
    """A VAPID pair as an app has it."""
    key = ec.generate_private_key(ec.SECP256R1())
    public = key.public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
    private = key.private_numbers().private_value.to_bytes(32, "big")
    return {"public_key": _text(public), "private_key": _text(private)}


def _text(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def trusted(sims: Iterable[Simulator], folder: Path) -> str:
    """One file with the authorities of several simulators."""
    file = folder / "authorities.pem"
    file.write_bytes(b"".join(Path(sim.ca_file).read_bytes() for sim in sims))
    return str(file)


@dataclass
class Heard:
    """What became of one message."""

    verdict: Verdict
    seconds: float
    """From its hand-over."""


@dataclass
class Outlet:
    """One app's sender. A refused VAPID token is renewed and the message tried once more, as a lane does."""

    sims: tuple[Simulator, ...]
    ca_file: str
    transport: Transport
    settings: WebPushSettings = field(default_factory=WebPushSettings)
    pair: dict[str, str] = field(default_factory=new_pair)
    heard: dict[str, Heard] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.sealer = ProcessSealer()
        self.http = HttpClient(HttpOptions())
        hosts = tuple(urlsplit(sim.url).netloc for sim in self.sims)
        settings = replace(self.settings, hosts=hosts, channel=replace(self.settings.channel, ca_file=self.ca_file))
        outside = Outside(
            transport=self.transport, http=self.http, clock=SystemClock(), webpush=settings, sealer=self.sealer
        )
        credential = Credential(1, 1, "webpush", 1, "fingerprint", self.pair)
        self.sender = open_sender(credential, outside=outside, sink=self._take)
        self._requests: dict[str, Request] = {}
        self._again: list[Request] = []
        self._begun = 0.0
        self._open: set[str] = set()
        self._news = asyncio.Event()

    def _take(self, answers: list[Answer]) -> None:
        again = []
        for answer in answers:
            name = str(answer.tag)
            verdict = self.sender.verdict(answer)
            if verdict.outcome is Outcome.AUTH and name in self._requests:
                again.append(self._requests.pop(name))
                continue
            self.heard[name] = Heard(verdict, time.monotonic() - self._begun)
            self._open.discard(name)
        if again:
            self.sender.refresh()
            self.sender.submit(again)
        self._news.set()

    def start(self, subscriptions: Mapping[str, dict[str, object]], *, ttl: int = 3600) -> None:
        """Send one message to each subscription; names tell them apart."""
        prepared = self.sender.prepare(CONTENT, transport="webpush", ttl=ttl)
        requests = []
        for name, subscription in subscriptions.items():
            made = prepared.request(json.dumps(subscription), *ids(name), name)
            assert isinstance(made, Request), made
            requests.append(made)
            self._requests[name] = made
        self._open.update(subscriptions)
        self._begun = time.monotonic()
        self.sender.submit(requests)

    async def finish(self, seconds: float = 20.0) -> None:
        """Wait until everything is answered."""
        await self.hear_of(set(self._open), seconds=seconds)

    async def hear_of(self, names: Iterable[str], *, seconds: float) -> None:
        """Wait until these messages are answered."""
        async with asyncio.timeout(seconds):
            while not self._open.isdisjoint(names):
                self._news.clear()
                await self._news.wait()

    async def send(self, subscriptions: Mapping[str, dict[str, object]], *, ttl: int = 3600) -> None:
        """Send one message to each subscription and wait for all answers."""
        self.start(subscriptions, ttl=ttl)
        await self.finish()

    def outcomes(self) -> Counter[Outcome]:
        """The last verdict of each message."""
        return Counter(heard.verdict.outcome for heard in self.heard.values())

    async def aclose(self) -> None:
        """Close everything at once."""
        await self.sender.aclose(grace=0)
        await self.sealer.aclose()
        await self.http.aclose()


def ids(name: str) -> tuple[bytes, bytes]:
    """A msg_id and the hex digits of a UUID for a message."""
    digits = hashlib.blake2b(name.encode(), digest_size=16).hexdigest().encode()
    return b"739576.1.1." + digits[:8], digits
