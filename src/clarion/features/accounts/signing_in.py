"""Signing in: the password, then the second factor where a member has one; both throttled."""

from dataclasses import dataclass

from clarion.db import Connection, Database, load
from clarion.db.statements import Record
from clarion.features.accounts.audit import audit
from clarion.features.accounts.model import Caller, Member
from clarion.features.accounts.service import AccountService
from clarion.features.accounts.sessions import Session
from clarion.features.accounts.throttle import NETWORK, PAIR, PERSON, SECOND_FACTOR, Subject, Throttle
from clarion.features.accounts.totp import matching_step, tidy_code
from clarion.foundation.clock import Clock
from clarion.foundation.errors import Unauthorized
from clarion.foundation.secrets import Keeper

SQL = load(__package__, "signing_in.sql")

WRONG_CODE = "this code is wrong or was used before"


@dataclass(frozen=True, slots=True)
class Attempt:
    """Who tries to sign in, from where."""

    email: str
    network: str
    known: bool = False
    """Whether this person has signed in from this browser before (`SignInService.recognises`)."""

    def subjects(self) -> list[Subject]:
        """What the attempt counts for."""
        email = self.email.strip().lower()
        found = [Subject(f"{email}|{self.network}", PAIR), Subject(f"|{self.network}", NETWORK)]
        return found if self.known else [*found, Subject(f"{email}|", PERSON)]


class SignInService:
    """Decides whether somebody is who they say."""

    def __init__(self, *, database: Database, keeper: Keeper, accounts: AccountService, clock: Clock) -> None:
        self._database = database
        self._keeper = keeper
        self._accounts = accounts
        self._clock = clock
        self._throttle = Throttle(database=database, keeper=keeper)

    async def check_password(self, attempt: Attempt, password: str) -> Member:
        """The member; `Unauthorized` when address or password is wrong, `TooManyRequests`, `Forbidden` if suspended."""
        subjects = attempt.subjects()
        await self._throttle.take(subjects)
        member = await self._accounts.sign_in(attempt.email, password)
        await self._throttle.succeeded(subjects)
        return member

    async def asks_for_code(self, member: Member) -> bool:
        """Whether the member has a second factor."""
        async with self._database.acquire() as connection:
            return bool(await SQL.asks_for_code.fetchval(connection, account_id=member.account_id, member_id=member.id))

    async def check_code(self, session: Session, code: str) -> Member:
        """The member of a session that awaits its second factor; `Unauthorized` when the code is wrong."""
        subjects = [Subject(f"code of member {session.member_id}", SECOND_FACTOR)]
        await self._throttle.take(subjects)
        tidy = tidy_code(code)

        async def work(connection: Connection) -> Member:
            names = {"account_id": session.account_id, "member_id": session.member_id}
            row = await SQL.second_factor.fetchrow(connection, **names)
            if row is None or not await self._use(connection, row, tidy, session=session):
                raise Unauthorized(WRONG_CODE)
            return Member(session.member_id, session.account_id, row["email"], row["role"])

        member = await self._database.run(work)
        await self._throttle.succeeded(subjects)
        return member

    async def _use(self, connection: Connection, row: Record, code: str, *, session: Session) -> bool:
        names = {"account_id": session.account_id, "member_id": session.member_id}
        secret = self._keeper.open(row["totp_secret"], totp_context(session.member_id))
        step = matching_step(secret, code, now=self._clock.now(), after=row["totp_step"])
        if step is not None:
            await SQL.use_step.execute(connection, step=step, **names)
            return True
        hashed = recovery_hash(self._keeper, session.member_id, code)
        used = await SQL.use_recovery_code.execute(connection, code_hash=hashed, **names)
        if used:
            await audit(connection, session.caller, action="member.recovery_code", target=f"member:{session.member_id}")
        return bool(used)

    def known_mark(self, email: str) -> str:
        """What a browser keeps after a sign-in, so that guesses from elsewhere do not slow its owner down."""
        return self._keeper.lookup_hash(email.strip().lower(), "known browser").hex()

    def recognises(self, mark: str, email: str) -> bool:
        """Whether a browser keeps the mark of this person."""
        return mark.isascii() and mark == self.known_mark(email)

    async def note(self, member: Member, *, action: str = "member.sign_in", address: str) -> None:
        """Write a sign-in into the account's history."""
        caller = Caller(member.account_id, f"member:{member.id}")
        async with self._database.transaction() as connection:
            await audit(connection, caller, action=action, target=f"member:{member.id}", detail={"address": address})


def totp_context(member_id: int) -> str:
    """What a member's sealed secret is bound to."""
    return f"totp:{member_id}"


def recovery_hash(keeper: Keeper, member_id: int, code: str) -> bytes:
    """What is kept of a recovery code."""
    return keeper.lookup_hash(f"{member_id}:{code}", "recovery code")
