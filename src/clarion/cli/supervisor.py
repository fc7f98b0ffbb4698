"""Starts the processes of an installation, restarts what dies, and stops everything in order.

One slot per process. A process that ends by itself is started again after a growing pause. The first stop signal lets
all processes drain; a second one, or the end of patience, ends them. Children notice the supervisor's own death by the
end of their standard input, so that nothing is left behind even after a kill.
"""

import asyncio
import signal
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import structlog

from clarion.db.embedded import EmbeddedDatabaseError, EmbeddedPostgres
from clarion.foundation.backoff import Backoff

log = structlog.get_logger("clarion.supervisor")

HEALTHY_SECONDS = 60.0
"""A process that ran this long begins with the shortest pause again."""
DATABASE_CHECK_SECONDS = 2.0
PROGRAM = (sys.executable, "-m", "clarion.cli.child")


@dataclass(frozen=True, slots=True)
class Patience:
    """How long things may take, in seconds."""

    drain: float = 25.0
    """From the first stop signal until processes are told to hurry."""
    hurry: float = 3.0
    """From then until they are killed; with the database's stop it all stays below 30 s."""
    restart: Backoff = field(default_factory=lambda: Backoff(base=0.5, cap=30.0))
    """Before a process that has ended is started again."""


@dataclass(frozen=True, slots=True)
class Role:
    """A kind of process (`web` or `work`) and how many of it run."""

    name: str
    processes: int


@dataclass(slots=True)
class _Slot:
    """The place of one process."""

    role: str
    number: int
    process: asyncio.subprocess.Process | None = None
    failures: int = 0

    @property
    def name(self) -> str:
        return f"{self.role}-{self.number}"


@dataclass(slots=True)
class _Stop:
    """How far stopping has come."""

    wanted: asyncio.Event = field(default_factory=asyncio.Event)
    at_once: asyncio.Event = field(default_factory=asyncio.Event)

    def advance(self) -> None:
        """The next stop signal: first drain, then end at once."""
        (self.at_once if self.wanted.is_set() else self.wanted).set()


class Supervisor:
    """Runs the processes of `roles` until a stop signal."""

    def __init__(
        self,
        roles: Sequence[Role],
        *,
        environment: Mapping[str, str],
        embedded: EmbeddedPostgres | None = None,
        program: Sequence[str] = PROGRAM,
        patience: Patience | None = None,
        ended: Callable[[int], object] | None = None,
    ) -> None:
        """`ended` is told the process id of every process that is gone."""
        self._slots = [_Slot(role.name, number) for role in roles for number in range(1, role.processes + 1)]
        self._environment = dict(environment)
        self._embedded = embedded
        self._program = program
        self._patience = patience or Patience()
        self._ended = ended
        self._stop = _Stop()

    def stop(self) -> None:
        """What a stop signal does; called again it hurries."""
        self._stop.advance()

    async def run(self, *, started: Callable[[], object] | None = None) -> int:
        """Supervise until stopped; 0 when every process drained in time, 1 when one had to be killed."""
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._stop.advance)
        tasks = [asyncio.create_task(self._keep(slot)) for slot in self._slots]
        if self._embedded is not None:
            tasks.append(asyncio.create_task(self._watch_database(self._embedded)))
        if started is not None:
            started()
        await self._stop.wanted.wait()
        log.info("stopping", processes=len(self._slots))
        clean = await self._drain()
        await asyncio.gather(*tasks)
        return 0 if clean else 1

    async def _keep(self, slot: _Slot) -> None:
        while not self._stop.wanted.is_set():
            begun = time.monotonic()
            status = await self._live(slot)
            if self._stop.wanted.is_set():
                return
            slot.failures = 1 if time.monotonic() - begun > HEALTHY_SECONDS else slot.failures + 1
            pause = self._patience.restart.delay(slot.failures)
            log.error("process ended unexpectedly", process=slot.name, status=status, restart_in=round(pause, 2))
            await _wait(self._stop.wanted, pause)

    async def _live(self, slot: _Slot) -> int | str:
        """One life of the slot's process: its exit status, or why it could not even start."""
        try:
            slot.process = await self._spawn(slot)
        except OSError as error:
            return str(error)
        status = await slot.process.wait()
        if self._ended is not None:
            self._ended(slot.process.pid)
        return status

    async def _spawn(self, slot: _Slot) -> asyncio.subprocess.Process:
        process = await asyncio.create_subprocess_exec(
            *(*self._program, slot.role, str(slot.number)),
            env=self._environment,
            stdin=asyncio.subprocess.PIPE,
            stdout=sys.stderr.fileno(),
        )
        log.debug("process started", process=slot.name, pid=process.pid)
        if self._stop.wanted.is_set():
            process.send_signal(signal.SIGTERM)
        return process

    async def _watch_database(self, embedded: EmbeddedPostgres) -> None:
        while not await _wait(self._stop.wanted, DATABASE_CHECK_SECONDS):
            try:
                if await asyncio.to_thread(embedded.ensure_running):
                    log.error("the database had ended and was started again")
            except EmbeddedDatabaseError as error:
                log.error("the database cannot be started again", reason=str(error))

    async def _drain(self) -> bool:
        """Ask all processes to end, then insist; True when none had to be killed."""
        self._signal(signal.SIGTERM)
        running = asyncio.create_task(self._all_ended())
        hurry = asyncio.create_task(self._stop.at_once.wait())
        await asyncio.wait({running, hurry}, timeout=self._patience.drain, return_when=asyncio.FIRST_COMPLETED)
        hurry.cancel()
        if not running.done():
            self._signal(signal.SIGTERM)
            await asyncio.wait({running}, timeout=self._patience.hurry)
        killed = self._signal(signal.SIGKILL)
        await running
        return not killed

    async def _all_ended(self) -> None:
        await asyncio.gather(*(slot.process.wait() for slot in self._slots if slot.process is not None))

    def _signal(self, number: signal.Signals) -> int:
        """Signal every process that still runs; how many there were."""
        running = [slot.process for slot in self._slots if slot.process and slot.process.returncode is None]
        for process in running:
            process.send_signal(number)
        return len(running)


async def _wait(event: asyncio.Event, seconds: float) -> bool:
    """Wait for the event at most so long; whether it happened."""
    try:
        await asyncio.wait_for(event.wait(), seconds)
    except TimeoutError:
        return False
    return True


def child_environment(environment: Mapping[str, str], values: Mapping[str, str]) -> dict[str, str]:
    """An environment with settings replaced; a replaced setting's `*_FILE` variant is dropped."""
    kept = {name: value for name, value in environment.items() if name.removesuffix("_FILE") not in values}
    return kept | dict(values)
