"""A path for those who read a client certificate only from files, without the key touching a disk where possible."""

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def readable(pem: bytes) -> Iterator[str]:
    """A path under which `pem` can be read for the duration of the block, and by this user only.

    In memory on Linux; elsewhere a file of mode 0600 that is deleted at the end.
    """
    if hasattr(os, "memfd_create") and Path("/proc/self/fd").is_dir():
        descriptor = os.memfd_create("client certificate", os.MFD_CLOEXEC)
        try:
            _write(descriptor, pem)
            yield f"/proc/self/fd/{descriptor}"
        finally:
            os.close(descriptor)
        return
    descriptor, path = tempfile.mkstemp(prefix="clarion-", suffix=".pem")
    try:
        _write(descriptor, pem)
        os.close(descriptor)
        yield path
    finally:
        Path(path).unlink(missing_ok=True)


def _write(descriptor: int, data: bytes) -> None:
    while data:
        data = data[os.write(descriptor, data) :]
