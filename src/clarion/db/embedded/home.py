"""Where the database files live: in the data directory, or in a folder of their own that it names."""

import json
import os
import tempfile
from dataclasses import dataclass
from pathlib import Path

from clarion.db.embedded.errors import EmbeddedDatabaseError
from clarion.db.embedded.files import make_open_folder, read_if_present, write_atomically
from clarion.db.embedded.system_user import SystemUser, user_by_id, user_for_new_database

SHARED_FOLDER = Path("/var/lib/clarion")
FOLDER_NAME = "postgresql"
NOTE_NAME = "postgresql.json"
UNSAFE_IN_PATHS = '"$`\\\n'


@dataclass(frozen=True, slots=True)
class Home:
    """The folder that holds everything of one embedded database, and the user who owns the database in it."""

    path: Path
    user: SystemUser

    @property
    def database(self) -> Path:
        """PostgreSQL's own data directory. It exists only when it is complete."""
        return self.path / "database"

    @property
    def run(self) -> Path:
        """The socket and the output of a start, owned by the server's user."""
        return self.path / "run"

    @property
    def startup_log(self) -> Path:
        """What the server said before its log files were open."""
        return self.run / "startup.log"

    @property
    def password(self) -> Path:
        """The password of the only role, mode 600."""
        return self.path / "password"

    @property
    def configuration(self) -> Path:
        """The server's settings, written at each start."""
        return self.path / "postgresql.conf"

    @property
    def socket_note(self) -> Path:
        """Names the socket's folder when it is not `run`."""
        return self.path / "socket-folder"


def prepare_data_directory(data_dir: Path) -> Path:
    """The absolute data directory, made if it is missing. Folders that exist are left as they are."""
    path = data_dir.resolve()
    if any(character in str(path) for character in UNSAFE_IN_PATHS):
        raise EmbeddedDatabaseError(
            f"the data directory {path} has a quote, dollar sign, backslash or line break in its name; "
            "choose another --data-dir"
        )
    try:
        path.mkdir(mode=0o711 if os.geteuid() == 0 else 0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise _unusable(path, error) from error
    if not os.access(path, os.R_OK | os.W_OK | os.X_OK):
        raise _closed_to_me(path)
    return path


def open_home(data_dir: Path, *, shared_folder: Path) -> Home:
    """The home of this data directory's database, made if there is none. The caller holds the start lock."""
    path = _noted_home(data_dir)
    if path is None:
        home = _new_home(data_dir, shared_folder)
    else:
        home = Home(path=path, user=_user_of(path))
        _require_reachable(home)
    if not home.run.is_dir():
        home.run.mkdir(mode=0o700)
        home.user.own(home.run)
    return home


def _noted_home(data_dir: Path) -> Path | None:
    note = read_if_present(data_dir / NOTE_NAME)
    if note is None:
        path = data_dir / FOLDER_NAME
        return path if path.is_dir() else None
    path = data_dir / _folder_in(note, data_dir / NOTE_NAME)
    if not path.is_dir():
        raise EmbeddedDatabaseError(
            f"{data_dir / NOTE_NAME} says that the database files are in {path}, which does not exist; "
            "put that folder back, or remove the file to begin with an empty database"
        )
    return path


def _folder_in(note: str, source: Path) -> str:
    try:
        return str(json.loads(note)["folder"])
    except (ValueError, KeyError, TypeError) as error:
        raise EmbeddedDatabaseError(
            f'{source} cannot be read; it must say {{"folder": …}} with the folder of the database files'
        ) from error


def _user_of(path: Path) -> SystemUser:
    """The owner of the database, who must be whoever runs Clarion unless that is root."""
    database = path / "database"
    me = os.geteuid()
    if me != 0 and path.stat().st_uid != me:
        raise _other_owner(path, path.stat().st_uid)
    if not database.exists():
        return user_for_new_database()
    owner = database.stat().st_uid
    if owner == 0:
        raise EmbeddedDatabaseError(
            f"{database} belongs to root, as whom PostgreSQL must not run; give it to its user with "
            f"chown -R {user_for_new_database().name} {database}"
        )
    if me not in (0, owner):
        raise _other_owner(database, owner)
    return user_by_id(owner)


def _other_owner(path: Path, owner: int) -> EmbeddedDatabaseError:
    return EmbeddedDatabaseError(
        f"the database in {path} belongs to the user {user_by_id(owner).name}; "
        "run Clarion as that user, or choose another --data-dir"
    )


def _require_reachable(home: Home) -> None:
    if home.user.is_me or home.user.can_enter(home.path):
        return
    raise EmbeddedDatabaseError(
        f"PostgreSQL must not run as root and the user {home.user.name}, who owns the database in {home.path}, "
        f"cannot enter {_closed_folder(home.path, home.user)}; move the data directory to where {home.user.name} "
        "can reach it and name it with --data-dir, or run Clarion as an ordinary user"
    )


def _new_home(data_dir: Path, shared_folder: Path) -> Home:
    user = user_for_new_database()
    path = data_dir / FOLDER_NAME
    if user.is_me:
        path.mkdir(mode=0o700)
        return Home(path=path, user=user)
    if user.can_enter(data_dir):
        path.mkdir()
    else:
        path = _folder_elsewhere(data_dir, user, shared_folder)
    path.chmod(0o711)
    folder = str(path) if path.parent != data_dir else FOLDER_NAME
    note = json.dumps({"folder": folder, "user": user.name})
    write_atomically(data_dir / NOTE_NAME, note + "\n", mode=0o644, owner=data_dir.stat().st_uid)
    return Home(path=path, user=user)


def _folder_elsewhere(data_dir: Path, user: SystemUser, shared_folder: Path) -> Path:
    try:
        make_open_folder(shared_folder)
        if not user.can_enter(shared_folder):
            raise PermissionError(f"{_closed_folder(shared_folder, user)} is closed to the user {user.name} too")
        path = Path(tempfile.mkdtemp(prefix="", dir=shared_folder))
        write_atomically(path / "data-directory", f"{data_dir}\n", mode=0o600, owner=0)
    except OSError as error:
        raise EmbeddedDatabaseError(
            f"PostgreSQL must not run as root, the user {user.name} cannot enter "
            f"{_closed_folder(data_dir, user)}, and {shared_folder} cannot be used instead "
            f"({error.strerror or error}); choose a --data-dir that {user.name} can reach, "
            "or run Clarion as an ordinary user"
        ) from error
    return path


def _closed_folder(folder: Path, user: SystemUser) -> Path:
    """The first folder on the way from the root that the user cannot enter."""
    way = (*reversed(folder.parents), folder)
    return next((step for step in way if not user.can_enter(step)), folder)


def _closed_to_me(path: Path) -> EmbeddedDatabaseError:
    owner = path.stat().st_uid
    if owner == os.geteuid():
        return _unusable(path, PermissionError("permission denied"))
    return EmbeddedDatabaseError(
        f"the data directory {path} belongs to the user {user_by_id(owner).name}; "
        "run Clarion as that user, or choose another --data-dir"
    )


def _unusable(path: Path, error: OSError) -> EmbeddedDatabaseError:
    return EmbeddedDatabaseError(
        f"the data directory {path} cannot be used ({error.strerror or error}); "
        "choose another --data-dir or make it writable"
    )
