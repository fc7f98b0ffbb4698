"""Settings of Huawei Push Kit, all the operator's."""

from dataclasses import dataclass, field

from clarion.providers.transport import ChannelOptions


@dataclass(frozen=True, slots=True)
class HuaweiSettings:
    """How Huawei is reached."""

    url: str = "https://push-api.cloud.huawei.com"
    token_url: str = "https://oauth-login.cloud.huawei.com"  # noqa: S105 - an address
    """Base URL of the token endpoint; Huawei has others for some regions."""
    recipients: int = 100
    """Tokens in one request, at most 1000. A lost answer may repeat the message for so many devices."""
    channel: ChannelOptions = field(default_factory=lambda: ChannelOptions(connections=1, streams=32))
    """Bounds of the connections of one credential; `streams` is how many requests are under way at once."""
