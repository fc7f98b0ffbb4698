"""Sample apps and devices. Tokens tell the simulator how their devices behave."""

import secrets
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from clarion.cli.demonstration.client import JsonClient

DEVICES_PER_APP = 60
_BEHAVIOURS = ("unregistered", "flaky1", *["device"] * 10)
"""The beginnings of tokens, in turn: one of twelve apps was removed, one answer of twelve fails once."""
_PLACES = (("en", "GB"), ("pt", "BR"), ("pt", "PT"), ("de", "DE"), ("en", "US"))


@dataclass(frozen=True, slots=True)
class SampleApp:
    """One app: its main provider, and the transport that its devices use."""

    name: str
    transport: str
    platform: str
    credentials: Callable[[JsonClient], Awaitable[dict[str, Any]]]
    """Makes the provider's part of the body that creates the app, with the simulator's help."""


@dataclass(frozen=True, slots=True)
class SampleDevice:
    """One device before it has registered."""

    ic_token: str
    info: dict[str, Any]

    @property
    def token(self) -> str:
        """The push token."""
        return str(self.info["transport_token"])


async def _firebase(simulator: JsonClient) -> dict[str, Any]:
    account = await simulator.call("POST", "/_sim/fcm/service-accounts", {"project_id": f"demo-{secrets.token_hex(4)}"})
    return {"push_provider": "firebase", "firebase_creds": account}


APPS = (
    SampleApp("Weather", "fcm", "android", _firebase),
    SampleApp("Radio", "fcm.data", "android", _firebase),
)
"""One app per transport that Clarion can send through."""


def devices_of(app: SampleApp) -> list[SampleDevice]:
    """New devices of an app, of many places; some with dead tokens."""
    return [_device(app, number) for number in range(DEVICES_PER_APP)]


def _device(app: SampleApp, number: int) -> SampleDevice:
    behaviour = _BEHAVIOURS[number % len(_BEHAVIOURS)]
    lang, country = _PLACES[number % len(_PLACES)]
    info = {
        "transport_type": app.transport,
        "transport_token": f"{behaviour}-{secrets.token_hex(12)}",
        "platform_type": app.platform,
        "lang": lang,
        "country": country,
        "tags": {"audiences": "demo"},
    }
    return SampleDevice(secrets.token_hex(16), info)
