"""Real processes: the command `clarion`, started as a person starts it."""

import json
import os
import re
import shutil
import signal
import ssl
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from tests.folders import quick_folder

COMMAND = (sys.executable, "-c", "from clarion.cli.app import main; main()")
READY = re.compile(r"Clarion is ready at (http://\S+)")
READY_SECONDS = 60
STOP_SECONDS = 40
COMMAND_SECONDS = 120


@dataclass
class Running:
    """A command that keeps running."""

    process: "subprocess.Popen[bytes]"
    errors: Path

    @property
    def text(self) -> str:
        """What it has said on standard error so far."""
        return self.errors.read_text(errors="replace")

    def until(self, condition: Callable[[], bool], *, seconds: float = READY_SECONDS) -> None:
        """Wait until the condition holds; the test fails with the command's words when it never does."""
        deadline = time.monotonic() + seconds
        while not condition():
            assert self.process.poll() is None, f"ended with {self.process.returncode}:\n{self.text}"
            assert time.monotonic() < deadline, f"never happened:\n{self.text}"
            time.sleep(0.05)

    def address(self) -> str:
        """The base URL, when it is ready."""
        self.until(lambda: READY.search(self.text) is not None)
        found = READY.search(self.text)
        assert found
        return found[1]

    def children(self) -> dict[int, str]:
        """Its direct child processes that live: id → command line."""
        listing = subprocess.run(["ps", "-o", "pid=,stat=,args=", "--ppid", str(self.process.pid)], capture_output=True)
        rows = [line.split(None, 2) for line in listing.stdout.decode().splitlines()]
        return {int(row[0]): row[2] for row in rows if not row[1].startswith("Z")}

    def kill_all(self) -> None:
        """`kill -9` for the whole process group, as when a machine loses its power."""
        os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait(STOP_SECONDS)

    def stop(self, number: signal.Signals = signal.SIGTERM) -> int:
        """Send a signal and wait; the exit status."""
        self.process.send_signal(number)
        return self.process.wait(STOP_SECONDS)


@dataclass
class Clarion:
    """The command line with one data directory and environment."""

    folder: Path
    environment: dict[str, str]
    started: list[Running] = field(default_factory=list)

    def run(self, *arguments: str, stdin: str = "") -> "subprocess.CompletedProcess[str]":
        """Run a command to its end."""
        return subprocess.run(
            [*COMMAND, *arguments],
            env=self.environment,
            cwd=self.folder,
            input=stdin,
            capture_output=True,
            text=True,
            timeout=COMMAND_SECONDS,
        )

    def ok(self, *arguments: str, stdin: str = "") -> str:
        """Run a command that must succeed; its standard output."""
        done = self.run(*arguments, stdin=stdin)
        assert done.returncode == 0, done.stderr
        return done.stdout

    def start(self, *arguments: str) -> Running:
        """Start a command that keeps running, in a process group of its own; it is killed at the end of the test."""
        errors = self.folder / f"errors-{len(self.started)}"
        with errors.open("wb") as stderr:
            process = subprocess.Popen(
                [*COMMAND, *arguments],
                env=self.environment,
                cwd=self.folder,
                stdout=subprocess.PIPE,
                stderr=stderr,
                process_group=0,
            )
        running = Running(process, errors)
        self.started.append(running)
        return running


@contextmanager
def command_line() -> Iterator[Clarion]:
    """The command line in a folder of its own, with an embedded database and a free port."""
    folder = Path(tempfile.mkdtemp(prefix="clarion-e2e-", dir=quick_folder()))
    folder.chmod(0o711)  # root's embedded database belongs to another user, who must be able to reach it
    kept = {name: value for name, value in os.environ.items() if not name.startswith("CLARION_")}
    command = Clarion(folder, kept | {"CLARION_PORT": "0", "CLARION_WORK_PROCESSES": "1", "CLARION_WEB_PROCESSES": "1"})
    try:
        yield command
    finally:
        for running in command.started:
            if running.process.poll() is None:
                running.process.kill()
                running.process.wait()
        if (folder / "clarion-data").exists():
            command.environment.pop("CLARION_DATABASE_URL", None)
            command.run("migrate", "--check")  # joins the database that a killed command left, and stops it
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def clarion() -> Iterator[Clarion]:
    """The command line in a folder of this test's own."""
    with command_line() as command:
        yield command


def get(
    url: str, *, key: str | None = None, body: object = None, method: str | None = None, ca_file: str | None = None
) -> tuple[int, Any]:
    """Status and decoded answer of one call; `ca_file` is trusted."""
    trusted = ssl.create_default_context(cafile=ca_file) if ca_file else None
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(url, data=data, method=method)  # noqa: S310 - our own server
    if key:
        request.add_header("Authorization", f"Bearer {key}")
    try:
        with urllib.request.urlopen(request, timeout=20, context=trusted) as answer:  # noqa: S310 - our own server
            status, content = answer.status, answer.read()
    except urllib.error.HTTPError as error:
        status, content = error.code, error.read()
    return status, json.loads(content) if content else None


@pytest.fixture
def call() -> Callable[..., tuple[int, Any]]:
    """Calls an HTTP interface."""
    return get
