"""API keys of an account: named, for everything or for reading only, shown once."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from clarion.db import Connection, Database, load
from clarion.db.statements import Record
from clarion.features.accounts.audit import audit
from clarion.features.accounts.model import ApiKey, Caller, checked_name, new_key
from clarion.foundation.errors import Conflict, NotFound

SQL = load(__package__, "keys.sql")

KEY_LIMIT = 50
"""Keys of one account at a time."""
_UNKNOWN = "this key does not exist or was revoked already"


class KeyScope(StrEnum):
    """What a key may do."""

    READ = "read"
    WRITE = "write"


@dataclass(frozen=True, slots=True)
class KeySummary:
    """A key as lists show it."""

    id: int
    public_id: str
    name: str
    scope: str
    created_at: datetime
    last_used_at: datetime | None


class KeyService:
    """Makes, lists, replaces and revokes keys. What is revoked stops working within 5 s."""

    def __init__(self, *, database: Database) -> None:
        self._database = database

    async def list(self, account_id: int) -> list[KeySummary]:
        """The keys that work, newest first."""
        async with self._database.acquire() as connection:
            rows = await SQL.keys.fetch(connection, account_id=account_id)
        return [KeySummary(**row) for row in rows]

    async def create(self, caller: Caller, *, name: str, scope: KeyScope) -> ApiKey:
        """A new key, whose text is never shown again; `Conflict` when there are too many."""
        title = checked_name(name)
        key = new_key()

        async def work(connection: Connection) -> None:
            await SQL.lock_account.fetchval(connection, account_id=caller.account_id)
            if len(await SQL.keys.fetch(connection, account_id=caller.account_id)) >= KEY_LIMIT:
                raise Conflict(f"an account can have at most {KEY_LIMIT} keys; revoke one that is not used")
            await _store(connection, caller, key=key, name=title, scope=scope)
            await audit(connection, caller, action="key.create", target=f"key:{key.public_id}", detail={"name": title})

        await self._database.run(work)
        return key

    async def rotate(self, caller: Caller, key_id: int) -> ApiKey:
        """A new key in place of one, which stops working; `NotFound` if it is none of the account's."""
        key = new_key()

        async def work(connection: Connection) -> None:
            old = await _revoke(connection, caller, key_id)
            await _store(connection, caller, key=key, name=old["name"], scope=old["scope"])
            detail = {"instead_of": f"key:{old['public_id']}"}
            await audit(connection, caller, action="key.rotate", target=f"key:{key.public_id}", detail=detail)

        await self._database.run(work)
        return key

    async def revoke(self, caller: Caller, key_id: int) -> None:
        """End a key; `NotFound` if it is none of the account's."""

        async def work(connection: Connection) -> None:
            old = await _revoke(connection, caller, key_id)
            await audit(connection, caller, action="key.revoke", target=f"key:{old['public_id']}")

        await self._database.run(work)


async def _store(connection: Connection, caller: Caller, *, key: ApiKey, name: str, scope: str) -> None:
    await SQL.create_scoped_key.execute(
        connection,
        account_id=caller.account_id,
        public_id=key.public_id,
        secret_hash=key.digest,
        name=name,
        scope=str(scope),
    )


async def _revoke(connection: Connection, caller: Caller, key_id: int) -> Record:
    row = await SQL.revoke_key.fetchrow(connection, account_id=caller.account_id, key_id=key_id)
    if row is None:
        raise NotFound(_UNKNOWN)
    return row
