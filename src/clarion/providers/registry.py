"""Which provider serves which device transport, and how its senders are opened."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from clarion.foundation.clock import Clock
from clarion.providers.apns.auth import JwtStore, LocalJwtStore
from clarion.providers.apns.sender import ApnsSender
from clarion.providers.apns.settings import ApnsSettings
from clarion.providers.bundles import BundleSender
from clarion.providers.contract import Credential, Sender
from clarion.providers.fcm.sender import FcmSender
from clarion.providers.fcm.settings import FcmSettings
from clarion.providers.http import HttpClient, PyreqwestTransport
from clarion.providers.huawei.sender import HuaweiSender
from clarion.providers.huawei.settings import HuaweiSettings
from clarion.providers.onesignal.sender import OnesignalSender
from clarion.providers.onesignal.settings import OnesignalSettings
from clarion.providers.transport import Sink, Transport
from clarion.providers.webpush.sealing import ProcessSealer, Sealer
from clarion.providers.webpush.sender import WebPushSender
from clarion.providers.webpush.settings import WebPushSettings

TRANSPORTS: Mapping[str, str] = {
    "fcm": "fcm",
    "fcm.data": "fcm",
    "apns": "apns",
    "webpush": "webpush",
    "onesignal": "onesignal",
    "huawei": "huawei",
}
"""`device.transport` → the provider whose credential serves it (sdk-api.md §5)."""


@dataclass(frozen=True, slots=True)
class Outside:
    """What senders share in one process: the network, the clock, and the operator's settings of each provider."""

    transport: Transport
    http: HttpClient
    clock: Clock
    fcm: FcmSettings = field(default_factory=FcmSettings)
    apns: ApnsSettings = field(default_factory=ApnsSettings)
    jwts: JwtStore = field(default_factory=LocalJwtStore)
    """Shares provider tokens of APNs with other processes."""
    webpush: WebPushSettings = field(default_factory=WebPushSettings)
    sealer: Sealer = field(default_factory=ProcessSealer)
    """Encrypts web push messages; to be closed with the process."""
    onesignal: OnesignalSettings = field(default_factory=OnesignalSettings)
    huawei: HuaweiSettings = field(default_factory=HuaweiSettings)
    few: Transport = field(default_factory=lambda: PyreqwestTransport(http2=False))
    """For providers that take bundles: few requests, and HTTP/1.1, which all of them speak."""


def _open_fcm(credential: Credential, outside: Outside, sink: Sink) -> Sender:
    return FcmSender(
        credential,
        settings=outside.fcm,
        transport=outside.transport,
        http=outside.http,
        clock=outside.clock,
        sink=sink,
    )


def _open_apns(credential: Credential, outside: Outside, sink: Sink) -> Sender:
    return ApnsSender(
        credential,
        settings=outside.apns,
        transport=outside.transport,
        store=outside.jwts,
        clock=outside.clock,
        sink=sink,
    )


def _open_webpush(credential: Credential, outside: Outside, sink: Sink) -> Sender:
    return WebPushSender(
        credential,
        settings=outside.webpush,
        transport=outside.transport,
        sealer=outside.sealer,
        clock=outside.clock,
        sink=sink,
    )


def _open_onesignal(credential: Credential, outside: Outside, sink: Sink) -> BundleSender:
    return OnesignalSender(
        credential, settings=outside.onesignal, transport=outside.few, clock=outside.clock, sink=sink
    )


def _open_huawei(credential: Credential, outside: Outside, sink: Sink) -> BundleSender:
    return HuaweiSender(
        credential,
        settings=outside.huawei,
        transport=outside.few,
        http=outside.http,
        clock=outside.clock,
        sink=sink,
    )


SENDERS: Mapping[str, Callable[[Credential, Outside, Sink], Sender]] = {
    "fcm": _open_fcm,
    "apns": _open_apns,
    "webpush": _open_webpush,
    "onesignal": _open_onesignal,
    "huawei": _open_huawei,
}
"""Provider → how to open a sender."""
BUNDLED = frozenset({"onesignal", "huawei"})
"""Providers whose senders are `BundleSender`s."""
OWN_LIMITS = frozenset({"webpush"})
"""Providers whose senders limit their rate themselves (`ManyServices`)."""
OWN_KEYS = frozenset({"webpush"})
"""Providers whose credentials Clarion makes itself: nothing in them can be mistyped, so they need no trial."""


def transports_of(provider: str) -> list[str]:
    """The device transports that a provider serves; none for an unknown one."""
    return [transport for transport, server in TRANSPORTS.items() if server == provider]


def open_sender(credential: Credential, *, outside: Outside, sink: Sink) -> Sender:
    """Open the way out for one credential; nothing is sent yet. `sink` receives the answers.

    Raises: CredentialRefused when the credential cannot be used at all, LookupError when no sender exists for its
    provider.
    """
    factory = SENDERS.get(credential.provider)
    if factory is None:
        raise LookupError(f"nothing can be sent through {credential.provider!r} yet")
    return factory(credential, outside, sink)
