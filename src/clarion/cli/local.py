"""The database and the master key of an installation, whether the operator named them or they are embedded."""

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from clarion.cli.options import require_private
from clarion.db.embedded import EmbeddedPostgres
from clarion.foundation.errors import ConfigurationError
from clarion.foundation.secrets import Secret, generate_master_key
from clarion.settings import Settings

KEY_FILE = "master.key"


@dataclass(frozen=True, slots=True)
class Local:
    """An installation that can be used now."""

    settings: Settings
    """With the address of a running database and the master key filled in."""
    embedded: EmbeddedPostgres | None
    """This command's share in the embedded database, if that is what runs."""

    @property
    def dsn(self) -> str:
        """The database's address with its password. A secret."""
        if self.settings.database_url is None:
            raise ConfigurationError("no database is named")
        return self.settings.database_url.reveal()


@contextmanager
def local_installation(settings: Settings) -> Iterator[Local]:
    """Use the named database, or start or join the embedded one for the duration of the block.

    Raises `ConfigurationError` when the embedded database cannot run or the master key is closed, and leaves the
    master key unset when another database is named without one.
    """
    if settings.database_url is not None:
        yield Local(settings, None)
        return
    with EmbeddedPostgres.start(settings.data_dir) as embedded:
        key = settings.master_key or Secret(_own_master_key(settings.data_dir))
        yield Local(replace(settings, database_url=Secret(embedded.dsn), master_key=key), embedded)


def _own_master_key(data_dir: Path) -> str:
    """The key in the data directory; made by the first command that needs it."""
    path = data_dir / KEY_FILE
    if not path.exists():
        _publish(path, generate_master_key())
    require_private(path)
    try:
        return path.read_text("ascii").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigurationError(f"the master key {path} cannot be read: {error}") from None


def _publish(path: Path, text: str) -> None:
    """Write the file whole and durably, unless another process was faster."""
    fd, name = tempfile.mkstemp(prefix=f"{path.name}.", dir=path.parent)
    try:
        with os.fdopen(fd, "w", encoding="ascii") as file:
            file.write(text + "\n")
            file.flush()
            os.fsync(fd)
        os.link(name, path)
    except FileExistsError:
        pass
    finally:
        Path(name).unlink()
