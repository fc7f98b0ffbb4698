"""Throttling of guesses at passwords and codes, the same in all processes. Owns table `sign_in_failure`.

Three limits work together: a person from one network, everybody from one network, and a person from anywhere. The last
one only slows down, and browsers in which the person has signed in before are not concerned, so that nobody can lock
somebody else out. An attempt is counted before it is looked at: many at once gain nothing.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from clarion.db import Database, load
from clarion.foundation.errors import TooManyRequests
from clarion.foundation.secrets import Keeper

SQL = load(__package__, "throttle.sql")

_LEAST_WAIT = 1


@dataclass(frozen=True, slots=True)
class Limit:
    """How many attempts are free, and how long the wait after many more becomes (seconds)."""

    free: int
    longest: float


PAIR = Limit(free=5, longest=900)
NETWORK = Limit(free=40, longest=300)
PERSON = Limit(free=50, longest=30)
SECOND_FACTOR = Limit(free=5, longest=900)


@dataclass(frozen=True, slots=True)
class Subject:
    """What attempts have in common, and its limit."""

    name: str
    limit: Limit


class Throttle:
    """Counts attempts."""

    def __init__(self, *, database: Database, keeper: Keeper) -> None:
        self._database = database
        self._keeper = keeper

    async def take(self, subjects: Sequence[Subject]) -> None:
        """Count one attempt; `TooManyRequests` with the wait when one of the subjects has had too many."""
        async with self._database.acquire() as connection:
            await SQL.forget_old_attempts.execute(connection)
            for subject in subjects:
                values = {
                    "subject": self._hash(subject),
                    "free": subject.limit.free,
                    "longest": subject.limit.longest,
                }
                if await SQL.take_attempt.fetchval(connection, **values) is None:
                    wait = max(await SQL.wait.fetchval(connection, **values) or 0, _LEAST_WAIT)
                    raise TooManyRequests("there were too many attempts; wait before the next", retry_after=wait)

    async def succeeded(self, subjects: Sequence[Subject]) -> None:
        """The attempt was right: the first subject begins anew, the others forget this attempt."""
        async with self._database.acquire() as connection:
            await SQL.forget_subject.execute(connection, subject=self._hash(subjects[0]))
            await SQL.forgive.execute(connection, subjects=[self._hash(subject) for subject in subjects[1:]])

    def _hash(self, subject: Subject) -> bytes:
        return self._keeper.lookup_hash(subject.name, "sign-in attempts")
