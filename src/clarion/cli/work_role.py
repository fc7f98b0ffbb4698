"""The worker process: scheduler clock and dispatch."""

import asyncio
import gc

from clarion.bootstrap import open_installation
from clarion.cli.lifetime import Signals, connections_of, first
from clarion.settings import Settings
from clarion.worker.process import build_worker, run_worker

_COLLECT_AFTER = (20_000, 20, 50)
"""Messages come and go by the thousand and hold no cycles: looking for some as often as usual costs a tenth."""


async def run(settings: Settings, signals: Signals) -> None:
    """Dispatch until the stop signal, then finish what is in flight; a second signal leaves it as it is."""
    gc.freeze()
    gc.set_threshold(*_COLLECT_AFTER)
    async with open_installation(settings, connections=connections_of(settings)) as installation:
        worker = build_worker(settings, installation.services, installation.database, installation.keeper)
        working = asyncio.create_task(run_worker(worker, signals.stop))
        await first(working, signals.hurry)
        if working.done():
            await working
        working.cancel()
