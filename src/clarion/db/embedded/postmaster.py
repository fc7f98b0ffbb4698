"""Tells whether a server runs on a database: asks its socket, and looks at the process that `postmaster.pid` names."""

import socket
import struct
import subprocess
import time
from enum import StrEnum
from pathlib import Path

from clarion.db.embedded.errors import EmbeddedDatabaseError
from clarion.db.embedded.files import read_if_present
from clarion.db.embedded.socket_folder import SOCKET_NAME

PROTOCOL_VERSION = 3 << 16
CANNOT_CONNECT_NOW = b"C57P03\0"
PROCESSES = Path("/proc")
ANSWER_SECONDS = 5.0
PAUSE_SECONDS = 0.02


class Answer(StrEnum):
    """What a server's socket says to a new connection."""

    SILENT = "silent"
    """Nobody listens."""
    BUSY = "busy"
    """A server is there and starting, recovering or stopping."""
    READY = "ready"
    """A server accepts connections."""


def ask(socket_folder: Path) -> Answer:
    """Open a connection up to the point where the server asks for a password.

    Messages: https://www.postgresql.org/docs/current/protocol-flow.html#PROTOCOL-FLOW-START-UP
    """
    body = struct.pack("!I", PROTOCOL_VERSION) + b"user\0clarion\0database\0clarion\0\0"
    with socket.socket(socket.AF_UNIX) as connection:
        connection.settimeout(ANSWER_SECONDS)
        try:
            connection.connect(str(socket_folder / SOCKET_NAME))
        except (FileNotFoundError, ConnectionRefusedError):
            return Answer.SILENT
        except (TimeoutError, BlockingIOError):
            return Answer.BUSY
        try:
            connection.sendall(struct.pack("!I", len(body) + 4) + body)
            answer = connection.recv(1024)
        except (TimeoutError, ConnectionError):
            return Answer.BUSY
    return Answer.READY if answer and CANNOT_CONNECT_NOW not in answer else Answer.BUSY


def is_alive(database: Path) -> bool:
    """Whether the process named by `postmaster.pid` is a living server of this very database.

    The number alone proves nothing: it may belong to a zombie or, after a restart, to an unrelated process.
    """
    text = read_if_present(database / "postmaster.pid")
    first = text.split("\n", 1)[0].strip() if text else ""
    if not first.isdecimal():
        return False
    if PROCESSES.joinpath("self/stat").exists():
        return _is_server_by_proc(int(first), database)
    return _is_server_by_ps(int(first), database)


def forget_dead(database: Path, socket_folder: Path) -> None:
    """Remove what a killed server left.

    PostgreSQL would take a zombie or a foreign process with the old number for a running server. Its own check of
    the shared memory still refuses to start beside processes of the old server.
    """
    if is_alive(database):
        return
    for leftover in (
        database / "postmaster.pid",
        socket_folder / SOCKET_NAME,
        socket_folder / f"{SOCKET_NAME}.lock",
    ):
        leftover.unlink(missing_ok=True)


def wait_for_running(database: Path, socket_folder: Path, *, timeout_seconds: float) -> bool:
    """True when a server accepts connections, False when none runs; waits while one starts, recovers or stops."""
    deadline = time.monotonic() + timeout_seconds
    while True:
        answer = ask(socket_folder)
        if answer is Answer.READY:
            return True
        if answer is Answer.SILENT and not is_alive(database):
            return False
        if time.monotonic() > deadline:
            raise EmbeddedDatabaseError(
                f"the database in {database} has not become ready within {timeout_seconds:.0f} s; "
                f"it may still be recovering, so wait and start again, or read its messages in {database / 'log'}"
            )
        time.sleep(PAUSE_SECONDS)


def _is_server_by_proc(pid: int, database: Path) -> bool:
    process = PROCESSES / str(pid)
    try:
        state = (process / "stat").read_bytes().rpartition(b")")[2].split()[0]
        arguments = (process / "cmdline").read_bytes().split(b"\0")
    except (FileNotFoundError, ProcessLookupError):
        return False
    return state not in (b"Z", b"X") and (bytes(database) in arguments or _works_in(process, database))


def _works_in(process: Path, database: Path) -> bool:
    """Whether it is the working folder, as of every server, also one whose database was moved or named otherwise."""
    try:
        return (process / "cwd").readlink() == database
    except OSError:  # not ours to see, as in a container without CAP_SYS_PTRACE
        return False


def _is_server_by_ps(pid: int, database: Path) -> bool:
    command = ["/bin/ps", "-ww", "-o", "stat=,command=", "-p", str(pid)]
    answer = subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)  # noqa: S603
    return not answer.stdout.startswith("Z") and f"-D {database} " in answer.stdout
