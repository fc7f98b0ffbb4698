"""The provider simulator, in a thread with an event loop of its own."""

import asyncio
import queue
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

from clarion.foundation.errors import ConfigurationError
from clarion.simulator import SimulatorAddress, serve

START_SECONDS = 15.0


@contextmanager
def running_simulator(directory: Path) -> Iterator[SimulatorAddress]:
    """A simulator on a free port for the duration of the block."""
    loop = asyncio.new_event_loop()
    ready: queue.Queue[SimulatorAddress] = queue.Queue()
    task = loop.create_task(serve(0, fast=False, directory=directory, ready=ready.put))
    thread = threading.Thread(target=_run, args=(loop, task), name="provider simulator", daemon=True)
    thread.start()
    try:
        yield ready.get(timeout=START_SECONDS)
    except queue.Empty:
        raise ConfigurationError("the provider simulator did not start") from None
    finally:
        loop.call_soon_threadsafe(task.cancel)
        thread.join(START_SECONDS)


def _run(loop: asyncio.AbstractEventLoop, task: asyncio.Task[None]) -> None:
    try:
        loop.run_until_complete(asyncio.wait([task]))
    finally:
        loop.close()


def settings_of(address: SimulatorAddress) -> dict[str, str]:
    """The settings that send all messages to the simulator."""
    return {
        "CLARION_FCM_URL": address.url,
        "CLARION_APNS_URL": address.url,
        "CLARION_ONESIGNAL_URL": address.url,
        "CLARION_HUAWEI_URL": address.url,
        "CLARION_HUAWEI_TOKEN_URL": address.url,
        "CLARION_APNS_SANDBOX_URL": address.url.replace("127.0.0.1", "localhost"),
        "CLARION_TOKEN_URI_ALLOW": f"{address.url}/token",
        "CLARION_WEBPUSH_HOSTS": urlsplit(address.url).netloc,
        "CLARION_PROVIDER_CA_FILE": address.ca_file,
    }
