"""A Clarion process's share in the embedded database: the first to come starts it, the last to go stops it."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Self

from clarion.db.embedded.binaries import (
    installed_bin_folders,
    matching_installation,
    newest_installation,
    reachable_installation,
)
from clarion.db.embedded.cluster import Cluster
from clarion.db.embedded.errors import EmbeddedDatabaseError
from clarion.db.embedded.home import SHARED_FOLDER, Home, open_home, prepare_data_directory
from clarion.db.embedded.locks import FileLock, held_alone
from clarion.db.embedded.socket_folder import open_socket_folder

START_LOCK_NAME = "postgresql.lock"
USERS_LOCK_NAME = "postgresql.users"
LOCK_SECONDS = 180.0


class EmbeddedPostgres:
    """One process's share in the embedded database of a data directory.

    The database runs as long as any share is held. A process that dies gives its share up; a database that nobody
    stopped is taken over by the next `start`. All methods block; none may be called from an event loop's thread.
    """

    def __init__(self, data_dir: Path, cluster: Cluster, *, users: FileLock, owned: bool) -> None:
        self._data_dir = data_dir
        self._cluster = cluster
        self._dsn = cluster.dsn
        self._users: FileLock | None = users
        self._owned = owned

    @classmethod
    def start(
        cls, data_dir: Path, *, bin_folders: Sequence[Path] | None = None, shared_folder: Path = SHARED_FOLDER
    ) -> Self:
        """Make sure that the database runs and accepts connections, and take a share in it.

        `bin_folders` are the folders of PostgreSQL's programs to choose from (default: whatever is installed);
        `shared_folder` takes the files that root's unprivileged user cannot reach in the data directory.
        Raises `EmbeddedDatabaseError`; then no share is held.
        """
        data_dir = prepare_data_directory(data_dir)
        folders = installed_bin_folders() if bin_folders is None else bin_folders
        with _start_lock(data_dir):
            cluster = _open_cluster(data_dir, folders, shared_folder)
            users = FileLock(data_dir / USERS_LOCK_NAME)
            try:
                owned = _run(cluster, users)
                return cls(data_dir, cluster, users=users, owned=owned)
            except BaseException:
                users.close()
                raise

    @property
    def dsn(self) -> str:
        """Connection string with password for asyncpg and PostgreSQL's own tools. A secret."""
        return self._dsn

    @property
    def owned(self) -> bool:
        """Whether this share started the database; False when it joined or took over a running one."""
        return self._owned

    @property
    def bin_folder(self) -> Path:
        """The programs that fit the running server, such as `pg_dump`."""
        return self._cluster.installation.bin_folder

    def ensure_running(self) -> bool:
        """Start the database again if it has died; True if that was needed. Committed data is recovered."""
        with _start_lock(self._data_dir):
            return self._cluster.ensure_running()

    def stop(self) -> None:
        """Give the share up; the last one stops the database. Calling it again does nothing."""
        if self._users is None:
            return
        users, self._users = self._users, None
        try:
            with _start_lock(self._data_dir):
                if users.try_alone():
                    self._cluster.stop()
        finally:
            users.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()


@contextmanager
def _start_lock(data_dir: Path) -> Iterator[None]:
    """Let one process at a time look, start and stop; what the file system refuses becomes one line for a person."""
    try:
        with held_alone(data_dir / START_LOCK_NAME, timeout_seconds=LOCK_SECONDS):
            yield
    except OSError as error:
        raise EmbeddedDatabaseError(
            f"the embedded database of {data_dir} cannot be used: {error}; "
            "see to the owner, the permissions and the free space there, or choose another --data-dir"
        ) from error


def _open_cluster(data_dir: Path, bin_folders: Sequence[Path], shared_folder: Path) -> Cluster:
    """The data directory's database, created if there is none."""
    home = open_home(data_dir, shared_folder=shared_folder)
    exists = home.database.exists()
    if exists and not home.password.exists():
        raise EmbeddedDatabaseError(
            f"{home.password}, the password of the database beside it, is missing; put it back from a backup"
        )
    installation = (
        matching_installation(bin_folders, _major_of(home), database=home.database)
        if exists
        else newest_installation(bin_folders)
    )
    usable = reachable_installation(installation, home.user, shared_folder=shared_folder)
    cluster = Cluster(home=home, installation=usable, socket_folder=open_socket_folder(home))
    cluster.discard_unfinished()
    if not exists:
        cluster.create()
    return cluster


def _major_of(home: Home) -> int:
    marker = home.database / "PG_VERSION"
    try:
        return int(marker.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise EmbeddedDatabaseError(
            f"{home.database} is not a PostgreSQL database ({marker.name} cannot be read); "
            "restore it from a backup, or move the folder away to begin with an empty database"
        ) from error


def _run(cluster: Cluster, users: FileLock) -> bool:
    """Have the server running and a share taken; True if it had to be started."""
    users.share()
    try:
        return cluster.ensure_running()
    except (KeyboardInterrupt, SystemExit):
        if users.try_alone():
            cluster.stop()
        raise
