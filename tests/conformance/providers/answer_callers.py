"""One sender of each provider on the simulator, all used in the same way: a message out, a verdict back."""

import asyncio
import json
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from itertools import count
from urllib.parse import urlsplit

from tests.conformance.providers.apns_outlet import TOPIC, device, ids, settings_for
from tests.conformance.providers.webpush_outlet import new_pair

from clarion.foundation.clock import SystemClock
from clarion.providers.apns.auth import LocalJwtStore
from clarion.providers.contract import Content, Credential, Verdict
from clarion.providers.fcm.settings import FcmSettings
from clarion.providers.http import HttpClient
from clarion.providers.http2 import Http2Transport
from clarion.providers.huawei.settings import HuaweiSettings
from clarion.providers.onesignal.settings import OnesignalSettings
from clarion.providers.registry import Outside, open_sender, transports_of
from clarion.providers.transport import Answer, ChannelOptions, Request
from clarion.providers.webpush.sealing import Sealer
from clarion.providers.webpush.settings import WebPushSettings
from clarion.simulator import Action, Rule, Simulator

PROJECT = "acceptance-one"
_NUMBERS = count()


class AheadClock(SystemClock):
    """The machine's clock, or ahead of it."""

    def __init__(self) -> None:
        self.ahead = 0.0

    def now(self) -> datetime:
        return super().now() + timedelta(seconds=self.ahead)


class Caller:
    """A fresh sender of one provider."""

    def __init__(self, stage: "Stage", provider: str) -> None:
        self.provider = provider
        self.sim = stage.sim
        self.clock = AheadClock()
        self.values = stage.values_of(provider)
        credential = Credential(1, 1, provider, 1, "fingerprint", self.values)
        outside = stage.outside(self.values, self.clock)
        self.sender = open_sender(credential, outside=outside, sink=self._take)
        self._answers: asyncio.Queue[Answer] = asyncio.Queue()

    def _take(self, answers: list[Answer]) -> None:
        for answer in answers:
            self._answers.put_nowait(answer)

    def token(self) -> str:
        """A device that there has not been."""
        number = next(_NUMBERS)
        match self.provider:
            case "apns":
                return device(number)
            case "onesignal":
                return str(uuid.uuid4())
            case "webpush":
                return json.dumps(self.sim.webpush.subscribe(self.values["public_key"]))
            case _:
                return f"device:{number}"

    async def send(self, token: str) -> Verdict:
        """One message and what its answer means."""
        return await self.hand_over(await self.made(token))

    async def made(self, token: str) -> Request:
        """A message, ready to leave."""
        await self.sender.ready()
        prepared = self.sender.prepare(Content("Hi", "There"), transport=transports_of(self.provider)[0], ttl=3600)
        request = prepared.request(token, *ids(token), token)
        assert isinstance(request, Request), request
        return request

    async def hand_over(self, request: Request) -> Verdict:
        """Send a message that was made."""
        self.sender.submit([request])
        return self.sender.verdict(await asyncio.wait_for(self._answers.get(), 15))

    async def aclose(self) -> None:
        await self.sender.aclose(grace=0)


@dataclass
class Stage:
    """A simulator with a credential of each provider, and what senders share: keys and contexts are slow to make."""

    sim: Simulator
    http: HttpClient
    sealer: Sealer
    transport: Http2Transport = field(default_factory=Http2Transport)
    jwts: LocalJwtStore = field(default_factory=LocalJwtStore)
    values: dict[str, dict[str, str]] = field(default_factory=dict)

    def values_of(self, provider: str) -> dict[str, str]:
        """The credential of a provider."""
        if provider not in self.values:
            self.values[provider] = _values(self.sim, provider)
        return self.values[provider]

    def outside(self, values: dict[str, str], clock: AheadClock) -> Outside:
        """The network side of one sender."""
        sim, options = self.sim, ChannelOptions(connections=1, ca_file=self.sim.ca_file)
        one, two, web = OnesignalSettings(), HuaweiSettings(), WebPushSettings()
        return Outside(
            transport=self.transport,
            http=self.http,
            clock=clock,
            fcm=FcmSettings(url=sim.url, token_uri_allow=(values.get("token_uri", ""),), channel=options),
            apns=settings_for(sim, options),
            jwts=self.jwts,
            webpush=replace(web, hosts=(urlsplit(sim.url).netloc,), channel=options),
            sealer=self.sealer,
            onesignal=replace(one, url=sim.url, channel=replace(one.channel, ca_file=sim.ca_file)),
            huawei=replace(two, url=sim.url, token_url=sim.url, channel=replace(two.channel, ca_file=sim.ca_file)),
        )

    @asynccontextmanager
    async def caller(self, provider: str) -> AsyncIterator[Caller]:
        """A fresh sender that is closed in the end; then the simulator is honest again."""
        made = Caller(self, provider)
        try:
            yield made
        finally:
            self.sim.faults.clear()
            await made.aclose()

    def answer(self, provider: str, action: Action) -> None:
        """From now on the provider answers every message so."""
        self.sim.faults.clear()
        self.sim.faults.add(Rule(action=action, provider=provider, endpoint="send"))


def _values(sim: Simulator, provider: str) -> dict[str, str]:
    match provider:
        case "fcm":
            return sim.service_account(project_id=PROJECT)
        case "apns":
            return sim.apns.key(topic=TOPIC)
        case "webpush":
            return new_pair()
        case "onesignal":
            return sim.onesignal.app()
        case _:
            return sim.huawei.app()
