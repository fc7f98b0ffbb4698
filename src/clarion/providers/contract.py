"""What every provider gives: requests out of content, verdicts out of answers. No I/O except in `Sender`.

An answer becomes exactly one verdict (providers.md §1.1); only the verdict's class decides about retries, tokens and
credentials, and that decision is taken in `features/deliveries`, not here.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from typing import NamedTuple, Protocol, runtime_checkable

import msgspec

from clarion.providers.options import NO_OPTIONS, Options
from clarion.providers.personal import Person, Placeholder
from clarion.providers.transport import Answer, Request


class Outcome(StrEnum):
    """The outcome classes of providers.md §1.1."""

    OK = "ok"
    TOKEN_CERTAIN = "token_certain"  # noqa: S105
    TOKEN_GUARDED = "token_guarded"  # noqa: S105
    MESSAGE = "message"
    CREDENTIAL = "credential"
    CODE = "code"
    TRANSIENT = "transient"
    THROTTLED_DEVICE = "throttled_device"
    THROTTLED_CREDENTIAL = "throttled_credential"
    THROTTLED_PROVIDER = "throttled_provider"
    AUTH = "auth"
    AMBIGUOUS = "ambiguous"
    UNSENT = "unsent"
    """Certainly not processed: retried like TRANSIENT, but never counted as a possible duplicate."""


SAME_PLATFORM = "*"
"""`Verdict.platform_only`: the platform of the device whose message was answered."""


class Verdict(msgspec.Struct, frozen=True):
    """What an answer means. One is made per message, hence a struct: eight times cheaper than a frozen dataclass."""

    outcome: Outcome
    code: str
    """The provider's own code (`UNREGISTERED`, `BadDeviceToken`) or ours; stored and shown."""
    provider_id: str | None = None
    retry_after: float | None = None
    """Seconds the provider asked for."""
    default_wait: float | None = None
    """Seconds to wait when the provider named none; None = ordinary backoff."""
    floor: float = 0.0
    """Never retry earlier than this many seconds."""
    waits: tuple[float, ...] = ()
    """Seconds to wait after the first, second … attempt; the last one stays. Instead of the ordinary backoff."""
    max_retries: int | None = None
    platform_only: str | None = None
    """CREDENTIAL limited to devices of this platform (FCM THIRD_PARTY_AUTH_ERROR); see `SAME_PLATFORM`."""
    dead_since: datetime | None = None
    """TOKEN_CERTAIN: since when the token is dead; a device that registered it later keeps it (APNs 410)."""
    environment: str | None = None
    """OK: the environment of the provider that took the message, where that is news about the device (APNs)."""
    origin_only: bool = False
    """The trouble is that of one push service (web push); the sender itself leaves it alone, and the others go on."""
    text: str = ""
    """The provider's words, redacted, at most 512 characters."""
    known: bool = True
    """False: no row of the provider's table fits, the HTTP status alone decided. Such answers are logged and counted;
    they never invalidate a token."""


@dataclass(frozen=True, slots=True)
class Content:
    """One translation of a push, with the push's options."""

    title: str
    text: str
    image: str = ""
    icon: str = ""
    link: str = ""
    options: Options = NO_OPTIONS
    placeholders: tuple[Placeholder, ...] = ()
    """What differs per device: title, text, link and links have marks in their places (`personal.Marker`)."""

    @property
    def has_links(self) -> bool:
        """Whether the link depends on the kind of device."""
        return self.options.links != NO_OPTIONS.links

    def on(self, family: str) -> "Content":
        """The content for `android`, `ios` or `web` devices; the translation's own link for all others."""
        link = getattr(self.options.links, family, "")
        return replace(self, link=link) if link else self


@dataclass(frozen=True, slots=True)
class Credential:
    """An app's credential for one provider, opened. `values` is the provider's own typed form."""

    app_id: int
    account_id: int
    provider: str
    version: int
    fingerprint: str
    values: dict[str, str]

    def __repr__(self) -> str:
        return f"<Credential {self.provider} app={self.app_id} v{self.version}>"


class Prepared(Protocol):
    """One translation rendered for one transport and the time to live left; splices in what differs per device.

    Placeholders have their fallbacks until `personal` is asked.
    """

    def request(self, token: str, msg_id: bytes, uuid: bytes, tag: object) -> Request | Verdict:
        """The request for one device, or the verdict when its token cannot be sent at all.

        `uuid` is 32 hex digits; `tag` comes back with the answer.
        """

    def personal(self, person: Person) -> "Prepared":
        """The same for one person: a value or a fallback in place of every placeholder."""


class CredentialRefused(Exception):
    """The provider does not accept the credential itself; carries the verdict (CREDENTIAL, TRANSIENT, THROTTLED…)."""

    def __init__(self, verdict: Verdict) -> None:
        super().__init__(f"{verdict.code}: {verdict.text}")
        self.verdict = verdict


class Sender(Protocol):
    """One credential's way out: holds its channel, its access token and nothing else."""

    async def ready(self) -> None:
        """Make sure that there is a valid access token (single-flight). Raises `CredentialRefused`."""

    def prepare(self, content: Content, *, transport: str, ttl: int) -> Prepared:
        """Render one translation; `ttl` in seconds.

        `transport` as in `device.transport`; where the device is known to live in another environment of the provider
        than the credential, a colon and that environment follow (`apns:sandbox`).
        """

    def submit(self, requests: Sequence[Request]) -> None:
        """Hand over to the network with the access token of now; answers arrive at the sink."""

    def withdraw(self) -> list[Request]:
        """Take back what has not been written."""

    def verdict(self, answer: Answer) -> Verdict:
        """Read one answer. Pure."""

    def refresh(self) -> None:
        """The access token was refused: forget it, unless it has been replaced since (AUTH)."""

    @property
    def pending(self) -> int:
        """Requests handed over and not answered."""

    async def aclose(self, *, grace: float = 20.0) -> None:
        """Finish what is in flight and close connections."""


class Refusal(NamedTuple):
    """One of several services behind a sender takes nothing for a while; the others go on."""

    host: str
    seconds: float


@runtime_checkable
class ManyServices(Protocol):
    """A sender that sends to several services, each with limits of its own (web push)."""

    def set_share(self, share: float) -> None:
        """This process's part of every rate (0 < share ≤ 1)."""

    def refusals(self) -> Sequence[Refusal]:
        """The services that refuse the credential."""
