"""One supervised process: `python -m clarion.cli.child ROLE NUMBER`, with its settings in the environment.

The first stop signal, or the end of standard input (the supervisor has died), lets the process drain; a second signal
tells it to hurry.
"""

import importlib
import os
import signal
import sys

import structlog
import uvloop

from clarion.cli.hardening import harden_process
from clarion.cli.lifetime import Signals
from clarion.foundation.errors import ClarionError
from clarion.foundation.telemetry import set_up_logs
from clarion.settings import Settings, read_settings

log = structlog.get_logger("clarion.process")

ROLES = {"web": "clarion.cli.web_role", "work": "clarion.cli.work_role"}
"""A process loads only its own role: a worker has no use for the web stack, and its memory counts."""


async def _run(role: str, settings: Settings) -> None:
    signals = Signals()
    signals.listen()
    await importlib.import_module(ROLES[role]).run(settings, signals)


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
