"""Creates, starts and stops one PostgreSQL database cluster with its own programs `initdb` and `pg_ctl`."""

import secrets
import shlex
import shutil
import subprocess
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from clarion.db.embedded import configuration, postmaster
from clarion.db.embedded.binaries import Installation
from clarion.db.embedded.errors import EmbeddedDatabaseError
from clarion.db.embedded.files import rename_durably, write_atomically
from clarion.db.embedded.home import Home
from clarion.db.embedded.socket_folder import PORT, discard_socket_folder

START_SECONDS = 120
STOP_SECONDS = 120
OLD_PROCESSES_SECONDS = 60
PAUSE_SECONDS = 0.1
STILL_IN_USE = ("pre-existing shared memory block", 'lock file "postmaster.pid" already exists')
"""What a server says that meets processes of a killed one, or one that an interrupted start has left starting."""
COLLATION_BUILT_IN_SINCE = 17
UNFINISHED = "database.new-"


@dataclass(frozen=True, slots=True)
class Cluster:
    """One database with the programs that can open it and the folder of its socket."""

    home: Home
    installation: Installation
    socket_folder: Path

    @property
    def dsn(self) -> str:
        """Connection string with password. A secret."""
        password = quote(self.home.password.read_text(encoding="utf-8").strip(), safe="")
        folder = quote(str(self.socket_folder), safe="")
        return f"postgresql://{configuration.ROLE}:{password}@/{configuration.DATABASE}?host={folder}&port={PORT}"

    def create(self) -> None:
        """Make an empty database. It appears under its name only when it is complete."""
        new = Path(tempfile.mkdtemp(prefix=UNFINISHED, dir=self.home.path))
        try:
            self.home.user.own(new)
            self._initialise(new)
            rename_durably(new, self.home.database)
        except BaseException:
            shutil.rmtree(new, ignore_errors=True)
            raise

    def discard_unfinished(self) -> None:
        """Remove what creations that were interrupted have left."""
        for unfinished in self.home.path.glob(f"{UNFINISHED}*"):
            shutil.rmtree(unfinished, ignore_errors=True)

    def ensure_running(self) -> bool:
        """Return when the server accepts connections; True if it had to be started. The caller holds the start lock."""
        deadline = time.monotonic() + OLD_PROCESSES_SECONDS
        while not postmaster.wait_for_running(self.home.database, self.socket_folder, timeout_seconds=START_SECONDS):
            reason = self._try_start()
            if reason is None:
                return True
            if time.monotonic() > deadline or not any(sign in reason for sign in STILL_IN_USE):
                raise EmbeddedDatabaseError(
                    f"PostgreSQL {self.installation.version} did not start on {self.home.database}: {reason}"
                )
            time.sleep(PAUSE_SECONDS)
        return False

    def stop(self) -> None:
        """Stop the server and remove what exists only while it runs. Open transactions are rolled back."""
        if not (self._stop("fast") or self._stop("immediate")):
            raise EmbeddedDatabaseError(f"PostgreSQL on {self.home.database} did not stop; end its processes")
        postmaster.forget_dead(self.home.database, self.socket_folder)
        self.home.startup_log.unlink(missing_ok=True)
        discard_socket_folder(self.home)

    def _initialise(self, folder: Path) -> None:
        if not self.home.password.exists():
            text = secrets.token_urlsafe(24)
            write_atomically(self.home.password, text, mode=0o600, owner=self.home.user.uid)
        self._require(
            [
                self.installation.program("initdb"),
                f"--pgdata={folder}",
                f"--username={configuration.ROLE}",
                f"--pwfile={self.home.password}",
                "--auth-local=scram-sha-256",
                "--auth-host=scram-sha-256",
                "--encoding=UTF8",
                "--data-checksums",
                "--no-instructions",
                *_locale_options(self.installation.major),
            ]
        )
        self._require(
            [
                self.installation.program("postgres"),
                "--single",
                "-D",
                folder,
                "--exit-on-error=on",
                "postgres",
            ],
            stdin=f"CREATE DATABASE {configuration.DATABASE};\n",
        )

    def _require(self, command: Sequence[str | Path], *, stdin: str = "") -> None:
        answer = self.home.user.run(command, timeout_seconds=START_SECONDS, stdin=stdin)
        if answer.returncode != 0:
            reason = _last_complaint(answer.stderr + answer.stdout)
            raise EmbeddedDatabaseError(f"the database in {self.home.path} could not be created: {reason}")

    def _try_start(self) -> str | None:
        """None when the server runs, else why it does not."""
        settings = configuration.render(self.socket_folder)
        write_atomically(self.home.configuration, settings, mode=0o644, owner=self.home.path.stat().st_uid)
        postmaster.forget_dead(self.home.database, self.socket_folder)
        self.home.startup_log.unlink(missing_ok=True)
        options = f"-c config_file={shlex.quote(str(self.home.configuration))}"
        answer = self._pg_ctl("start", START_SECONDS, "-l", self.home.startup_log, "-o", options)
        if answer.returncode == 0:
            return None
        if postmaster.is_alive(self.home.database):
            return f"it is still recovering after {START_SECONDS} s; start again to go on waiting"
        return self._start_complaint() or _last_complaint(answer.stderr)

    def _stop(self, mode: str) -> bool:
        """True when no server runs. `pg_ctl stop` would signal whatever process now has a dead server's number."""
        if postmaster.is_alive(self.home.database):
            self._pg_ctl("stop", STOP_SECONDS, "-m", mode)
        silent = postmaster.ask(self.socket_folder) is postmaster.Answer.SILENT
        return silent and not postmaster.is_alive(self.home.database)

    def _pg_ctl(self, verb: str, seconds: int, *options: str | Path) -> subprocess.CompletedProcess[str]:
        program = self.installation.program("pg_ctl")
        command = (program, verb, "-w", "-t", str(seconds), "-D", self.home.database, *options)
        return self.home.user.run(command, timeout_seconds=seconds + 30)

    def _start_complaint(self) -> str:
        logs = sorted((self.home.database / "log").glob("*.log"), key=lambda log: log.stat().st_mtime)
        for log in (self.home.startup_log, *reversed(logs[-1:])):
            if log.exists() and (complaint := _last_complaint(log.read_text(errors="replace"), severe_only=True)):
                return complaint
        return ""


def _locale_options(major: int) -> Sequence[str | Path]:
    """Order by code point and Unicode letters, the same on every machine as far as the version can do that."""
    if major >= COLLATION_BUILT_IN_SINCE:
        return ["--locale=C", "--locale-provider=builtin", "--builtin-locale=C.UTF-8"]
    return ["--locale=C", "--lc-ctype=C.UTF-8"]


def _last_complaint(text: str, *, severe_only: bool = False) -> str:
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    severe = [line for line in lines if any(mark in line for mark in ("FATAL:", "PANIC:", "error:", "ERROR:"))]
    found = severe or ([] if severe_only else lines)
    return found[-1] if found else ""
