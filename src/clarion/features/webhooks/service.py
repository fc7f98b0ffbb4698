"""Use cases of webhooks: making and changing them, their secrets, their log, and sending again."""

from collections.abc import Sequence
from typing import Any

from clarion.db import Connection, Database, load
from clarion.db.statements import Record
from clarion.features.accounts import Caller, audit
from clarion.features.webhooks.model import (
    SECRET_OVERLAP,
    WEBHOOKS_LIMIT,
    LoggedMessage,
    MessagePage,
    MessageState,
    StateWord,
    Webhook,
    checked_description,
    checked_events,
    new_secret,
)
from clarion.foundation.errors import InvalidInput, NotFound
from clarion.foundation.secrets import Keeper
from clarion.providers.guarded import Refused, check_target

SQL = load(__package__)

_NEWEST = 2**63 - 1
_REPEATED_AT_ONCE = 1000


class WebhookService:
    """Webhooks of an account. An id of another account behaves like one that never existed: `NotFound`."""

    def __init__(self, *, database: Database, keeper: Keeper, hosts: tuple[str, ...] = ()) -> None:
        """`hosts` are those that the operator allows although they are not public."""
        self._database = database
        self._keeper = keeper
        self._hosts = hosts

    async def create(
        self, caller: Caller, *, url: str, events: Sequence[str], description: str = "", active: bool = True
    ) -> tuple[int, str]:
        """A new webhook; its id and its secret, which is never shown again.

        `InvalidInput` for an address that is never reached, unknown events, or one webhook too many.
        """
        address, wanted, note = self._checked_url(url), checked_events(events), checked_description(description)
        secret = new_secret()

        async def work(conn: Connection) -> int:
            await _check_room(conn, caller.account_id)
            webhook_id: int = await SQL.next_id.fetchval(conn)
            await SQL.create.execute(
                conn,
                id=webhook_id,
                account_id=caller.account_id,
                url=address,
                description=note,
                events=wanted,
                active=active,
                secret=self._keeper.seal(secret, secret_context(caller.account_id, webhook_id)),
            )
            await _audit(conn, caller, webhook_id, action="create", detail={"events": wanted})
            return webhook_id

        return await self._database.run(work), secret

    async def list(self, account_id: int) -> list[Webhook]:
        """All of the account, oldest first."""
        async with self._database.acquire() as conn:
            rows = await SQL.webhooks.fetch(conn, account_id=account_id, webhook_id=None)
        return [_webhook(row) for row in rows]

    async def get(self, account_id: int, webhook_id: int) -> Webhook:
        """One webhook. `NotFound`."""
        async with self._database.acquire() as conn:
            row = await SQL.webhooks.fetchrow(conn, account_id=account_id, webhook_id=webhook_id)
        if row is None:
            raise _not_found(webhook_id)
        return _webhook(row)

    async def update(
        self,
        caller: Caller,
        webhook_id: int,
        *,
        url: str | None = None,
        events: Sequence[str] | None = None,
        description: str | None = None,
        active: bool | None = None,
    ) -> None:
        """Change what is not None. Activating one, or giving it another address, sends what waits at once.

        `NotFound`; `InvalidInput` as for a new one.
        """

        async def work(conn: Connection) -> None:
            present = await _locked(conn, caller.account_id, webhook_id)
            address = present["url"] if url is None else self._checked_url(url)
            on = present["active"] if active is None else active
            await SQL.update.execute(
                conn,
                account_id=caller.account_id,
                webhook_id=webhook_id,
                url=address,
                events=present["events"] if events is None else checked_events(events),
                description=present["description"] if description is None else checked_description(description),
                active=on,
                anew=(on and not present["active"]) or address != present["url"],
            )
            await _audit(conn, caller, webhook_id, action="update", detail={"active": on})

        await self._database.run(work)

    async def delete(self, caller: Caller, webhook_id: int) -> None:
        """Delete it with its log and whatever waits for it. `NotFound`."""

        async def work(conn: Connection) -> None:
            await _locked(conn, caller.account_id, webhook_id)
            await SQL.delete.execute(conn, account_id=caller.account_id, webhook_id=webhook_id)
            await _audit(conn, caller, webhook_id, action="delete")

        await self._database.run(work)

    async def rotate_secret(self, caller: Caller, webhook_id: int) -> str:
        """A new secret, never shown again. For 24 hours messages are signed with the present one too. `NotFound`."""
        secret = new_secret()

        async def work(conn: Connection) -> None:
            await _locked(conn, caller.account_id, webhook_id)
            await SQL.rotate.execute(
                conn,
                account_id=caller.account_id,
                webhook_id=webhook_id,
                seconds=SECRET_OVERLAP.total_seconds(),
                secret=self._keeper.seal(secret, secret_context(caller.account_id, webhook_id)),
            )
            await _audit(conn, caller, webhook_id, action="rotate_secret")

        await self._database.run(work)
        return secret

    async def ping(self, caller: Caller, webhook_id: int) -> int:
        """Queue a message that tests the webhook, also an inactive one; its id in the log. `NotFound`."""

        async def work(conn: Connection) -> int:
            await _locked(conn, caller.account_id, webhook_id)
            message_id: int = await SQL.ping.fetchval(conn, account_id=caller.account_id, webhook_id=webhook_id)
            await _audit(conn, caller, webhook_id, action="ping")
            return message_id

        return await self._database.run(work)

    async def messages(
        self,
        account_id: int,
        webhook_id: int,
        *,
        state: StateWord | None = None,
        type_: str | None = None,
        before: int | None = None,
        limit: int = 50,
    ) -> MessagePage:
        """Up to `limit` messages with ids below `before`. `NotFound` for the webhook."""
        await self.get(account_id, webhook_id)
        async with self._database.acquire() as conn:
            rows = await SQL.messages.fetch(
                conn,
                account_id=account_id,
                webhook_id=webhook_id,
                state=state.stored if state else None,
                type=type_,
                before=before or _NEWEST,
                limit=limit + 1,
            )
        items = [_message(row) for row in rows[:limit]]
        return MessagePage(items, items[-1].id if len(rows) > limit else None)

    async def repeat(
        self, caller: Caller, webhook_id: int, *, ids: Sequence[int] = (), state: StateWord | None = None
    ) -> int:
        """Queue settled messages once more with their event ids: the named ones, or up to 1000 of a state that ended in
        the last 7 days; how many. `NotFound` for the webhook; ids that it does not have are left out.
        """

        async def work(conn: Connection) -> int:
            await _locked(conn, caller.account_id, webhook_id)
            count = await SQL.repeat.execute(
                conn,
                account_id=caller.account_id,
                webhook_id=webhook_id,
                ids=list(ids),
                state=state.stored if state else None,
                limit=_REPEATED_AT_ONCE,
            )
            await _audit(conn, caller, webhook_id, action="redeliver", detail={"messages": count})
            return count

        return await self._database.run(work)

    def _checked_url(self, url: str) -> str:
        try:
            check_target(url, self._hosts)
        except Refused as error:
            raise InvalidInput(f"url {error}") from None
        return url


def secret_context(account_id: int, webhook_id: int) -> str:
    """What a sealed secret is bound to: moved to another row it does not open."""
    return f"webhook secret:{account_id}:{webhook_id}"


async def _check_room(conn: Connection, account_id: int) -> None:
    await SQL.lock_account.execute(conn, account_id=account_id)
    if await SQL.count.fetchval(conn, account_id=account_id) >= WEBHOOKS_LIMIT:
        raise InvalidInput(f"an account can have {WEBHOOKS_LIMIT} webhooks, and has them all")


async def _locked(conn: Connection, account_id: int, webhook_id: int) -> Record:
    row = await SQL.lock.fetchrow(conn, account_id=account_id, webhook_id=webhook_id)
    if row is None:
        raise _not_found(webhook_id)
    return row


async def _audit(
    conn: Connection, caller: Caller, webhook_id: int, *, action: str, detail: dict[str, Any] | None = None
) -> None:
    await audit(conn, caller, action=f"webhook.{action}", target=f"webhook:{webhook_id}", detail=detail)


def _webhook(row: Record) -> Webhook:
    fields: dict[str, Any] = dict(row)
    return Webhook(**fields)


def _message(row: Record) -> LoggedMessage:
    fields: dict[str, Any] = {**dict(row), "state": MessageState(row["state"])}
    return LoggedMessage(**fields)


def _not_found(webhook_id: int) -> NotFound:
    return NotFound(f"webhook {webhook_id} does not exist")
