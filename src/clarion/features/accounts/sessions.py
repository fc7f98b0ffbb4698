"""Sessions: browsers in which a member is signed in. Owns table `session`.

A session ends when it was not used for 12 hours, after 30 days, when its member signs out (here or everywhere), changes
the password or is removed, and when the account is suspended. What the cookie holds is stored only as a hash.
"""

import hashlib
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from clarion.db import Database, load
from clarion.db.statements import Record
from clarion.features.accounts.model import Caller, Member
from clarion.features.accounts.roles import Role
from clarion.foundation.errors import NotFound

SQL = load(__package__, "sessions.sql")

IDLE = timedelta(hours=12)
LIFETIME = timedelta(days=30)
CONFIRMATION = timedelta(minutes=10)
"""How long the second factor is awaited."""
AGENT_LIMIT = 200


@dataclass(frozen=True, slots=True)
class Browser:
    """Where a session is used, as its member recognises it."""

    address: str
    agent: str


@dataclass(frozen=True, slots=True)
class Notice:
    """A sentence that the next page shows."""

    kind: str
    """`success`, `info`, `warning` or `danger`."""
    text: str


@dataclass(frozen=True, slots=True)
class Session:
    """A signed-in member in one browser."""

    id: int
    account_id: int
    account_name: str
    member_id: int
    email: str
    name: str
    role: Role
    confirmed: bool
    """False: the password was right, the second factor is awaited; nothing else is allowed yet."""
    two_factor: bool
    language: str | None
    zone: str
    operator: bool
    """Owner of the installation's first account: who runs it."""
    notices: tuple[Notice, ...]

    @property
    def caller(self) -> Caller:
        """For services that note who acts."""
        return Caller(self.account_id, f"member:{self.member_id}")


@dataclass(frozen=True, slots=True)
class SessionSummary:
    """A session as its member sees it in the list."""

    id: int
    created_at: datetime
    seen_at: datetime
    ends_at: datetime
    address: str
    agent: str


class SessionService:
    """Begins, finds and ends sessions."""

    def __init__(self, *, database: Database) -> None:
        self._database = database

    async def begin(self, member: Member, browser: Browser, *, confirmed: bool) -> str:
        """A new session; what its cookie holds, 256 random bits."""
        token = secrets.token_urlsafe(32)
        async with self._database.transaction() as connection:
            await SQL.forget_old_sessions.execute(connection, idle=IDLE)
            await SQL.create_session.execute(
                connection,
                token_hash=_digest(token),
                account_id=member.account_id,
                member_id=member.id,
                confirmed=confirmed,
                lifetime=LIFETIME if confirmed else CONFIRMATION,
                address=browser.address,
                agent=browser.agent[:AGENT_LIMIT],
            )
        return token

    async def find(self, token: str) -> Session | None:
        """The session that a cookie names, if it is alive; its use is noted."""
        async with self._database.acquire() as connection:
            row = await SQL.session_by_token.fetchrow(connection, token_hash=_digest(token), idle=IDLE)
            if row is None:
                return None
            await SQL.touch_session.execute(connection, account_id=row["account_id"], session_id=row["id"])
        return _session(row)

    async def end(self, token: str) -> None:
        """Forget the session that a cookie names, if there is one."""
        async with self._database.acquire() as connection:
            await SQL.end_session_by_token.execute(connection, token_hash=_digest(token))

    async def notice(self, session: Session, notices: Sequence[Notice]) -> None:
        """Replace what the session's next page shows."""
        texts = [[notice.kind, notice.text] for notice in notices]
        async with self._database.acquire() as connection:
            await SQL.keep_notices.execute(
                connection, account_id=session.account_id, session_id=session.id, notices=texts
            )

    async def list(self, session: Session) -> list[SessionSummary]:
        """Where the member is signed in, latest use first, at most 100."""
        async with self._database.acquire() as connection:
            rows = await SQL.sessions_of_member.fetch(
                connection, account_id=session.account_id, member_id=session.member_id, idle=IDLE
            )
        return [SessionSummary(**row) for row in rows]

    async def revoke(self, session: Session, session_id: int) -> None:
        """Sign one of the member's sessions out; `NotFound` if it is none of theirs."""
        async with self._database.acquire() as connection:
            ended = await SQL.end_session.execute(
                connection, account_id=session.account_id, member_id=session.member_id, session_id=session_id
            )
        if not ended:
            raise NotFound("this session has ended already")

    async def revoke_all(self, session: Session, *, keep_this: bool) -> None:
        """Sign the member out everywhere, or everywhere else."""
        async with self._database.acquire() as connection:
            await SQL.end_sessions.execute(
                connection,
                account_id=session.account_id,
                member_id=session.member_id,
                kept=session.id if keep_this else 0,
            )


def _digest(token: str) -> bytes:
    return hashlib.sha256(token.encode()).digest()


def _session(row: Record) -> Session:
    return Session(
        id=row["id"],
        account_id=row["account_id"],
        account_name=row["account_name"],
        member_id=row["member_id"],
        email=row["email"],
        name=row["name"],
        role=Role(row["role"]),
        confirmed=row["confirmed"],
        two_factor=row["two_factor"],
        language=row["language"],
        zone=row["zone"],
        operator=row["operator"],
        notices=tuple(Notice(kind, text) for kind, text in row["notices"]),
    )
