"""`clarion backup`: writes the database to one file (docs/how-to/production/backup-and-restore.md)."""

import os
import tempfile
from pathlib import Path

from clarion.cli.local import KEY_FILE, Local, local_installation
from clarion.cli.messages import say
from clarion.cli.options import Where, settings_for
from clarion.cli.pgtools import PostgresTools
from clarion.foundation.errors import ConfigurationError


def backup(file: Path, /, *, where: Where | None = None) -> None:
    """Write a consistent copy of the database to FILE while everything goes on running.

    The master key is not in it: keep that in another place.

    Parameters
    ----------
    file: Path
        File to write; an earlier one is replaced when the new one is complete.
    """
    settings = settings_for(where)
    with local_installation(settings) as local:
        _write(local, file)
    say(f"the backup is in {file}")
    if local.embedded is not None and not os.environ.get("CLARION_MASTER_KEY"):
        say(f"it is of no use without the master key: keep a copy of {settings.data_dir / KEY_FILE} in another place")


def _write(local: Local, file: Path) -> None:
    """Beside the target first, so that an interrupted backup never looks like one."""
    try:
        fd, name = tempfile.mkstemp(prefix=f".{file.name}.", dir=file.parent)
    except OSError as error:
        raise ConfigurationError(f"{file} cannot be written: {error.strerror}") from None
    os.close(fd)
    new = Path(name)
    tools = PostgresTools(local)
    try:
        tools.run("pg_dump", "--format=custom", "--no-owner", "--no-privileges", f"--file={new}", tools.address)
        new.rename(file)
    finally:
        new.unlink(missing_ok=True)
