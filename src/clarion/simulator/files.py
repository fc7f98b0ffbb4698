"""The files of one simulator: what a client must trust, what a checker reads, what outlives a restart."""

import tempfile
from collections.abc import Sequence
from pathlib import Path

from clarion.simulator.certificate import Identity, issue_server, load_authority, make_authority


class Files:
    """Paths in the simulator's directory.

    Without a directory they are in a temporary one, which `remove` deletes, and nothing is kept that only a later
    start would need.
    """

    def __init__(self, directory: Path | None) -> None:
        self._temporary = None if directory else tempfile.TemporaryDirectory(prefix="clarion-simulator-")
        place = directory or Path(self._temporary.name if self._temporary else "")
        self.ca = place / "ca.pem"
        self.bundle = place / "server.pem"
        self.journal = directory and directory / "journal.jsonl"
        self._authority = directory and directory / "authority.pem"
        self._directory = directory

    def accounts(self, provider: str) -> Path | None:
        """Where a provider keeps the public half of its credentials."""
        return self._directory and self._directory / f"{provider}-accounts.json"

    def write_certificates(self, *, names: Sequence[str], expired: bool) -> Identity:
        """Issue the server's certificate, by the authority of an earlier start if there is one; returns that."""
        if self._authority is not None and self._authority.exists():
            authority = load_authority(self._authority)
        else:
            authority = make_authority()
        if self._authority is not None:
            write_private(self._authority, authority.bundle_pem())
        self.ca.write_bytes(authority.certificate_pem())
        write_private(self.bundle, issue_server(authority, names=names, expired=expired).bundle_pem())
        return authority

    def remove(self) -> None:
        """Delete the temporary directory."""
        if self._temporary is not None:
            self._temporary.cleanup()


def write_private(path: Path, content: bytes) -> None:
    """Write a file that only its owner can read."""
    path.touch(mode=0o600)
    path.chmod(0o600)
    path.write_bytes(content)
