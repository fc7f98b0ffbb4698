"""Separate processes that use an embedded database, and the places where they do."""

import asyncio
import multiprocessing
import os
import shutil
import signal
import tempfile
import time
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import asyncpg
from tests.folders import quick_folder

from clarion.db.embedded import EmbeddedDatabaseError, EmbeddedPostgres
from clarion.db.embedded.system_user import user_by_id

FORK = multiprocessing.get_context("fork")
ANSWER_SECONDS = 60


@dataclass(frozen=True, slots=True)
class Started:
    """What a process that got its share in the database reports."""

    dsn: str
    owned: bool
    bin_folder: Path


class Contender:
    """A process of its own that starts or joins the embedded database and does what it is told.

    It is forked, not executed, so that it can become a user who cannot read the interpreter's files.
    """

    def __init__(self, data_dir: Path, uid: int | None, **options: Any) -> None:
        self._pipe, theirs = FORK.Pipe()
        self._process = FORK.Process(target=_contend, args=(theirs, data_dir, uid, options), daemon=True)
        self._process.start()
        theirs.close()

    @property
    def pid(self) -> int:
        assert self._process.pid is not None
        return self._process.pid

    def started(self) -> Started:
        """The share that the process has got; raises the error that it met instead."""
        answer = self._answer()
        assert isinstance(answer, Started)
        return answer

    def stop(self) -> None:
        """Give the share up and end."""
        self._tell("stop")
        self._process.join(ANSWER_SECONDS)

    def ensure_running(self) -> bool:
        """What the process's `ensure_running` returned."""
        return bool(self._tell("ensure_running"))

    def kill(self) -> None:
        """End it as the kernel does when memory is short."""
        self._process.kill()
        self._process.join(ANSWER_SECONDS)

    def _tell(self, command: str) -> object:
        self._pipe.send(command)
        return self._answer()

    def _answer(self) -> object:
        assert self._pipe.poll(ANSWER_SECONDS), "the process did not answer"
        answer = self._pipe.recv()
        if isinstance(answer, str):
            raise EmbeddedDatabaseError(answer)
        return answer


def _contend(pipe: Connection, data_dir: Path, uid: int | None, options: dict[str, Any]) -> None:
    os.setsid()
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    if uid is not None:
        os.setgroups([])
        os.setgid(user_by_id(uid).gid)
        os.setuid(uid)
    try:
        share = EmbeddedPostgres.start(data_dir, **options)
        pipe.send(Started(dsn=share.dsn, owned=share.owned, bin_folder=share.bin_folder))
        while (command := pipe.recv()) != "stop":
            assert command == "ensure_running"
            pipe.send(share.ensure_running())
        share.stop()
        pipe.send(None)
    except EmbeddedDatabaseError as error:
        pipe.send(str(error))


class Arena:
    """A place for databases, and the contenders for them. `uid` is whom new contenders become (None: nobody else)."""

    def __init__(self, folder: Path, uid: int | None) -> None:
        self.folder = folder
        self.uid = uid
        self.contenders: list[Contender] = []

    @property
    def data_dir(self) -> Path:
        return self.folder / "data"

    @property
    def home(self) -> Path:
        return self.data_dir / "postgresql"

    @property
    def database(self) -> Path:
        return self.home / "database"

    def contend(self, data_dir: Path | None = None, *, uid: int | None = None, **options: Any) -> Contender:
        """A new process that asks for a share."""
        options = {"shared_folder": self.folder / "shared"} | options
        contender = Contender(data_dir or self.data_dir, self.uid if uid is None else uid, **options)
        self.contenders.append(contender)
        return contender

    def server_pid(self) -> int:
        return int((self.database / "postmaster.pid").read_text().split()[0])

    def end_processes(self) -> None:
        """End every contender and every server that is left."""
        for contender in self.contenders:
            contender.kill()
        self.contenders.clear()
        for marker in self.folder.rglob("postmaster.pid"):
            _end_server(marker.parent)

    def close(self) -> None:
        """End the processes and remove the folder."""
        self.end_processes()
        shutil.rmtree(self.folder, ignore_errors=True)


def _end_server(database: Path) -> None:
    """A fast shutdown: a killed server whose database is removed would leave shared memory behind for good."""
    pid = int((database / "postmaster.pid").read_text().split()[0])
    deadline = time.monotonic() + ANSWER_SECONDS
    if pid in servers_of(database):
        os.kill(pid, signal.SIGINT)
    while servers_of(database):
        assert time.monotonic() < deadline, f"the server on {database} did not end"
        time.sleep(0.01)


def new_folder(uid: int | None) -> Path:
    """A short, reachable folder that belongs to this user. Those of `tmp_path` are long and closed to others."""
    folder = Path(tempfile.mkdtemp(prefix="ce-", dir=quick_folder()))
    folder.chmod(0o711)
    if uid is not None:
        os.chown(folder, uid, -1)
    return folder


def servers_of(database: Path) -> list[int]:
    """Processes whose working folder is the database: the server and all its children."""
    found = []
    for entry in Path("/proc").iterdir():
        try:
            if entry.name.isdecimal() and (entry / "cwd").readlink() == database:
                found.append(int(entry.name))
        except OSError:  # ended meanwhile, or somebody else's
            continue
    return found


def query(dsn: str, statement: str) -> Any:
    """The first value of the first row."""
    return asyncio.run(_query(dsn, statement))


async def _query(dsn: str, statement: str) -> Any:
    connection = await asyncpg.connect(dsn)
    try:
        return await connection.fetchval(statement)
    finally:
        await connection.close()
