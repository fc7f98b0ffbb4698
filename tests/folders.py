"""Where tests keep what they throw away."""

import os
from pathlib import Path

ROOM_BYTES = 3 << 30


def quick_folder() -> Path:
    """Memory where it has room and runs programs: copying and removing databases is most of the tests' work."""
    memory = Path("/dev/shm")
    if memory.is_dir() and os.access(memory, os.W_OK):
        state = os.statvfs(memory)
        if state.f_bavail * state.f_frsize > ROOM_BYTES and not state.f_flag & os.ST_NOEXEC:
            return memory
    return Path("/tmp")
