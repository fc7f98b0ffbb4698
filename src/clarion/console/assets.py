"""Style sheets, scripts and icons: ours (`static/`) and those from npm packages (`vendor/`, put there at set-up).

Every file is served under an address that holds the hash of its content, so that browsers keep it for a year.
"""

import gzip
import hashlib
from dataclasses import dataclass
from functools import cached_property
from importlib import resources

from clarion.foundation.errors import ConfigurationError, NotFound

_FOLDERS = ("vendor", "static")
_TYPES = {
    "css": "text/css",
    "js": "text/javascript",
    "svg": "image/svg+xml",
    "png": "image/png",
    "txt": "text/plain",
}


@dataclass(frozen=True)
class Asset:
    """One file."""

    content: bytes
    media_type: str

    @cached_property
    def version(self) -> str:
        """Changes with the content."""
        return hashlib.sha256(self.content).hexdigest()[:12]

    @cached_property
    def gzipped(self) -> bytes:
        """The content, compressed once."""
        return gzip.compress(self.content, mtime=0)


class Assets:
    """All files by name, with their addresses below `prefix`."""

    def __init__(self, prefix: str) -> None:
        self._prefix = prefix
        self._files = {name: asset for folder in _FOLDERS for name, asset in _read(folder).items()}

    def url(self, name: str) -> str:
        """The address of a file, for templates; `KeyError` when there is no such file."""
        return f"{self._prefix}/{self._files[name].version}/{name}"

    def find(self, name: str) -> Asset:
        """The file itself; `NotFound` when there is none."""
        try:
            return self._files[name]
        except KeyError:
            raise NotFound("there is no such file") from None


def _read(folder: str) -> dict[str, Asset]:
    place = resources.files("clarion.console") / folder
    if not place.is_dir():
        raise ConfigurationError(f"the console's {folder} files are missing; in a checkout run: make setup")
    return {
        entry.name: Asset(entry.read_bytes(), _TYPES[entry.name.rpartition(".")[2]])
        for entry in place.iterdir()
        if entry.name.rpartition(".")[2] in _TYPES
    }
