"""Links that work once: the first owner, an invitation, a new password. Owns table `access_link`.

Whoever holds such a link may use it, so only its hash is kept, and it expires.
"""

import hashlib
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from clarion.db import Connection, Database, load
from clarion.db.statements import Record
from clarion.features.accounts.audit import audit
from clarion.features.accounts.model import OPERATOR, Caller, Member, checked_email, checked_name, checked_password
from clarion.features.accounts.passwords import Passwords
from clarion.features.accounts.roles import Role
from clarion.features.accounts.service import AccountService
from clarion.features.accounts.sessions import SQL as SESSIONS
from clarion.foundation.errors import Conflict, NotFound

SQL = load(__package__, "links.sql")

GONE = "this link was used before or has expired; ask for a new one"


class Purpose(StrEnum):
    """What a link opens."""

    FIRST_OWNER = "first_owner"
    INVITATION = "invitation"
    PASSWORD = "password"  # noqa: S105 - the name of a purpose


LIFETIMES = {
    Purpose.FIRST_OWNER: timedelta(hours=24),
    Purpose.INVITATION: timedelta(days=7),
    Purpose.PASSWORD: timedelta(minutes=30),
}


@dataclass(frozen=True, slots=True)
class Link:
    """A new link; the token is shown once."""

    purpose: Purpose
    token: str
    email: str
    expires_at: datetime

    @property
    def path(self) -> str:
        """The page that it opens, below the installation's address."""
        return f"/console/welcome/{self.purpose}/{self.token}"

    def __repr__(self) -> str:
        return f"<Link {self.purpose}>"


@dataclass(frozen=True, slots=True)
class Opened:
    """What somebody who holds a link is told."""

    purpose: Purpose
    email: str
    role: Role


@dataclass(frozen=True, slots=True)
class Invitation:
    """An invitation that waits."""

    id: int
    email: str
    role: str
    created_at: datetime
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class NewOwner:
    """What the first owner says."""

    account: str
    email: str
    password: str


class LinkService:
    """Makes links and does what they promise."""

    def __init__(self, *, database: Database, accounts: AccountService) -> None:
        self._database = database
        self._accounts = accounts
        self._passwords = Passwords()

    async def for_first_owner(self) -> Link | None:
        """A link that creates the first account; None when somebody can sign in already. Earlier ones stop working."""
        async with self._database.transaction() as connection:
            if await SQL.any_member.fetchval(connection):
                return None
            return await _create(connection, Purpose.FIRST_OWNER, email="")

    async def is_new(self) -> bool:
        """Whether nobody can sign in yet."""
        async with self._database.acquire() as connection:
            return not await SQL.any_member.fetchval(connection)

    async def for_password(self, email: str) -> Link:
        """A link with which a member sets a new password; `NotFound` when nobody has this address."""
        async with self._database.transaction() as connection:
            row = await SQL.member_for_link.fetchrow(connection, email=email.strip())
            if row is None:
                raise NotFound(f"nobody has the e-mail address {email}")
            caller = Caller(row["account_id"], OPERATOR)
            await audit(connection, caller, action="member.password_link", target=f"member:{row['id']}")
            return await _create(
                connection, Purpose.PASSWORD, email=row["email"], account_id=row["account_id"], member_id=row["id"]
            )

    async def invite(self, caller: Caller, *, email: str, role: Role) -> Link:
        """A link with which somebody becomes a member; `Conflict` for who is one already.

        Whether the address belongs to a member of another account is told only to who opens the link.
        """
        address = checked_email(email)
        async with self._database.transaction() as connection:
            if await SQL.member_for_link.fetchrow(connection, email=address) is not None:
                raise Conflict("somebody with this e-mail address has an account already")
            detail = {"email": address, "role": str(role)}
            await audit(
                connection, caller, action="member.invite", target=f"account:{caller.account_id}", detail=detail
            )
            return await _create(connection, Purpose.INVITATION, email=address, account_id=caller.account_id, role=role)

    async def invitations(self, account_id: int) -> list[Invitation]:
        """Invitations that nobody has accepted yet, newest first."""
        async with self._database.acquire() as connection:
            rows = await SQL.invitations.fetch(connection, account_id=account_id)
        return [Invitation(**row) for row in rows]

    async def withdraw(self, caller: Caller, link_id: int) -> None:
        """Make an invitation useless; `NotFound` when it is none of the account's."""
        async with self._database.transaction() as connection:
            email = await SQL.withdraw_invitation.fetchval(connection, account_id=caller.account_id, link_id=link_id)
            if email is None:
                raise NotFound("this invitation was accepted or withdrawn already")
            detail = {"email": email}
            await audit(
                connection, caller, action="member.withdraw", target=f"account:{caller.account_id}", detail=detail
            )

    async def open(self, purpose: Purpose, token: str) -> Opened:
        """What a link is for, without using it; `NotFound` when it works no longer."""
        async with self._database.acquire() as connection:
            row = await SQL.link.fetchrow(connection, token_hash=_digest(token), purpose=str(purpose))
        if row is None:
            raise NotFound(GONE)
        return Opened(purpose, row["email"], Role(row["role"]))

    async def set_password(self, token: str, password: str) -> Member:
        """Use a link for a new password: the member, signed out everywhere. `InvalidInput`, or `NotFound` if used."""
        hashed = await self._passwords.hash(checked_password(password))

        async def work(connection: Connection) -> Member:
            row = await _use(connection, Purpose.PASSWORD, token)
            names = {"account_id": row["account_id"], "member_id": row["member_id"]}
            found = await SQL.set_password.fetchrow(connection, password_hash=hashed, **names)
            if found is None:
                raise NotFound(GONE)
            await SESSIONS.end_sessions.execute(connection, kept=0, **names)
            caller = Caller(row["account_id"], f"member:{row['member_id']}")
            await audit(connection, caller, action="member.password", target=f"member:{row['member_id']}")
            return Member(row["member_id"], row["account_id"], found["email"], found["role"])

        return await self._database.run(work)

    async def join(self, token: str, *, name: str, password: str) -> Member:
        """Accept an invitation; `Conflict` when the address was taken meanwhile."""
        hashed = await self._passwords.hash(checked_password(password))
        title = checked_name(name)

        async def work(connection: Connection) -> Member:
            row = await _use(connection, Purpose.INVITATION, token)
            values = {"account_id": row["account_id"], "email": row["email"], "role": row["role"]}
            member_id = await SQL.add_member.fetchval(connection, password_hash=hashed, name=title, **values)
            if member_id is None:
                raise Conflict("somebody with this e-mail address has an account already")
            caller = Caller(row["account_id"], f"member:{member_id}")
            await audit(connection, caller, action="member.join", target=f"member:{member_id}")
            return Member(member_id, row["account_id"], row["email"], row["role"])

        return await self._database.run(work)

    async def found(self, token: str, owner: NewOwner) -> Member:
        """Use the first owner's link: the account's owner. `InvalidInput` leaves the link as it was."""
        await self.open(Purpose.FIRST_OWNER, token)
        checked_email(owner.email)
        checked_name(owner.account, "account")
        checked_password(owner.password)
        async with self._database.transaction() as connection:
            await _use(connection, Purpose.FIRST_OWNER, token)
            if await SQL.any_member.fetchval(connection):
                raise Conflict("somebody has created the first account already; sign in or ask for an invitation")
        await self._accounts.create(email=owner.email, name=owner.account, password=owner.password)
        return await self._accounts.sign_in(owner.email, owner.password)


async def _create(
    connection: Connection,
    purpose: Purpose,
    *,
    email: str,
    account_id: int | None = None,
    member_id: int | None = None,
    role: Role = Role.OWNER,
) -> Link:
    token = secrets.token_urlsafe(32)
    owner = {"purpose": str(purpose), "email": email, "account_id": account_id, "member_id": member_id}
    await SQL.forget_links.execute(connection, **owner)
    row = await SQL.create_link.fetchrow(
        connection, token_hash=_digest(token), role=str(role), lifetime=LIFETIMES[purpose], **owner
    )
    assert row is not None  # noqa: S101 - an insert returns its row
    return Link(purpose, token, email, row["expires_at"])


async def _use(connection: Connection, purpose: Purpose, token: str) -> Record:
    row = await SQL.use_link.fetchrow(connection, token_hash=_digest(token), purpose=str(purpose))
    if row is None:
        raise NotFound(GONE)
    return row


def _digest(token: str) -> bytes:
    return hashlib.sha256(token.encode()).digest()
