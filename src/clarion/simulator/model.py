"""What travels between the wire, the providers and the journal of the simulator."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import NamedTuple, Protocol

from clarion.simulator.faults import Action

HeaderPairs = tuple[tuple[str, str], ...]
JSON_TYPE: HeaderPairs = (("content-type", "application/json; charset=UTF-8"),)
HTML_TYPE: HeaderPairs = (("content-type", "text/html; charset=UTF-8"),)


class Reply(NamedTuple):
    """A complete answer, independent of the HTTP version."""

    status: int
    body: bytes = b""
    headers: HeaderPairs = JSON_TYPE


class Head:
    """The header part of a request; equal header blocks share one object, so it is never changed."""

    __slots__ = ("authority", "fields", "method", "pairs", "path")

    def __init__(self, pairs: HeaderPairs) -> None:
        self.pairs = pairs
        """Every header as it came, pseudo-headers included, names in lower case."""
        self.fields = dict(pairs)
        """The last value of each header."""
        self.method = self.fields.get(":method", "")
        self.path = self.fields.get(":path", "")
        self.authority = self.fields.get(":authority", "")


class Received(NamedTuple):
    """One complete request. `time` is the simulator's clock in seconds, `connection` counts from 1."""

    head: Head
    body: bytes
    time: float
    connection: int
    http: int


class Recipient(NamedTuple):
    """What an honest provider makes of one addressee of a request."""

    token: str
    message_id: str
    outcome: str
    accepted: bool


NOBODY = (Recipient("", "", "", accepted=False),)


@dataclass(frozen=True, slots=True)
class Judgement:
    """A provider's honest answer to one request, before faults are applied."""

    endpoint: str
    """`send` for messages, `token` for access tokens."""
    reply: Reply
    project: str = ""
    recipients: tuple[Recipient, ...] = NOBODY
    action: Action | None = None
    """Scripted behaviour for this token; it replaces the honest answer."""
    commit: Callable[[], None] | None = None
    """What the provider remembers when the messages count as handed over."""


@dataclass(frozen=True, slots=True)
class ControlRequest:
    """A call to `/_sim/{provider}/{verb}`."""

    verb: str
    body: bytes
    query: dict[str, str] = field(default_factory=dict)


class Provider(Protocol):
    """One simulated provider; each has its own folder."""

    name: str
    fast_reply: Reply
    """The answer to every message in fast mode."""

    def claims(self, path: str) -> bool:
        """Whether a request path belongs to this provider."""

    def sends(self, path: str) -> bool:
        """Whether a request path hands over messages (as opposed to asking for access tokens)."""

    def judge(self, request: Received) -> Judgement:
        """Answer one request as the real provider would."""

    def error(self, name: str) -> Reply:
        """The provider's answer for a named error; `ValueError` if it has none of that name."""

    def control(self, request: ControlRequest) -> Reply:
        """Serve `/_sim/{name}/...`: scripts and credentials of this provider."""

    def reset(self) -> None:
        """Forget scripts and counters; credentials stay valid."""
