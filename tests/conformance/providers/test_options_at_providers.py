"""Whatever a push asks of phones and browsers, its provider takes the message that Clarion makes of it."""

import asyncio
import json
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any
from urllib.parse import urlsplit
from uuid import uuid4

import msgspec
import pytest
from tests.conformance.providers.apns_outlet import TOPIC, device, settings_for
from tests.conformance.providers.webpush_outlet import new_pair

from clarion.features.pushes.options import checked
from clarion.foundation.clock import SystemClock
from clarion.providers.apns.auth import LocalJwtStore
from clarion.providers.contract import Content, Credential, Outcome, Verdict
from clarion.providers.fcm.settings import FcmSettings
from clarion.providers.http import HttpClient, HttpOptions, PyreqwestTransport
from clarion.providers.huawei.settings import HuaweiSettings
from clarion.providers.onesignal.settings import OnesignalSettings
from clarion.providers.options import Options
from clarion.providers.registry import TRANSPORTS, Outside, open_sender
from clarion.providers.transport import Answer, Request
from clarion.providers.webpush.sealing import ProcessSealer
from clarion.providers.webpush.settings import WebPushSettings
from clarion.simulator import Simulator

pytestmark = pytest.mark.anyio

BUTTONS = [{"id": "yes", "title": "Yes", "link": "https://s.example/yes"}, {"id": "no", "title": "No"}]
EVERYTHING: dict[str, Any] = {
    "ttl": 2_419_200,
    "priority": "normal",
    "collapse_key": "breaking-news/1",
    "android": {"channel_id": "news", "sound": "ping", "color": "#00Ff00", "tag": "t"},
    "ios": {
        "sound": "ping.caf",
        "badge": 3,
        "thread_id": "t",
        "category": "c",
        "interruption_level": "time-sensitive",
        "relevance_score": 0.5,
        "subtitle": "S",
    },
    "web": {"actions": BUTTONS, "require_interaction": True, "tag": "t", "renotify": True, "silent": True},
    "actions": BUTTONS,
    "links": {"android": "app://a", "ios": "app://i", "web": "https://w.example/"},
    "raw": {
        "fcm": {"android": {"notification": {"sticky": True}}, "fcm_options": {"analytics_label": "x"}},
        "apns": {"aps": {"target-content-id": "x"}, "own": {"key": 1}},
        "webpush": {"vibrate": [100]},
        "onesignal": {"small_icon": "i", "data": {"own": "key"}},
        "huawei": {"android": {"category": "NEWS"}},
    },
}
WISHES: dict[str, dict[str, Any]] = {
    "nothing": {},
    "everything": EVERYTHING,
    "silence": {"silent": True},
    "everything in silence": {**EVERYTHING, "silent": True, "priority": "high"},
    "now or never": {"ttl": 0},
}


@pytest.fixture
async def sim() -> AsyncIterator[Simulator]:
    async with Simulator() as sim:
        yield sim


@pytest.fixture
async def outside(sim: Simulator) -> AsyncIterator[Outside]:
    """Every provider is the simulator."""
    made = Outside(
        transport=PyreqwestTransport(),
        http=HttpClient(HttpOptions(ca_file=sim.ca_file)),
        clock=SystemClock(),
        fcm=_on(sim, FcmSettings(url=sim.url, token_uri_allow=(f"{sim.url}/token",))),
        apns=settings_for(sim),
        jwts=LocalJwtStore(),
        webpush=_on(sim, WebPushSettings(hosts=(urlsplit(sim.url).netloc,))),
        sealer=ProcessSealer(),
        onesignal=_on(sim, OnesignalSettings(url=sim.url)),
        huawei=_on(sim, HuaweiSettings(url=sim.url, token_url=sim.url)),
    )
    yield made
    await made.http.aclose()
    await made.sealer.aclose()


def _on(sim: Simulator, settings: Any) -> Any:
    return replace(settings, channel=replace(settings.channel, ca_file=sim.ca_file))


def device_of(sim: Simulator, provider: str) -> tuple[dict[str, str], str]:
    """A credential, and the token of a device that it reaches."""
    match provider:
        case "fcm":
            return sim.service_account(project_id="weather-pt"), "device:1"
        case "apns":
            return {"environment": "production", **sim.apns.key(topic=TOPIC)}, device(1)
        case "webpush":
            return new_pair(), json.dumps(sim.webpush.subscribe())
        case "onesignal":
            return sim.onesignal.app(), str(uuid4())
        case _:
            return sim.huawei.app(), "huawei-token-1"


async def verdict_on(content: Content, transport: str, *, sim: Simulator, outside: Outside) -> Verdict:
    """What becomes of one message."""
    values, token = device_of(sim, TRANSPORTS[transport])
    answered: asyncio.Queue[list[Answer]] = asyncio.Queue()
    credential = Credential(1, 1, TRANSPORTS[transport], 1, "fingerprint", values)
    sender = open_sender(credential, outside=outside, sink=answered.put_nowait)
    try:
        await sender.ready()
        ttl = 3600 if content.options.ttl is None else content.options.ttl
        request = sender.prepare(content, transport=transport, ttl=ttl).request(token, b"739576.1.1.0", b"a" * 32, 1)
        assert isinstance(request, Request), request
        sender.submit([request])
        (answer,) = await asyncio.wait_for(answered.get(), 10)
        return sender.verdict(answer)
    finally:
        await sender.aclose(grace=0)


@pytest.mark.parametrize("transport", TRANSPORTS)
async def test_every_provider_takes_what_every_option_makes_of_a_message(
    sim: Simulator, outside: Outside, transport: str
) -> None:
    for wish, fields in WISHES.items():
        options = checked(msgspec.convert(fields, Options))
        content = Content("Hi", "There", image="https://i.example/a.png", link="/start", options=options)
        verdict = await verdict_on(content, transport, sim=sim, outside=outside)
        assert verdict.outcome is Outcome.OK, (wish, verdict)
