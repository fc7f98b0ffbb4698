"""One supervised process: `python -m clarion.cli.child ROLE NUMBER`, with its settings in the environment.

The first stop signal, or the end of standard input (the supervisor has died), lets the process drain; a second signal
tells it to hurry.
"""

import asyncio
import os
import signal
import sys

import structlog
import uvloop
from granian.constants import Interfaces
from granian.http import HTTP1Settings
from granian.log import LogLevels
from granian.server.embed import Server

from clarion.asgi import WebProcess
from clarion.bootstrap import open_installation
from clarion.cli.hardening import harden_process
from clarion.foundation.errors import ClarionError
from clarion.foundation.telemetry import set_up_logs
from clarion.settings import Settings, read_settings
from clarion.worker.process import build_worker, run_worker

log = structlog.get_logger("clarion.process")

BACKLOG = 1024
CONNECTIONS = 180
"""Database connections that all processes of one `serve` share: fewer than the embedded database allows."""
HEADER_SECONDS = 15
_GRANIAN_LOGS = {
    "handlers": {},
    "loggers": {"_granian": {"handlers": [], "propagate": True}, "granian.access": {"handlers": [], "propagate": True}},
}


def connections_of(settings: Settings) -> int:
    """Database connections of one process."""
    return max(4, min(10, CONNECTIONS // (settings.web_processes + settings.work_processes)))


class Signals:
    """Stop signals of one process, as events."""

    def __init__(self) -> None:
        self.stop = asyncio.Event()
        self.hurry = asyncio.Event()

    def listen(self) -> None:
        """Listen from now on, in the running loop."""
        loop = asyncio.get_running_loop()
        loop.add_signal_handler(signal.SIGTERM, self._advance)
        loop.add_reader(sys.stdin.fileno(), self._orphaned)

    def _advance(self) -> None:
        (self.hurry if self.stop.is_set() else self.stop).set()

    def _orphaned(self) -> None:
        if not os.read(sys.stdin.fileno(), 64):
            asyncio.get_running_loop().remove_reader(sys.stdin.fileno())
            self.stop.set()


async def _web(settings: Settings, signals: Signals) -> None:
    """Accept requests until the stop signal, answer those that are under way, then close."""
    server = Server(
        WebProcess(settings, connections=connections_of(settings)),
        address=settings.host,
        port=settings.port,
        interface=Interfaces.ASGI,
        backlog=BACKLOG,
        websockets=False,
        http1_settings=HTTP1Settings(header_read_timeout=HEADER_SECONDS * 1000),
        log_level=LogLevels.error,
        log_dictconfig=_GRANIAN_LOGS,
    )
    serving = asyncio.create_task(server.serve())
    await _first(serving, signals.stop)
    server.stop()  # type: ignore[no-untyped-call]
    await _first(serving, signals.hurry)
    if serving.done():
        await serving


async def _first(task: asyncio.Task[None], event: asyncio.Event) -> None:
    """Return when the task is done or the event has happened."""
    waiting = asyncio.create_task(event.wait())
    await asyncio.wait({task, waiting}, return_when=asyncio.FIRST_COMPLETED)
    waiting.cancel()


async def _work(settings: Settings, signals: Signals) -> None:
    """Dispatch until the stop signal, then finish what is in flight; a second signal leaves it as it is."""
    async with open_installation(settings, connections=connections_of(settings)) as installation:
        worker = build_worker(settings, installation.services, installation.database, installation.keeper)
        working = asyncio.create_task(run_worker(worker, signals.stop))
        await _first(working, signals.hurry)
        if working.done():
            await working
        working.cancel()


async def _run(role: str, settings: Settings) -> None:
    signals = Signals()
    signals.listen()
    await {"web": _web, "work": _work}[role](settings, signals)


def main() -> int:
    """Run one process; 0 after an orderly stop."""
    role, number = sys.argv[1:3]
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches the whole group; the supervisor says what it means
    harden_process()
    settings = read_settings(os.environ)
    set_up_logs(settings.log_level, settings.log_format)
    structlog.contextvars.bind_contextvars(process=f"{role}-{number}")
    try:
        uvloop.run(_run(role, settings))
    except ClarionError as error:
        log.error("cannot run", reason=str(error))
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
