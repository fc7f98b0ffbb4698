"""Use cases of accounts: creating, listing, keys, and who a caller is."""

from collections import OrderedDict

from clarion.db import Connection, Database, load
from clarion.features.accounts.audit import audit
from clarion.features.accounts.model import (
    OPERATOR,
    AccountCreated,
    AccountSummary,
    ApiKey,
    Caller,
    KeyRotated,
    Member,
    checked_email,
    checked_name,
    checked_password,
    new_key,
    new_password,
    parse_key,
)
from clarion.features.accounts.passwords import Passwords
from clarion.foundation.clock import Clock
from clarion.foundation.errors import Conflict, Forbidden, NotFound, Unauthorized

SQL = load(__package__)

_CACHE_SECONDS = 4.0
_CACHED_KEYS = 10_000
_UNKNOWN_KEY = "unauthorized: the API key is missing, malformed or unknown"


class AccountService:
    """Accounts, members and API keys."""

    def __init__(self, *, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock
        self._passwords = Passwords()
        self._known: OrderedDict[ApiKey, tuple[Caller, float]] = OrderedDict()

    async def create(self, *, email: str, name: str | None = None, password: str | None = None) -> AccountCreated:
        """A new account with its owner, its first API key and the system events; `Conflict` if the e-mail is taken."""
        address = checked_email(email)
        title = checked_name(name if name else address)
        given = new_password() if password is None else checked_password(password)
        hashed = await self._passwords.hash(given)
        key = new_key()

        async def work(connection: Connection) -> int:
            account_id: int = await SQL.create_account.fetchval(connection, name=title)
            member = await SQL.create_member.fetchval(
                connection, account_id=account_id, email=address, password_hash=hashed
            )
            if member is None:
                raise Conflict("an account with this e-mail address exists already")
            await SQL.create_system_events.execute(connection, account_id=account_id)
            await _store_key(connection, account_id, key=key)
            caller = Caller(account_id, OPERATOR)
            await audit(connection, caller, action="account.create", target=f"account:{account_id}")
            return account_id

        account_id = await self._database.run(work)
        return AccountCreated(account_id, address, key.text, given if password is None else None)

    async def list(self) -> list[AccountSummary]:
        """All accounts of the installation, oldest first."""
        async with self._database.acquire() as connection:
            rows = await SQL.accounts.fetch(connection)
        return [
            AccountSummary(row["id"], row["email"] or "", row["name"], row["created_at"], row["suspended"])
            for row in rows
        ]

    async def rotate_key(self, email: str) -> KeyRotated:
        """Revoke all keys of the account that this address belongs to and make a new one; `NotFound` if none."""
        key = new_key()

        async def work(connection: Connection) -> Member:
            row = await SQL.member_by_email.fetchrow(connection, email=email.strip())
            if row is None:
                raise NotFound(f"no account has the e-mail address {email}")
            member = Member(row["id"], row["account_id"], row["email"], row["role"])
            await SQL.revoke_keys.execute(connection, account_id=member.account_id)
            await _store_key(connection, member.account_id, key=key)
            caller = Caller(member.account_id, OPERATOR)
            await audit(connection, caller, action="key.rotate", target=f"key:{key.public_id}")
            return member

        member = await self._database.run(work)
        return KeyRotated(member.account_id, member.email, key.text)

    async def authenticate(self, text: str) -> Caller:
        """Who presents this API key. A revoked key stops working within 5 s.

        Raises `Unauthorized` for anything but a valid key, `Forbidden` when the account is suspended.
        """
        key = parse_key(text)
        if key is None:
            raise Unauthorized(_UNKNOWN_KEY)
        cached = self._known.get(key)
        if cached and cached[1] > self._clock.monotonic():
            return cached[0]
        caller = await self._look_up(key)
        self._remember(key, caller)
        return caller

    async def sign_in(self, email: str, password: str) -> Member:
        """The member with this address and password; `Unauthorized` otherwise, after the same time in all cases."""
        async with self._database.acquire() as connection:
            row = await SQL.member_by_email.fetchrow(connection, email=email.strip())
        if not await self._passwords.matches(password, row["password_hash"] if row else None) or row is None:
            raise Unauthorized("e-mail address or password is wrong")
        if row["suspended"]:
            raise Forbidden("this account is suspended")
        if self._passwords.outdated(row["password_hash"]):
            await self._rehash(row["account_id"], row["id"], password=password)
        return Member(row["id"], row["account_id"], row["email"], row["role"])

    async def _rehash(self, account_id: int, member_id: int, *, password: str) -> None:
        hashed = await self._passwords.hash(password)
        async with self._database.acquire() as connection:
            await SQL.set_password_hash.execute(
                connection, account_id=account_id, member_id=member_id, password_hash=hashed
            )

    async def _look_up(self, key: ApiKey) -> Caller:
        async with self._database.acquire() as connection:
            row = await SQL.key_by_public_id.fetchrow(connection, public_id=key.public_id)
            if row is None or not key.proves(row["secret_hash"]):
                raise Unauthorized(_UNKNOWN_KEY)
            if row["suspended"]:
                raise Forbidden("this account is suspended")
            await SQL.touch_key.execute(connection, account_id=row["account_id"], public_id=key.public_id)
        return Caller(row["account_id"], f"key:{key.public_id}", read_only=row["scope"] == "read")

    def _remember(self, key: ApiKey, caller: Caller) -> None:
        self._known.pop(key, None)
        self._known[key] = (caller, self._clock.monotonic() + _CACHE_SECONDS)
        if len(self._known) > _CACHED_KEYS:
            self._known.popitem(last=False)


async def _store_key(connection: Connection, account_id: int, *, key: ApiKey) -> None:
    await SQL.create_key.execute(
        connection, account_id=account_id, public_id=key.public_id, secret_hash=key.digest, name="API key"
    )
