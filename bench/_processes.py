"""Child processes of a benchmark: started, asked for their figures, stopped; and what they cost, from /proc."""

import json
import os
import select
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TextIO

START_SECONDS = 60.0
STOP_SECONDS = 45.0
_TICKS = os.sysconf("SC_CLK_TCK")
HERE = Path(__file__).parent


class ChildFailed(Exception):
    """A child process ended, fell silent or said something else than JSON; with the end of its log."""


def cpu_seconds(pid: int) -> float:
    """User and system time of a process and of its children, those that have ended included."""
    own = _stat(pid)
    return sum(own[11:15]) / _TICKS + sum(cpu_seconds(child) for child in _children(pid))


def busy_seconds() -> float:
    """Time that all cores together have spent on any work since the machine was started."""
    user, nice, system, _, _, irq, softirq = (int(number) for number in Path("/proc/stat").read_text().split()[1:8])
    return (user + nice + system + irq + softirq) / _TICKS


def memory_mb(pid: int, field: str = "VmRSS") -> float:
    """Resident memory of one process in MiB; `VmHWM` is its peak so far."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith(f"{field}:"):
            return int(line.split()[1]) / 1024
    raise ValueError(f"/proc/{pid}/status has no {field}")


def _stat(pid: int) -> list[int]:
    """The numbers after the state in /proc/<pid>/stat, with utime, stime, cutime and cstime at 11 to 14."""
    try:
        text = Path(f"/proc/{pid}/stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return [0] * 50  # ended meanwhile: its parent has its time
    return [0, *(int(number) for number in text.rpartition(")")[2].split()[1:])]


def _children(pid: int) -> list[int]:
    found = []
    for tasks in Path(f"/proc/{pid}/task").glob("*/children"):
        try:
            found += [int(child) for child in tasks.read_text().split()]
        except (FileNotFoundError, ProcessLookupError):
            continue
    return found


@dataclass(frozen=True)
class Child:
    """A running child process that answers a line on its standard input with a line of JSON."""

    process: "subprocess.Popen[str]"
    log: TextIO

    @property
    def pid(self) -> int:
        """Its process id."""
        return self.process.pid

    def check(self) -> None:
        """Raise `ChildFailed` if it has ended."""
        if self.process.poll() is not None:
            raise ChildFailed(f"ended with {self.process.returncode}: {self._said()}")

    def line(self, seconds: float = START_SECONDS) -> Any:
        """The next line it writes, decoded."""
        assert self.process.stdout is not None
        ready, _, _ = select.select([self.process.stdout], [], [], seconds)
        text = self.process.stdout.readline() if ready else ""
        try:
            return json.loads(text)
        except ValueError:
            raise ChildFailed(f"no answer in {seconds:.0f} s: {text}{self._said()}") from None

    def ask(self, question: str, seconds: float = START_SECONDS) -> Any:
        """Send it a line; its answer."""
        assert self.process.stdin is not None
        self.process.stdin.write(question + "\n")
        self.process.stdin.flush()
        return self.line(seconds)

    def _said(self) -> str:
        self.log.seek(0)
        return self.log.read()[-2000:]


@contextmanager
def child(command: Sequence[str], log: Path, *, environment: Mapping[str, str] | None = None) -> Iterator[Child]:
    """A Python process for the duration of the block; `command` follows the interpreter.

    It is expected to end when its standard input does, and killed when it takes too long over that.
    """
    with log.open("w+") as output:
        process = subprocess.Popen(
            [sys.executable, *command],
            cwd=HERE,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=output,
            env=clean_environment() | dict(environment or {}),
            text=True,
        )
        try:
            yield Child(process, output)
        finally:
            assert process.stdin is not None
            assert process.stdout is not None
            process.stdin.close()
            try:
                process.wait(STOP_SECONDS)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
            process.stdout.close()


def clean_environment() -> dict[str, str]:
    """This process's environment without settings of an installation, and with its import path."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("CLARION_")}
    return kept | {"PYTHONPATH": os.pathsep.join([str(HERE.parent / "src"), str(HERE)])}
