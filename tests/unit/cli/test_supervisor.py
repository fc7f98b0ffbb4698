"""The supervisor, with small scripts in the place of Clarion's processes."""

import asyncio
import os
import sys
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from clarion.cli.supervisor import Patience, Role, Supervisor, child_environment
from clarion.foundation.backoff import Backoff

pytestmark = pytest.mark.anyio

ROLES = [Role("web", 2), Role("work", 1)]
PATIENCE = Patience(drain=0.5, hurry=0.2, restart=Backoff(base=0.01, cap=0.05))
NOTE = """
import os, pathlib, signal, sys, time
pathlib.Path(os.environ["NOTES"], "-".join(sys.argv[1:]) + "." + str(os.getpid())).touch()
"""
OBEDIENT = NOTE + "sys.stdin.buffer.read()"
DYING = NOTE + "sys.exit(3)"
STUBBORN = "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN)\n" + NOTE + "time.sleep(60)"


class Stage:
    """A running supervisor and the notes that its processes leave at their start."""

    def __init__(self, supervisor: Supervisor, running: asyncio.Task[int], notes: Path) -> None:
        self.supervisor = supervisor
        self.running = running
        self._notes = notes

    def started(self, name: str = "") -> list[int]:
        """Process ids of all that have started so far."""
        return [int(note.suffix[1:]) for note in self._notes.iterdir() if note.stem.startswith(name)]

    async def until(self, condition: Callable[[], bool]) -> None:
        """Wait until the condition holds."""
        async with asyncio.timeout(20):
            while not condition():  # noqa: ASYNC110 - other processes change it
                await asyncio.sleep(0.01)

    async def stop(self) -> int:
        """Stop the supervisor; its exit status."""
        self.supervisor.stop()
        return await asyncio.wait_for(self.running, 20)


@asynccontextmanager
async def supervised(script: str, notes: Path, *, patience: Patience = PATIENCE) -> AsyncIterator[Stage]:
    supervisor = Supervisor(
        ROLES,
        environment=os.environ | {"NOTES": str(notes)},
        program=(sys.executable, "-c", script),
        patience=patience,
    )
    stage = Stage(supervisor, asyncio.create_task(supervisor.run()), notes)
    try:
        yield stage
    finally:
        supervisor.stop()
        supervisor.stop()
        await stage.running


def _runs(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


async def test_every_role_gets_its_processes(tmp_path: Path) -> None:
    async with supervised(OBEDIENT, tmp_path) as stage:
        await stage.until(lambda: len(stage.started()) == 3)
        assert [len(stage.started(name)) for name in ("web-1", "web-2", "work-1")] == [1, 1, 1]


async def test_what_dies_is_started_again(tmp_path: Path) -> None:
    async with supervised(DYING, tmp_path) as stage:
        await stage.until(lambda: len(stage.started("work-1")) >= 4)


async def test_a_stop_ends_all_processes_and_none_is_started_again(tmp_path: Path) -> None:
    async with supervised(OBEDIENT, tmp_path) as stage:
        await stage.until(lambda: len(stage.started()) == 3)
        assert await stage.stop() == 0
        assert len(stage.started()) == 3
        assert not any(_runs(pid) for pid in stage.started())


async def test_a_stop_does_not_wait_for_the_pause_before_a_restart(tmp_path: Path) -> None:
    async with supervised(DYING, tmp_path, patience=Patience(restart=Backoff(base=60, cap=60))) as stage:
        await stage.until(lambda: len(stage.started()) == 3)
        begun = time.monotonic()
        assert await stage.stop() == 0
        assert time.monotonic() - begun < 5


async def test_a_process_that_does_not_drain_is_killed_and_told(tmp_path: Path) -> None:
    async with supervised(STUBBORN, tmp_path) as stage:
        await stage.until(lambda: len(stage.started()) == 3)
        assert await stage.stop() == 1
        assert not any(_runs(pid) for pid in stage.started())


async def test_a_second_stop_does_not_wait_for_the_drain(tmp_path: Path) -> None:
    async with supervised(STUBBORN, tmp_path, patience=Patience(drain=60, hurry=0.1)) as stage:
        await stage.until(lambda: len(stage.started()) == 3)
        begun = time.monotonic()
        stage.supervisor.stop()
        await stage.stop()
        assert time.monotonic() - begun < 5


async def test_processes_notice_the_end_of_the_supervisor(tmp_path: Path) -> None:
    script = """
import asyncio, os, sys
from clarion.cli.supervisor import Role, Supervisor
program = (sys.executable, "-c", sys.argv[1])
asyncio.run(Supervisor([Role("web", 1)], environment=os.environ, program=program).run())
"""
    environment = os.environ | {"NOTES": str(tmp_path)}
    parent = await asyncio.create_subprocess_exec(sys.executable, "-c", script, OBEDIENT, env=environment)
    stage = Stage(Supervisor([], environment={}), asyncio.create_task(parent.wait()), tmp_path)
    await stage.until(lambda: len(stage.started()) == 1)
    parent.kill()
    await parent.wait()
    child = stage.started()[0]
    await stage.until(lambda: not _runs(child) or Path(f"/proc/{child}/stat").read_text().split()[2] == "Z")


def test_a_replaced_setting_also_replaces_its_file_variant() -> None:
    environment = {"CLARION_MASTER_KEY_FILE": "/k", "CLARION_DATABASE_URL": "old", "HOME": "/h"}
    values = {"CLARION_MASTER_KEY": "key", "CLARION_DATABASE_URL": "new"}
    assert child_environment(environment, values) == values | {"HOME": "/h"}
