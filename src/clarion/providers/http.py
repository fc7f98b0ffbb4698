"""Everything outgoing that is not the hot path: a general HTTP client, and the fallback transport built on it.

Both over pyreqwest. Rules for either (providers.md §1.8, §4): certificates are always verified, no redirects, no
proxy from the environment, no cookies, a deadline for the whole exchange, and bodies cut at a limit.
"""

import asyncio
import ssl
from collections import deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path

from pyreqwest.client import Client, ClientBuilder
from pyreqwest.exceptions import (
    BuilderError,
    ConnectError,
    DetailedPyreqwestError,
    PoolTimeoutError,
    RequestTimeoutError,
)
from pyreqwest.response import Response

from clarion.providers.http2.ages import AgeMarks
from clarion.providers.http2.pacing import Pacing
from clarion.providers.resolving import Resolve, look_up, public_addresses
from clarion.providers.transport import Answer, ChannelOptions, Failure, Request, Sink, split_origin

_READ_SIZE = 16384
_NO_CONNECTION = "connect: no connection"
"""For whatever prevents one to an address that others have named (reliability.md SS-7)."""
_PARALLEL_LIMIT = 256
"""Exchanges of one fallback channel at the same time, each with a task; the engine has no such bound."""


@dataclass(frozen=True, slots=True)
class HttpOptions:
    """Bounds of one client. Seconds unless said otherwise."""

    connect_timeout: float = 5.0
    timeout: float = 15.0
    """For the whole exchange, from connecting to the last byte of the answer."""
    body_limit: int = 65536
    """Bytes of an answer's body that are read."""
    ca_file: str | None = None
    """PEM file of certificates that are trusted besides the system's."""
    client_certificate: str | None = None
    """Path of a PEM file with certificate chain and key."""
    parallel: int = 64
    """Exchanges at the same time; more of them wait."""
    ping_after: float | None = None
    """HTTP/2 without negotiation, with PING after so much silence; None: HTTP/1.1."""
    ping_timeout: float = 8.0
    plain: bool = False
    """Allow `http` too: only for addresses that the operator has named."""
    pinned: tuple[str, str, int] | None = None
    """Host, IP address and port: this host is never resolved, but taken to be there."""


@dataclass(frozen=True, slots=True)
class HttpAnswer:
    """A complete answer of whatever status."""

    status: int
    headers: tuple[tuple[str, str], ...]
    body: bytes
    """Cut at `HttpOptions.body_limit`."""


class HttpError(Exception):
    """No complete answer. `failure` tells whether the peer may have processed the request."""

    def __init__(self, failure: Failure, detail: str) -> None:
        super().__init__(detail)
        self.failure = failure


class HttpClient:
    """A pool of connections to any host: `https`, and `http` only where the options say so."""

    def __init__(self, options: HttpOptions) -> None:
        """Prepare the pool; nothing is connected yet.

        Raises:
            OSError: A certificate file cannot be read or holds nothing usable.
        """
        self._options = options
        self._client = _build(options)
        self._gate = asyncio.Semaphore(options.parallel)

    async def request(
        self, method: str, url: str, *, headers: Iterable[tuple[str, str]] = (), body: bytes = b""
    ) -> HttpAnswer:
        """One exchange.

        Raises:
            HttpError: No complete answer in time.
            ValueError: The URL's scheme is not allowed, or a header is malformed.
        """
        try:
            builder = self._client.request(method, url).headers(list(headers))
            if body:
                builder = builder.body_bytes(body)
            prepared = builder.build_streamed()
        except BuilderError as error:
            raise ValueError(str(error)) from error
        async with self._gate:
            try:
                async with prepared as response:
                    return await self._read(response)
            except BuilderError as error:
                raise ValueError(str(error)) from error
            except DetailedPyreqwestError as error:
                raise _translate(error) from error

    async def _read(self, response: Response) -> HttpAnswer:
        limit, body = self._options.body_limit, bytearray()
        while len(body) < limit and (piece := await response.body_reader.read(_READ_SIZE)):
            body += piece
        headers = tuple((name.lower(), value) for name, value in response.headers.items())
        return HttpAnswer(response.status, headers, bytes(body[:limit]))

    async def aclose(self) -> None:
        """Close the pool."""
        await self._client.close()


def _check_certificates(options: HttpOptions) -> None:
    # pyreqwest takes a file without any certificate for a file that adds none.
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    if options.ca_file:
        context.load_verify_locations(cafile=options.ca_file)
    if options.client_certificate:
        context.load_cert_chain(options.client_certificate)


def _build(options: HttpOptions) -> Client:
    _check_certificates(options)
    builder = (
        ClientBuilder()
        .https_only(not options.plain)
        .min_tls_version("TLSv1.2")
        .follow_redirects(False)
        .referer(False)
        .no_proxy()
        .gzip(False)
        .brotli(False)
        .zstd(False)
        .deflate(False)
        .user_agent("clarion")
        .connect_timeout(timedelta(seconds=options.connect_timeout))
        .timeout(timedelta(seconds=options.timeout))
    )
    if options.ping_after is not None:
        builder = (
            builder.http2_prior_knowledge()
            .http2_keep_alive_interval(timedelta(seconds=options.ping_after))
            .http2_keep_alive_timeout(timedelta(seconds=options.ping_timeout))
        )
    if options.pinned is not None:
        builder = builder.resolve(*options.pinned)
    if options.ca_file:
        builder = builder.add_root_certificate_pem(Path(options.ca_file).read_bytes())
    if options.client_certificate:
        builder = builder.identity_pem(Path(options.client_certificate).read_bytes())
    return builder.build()


def _translate(error: DetailedPyreqwestError) -> HttpError:
    causes = ": ".join(cause["message"] for cause in error.details["causes"] or ())
    # The class alone misleads: ConnectError also stands for a connection that broke after the request had been handed
    # over ("SendRequest"), ConnectTimeoutError also for an answer that did not come in time.
    connecting = "client error (Connect)" in causes
    if isinstance(error, PoolTimeoutError) or (isinstance(error, RequestTimeoutError) and connecting):
        return HttpError(Failure.UNSENT, "connect: timeout")
    if isinstance(error, RequestTimeoutError):
        return HttpError(Failure.AMBIGUOUS, "deadline")
    if isinstance(error, ConnectError) and connecting:
        kind = "tls" if "certificate" in causes or "handshake" in causes else "connect"
        return HttpError(Failure.UNSENT, f"{kind}: {causes}")
    return HttpError(Failure.AMBIGUOUS, f"connection: {causes or error.message}")


class _PublicClient:
    """A client of one host that connects to addresses of the public internet only."""

    def __init__(self, host: str, port: int, options: HttpOptions, resolve: Resolve) -> None:
        self._host, self._port = host, port
        self._options = options
        self._resolve = resolve
        self._client: HttpClient | None = None
        """Pinned to a checked address; None until the name is resolved, and again when nobody answers there."""

    async def request(
        self, method: str, url: str, *, headers: Iterable[tuple[str, str]] = (), body: bytes = b""
    ) -> HttpAnswer:
        """See `HttpClient.request`. Failures to connect all have the same text."""
        client = self._client or await self._pinned()
        try:
            return await client.request(method, url, headers=headers, body=body)
        except HttpError as error:
            if error.failure is not Failure.UNSENT:
                raise
            if self._client is client:
                self._client = None
            raise HttpError(Failure.UNSENT, _NO_CONNECTION) from error

    async def _pinned(self) -> HttpClient:
        try:
            async with asyncio.timeout(self._options.connect_timeout):
                address, *_ = await public_addresses(self._host, self._port, resolve=self._resolve)
        except OSError as error:  # TimeoutError is one
            raise HttpError(Failure.UNSENT, _NO_CONNECTION) from error
        self._client = HttpClient(replace(self._options, pinned=(self._host, address, self._port)))
        return self._client

    async def aclose(self) -> None:
        """Close the pool."""
        if self._client is not None:
            await self._client.aclose()


class PyreqwestTransport:
    """`transport.Transport` over pyreqwest: for when the engine is switched off, and for providers that take bundles.

    Speaks HTTP/2 over TLS unless told otherwise; HTTP/1.1 to an `http` origin, which only an operator can name (a relay
    on the same host).
    """

    def __init__(self, *, http2: bool = True, resolve: Resolve = look_up) -> None:
        """`resolve` is asked for channels that connect to the public internet only."""
        self._http2 = http2
        self._resolve = resolve

    def open(self, origin: str, sink: Sink, options: ChannelOptions) -> "PyreqwestChannel":
        """Make a channel to `http[s]://host[:port]`; connections are opened when there is work.

        Raises:
            ValueError: `origin` is something else.
            OSError: The CA file or client certificate cannot be read or holds nothing usable.
        """
        scheme = "http" if origin.startswith("http://") else "https"
        _, _, authority = split_origin(origin, scheme=scheme)
        return PyreqwestChannel(f"{scheme}://{authority}", sink, options, http2=self._http2, resolve=self._resolve)


class PyreqwestChannel:
    """`transport.Channel` with a bounded number of tasks that each carry one request at a time."""

    def __init__(
        self, origin: str, sink: Sink, options: ChannelOptions, *, http2: bool = True, resolve: Resolve = look_up
    ) -> None:
        self._origin = origin
        self._sink = sink
        self._options = options
        self._parallel = min(_PARALLEL_LIMIT, options.connections * options.streams)
        plain = origin.startswith("http://")
        http = HttpOptions(
            connect_timeout=options.connect_timeout,
            timeout=options.request_timeout,
            body_limit=options.body_limit,
            ca_file=options.ca_file,
            client_certificate=options.client_certificate,
            parallel=self._parallel,
            ping_after=options.ping_after if http2 and not plain else None,
            ping_timeout=options.ping_timeout,
            plain=plain,
        )
        host, port, _ = split_origin(origin, scheme="http" if plain else "https")
        self._client = _PublicClient(host, port, http, resolve) if options.public_only else HttpClient(http)
        self._queue: deque[Request] = deque()
        self._submitted = self._taken = 0
        self._marks = AgeMarks()
        self._pacing = Pacing(options.reconnect_pause, options.open_interval)
        self._unreachable = False
        self._carriers: set[asyncio.Task[None]] = set()
        self._ready: list[Answer] = []
        self._accepted = not options.first_alone
        self._pending = 0
        self._closing = False
        self._drained = asyncio.Event()

    def submit(self, requests: Sequence[Request]) -> None:
        """Queue requests; returns at once. After `aclose` it raises `RuntimeError`."""
        if self._closing:
            raise RuntimeError("the channel is closed")
        self._queue.extend(requests)
        self._pending += len(requests)
        self._submitted += len(requests)
        self._marks.note(asyncio.get_running_loop().time(), self._submitted)
        self._staff()

    def _staff(self) -> None:
        limit = self._parallel if self._accepted and not self._unreachable else 1
        for _ in range(min(limit - len(self._carriers), len(self._queue))):
            task = asyncio.get_running_loop().create_task(self._carry())
            self._carriers.add(task)
            task.add_done_callback(self._carriers.discard)

    async def _carry(self) -> None:
        loop = asyncio.get_running_loop()
        while self._queue and (len(self._carriers) == 1 or not self._unreachable):
            if delay := self._pacing.wait(loop.time(), others=False):
                await asyncio.sleep(delay)
            self._expire(loop.time())
            if self._queue:
                await self._carry_one(self._take(1)[0])

    async def _carry_one(self, request: Request) -> None:
        answer = Answer(request.tag, 0, failure=Failure.AMBIGUOUS, detail="closed")
        try:
            answer = await self._exchange(request)
        finally:
            self._report(answer)

    def _take(self, count: int) -> list[Request]:
        self._taken += count
        return [self._queue.popleft() for _ in range(count)]

    def _expire(self, now: float) -> None:
        """Requests that found no free carrier in time come back unsent."""
        count = self._marks.older_than(now - self._options.request_timeout) - self._taken
        self._fail_queued(max(0, min(count, len(self._queue))), "deadline")

    def _fail_queued(self, count: int, detail: str) -> None:
        for request in self._take(count):
            self._report(Answer(request.tag, 0, failure=Failure.UNSENT, detail=detail))

    async def _exchange(self, request: Request) -> Answer:
        head = request.head
        url = self._origin + (request.path.decode() if request.path is not None else head.path)
        own = zip(head.own, map(bytes.decode, request.own), strict=True)
        try:
            got = await self._client.request(head.method, url, headers=(*head.headers, *own), body=request.body)
        except HttpError as error:
            if error.failure is Failure.UNSENT:
                self._on_unreachable(str(error))
            return Answer(request.tag, 0, failure=error.failure, detail=str(error))
        except ValueError as error:
            return Answer(request.tag, 0, failure=Failure.UNSENT, detail=f"request: {error}")
        if self._unreachable:
            self._unreachable = False
            self._pacing.succeeded()
            self._staff()
        return Answer(request.tag, got.status, got.body, got.headers)

    def _on_unreachable(self, detail: str) -> None:
        """One request at a time tries from now on, ever later; those that wait learn it at once."""
        if not self._unreachable or len(self._carriers) == 1:
            self._pacing.failed(asyncio.get_running_loop().time())
        self._unreachable = True
        self._fail_queued(len(self._queue), detail)

    def _report(self, answer: Answer) -> None:
        if not self._ready:
            asyncio.get_running_loop().call_soon(self._hand_over)
        self._ready.append(answer)
        if not self._accepted and 200 <= answer.status < 300:
            self._accepted = True
            self._staff()

    def _hand_over(self) -> None:
        answers, self._ready = self._ready, []
        if answers:
            self._pending -= len(answers)
            self._sink(answers)
        if self._closing and not self._pending:
            self._drained.set()

    def withdraw(self) -> list[Request]:
        """Take back everything that has not been written yet."""
        requests = self._take(len(self._queue))
        self._pending -= len(requests)
        self._hand_over()
        return requests

    @property
    def pending(self) -> int:
        """Requests submitted and not yet answered, written or not."""
        return self._pending

    async def aclose(self, *, grace: float = 20.0) -> None:
        """Wait up to `grace` seconds for answers, then report the rest (UNSENT or AMBIGUOUS) and close."""
        self._closing = True
        self._hand_over()
        try:
            async with asyncio.timeout(grace):
                await self._drained.wait()
        except TimeoutError:
            await self._abandon()
        await self._client.aclose()

    async def _abandon(self) -> None:
        self._fail_queued(len(self._queue), "closed")
        carriers = list(self._carriers)
        for task in carriers:
            task.cancel()
        await asyncio.gather(*carriers, return_exceptions=True)
        self._hand_over()
