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
INTERESTS = ("sport", "music", "travel", "premium")
"""Audiences that devices are in."""
_PLACES = (
    ("en", "GB", "Europe/London"),
    ("pt", "BR", "America/Sao_Paulo"),
    ("pt", "PT", "Europe/Lisbon"),
    ("de", "DE", "Europe/Berlin"),
    ("en", "US", "America/New_York"),
    ("es", "ES", "Europe/Madrid"),
    ("ja", "JP", "Asia/Tokyo"),
)
_SYSTEMS = {"android": "android_api_34", "ios": "ios_17", "browser": "chrome"}


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
    devices: int = DEVICES_PER_APP
    has_past: bool = False
    """Earlier sendings went to its dead tokens, too."""


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
OLDER = SampleApp("Cinema", "fcm", "android", _firebase, _registration, devices=84, has_past=True)
"""An app of long standing: whoever has removed it was found out by earlier sendings."""
REFUSED = SampleApp("Festival", "fcm", "android", _firebase, _registration, devices=12, has_past=True)
"""An app whose provider will refuse its credentials."""


async def devices_of(app: SampleApp, simulator: JsonClient) -> list[SampleDevice]:
    """New devices of an app, of many places; some with dead tokens."""
    return [await new_device(app, simulator, number=number) for number in range(app.devices)]


async def new_device(app: SampleApp, simulator: JsonClient, *, number: int) -> SampleDevice:
    """One device: its number decides how it behaves, where it is and whose it is."""
    behaviour = _BEHAVIOURS[number % len(_BEHAVIOURS)]
    token = await app.token(simulator, behaviour)
    lang, country, zone = _PLACES[number % len(_PLACES)]
    interested = behaviour == WELL or app.has_past
    info = {
        "transport_type": app.transport,
        "transport_token": token.text,
        "platform_type": app.platform,
        "platform_name": _SYSTEMS[app.platform],
        "lang": lang,
        "country": country,
        "tz_name": zone,
        "ext_id": user(number),
        "tags": {"audiences": INTERESTS[number % len(INTERESTS)] if interested else "newcomers"},
    }
    return SampleDevice(secrets.token_hex(16), token, info)


def user(number: int) -> str:
    """The external id of whoever has the devices of this number."""
    return f"user-{number:03}"
