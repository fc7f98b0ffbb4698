"""Settings of FCM, all the operator's (providers.md §0: accounts cannot set them)."""

from dataclasses import dataclass, field

from clarion.providers.transport import ChannelOptions

GOOGLE_TOKEN_URIS = frozenset(
    {
        "https://oauth2.googleapis.com/token",
        "https://accounts.google.com/o/oauth2/token",
        "https://www.googleapis.com/oauth2/v4/token",
    }
)
"""Where a signed assertion may go (providers.md §2.2)."""


@dataclass(frozen=True, slots=True)
class FcmSettings:
    """How FCM is reached."""

    url: str = "https://fcm.googleapis.com"
    token_uri_allow: tuple[str, ...] = ()
    """Token addresses that are allowed besides Google's."""
    target: str = "token"
    """The recipient's field in a message: `token`, or `fid` for Firebase installation ids (providers.md §2.3)."""
    channel: ChannelOptions = field(default_factory=ChannelOptions)
    """Bounds of the connections of one credential; `request_timeout` is 15 s."""

    def allows(self, token_uri: str) -> bool:
        """Whether an assertion may be sent to this address. Compared literally (reliability.md SS-2)."""
        return token_uri in GOOGLE_TOKEN_URIS or token_uri in self.token_uri_allow
