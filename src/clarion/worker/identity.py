"""Who this worker process is, and whether another one on this machine is certainly dead."""

import os
import socket
from collections.abc import Iterable
from pathlib import Path


def _read(path: str) -> str:
    try:
        return Path(path).read_text("ascii").strip()
    except OSError:
        return ""


def _machine() -> str:
    """Name, boot and process namespace: process numbers mean the same only where all three agree."""
    try:
        namespace = os.readlink("/proc/self/ns/pid")  # noqa: PTH115 - not a path but a name
    except OSError:
        namespace = ""
    return f"{socket.gethostname()}|{_read('/proc/sys/kernel/random/boot_id')}|{namespace}"


def _started(pid: int) -> str:
    """When a process started, in clock ticks since boot; empty if it does not run or cannot be told."""
    fields = _read(f"/proc/{pid}/stat").rpartition(")")[2].split()
    return fields[19] if len(fields) > 19 and fields[0] not in {"Z", "X"} else ""


def own_id() -> str:
    """An id that no other worker, before or after, has."""
    return f"{_machine()}|{os.getpid()}|{_started(os.getpid())}|{os.urandom(4).hex()}"


def dead_owners(ids: Iterable[str]) -> list[str]:
    """Those of `ids` that were processes of this machine and certainly do not run any more."""
    machine = _machine()
    dead = []
    for owner in ids:
        where, pid, started, _ = owner.rsplit("|", 3)
        if Path("/proc/self/stat").exists() and where == machine and _started(int(pid)) != started:
            dead.append(owner)
    return dead
