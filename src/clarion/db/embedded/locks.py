"""File locks that the kernel releases by itself when their holder dies."""

import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from clarion.db.embedded.errors import EmbeddedDatabaseError

PAUSE_SECONDS = 0.02


class FileLock:
    """An open file that `flock` is applied to. Child programs do not inherit it."""

    def __init__(self, path: Path) -> None:
        self._fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
        _keep_with_folder(self._fd, path.parent)

    def share(self) -> None:
        """Hold the lock together with others; `BlockingIOError` while somebody holds it alone."""
        fcntl.flock(self._fd, fcntl.LOCK_SH | fcntl.LOCK_NB)

    def try_alone(self) -> bool:
        """Hold the lock alone if nobody else holds it. A share that this object held is given up either way."""
        try:
            fcntl.flock(self._fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True

    def close(self) -> None:
        """Release whatever is held."""
        os.close(self._fd)


@contextmanager
def held_alone(path: Path, *, timeout_seconds: float) -> Iterator[None]:
    """Hold the lock of `path` alone for the duration of the block."""
    lock = FileLock(path)
    try:
        _wait_alone(lock, path, timeout_seconds)
        yield
    finally:
        lock.close()


def _wait_alone(lock: FileLock, path: Path, timeout_seconds: float) -> None:
    deadline = time.monotonic() + timeout_seconds
    while not lock.try_alone():
        if time.monotonic() > deadline:
            raise EmbeddedDatabaseError(
                f"another Clarion process has been starting or stopping the database for {timeout_seconds:.0f} s "
                f"(it holds {path}); end that process or wait for it"
            )
        time.sleep(PAUSE_SECONDS)


def _keep_with_folder(fd: int, folder: Path) -> None:
    """A lock file made by root in somebody's folder belongs to the folder's owner, who must be able to use it later."""
    owner = folder.stat()
    if os.geteuid() == 0 and os.fstat(fd).st_uid != owner.st_uid:
        os.fchown(fd, owner.st_uid, owner.st_gid)
