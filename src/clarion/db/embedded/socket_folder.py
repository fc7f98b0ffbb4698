"""Where the server's socket lies: in the home, or in a private folder elsewhere when the home's path does not do."""

import shutil
import stat
import tempfile
from pathlib import Path

from clarion.db.embedded.errors import EmbeddedDatabaseError
from clarion.db.embedded.files import read_if_present, write_atomically
from clarion.db.embedded.home import Home

PORT = 5432
SOCKET_NAME = f".s.PGSQL.{PORT}"
LONGEST_SOCKET_PATH = 103
"""Bytes of `sun_path` without its end mark where it is smallest (macOS 104, Linux 108)."""


def open_socket_folder(home: Home) -> Path:
    """The folder of the socket: the same one as long as it exists, so that a running server is found again."""
    if _fits(home.run):
        return home.run
    noted = read_if_present(home.socket_note)
    if noted and _is_private(Path(noted), home):
        return Path(noted)
    folder = _make_elsewhere(home)
    write_atomically(home.socket_note, str(folder), mode=0o644, owner=home.path.stat().st_uid)
    return folder


def discard_socket_folder(home: Home) -> None:
    """Remove a folder elsewhere and the note about it. The server has stopped."""
    noted = read_if_present(home.socket_note)
    if noted and _is_private(Path(noted), home):
        shutil.rmtree(noted, ignore_errors=True)
    home.socket_note.unlink(missing_ok=True)


def _fits(folder: Path) -> bool:
    """Short enough, and without a comma, at which clients split a list of hosts."""
    return len(bytes(folder / SOCKET_NAME)) <= LONGEST_SOCKET_PATH and "," not in str(folder)


def _is_private(folder: Path, home: Home) -> bool:
    """A name under a folder open to everybody may have been taken by somebody else after a restart of the machine."""
    try:
        found = folder.lstat()
    except FileNotFoundError:
        return False
    return stat.S_ISDIR(found.st_mode) and found.st_uid == home.user.uid and stat.S_IMODE(found.st_mode) == 0o700


def _make_elsewhere(home: Home) -> Path:
    tried = dict.fromkeys((Path(tempfile.gettempdir()), Path("/tmp")))  # noqa: S108 - mkdtemp makes a private folder
    for parent in tried:
        if _fits(parent / "clarion-12345678") and home.user.can_enter(parent):
            folder = Path(tempfile.mkdtemp(prefix="clarion-", dir=parent))
            home.user.own(folder)
            return folder
    raise EmbeddedDatabaseError(
        f"the path of {home.run} is too long for a socket or has a comma, and none of {', '.join(map(str, tried))} "
        "can be used instead; choose another --data-dir or set TMPDIR"
    )
