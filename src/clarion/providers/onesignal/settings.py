"""Settings of OneSignal, all the operator's."""

from dataclasses import dataclass, field

from clarion.providers.transport import ChannelOptions


@dataclass(frozen=True, slots=True)
class OnesignalSettings:
    """How OneSignal is reached."""

    url: str = "https://api.onesignal.com"
    """Base URL; the older `https://onesignal.com/api/v1` works as well."""
    recipients: int = 2000
    """At most so many subscriptions in one request (OneSignal's client models state 2 000)."""
    channel: ChannelOptions = field(
        default_factory=lambda: ChannelOptions(connections=1, streams=32, request_timeout=30.0)
    )
    """Bounds of the connections of one credential; `streams` is how many requests are under way at once."""
