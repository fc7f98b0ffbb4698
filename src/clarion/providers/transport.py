"""The seam between providers and the network: batches of requests in, batches of answers out.

Two implementations stand behind it: the HTTP/2 engine (`providers/http2/`) for the hot path and pyreqwest
(`providers/http.py`) as the fallback that a setting selects. One conformance suite runs against both.

There is no task, future or timer per message. The caller bounds how many requests it submits; a transport
never drops one: each submitted request comes back exactly once, as an answer or through `withdraw`.
"""

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Protocol
from urllib.parse import urlsplit

_PATH = re.compile(rb"/[\x21-\x7e]*").fullmatch
_NAME = re.compile(r"[a-z0-9!#$%&'*+.^_`|~-]+").fullmatch
_VALUE = re.compile(rb"[\x21-\x7e](?:[\x20-\x7e]*[\x21-\x7e])?").fullmatch
_METHOD = re.compile(r"[A-Z]+").fullmatch


def _require_path(path: bytes) -> None:
    if not _PATH(path):
        raise ValueError(f"not a request path: {path!r}")


def _require_names(names: Iterable[str]) -> None:
    for name in names:
        if not _NAME(name):
            raise ValueError(f"not a lower-case header name: {name!r}")


def _require_values(headers: Iterable[tuple[str, bytes]]) -> None:
    for name, value in headers:
        if not _VALUE(value):
            raise ValueError(f"header {name} has control characters, spaces at an end, or no value")


def split_origin(origin: str, *, scheme: str = "https") -> tuple[str, int, str]:
    """Host, port and authority of `https://host[:port]`.

    Raises:
        ValueError: Anything else.
    """
    parts = urlsplit(origin)
    bare = parts.path in ("", "/") and not parts.query and not parts.fragment and parts.username is None
    if parts.scheme != scheme or not parts.hostname or not bare or not origin.isascii():
        raise ValueError(f"not an {scheme} origin: {origin!r}")
    return parts.hostname, parts.port or (443 if scheme == "https" else 80), parts.netloc


class Failure(StrEnum):
    """Why no complete answer arrived (providers.md §1.1)."""

    UNSENT = "unsent"
    """Certainly not processed by the provider: never written, refused, or above a GOAWAY's last stream id."""
    AMBIGUOUS = "ambiguous"
    """Written at least in part, and no complete answer came: it may have been processed."""


@dataclass(frozen=True, slots=True)
class Head:
    """The part of a request that is the same for many messages.

    `headers` are lower-case, without pseudo-headers and without content-length, and already validated against
    providers.md §1.8 when the head is made: `ValueError` on control characters or spaces at the ends.
    """

    path: str
    headers: tuple[tuple[str, str], ...]
    method: str = "POST"
    own: tuple[str, ...] = ()
    """Names of headers of which each message has its own value. They are sent after `headers`."""

    def __post_init__(self) -> None:
        if not _METHOD(self.method):
            raise ValueError(f"not a method: {self.method!r}")
        _require_path(self.path.encode())
        _require_names((*dict(self.headers), *self.own))
        _require_values((name, value.encode()) for name, value in self.headers)


class Request:
    """One message on its way out. `tag` is the caller's; it comes back with the answer.

    `path` and `own` are checked like a head's; `ValueError` where they break providers.md §1.8.
    """

    __slots__ = ("body", "head", "own", "path", "resends", "tag")

    def __init__(
        self,
        head: Head,
        body: bytes,
        tag: object,
        path: bytes | None = None,
        own: tuple[bytes, ...] = (),
    ) -> None:
        self.head = head
        self.body = body
        self.tag = tag
        self.path = path
        """Overrides the head's path where it differs per message (APNs)."""
        self.own = own
        """The values of the headers in `Head.own`, in that order."""
        self.resends = 0
        """How often a transport has sent it again because it was certainly not processed."""
        if path is not None:
            _require_path(path)
        if len(own) != len(head.own):
            raise ValueError(f"{len(own)} values for the headers {head.own}")
        if own:
            _require_values(zip(head.own, own, strict=True))


class Answer:
    """What became of one request. Exactly one of `status` (non-zero) and `failure` is set."""

    __slots__ = ("body", "detail", "failure", "headers", "status", "tag")

    def __init__(
        self,
        tag: object,
        status: int,
        body: bytes = b"",
        headers: tuple[tuple[str, str], ...] = (),
        failure: Failure | None = None,
        detail: str = "",
    ) -> None:
        self.tag = tag
        self.status = status
        self.body = body
        """At most `ChannelOptions.body_limit` bytes; longer bodies are cut, never buffered."""
        self.headers = headers
        """Response headers, lower-case. A transport may leave them out where the status is 200, 201, 202 or 204."""
        self.failure = failure
        self.detail = detail
        """For people: `connect: ...`, `deadline`, `reset: CANCEL`, `goaway: ...`."""


@dataclass(frozen=True, slots=True)
class ChannelOptions:
    """Bounds of one channel. Seconds unless said otherwise."""

    connections: int = 4
    streams: int = 1000
    """Own cap on parallel streams of one connection; the peer's SETTINGS limit is obeyed below it."""
    connect_timeout: float = 5.0
    request_timeout: float = 15.0
    """From the first byte written to the last byte of the answer; the wait before writing has the same bound."""
    body_limit: int = 65536
    ping_after: float = 10.0
    """No frame for so long while requests are in flight: send PING."""
    ping_timeout: float = 8.0
    """No acknowledgement for so long: the connection is dead, its requests are AMBIGUOUS."""
    first_alone: bool = False
    """One stream until the first accepted answer (APNs token authentication)."""
    reconnect_pause: float = 1.0
    """At least so long between two connection attempts of one channel after a failure; grows to 16 times."""
    resend_limit: int = 3
    """How often a request that was certainly not processed is sent again before it comes back as UNSENT."""
    open_interval: float = 0.0
    """At least so long between opening two connections while another one is usable (APNs: 1 s)."""
    idle_ping: float = 3600.0
    """Nothing in flight and no frame for so long: send PING."""
    idle_close: float = 86400.0
    """Nothing in flight for so long: close the connection."""
    ca_file: str | None = None
    """PEM file of certificates that are trusted besides the system's."""
    public_only: bool = False
    """Connect to the public internet only: the name is resolved once for each connection, every address it has is
    checked, and the connection goes to a checked one. Failures tell nothing of what is there (reliability.md §9)."""
    client_certificate: str | None = field(default=None, repr=False)
    """Path of a PEM file with certificate chain and key, for mutual TLS."""


Sink = Callable[[list[Answer]], None]
"""Called on the event loop with the answers of one read; must not block."""


class Channel(Protocol):
    """One credential's way to one origin: a small pool of connections."""

    def submit(self, requests: Sequence[Request]) -> None:
        """Queue requests; returns at once. After `aclose` it raises `RuntimeError`."""

    def withdraw(self) -> list[Request]:
        """Take back everything that has not been written yet."""

    @property
    def pending(self) -> int:
        """Requests submitted and not yet answered, written or not."""

    async def aclose(self, *, grace: float = 20.0) -> None:
        """Wait up to `grace` seconds for answers, then report the rest (UNSENT or AMBIGUOUS) and close."""


class Transport(Protocol):
    """Opens channels."""

    def open(self, origin: str, sink: Sink, options: ChannelOptions) -> Channel:
        """Make a channel to `https://host[:port]`; connections are opened when there is work."""
