"""The queues as workers see them: leasing messages, writing down what came of them, and keeping queues short."""

from datetime import datetime

import structlog

from clarion.db import Connection, Database, in_steps, load
from clarion.db.statements import Record
from clarion.features.accounts import Caller, audit
from clarion.features.webhooks.model import (
    GIVE_UP_AFTER,
    QUEUE_LIMIT,
    Attempted,
    Due,
    MessageState,
    next_attempt,
)
from clarion.features.webhooks.service import secret_context
from clarion.foundation.clock import Clock
from clarion.foundation.errors import ConfigurationError
from clarion.foundation.secrets import Keeper

SQL = load(__package__, "sending.sql")

LEASE = 45.0
"""Seconds; longer than any attempt takes."""
PARALLEL = 4
"""Messages under way to one webhook."""
PER_ACCOUNT = 8
"""Messages that one account may begin at once."""
SYSTEM = "system"
"""The actor of what nobody asked for."""
_FORGOTTEN_AT_ONCE = 10_000

log = structlog.get_logger("clarion.webhooks")


class WebhookQueue:
    """The sending side of webhooks. Leases run by the database's clock."""

    def __init__(self, *, database: Database, keeper: Keeper, clock: Clock) -> None:
        self._database = database
        self._keeper = keeper
        self._clock = clock

    async def claim(self, limit: int) -> list[Due]:
        """Lease up to `limit` messages whose turn has come; committed when it returns.

        Of the messages about one object only the first is ever leased, so that none overtakes another.
        """
        async with self._database.acquire() as conn:
            rows = await SQL.claim.fetch(conn, limit=limit, parallel=PARALLEL, per_account=PER_ACCOUNT, seconds=LEASE)
        return [self._due(row) for row in rows]

    def _due(self, row: Record) -> Due:
        fields = dict(row)
        sealed = [fields.pop("secret"), fields.pop("old_secret")]
        context = secret_context(row["account_id"], row["webhook_id"])
        try:
            opened = [self._keeper.open(one, context).decode() for one in sealed if one]
        except ConfigurationError as error:
            log.error("webhook_secret_unusable", webhook_id=row["webhook_id"], reason=str(error))
            opened = []
        return Due(**fields, secrets=opened)

    async def settle(self, message: Due, attempted: Attempted) -> None:
        """Write down what came of an attempt: it is delivered, or waits for the next one, or is given up."""
        now = self._clock.now()
        state = _state(message, attempted, now=now)

        async def work(conn: Connection) -> None:
            row = await SQL.settle.fetchrow(
                conn,
                id=message.id,
                attempt=message.attempt,
                state=state,
                next_at=None if attempted.error is None else next_attempt(message.attempt, attempted, now=now),
                status=attempted.status,
                error=attempted.error,
                ms=attempted.ms,
            )
            if row is None:
                return
            await (SQL.works if attempted.error is None else SQL.fails).execute(conn, webhook_id=message.webhook_id)
            if attempted.error is not None:
                await self._disable_if_hopeless(conn, message.webhook_id)

        await self._database.run(work)

    async def _disable_if_hopeless(self, conn: Connection, webhook_id: int) -> None:
        account_id = await SQL.disable.fetchval(conn, webhook_id=webhook_id, seconds=GIVE_UP_AFTER.total_seconds())
        if account_id is not None:
            target = f"webhook:{webhook_id}"
            await audit(conn, Caller(account_id, SYSTEM), action="webhook.disable", target=target)
            log.warning("webhook_disabled", account_id=account_id, webhook_id=webhook_id)

    async def tidy(self) -> None:
        """Keep queues short: drop what overflows, give up what is too old, and set aside what cannot go yet.

        One process at a time.
        """

        async def work(conn: Connection) -> None:
            if await SQL.claim_tidying.fetchval(conn):
                await SQL.drop_overflow.execute(conn, keep=QUEUE_LIMIT)
                await SQL.give_up.execute(conn, seconds=GIVE_UP_AFTER.total_seconds())
                await SQL.step_back.execute(conn)

        await self._database.run(work)

    async def forget(self) -> int:
        """Delete what ended more than a week ago; how many messages."""
        return await in_steps(self._forget_some, full=_FORGOTTEN_AT_ONCE)

    async def _forget_some(self) -> int:
        async with self._database.acquire() as conn:
            return await SQL.forget.execute(conn, limit=_FORGOTTEN_AT_ONCE)


def _state(message: Due, attempted: Attempted, *, now: datetime) -> MessageState:
    if attempted.error is None:
        return MessageState.DELIVERED
    return MessageState.FAILED if now - message.created_at >= GIVE_UP_AFTER else MessageState.WAITING
