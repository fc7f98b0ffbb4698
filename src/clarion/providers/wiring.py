"""The network side of one process, as the operator's settings say: transports and the settings of every provider."""

from dataclasses import replace

from clarion.foundation.clock import Clock
from clarion.providers.apns.auth import JwtStore
from clarion.providers.apns.settings import ApnsSettings
from clarion.providers.by_scheme import BySchemeTransport
from clarion.providers.fcm.settings import FcmSettings
from clarion.providers.http import HttpClient, HttpOptions, PyreqwestTransport
from clarion.providers.http2 import Http2Transport
from clarion.providers.huawei.settings import HuaweiSettings
from clarion.providers.onesignal.settings import OnesignalSettings
from clarion.providers.registry import Outside
from clarion.providers.transport import ChannelOptions, Transport
from clarion.providers.webpush.settings import WebPushSettings
from clarion.settings import Settings


def outside(settings: Settings, clock: Clock, jwts: JwtStore, *, engine: Http2Transport) -> Outside:
    """The network side, as the settings say."""
    general = PyreqwestTransport()
    transport: Transport = BySchemeTransport(engine, general) if settings.transport == "engine" else general
    token_addresses = (*settings.token_uri_allow, settings.huawei_token_url)
    plain = any(address.startswith("http://") for address in token_addresses)
    return Outside(
        transport=transport,
        http=HttpClient(HttpOptions(ca_file=settings.provider_ca_file, plain=plain)),
        clock=clock,
        fcm=FcmSettings(
            url=settings.fcm_url,
            token_uri_allow=settings.token_uri_allow,
            channel=ChannelOptions(ca_file=settings.provider_ca_file),
        ),
        apns=_apns(settings),
        jwts=jwts,
        webpush=_webpush(settings),
        onesignal=_onesignal(settings),
        huawei=_huawei(settings),
    )


def _apns(settings: Settings) -> ApnsSettings:
    """How APNs is reached."""
    defaults = ApnsSettings()
    return ApnsSettings(
        url=settings.apns_url,
        sandbox_url=settings.apns_sandbox_url,
        channel=replace(defaults.channel, ca_file=settings.provider_ca_file),
    )


def _onesignal(settings: Settings) -> OnesignalSettings:
    """How OneSignal is reached."""
    defaults = OnesignalSettings()
    channel = replace(defaults.channel, ca_file=settings.provider_ca_file)
    return replace(defaults, url=settings.onesignal_url, recipients=settings.onesignal_batch, channel=channel)


def _huawei(settings: Settings) -> HuaweiSettings:
    """How Huawei is reached."""
    defaults = HuaweiSettings()
    channel = replace(defaults.channel, ca_file=settings.provider_ca_file)
    return replace(
        defaults,
        url=settings.huawei_url,
        token_url=settings.huawei_token_url,
        recipients=settings.huawei_batch,
        channel=channel,
    )


def _webpush(settings: Settings) -> WebPushSettings:
    """How push services are reached. They are told a secure public address as contact, unless one was named."""
    defaults = WebPushSettings()
    public = settings.public_url or ""
    return replace(
        defaults,
        hosts=settings.webpush_hosts,
        rate=settings.webpush_rate_per_sec,
        warmup=settings.webpush_warmup_sec,
        breaker_share=settings.breaker_percent / 100,
        contact=settings.webpush_contact or (public if public.startswith("https://") else defaults.contact),
        channel=replace(defaults.channel, ca_file=settings.provider_ca_file),
    )
