"""What the supervised processes have in common: their stop signals and their share of database connections."""

import asyncio
import os
import signal
import sys

from clarion.settings import Settings

CONNECTIONS = 180
"""Database connections that all processes of one `serve` share: fewer than the embedded database allows."""


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


async def first(task: asyncio.Task[None], event: asyncio.Event) -> None:
    """Return when the task is done or the event has happened."""
    waiting = asyncio.create_task(event.wait())
    await asyncio.wait({task, waiting}, return_when=asyncio.FIRST_COMPLETED)
    waiting.cancel()
