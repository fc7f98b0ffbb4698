"""`clarion demo`: shows everything with sample data; nothing leaves the machine."""

import asyncio
import os
import shutil
import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter
from rich.console import Console

from clarion.bootstrap import open_installation
from clarion.cli.demonstration.client import CallFailed, JsonClient
from clarion.cli.demonstration.simulation import running_simulator, settings_of
from clarion.cli.demonstration.story import Stage, Story, curtain
from clarion.cli.messages import say
from clarion.cli.network import is_free, wait_until_ready
from clarion.cli.options import PortOption, settings_for
from clarion.cli.running import Prepared, prepared, supervise
from clarion.cli.supervisor import Role
from clarion.foundation.errors import ClarionError
from clarion.settings import Settings
from clarion.simulator import SimulatorAddress

OVERRIDES = {"CLARION_INSTANT_DELAY_SEC": "2", "CLARION_RETRY_BASE_SEC": "1", "CLARION_LOG_LEVEL": "warning"}
LEFT_OUT = ("CLARION_DATABASE_URL", "CLARION_MASTER_KEY", "CLARION_PUBLIC_URL", "CLARION_DATA_DIR")
CONNECTIONS = 2
START_SECONDS = 60


def demo(
    *,
    once: Annotated[bool, Parameter(negative="")] = False,
    port: PortOption = None,
    data_dir: Path | None = None,
) -> int:
    """Start everything with sample devices and simulated providers, send a push, and show what became of it.

    Then it goes on serving until Ctrl-C, with a console full of sample data where things keep happening.

    Parameters
    ----------
    once: bool
        End after the summary; exit status 0 only if every message is accounted for.
    data_dir: Path
        Keep the data in this folder; it is thrown away if not given.
    """
    with _folder(data_dir) as folder, running_simulator(folder / "simulator") as simulator:
        environment = _environment(simulator)
        settings = settings_for(None, environment=environment, data_dir=folder, port=port)
        if port is None and not is_free(settings.host, settings.port):
            settings = settings_for(None, environment=environment, data_dir=folder, port=0)
        roles = [Role("web", settings.web_processes), Role("work", settings.work_processes)]
        with prepared(settings, roles, migrating=True, environment=environment) as ready:
            return _show(ready, simulator, once=once)


def _environment(simulator: SimulatorAddress) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if name.removesuffix("_FILE") not in LEFT_OUT}
    return kept | OVERRIDES | settings_of(simulator)


@contextmanager
def _folder(given: Path | None) -> Iterator[Path]:
    if given is not None:
        yield given
        return
    folder = Path(tempfile.mkdtemp(prefix="clarion-demo-"))
    folder.chmod(0o711)  # root's embedded database belongs to another user, who must be able to reach it
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _show(ready: Prepared, simulator: SimulatorAddress, *, once: bool) -> int:
    outcome: list[bool] = []

    async def story() -> None:
        try:
            async with _story(ready.settings, simulator) as told:
                outcome.append(await _tell(told))
                if outcome[0] and not once:
                    say("serving until Ctrl-C; people go on using the apps meanwhile")
                    await told.live()
        except ClarionError as error:
            say(f"clarion: the demonstration failed: {error}")
        if once or not any(outcome):
            ready.supervisor.stop()

    status = supervise(ready, story)
    return status if outcome and outcome[0] else 1


@asynccontextmanager
async def _story(settings: Settings, simulator: SimulatorAddress) -> AsyncIterator[Story]:
    await _ready(settings)
    providers = JsonClient(simulator.url, ca_file=simulator.ca_file)
    try:
        async with open_installation(settings, connections=CONNECTIONS) as installation:
            stage = Stage(installation, providers, settings.base_url, Console(stderr=True))
            async with curtain(stage) as story:
                yield story
    finally:
        await providers.aclose()


async def _tell(story: Story) -> bool:
    """Play the story and show its end; whether every message is accounted for."""
    summary = await story.play()
    summary.show(Console(stderr=True))
    return not summary.faults


async def _ready(settings: Settings) -> None:
    try:
        await asyncio.wait_for(wait_until_ready(settings.host, settings.port), START_SECONDS)
    except TimeoutError:
        raise CallFailed(f"nothing answered within {START_SECONDS} s") from None
