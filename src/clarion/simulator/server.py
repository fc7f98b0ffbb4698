"""The simulator itself: providers, faults, journal and port put together."""

import asyncio
import shutil
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Self

import msgspec

from clarion.simulator.certificate import Identity, issue_server, make_authority, server_context
from clarion.simulator.control import Control
from clarion.simulator.exchange import ProviderExchange
from clarion.simulator.faults import FaultBook
from clarion.simulator.fcm import FcmSimulator
from clarion.simulator.journal import Journal
from clarion.simulator.listener import HOST, Listener, Mode
from clarion.simulator.model import Provider
from clarion.simulator.wire.plan import Hub, WireSettings

JOURNAL_FILE = "journal.jsonl"
CA_FILE = "ca.pem"


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
        directory: where certificate and journal file are written and left; by default a temporary directory
            that is removed at the end, and no journal file.
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
        host_names: tuple[str, ...] = (),
    ) -> None:
        self._wanted_port = port
        self._temporary = directory is None
        self._directory = directory or Path(tempfile.mkdtemp(prefix="clarion-simulator-"))
        self.ca_file = str(self._directory / CA_FILE)
        self._authority = self._write_authority()
        bundle = self._write_bundle(expired=expired_certificate, names=host_names)
        self._journal_file = None if directory is None else directory / JOURNAL_FILE
        self.journal = Journal(self._journal_file)
        self.faults = FaultBook(seed, clock)
        self.fcm = FcmSimulator(seed=seed, clock=clock, base_url=lambda: self.url)
        self._providers: tuple[Provider, ...] = (self.fcm,)
        exchange = ProviderExchange(self._providers, self.faults, self.journal, clock=clock)
        self._hub = Hub(exchange, self.journal, clock, fast=fast)
        self._listener = Listener(self._hub, server_context(bundle))
        exchange.control = Control(self, self._providers).handle

    async def __aenter__(self) -> Self:
        await self._listener.open(self._wanted_port)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._listener.close()
        self.journal.close()
        if self._temporary:
            await asyncio.to_thread(shutil.rmtree, self._directory, ignore_errors=True)

    @property
    def url(self) -> str:
        """Base URL of every provider."""
        return f"https://{HOST}:{self._listener.port}"

    @property
    def address(self) -> SimulatorAddress:
        """Everything another process needs to know."""
        return SimulatorAddress(self.url, self.ca_file, str(self._journal_file or ""))

    @property
    def wire(self) -> WireSettings:
        """How connections behave now."""
        return self._hub.settings

    @property
    def open_connections(self) -> int:
        """Client connections open now."""
        return len(self._hub.live)

    def service_account(self, project_id: str, client_email: str | None = None) -> dict[str, str]:
        """A complete Firebase service-account document whose `token_uri` is this simulator."""
        return self.fcm.accounts.create(project_id, client_email)

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

    def _write_authority(self) -> Identity:
        authority = make_authority()
        Path(self.ca_file).write_bytes(authority.certificate_pem())
        return authority

    def _write_bundle(self, *, expired: bool, names: tuple[str, ...]) -> Path:
        bundle = self._directory / "server.pem"
        bundle.touch(mode=0o600)
        issued = issue_server(self._authority, expired=expired, **({"names": names} if names else {}))
        bundle.write_bytes(issued.bundle_pem())
        return bundle


async def serve(port: int, *, fast: bool, directory: Path, ready: Callable[[SimulatorAddress], None]) -> None:
    """Run a simulator until cancelled. Certificate and journal go to `directory`, which is made if need be.

    `ready` is called once when the port accepts connections. Raises `OSError` if the port is taken.
    """
    await asyncio.to_thread(directory.mkdir, parents=True, exist_ok=True)
    async with Simulator(port, fast=fast, directory=directory) as simulator:
        ready(simulator.address)
        await asyncio.Event().wait()
