"""Settings of web push, all the operator's."""

from dataclasses import dataclass, field, replace

from clarion.foundation.addresses import target_of
from clarion.providers.limits.breaker import SHARE
from clarion.providers.transport import ChannelOptions

ANONYMOUS_CONTACT = "mailto:webpush@example.com"
"""Told to push services when the operator named no contact; Apple insists on a plausible address."""


@dataclass(frozen=True, slots=True)
class WebPushSettings:
    """How push services are reached."""

    hosts: tuple[str, ...] = ()
    """`host[:port]` values that are accepted besides the known push services."""
    contact: str = ANONYMOUS_CONTACT
    """`sub` of VAPID tokens: a `mailto:` or `https:` address by which a push service reaches the sender's operator."""
    rate: float = 0.0
    """Messages per second to one push service, of all processes together; 0 = unlimited."""
    warmup: float = 0.0
    """Seconds in which that rate is reached."""
    breaker_share: float = SHARE
    """Part of the requests to a push service that must fail before it is left alone."""
    channel: ChannelOptions = field(default_factory=lambda: ChannelOptions(streams=100, idle_close=300.0))
    """Bounds of one app's connections to one push service. Few streams: a service that swallows requests holds no
    more than these, while the rest of the app's messages go on to the others."""
    most_origins: int = 32
    """Push services that one app is connected to at once."""
    stall_after: float = 2.0
    """Seconds without any answer after which messages to a push service are held back."""

    def channel_to(self, origin: str) -> ChannelOptions:
        """Bounds of the connections to a push service.

        Browsers name them, so they are looked for on the public internet only, unless the operator has named them.
        """
        target = target_of(origin)
        named = target is not None and target.named_in(self.hosts)
        return replace(self.channel, public_only=not named)
