"""Doing a call once per idempotency key: its effect and its answer are committed together, or neither is."""

from collections import OrderedDict
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

from clarion.db import Connection, Database, in_steps, load
from clarion.features.accounts import Caller
from clarion.features.idempotency.model import KEPT_HOURS, KEYS_LIMIT, KeyReused, StillRunning, StoredAnswer
from clarion.foundation.clock import Clock
from clarion.foundation.errors import TooManyRequests
from clarion.foundation.secrets import Keeper

SQL = load(__package__)

_COUNT_SECONDS = 60.0
_COUNTED_ACCOUNTS = 10_000
_FORGOTTEN_AT_ONCE = 10_000
_HOUR = 3600


class Claim:
    """The right to answer a key. `stored` is what was answered before; otherwise do the work and `keep` the answer."""

    def __init__(self, stored: StoredAnswer | None) -> None:
        self.stored = stored
        self.kept: StoredAnswer | None = None

    def keep(self, answer: StoredAnswer) -> None:
        """Let this be the answer to the key, and commit what was done. Without it everything is undone."""
        self.kept = answer


class _NothingKeptError(Exception):
    """Takes back what a call did that has no answer to keep."""


class IdempotencyService:
    """Answers by account and key."""

    def __init__(self, *, database: Database, keeper: Keeper, clock: Clock) -> None:
        self._database = database
        self._keeper = keeper
        self._clock = clock
        self._counts: OrderedDict[int, tuple[int, float]] = OrderedDict()

    @asynccontextmanager
    async def once(self, caller: Caller, key: str, *, request: str) -> AsyncIterator[Claim]:
        """Do the caller's `request` inside the block, once: whatever this task asks of the database is one transaction
        with the kept answer.

        Raises `KeyReused` when the key belongs to another request, `StillRunning` while another call has it, and
        `TooManyRequests` beyond a million keys in a day.
        """
        account_id = caller.account_id
        name = f"{account_id}:{key}"
        key_hash = self._keeper.lookup_hash(name, "idempotency key")
        request_hash = self._keeper.lookup_hash(request, "idempotent request")
        with suppress(_NothingKeptError):
            async with self._database.surrounding() as conn:
                await _lock(conn, key_hash)
                claim = Claim(await self._stored(conn, account_id, key_hash=key_hash, request_hash=request_hash))
                if claim.stored is None:
                    await self._check_room(conn, account_id)
                yield claim
                if claim.kept is None:
                    raise _NothingKeptError
                await SQL.keep.execute(
                    conn,
                    account_id=account_id,
                    key_hash=key_hash,
                    request_hash=request_hash,
                    status=claim.kept.status,
                    answer=self._keeper.seal(claim.kept.body, _context(account_id)),
                )

    async def _stored(
        self, conn: Connection, account_id: int, *, key_hash: bytes, request_hash: bytes
    ) -> StoredAnswer | None:
        row = await SQL.find.fetchrow(conn, account_id=account_id, key_hash=key_hash)
        if row is None:
            return None
        if row["request_hash"] != request_hash:
            raise KeyReused("the Idempotency-Key was used before for another request; use a new key")
        return StoredAnswer(row["status"], self._keeper.open(row["answer"], _context(account_id)))

    async def _check_room(self, conn: Connection, account_id: int) -> None:
        """Refuse more keys than an account may have. The count is taken once a minute."""
        now = self._clock.monotonic()
        count, until = self._counts.get(account_id, (0, now))
        if until <= now:
            count = await SQL.count.fetchval(conn, account_id=account_id, limit=KEYS_LIMIT)
            self._counts[account_id] = count, now + _COUNT_SECONDS
            self._counts.move_to_end(account_id)
            if len(self._counts) > _COUNTED_ACCOUNTS:
                self._counts.popitem(last=False)
        if count >= KEYS_LIMIT:
            raise TooManyRequests(f"too many requests: {KEYS_LIMIT} idempotency keys in a day", retry_after=_HOUR)

    async def forget(self) -> int:
        """Delete answers that are older than 24 hours; how many there were."""
        return await in_steps(self._forget_some, full=_FORGOTTEN_AT_ONCE)

    async def _forget_some(self) -> int:
        async with self._database.acquire() as conn:
            return await SQL.forget.execute(conn, hours=KEPT_HOURS, limit=_FORGOTTEN_AT_ONCE)


async def _lock(conn: Connection, key_hash: bytes) -> None:
    """A lock that ends with the transaction, and with the process that holds it."""
    if not await SQL.try_lock.fetchval(conn, lock=int.from_bytes(key_hash[:8], "big", signed=True)):
        raise StillRunning("the first call with this Idempotency-Key is still running; repeat it in a moment")


def _context(account_id: int) -> str:
    return f"idempotent answer:{account_id}"
