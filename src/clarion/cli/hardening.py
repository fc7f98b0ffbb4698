"""Keeps key material out of core dumps and other users' sight (docs/how-to/production/secrets.md)."""

import ctypes
import resource
import sys

_PR_SET_DUMPABLE = 4


def harden_process() -> None:
    """No core dump of this process and its children; on Linux its memory is closed to other processes too."""
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_DUMPABLE, 0, 0, 0, 0)
