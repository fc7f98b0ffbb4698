"""Settings of APNs, all the operator's, and the two environments."""

from dataclasses import dataclass, field
from enum import StrEnum

from clarion.providers.transport import ChannelOptions


class Environment(StrEnum):
    """Where a device token is valid: each one in exactly one of them."""

    PRODUCTION = "production"
    SANDBOX = "sandbox"

    @property
    def other(self) -> "Environment":
        """The one that is not this one."""
        return Environment.SANDBOX if self is Environment.PRODUCTION else Environment.PRODUCTION


@dataclass(frozen=True, slots=True)
class ApnsSettings:
    """How APNs is reached."""

    url: str = "https://api.push.apple.com"
    sandbox_url: str = "https://api.sandbox.push.apple.com"
    channel: ChannelOptions = field(
        default_factory=lambda: ChannelOptions(request_timeout=20.0, first_alone=True, open_interval=1.0)
    )
    """Bounds of the connections of one credential in one environment (providers.md §1.2, §3.6)."""

    def url_of(self, environment: Environment) -> str:
        """Base URL of an environment."""
        return self.url if environment is Environment.PRODUCTION else self.sandbox_url
