"""Password hashing: Argon2id, away from the event loop, a few at a time so that it cannot exhaust the memory."""

import asyncio

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

_AT_ONCE = 4
_HASHER = PasswordHasher(time_cost=2, memory_cost=19_456, parallelism=1)


class Passwords:
    """Makes and checks hashes; parameters as OWASP recommends (19 MiB, two passes)."""

    def __init__(self) -> None:
        self._turns = asyncio.Semaphore(_AT_ONCE)
        self._decoy = _HASHER.hash("no password")

    async def hash(self, password: str) -> str:
        """The text to store."""
        async with self._turns:
            return await asyncio.to_thread(_HASHER.hash, password)

    async def matches(self, password: str, stored: str | None) -> bool:
        """Whether the password is right; takes as long when there is nothing `stored`."""
        async with self._turns:
            right = await asyncio.to_thread(_verify, stored or self._decoy, password)
        return right and stored is not None

    def outdated(self, stored: str) -> bool:
        """Whether the hash was made with weaker parameters than today's."""
        return _HASHER.check_needs_rehash(stored)


def _verify(stored: str, password: str) -> bool:
    try:
        return _HASHER.verify(stored, password)
    except (VerificationError, InvalidHashError):
        return False
