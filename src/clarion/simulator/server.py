"""The simulator itself: providers, faults, journal and port put together."""

import asyncio
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

import msgspec
from cryptography.hazmat.primitives.asymmetric import rsa

from clarion.simulator.apns import ApnsSimulator
from clarion.simulator.certificate import LOOPBACK_NAMES, server_context
from clarion.simulator.control import Control
from clarion.simulator.exchange import ProviderExchange
from clarion.simulator.faults import FaultBook
from clarion.simulator.fcm import FcmSimulator
from clarion.simulator.files import Files
from clarion.simulator.huawei import HuaweiSimulator
from clarion.simulator.journal import Journal
from clarion.simulator.listener import HOST, Listener, Mode
from clarion.simulator.model import Provider
from clarion.simulator.onesignal import OnesignalSimulator
from clarion.simulator.webpush import WebPushSimulator
from clarion.simulator.wire.plan import Hub, WireSettings


class SimulatorAddress(msgspec.Struct, frozen=True):
    """Where a simulator listens and what a client needs to trust it."""

    url: str
    ca_file: str
    journal_file: str


class Simulator:
    """All push providers on one TLS port of the loopback address.

    >>> async with Simulator() as sim:                          # doctest: +SKIP
    ...     credentials = sim.service_account(project_id="acceptance-one")
    ...     sim.fcm.on_token("token-1", "UNAVAILABLE", "UNREGISTERED")
    ...     await send_to(sim.url, sim.ca_file, credentials)
    ...     assert sim.journal.counts()["UNREGISTERED"] == 1

    Args:
        port: 0 takes any free port.
        fast: answer messages on HTTP/2 with constant frames, unchecked; they are only counted.
        seed: of everything drawn by chance (fault shares, token texts).
        directory: where certificate, journal file and the public half of service accounts are written; a later
            start there knows them again. By default a temporary directory and no journal file.
        clock: seconds since 1970; decides about expiry of assertions, access tokens and fault rules.
        expired_certificate, host_names: for clients' tests of TLS failures.
    """

    def __init__(
        self,
        port: int = 0,
        *,
        fast: bool = False,
        seed: int = 1,
        directory: Path | None = None,
        clock: Callable[[], float] = time.time,
        expired_certificate: bool = False,
        host_names: Sequence[str] = LOOPBACK_NAMES,
    ) -> None:
        self._wanted_port = port
        self._files = Files(directory)
        authority = self._files.write_certificates(names=host_names, expired=expired_certificate)
        self.ca_file = str(self._files.ca)
        self.journal = Journal(self._files.journal)
        self.faults = FaultBook(seed, clock, errors=self._known_error)
        self.fcm = FcmSimulator(
            seed=seed, clock=clock, base_url=lambda: self.url, accounts_file=self._files.accounts("fcm")
        )
        self.apns = ApnsSimulator(
            clock=clock,
            authority=authority,
            certificate_of=lambda number: self.journal.connections[number - 1].certificate,
            keys_file=self._files.accounts("apns"),
        )
        self.webpush = WebPushSimulator(clock=clock, base_url=lambda: self.url)
        self.onesignal = OnesignalSimulator(clock=clock, file=self._files.accounts("onesignal"))
        self.huawei = HuaweiSimulator(clock=clock, file=self._files.accounts("huawei"))
        self._providers: tuple[Provider, ...] = (self.fcm, self.apns, self.webpush, self.onesignal, self.huawei)
        exchange = ProviderExchange(self._providers, self.faults, self.journal, clock=clock)
        self._hub = Hub(exchange, self.journal, clock, fast=fast)
        self._listener = Listener(self._hub, server_context(self._files.bundle, clients=self._files.ca))
        exchange.control = Control(self, self._providers).handle

    async def __aenter__(self) -> Self:
        await self._listener.open(self._wanted_port)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._listener.close()
        self.journal.close()
        await asyncio.to_thread(self._files.remove)

    @property
    def url(self) -> str:
        """Base URL of every provider."""
        return f"https://{HOST}:{self._listener.port}"

    @property
    def address(self) -> SimulatorAddress:
        """Everything another process needs to know."""
        return SimulatorAddress(self.url, self.ca_file, str(self._files.journal or ""))

    @property
    def wire(self) -> WireSettings:
        """How connections behave now."""
        return self._hub.settings

    @property
    def open_connections(self) -> int:
        """Client connections open now."""
        return len(self._hub.live)

    def service_account(
        self, project_id: str, client_email: str | None = None, *, key: rsa.RSAPrivateKey | None = None
    ) -> dict[str, str]:
        """A complete Firebase service-account document whose `token_uri` is this simulator.

        A fresh key takes some 100 ms of the event loop; a caller that needs many accounts may share one.
        """
        return self.fcm.accounts.create(project_id, client_email, key=key)

    def tune(self, settings: WireSettings) -> None:
        """Change the wire settings; open connections are told about a new stream limit."""
        changed = settings.max_streams != self._hub.settings.max_streams
        self._hub.settings = settings
        if changed:
            for connection in list(self._hub.live):
                connection.settings_changed()

    async def listen(self, mode: Mode, *, seconds: float | None = None) -> None:
        """Accept, refuse or swallow connections; with `seconds` go back to accepting by itself."""
        await self._listener.change(mode, seconds=seconds)

    async def wait_open(self) -> None:
        """Wait until connections are accepted (again)."""
        await self._listener.accepting.wait()

    def goaway(self) -> None:
        """Let every open connection say GOAWAY now, answer its open streams and close."""
        for connection in list(self._hub.live):
            connection.goaway()

    def freeze(self) -> None:
        """Make every open connection half-open: it reads and writes nothing any more."""
        for connection in list(self._hub.live):
            connection.freeze()

    def disconnect(self) -> None:
        """Break every open connection."""
        for connection in list(self._hub.live):
            connection.abort()

    def release(self, label: str) -> int:
        """Let the answers held under this label go; how many there were."""
        return self._hub.release(label)

    def reset(self) -> None:
        """Honest again, with an empty journal; credentials and connections stay."""
        self.faults.clear()
        self.journal.reset()
        self.tune(WireSettings())
        for provider in self._providers:
            provider.reset()

    def _known_error(self, provider: str, name: str) -> None:
        for one in self._providers:
            if one.name == provider:
                one.error(name)
                return
        raise ValueError(f"a rule with the error {name!r} must name its provider")


async def serve(port: int, *, fast: bool, directory: Path, ready: Callable[[SimulatorAddress], None]) -> None:
    """Run a simulator until cancelled. Its files go to `directory`, which is made if need be.

    `ready` is called once when the port accepts connections. Raises `OSError` if the port is taken.
    """
    await asyncio.to_thread(directory.mkdir, parents=True, exist_ok=True)
    async with Simulator(port, fast=fast, directory=directory) as simulator:
        ready(simulator.address)
        await asyncio.Event().wait()
