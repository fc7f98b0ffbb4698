"""Writing small files and publishing folders so that a crash leaves either the old state or the new one."""

import os
import tempfile
from pathlib import Path


def write_atomically(path: Path, text: str, *, mode: int, owner: int) -> None:
    """Replace a file as a whole. Never follows a link that somebody may have put in its place."""
    fd, name = tempfile.mkstemp(prefix=f"{path.name}.new-", dir=path.parent)
    new = Path(name)
    try:
        with os.fdopen(fd, "w", encoding="utf-8") as file:
            os.fchmod(fd, mode)
            if owner != os.geteuid():
                os.fchown(fd, owner, -1)
            file.write(text)
            file.flush()
            os.fsync(fd)
        rename_durably(new, path)
    except BaseException:
        new.unlink(missing_ok=True)
        raise


def rename_durably(source: Path, target: Path) -> None:
    """Rename inside one folder; after a power failure the name is there or it is not, never half."""
    source.rename(target)
    folder = os.open(target.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def make_open_folder(path: Path) -> None:
    """Make a folder that everybody may enter, whatever the umask. One that exists is left as it is."""
    if path.is_dir():
        return
    make_open_folder(path.parent)
    path.mkdir(exist_ok=True)
    path.chmod(0o755)


def read_if_present(path: Path) -> str | None:
    """The text of a file, or None where there is none."""
    try:
        return path.read_text(encoding="utf-8")
    except FileNotFoundError:
        return None
