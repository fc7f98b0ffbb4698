"""Sample apps and devices. Tokens tell the simulator how their devices behave."""

import json
import secrets
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

from clarion.cli.demonstration.client import JsonClient
from clarion.simulator.apns.provider import DEAD_DEVICE, SANDBOX_DEVICE
from clarion.simulator.onesignal.provider import GONE_USER

DEVICES_PER_APP = 60
DEAD, FLAKY, WELL = "dead", "flaky1", "device"
_BEHAVIOURS = (DEAD, FLAKY, *[WELL] * 10)
"""In turn: of twelve devices one has removed the app, and one is refused once before it is served."""
_PLACES = (("en", "GB"), ("pt", "BR"), ("pt", "PT"), ("de", "DE"), ("en", "US"))


@dataclass(frozen=True, slots=True)
class Token:
    """A push token."""

    text: str
    """As the device tells it to Clarion."""
    journal: str
    """As the simulator's journal calls it."""


@dataclass(frozen=True, slots=True)
class SampleApp:
    """One app: its main provider, and the transport that its devices use."""

    name: str
    transport: str
    platform: str
    credentials: Callable[[JsonClient], Awaitable[dict[str, Any]]]
    """Makes the provider's part of the body that creates the app, with the simulator's help."""
    token: Callable[[JsonClient, str], Awaitable[Token]]
    """Makes the token of a device that behaves so, with the simulator's help."""


@dataclass(frozen=True, slots=True)
class SampleDevice:
    """One device before it has registered."""

    ic_token: str
    token: Token
    info: dict[str, Any]


async def _firebase(simulator: JsonClient) -> dict[str, Any]:
    account = await simulator.call("POST", "/_sim/fcm/service-accounts", {"project_id": f"demo-{secrets.token_hex(4)}"})
    return {"push_provider": "firebase", "firebase_creds": account}


async def _apple(simulator: JsonClient) -> dict[str, Any]:
    key = await simulator.call("POST", "/_sim/apns/keys", {"topic": "com.example.transit"})
    return {"push_provider": "apns", "apns_creds": key}


async def _onesignal(simulator: JsonClient) -> dict[str, Any]:
    return {"push_provider": "onesignal", "onesignal_creds": await simulator.call("POST", "/_sim/onesignal/apps")}


async def _huawei(simulator: JsonClient) -> dict[str, Any]:
    return {"push_provider": "huawei", "huawei_creds": await simulator.call("POST", "/_sim/huawei/apps")}


async def _registration(_: JsonClient, behaviour: str) -> Token:
    word = "unregistered" if behaviour == DEAD else behaviour
    text = f"{word}-{secrets.token_hex(12)}"
    return Token(text, text)


async def _device_token(_: JsonClient, behaviour: str) -> Token:
    # A tester's phone is refused once, too: production does not know it, the sandbox does.
    prefix = {DEAD: DEAD_DEVICE, FLAKY: SANDBOX_DEVICE}.get(behaviour, "a0a0a0a0")
    text = prefix + secrets.token_hex(28)
    return Token(text, text)


async def _subscription(simulator: JsonClient, behaviour: str) -> Token:
    prefix = "gone" if behaviour == DEAD else behaviour
    made = await simulator.call("POST", "/_sim/webpush/subscriptions", {"prefix": prefix})
    return Token(json.dumps(made), made["endpoint"].rpartition("/")[2])


async def _subscriber(simulator: JsonClient, behaviour: str) -> Token:
    text = str(uuid4())
    if behaviour == DEAD:
        text = GONE_USER + text[len(GONE_USER) :]
    elif behaviour == FLAKY:
        script = {"token": text, "actions": [{"error": "UNAVAILABLE"}, {}]}
        await simulator.call("POST", "/_sim/onesignal/tokens", script)
    return Token(text, text)


async def _hms_token(_: JsonClient, behaviour: str) -> Token:
    text = f"{'illegal' if behaviour == DEAD else behaviour}-{secrets.token_hex(24)}"
    return Token(text, text)


APPS = (
    SampleApp("Weather", "fcm", "android", _firebase, _registration),
    SampleApp("Radio", "fcm.data", "android", _firebase, _registration),
    SampleApp("Transit", "apns", "ios", _apple, _device_token),
    SampleApp("Shop", "webpush", "browser", _firebase, _subscription),
    SampleApp("News", "onesignal", "android", _onesignal, _subscriber),
    SampleApp("Reader", "huawei", "android", _huawei, _hms_token),
)
"""One app per transport. Web push needs no credentials: every app has a key pair for it."""


async def devices_of(app: SampleApp, simulator: JsonClient) -> list[SampleDevice]:
    """New devices of an app, of many places; some with dead tokens."""
    return [await _device(app, simulator, number=number) for number in range(DEVICES_PER_APP)]


async def _device(app: SampleApp, simulator: JsonClient, *, number: int) -> SampleDevice:
    token = await app.token(simulator, _BEHAVIOURS[number % len(_BEHAVIOURS)])
    lang, country = _PLACES[number % len(_PLACES)]
    info = {
        "transport_type": app.transport,
        "transport_token": token.text,
        "platform_type": app.platform,
        "lang": lang,
        "country": country,
        "tags": {"audiences": "demo"},
    }
    return SampleDevice(secrets.token_hex(16), token, info)
