"""The operating-system user that PostgreSQL runs as. PostgreSQL refuses root, so root hands over to somebody else."""

import errno
import os
import pwd
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from clarion.db.embedded.errors import EmbeddedDatabaseError

CANDIDATES_FOR_ROOT = ("postgres", "nobody")
CANNOT_SWITCH = (errno.EPERM, errno.EINVAL)


@dataclass(frozen=True, slots=True)
class SystemUser:
    """Who runs the server and owns the database files."""

    name: str
    uid: int
    gid: int

    @property
    def is_me(self) -> bool:
        """Whether commands run as this user without switching."""
        return self.uid == os.geteuid()

    def run(
        self, command: Sequence[str | Path], *, timeout_seconds: float, stdin: str = ""
    ) -> subprocess.CompletedProcess[str]:
        """Run a command to its end as this user, in a session of its own so that Ctrl-C does not reach it.

        The environment is minimal: neither `PG*` variables nor Clarion's secrets reach the server.
        """
        try:
            return subprocess.run(  # noqa: S603 - paths of our own choosing, no shell
                [str(part) for part in command],
                cwd="/",
                env={"PATH": os.defpath, "LC_ALL": "C"},
                input=stdin,
                capture_output=True,
                text=True,
                errors="replace",
                timeout=timeout_seconds,
                start_new_session=True,
                umask=0o077,
                check=False,
                user=None if self.is_me else self.uid,
                group=None if self.is_me else self.gid,
                extra_groups=None if self.is_me else [],
            )
        except subprocess.TimeoutExpired as error:
            raise EmbeddedDatabaseError(
                f"{command[0]} has not ended within {timeout_seconds:.0f} s; see whether the machine is overloaded"
            ) from error
        except OSError as error:
            if not self.is_me and error.errno in CANNOT_SWITCH:
                raise self._cannot_switch() from error
            raise

    def can_enter(self, folder: Path) -> bool:
        """Whether this user can reach the folder through all folders above it. Asked of the kernel, not computed."""
        return self.run(["/bin/sh", "-c", 'cd -- "$1"', "sh", folder], timeout_seconds=30).returncode == 0

    def can_execute(self, program: Path) -> bool:
        """Whether this user can reach and run the program."""
        return self.run(["/bin/sh", "-c", 'test -x "$1"', "sh", program], timeout_seconds=30).returncode == 0

    def own(self, path: Path) -> None:
        """Make a file or folder that was just created belong to this user."""
        if not self.is_me:
            os.chown(path, self.uid, self.gid, follow_symlinks=False)

    def _cannot_switch(self) -> EmbeddedDatabaseError:
        return EmbeddedDatabaseError(
            f"PostgreSQL must not run as root and switching to the user {self.name} is not permitted here; "
            "run Clarion as an ordinary user, or set CLARION_DATABASE_URL to use another PostgreSQL"
        )


def user_by_id(uid: int) -> SystemUser:
    """The user with this id, also when the system has no name for it."""
    try:
        entry = pwd.getpwuid(uid)
    except KeyError:
        return SystemUser(name=f"#{uid}", uid=uid, gid=os.getegid() if uid == os.geteuid() else uid)
    return SystemUser(name=entry.pw_name, uid=entry.pw_uid, gid=entry.pw_gid)


def user_for_new_database() -> SystemUser:
    """Whoever runs Clarion; for root the first of `postgres` and `nobody` that exists."""
    if os.geteuid() != 0:
        return user_by_id(os.geteuid())
    for name in CANDIDATES_FOR_ROOT:
        try:
            entry = pwd.getpwnam(name)
        except KeyError:
            continue
        return SystemUser(name=name, uid=entry.pw_uid, gid=entry.pw_gid)
    raise EmbeddedDatabaseError(
        "PostgreSQL must not run as root and neither a user postgres nor nobody exists; run Clarion as an ordinary user"
    )
