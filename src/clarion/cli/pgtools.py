"""PostgreSQL's own client programs, run on the installation's database without a password in their arguments."""

import os
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path
from urllib.parse import unquote, urlsplit

from clarion.cli.local import Local
from clarion.db.embedded.binaries import installed_bin_folders
from clarion.foundation.errors import ConfigurationError


class PostgresTools:
    """`pg_dump`, `pg_restore` and `psql` for one installation."""

    def __init__(self, local: Local) -> None:
        self._folders = [local.embedded.bin_folder] if local.embedded else installed_bin_folders()
        parts = urlsplit(local.dsn)
        password = unquote(parts.password or "")
        bare = parts._replace(
            netloc=parts.netloc.replace(f":{parts.password}@", "@") if parts.password else parts.netloc
        )
        self.address = bare.geturl()
        """The database's address without its password."""
        self._environment = os.environ | ({"PGPASSWORD": password} if password else {})

    def start(
        self, program: str, *arguments: str | Path, stdin: int | None = None, stdout: int | None = None
    ) -> "subprocess.Popen[bytes]":
        """Start a program; its complaints can be read from `stderr`."""
        return subprocess.Popen(  # noqa: S603 - a program of an installation, no shell
            [self._path(program), *arguments],
            env=self._environment,
            stdin=stdin,
            stdout=stdout,
            stderr=subprocess.PIPE,
        )

    def run(self, program: str, *arguments: str | Path) -> None:
        """Run a program to its end; `ConfigurationError` with its last complaint when it fails."""
        require_success(self.start(program, *arguments, stdin=subprocess.DEVNULL), program)

    def _path(self, program: str) -> str | Path:
        for folder in self._folders:
            if os.access(folder / program, os.X_OK):
                return folder / program
        found = shutil.which(program)
        if found is None:
            raise ConfigurationError(f"{program} was not found; install your system's PostgreSQL client programs")
        return found


def require_success(process: "subprocess.Popen[bytes]", program: str) -> None:
    """Wait for the end of a program; `ConfigurationError` with its last complaint when it failed."""
    _, complaints = process.communicate()
    if process.returncode != 0:
        raise ConfigurationError(f"{program} failed: {last_line(complaints)}")


def last_line(text: bytes, *, without: Sequence[str] = ("HINT:", "LINE ", "CONTEXT:")) -> str:
    """The last telling line of a program's output."""
    lines = [line.strip() for line in text.decode(errors="replace").splitlines() if line.strip()]
    telling = [line for line in lines if not line.startswith(tuple(without))]
    return (telling or lines or ["it gave no reason"])[-1]
