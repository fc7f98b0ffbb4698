"""What members decide about themselves: how they are called, their language and zone, password, second factor."""

import base64
import binascii
from dataclasses import dataclass

from clarion.db import Connection, Database, load
from clarion.features.accounts.audit import audit
from clarion.features.accounts.members import checked_zone
from clarion.features.accounts.model import checked_name, checked_password
from clarion.features.accounts.passwords import Passwords
from clarion.features.accounts.sessions import SQL as SESSIONS
from clarion.features.accounts.sessions import Session
from clarion.features.accounts.signing_in import recovery_hash, totp_context
from clarion.features.accounts.throttle import SECOND_FACTOR, Subject, Throttle
from clarion.features.accounts.totp import as_text, matching_step, new_recovery_codes, new_secret, provisioning_uri
from clarion.foundation.clock import Clock
from clarion.foundation.errors import ConfigurationError, InvalidInput, NotFound
from clarion.foundation.secrets import Keeper

SQL = load(__package__, "profile.sql")

WRONG_PASSWORD = "the present password is wrong"  # noqa: S105 - a sentence
WRONG_CODE = "this code is wrong; is the clock of your phone right?"


@dataclass(frozen=True, slots=True)
class Profile:
    """A member's own settings; None where the browser or the account decides."""

    name: str
    language: str | None
    time_zone: str | None
    two_factor: bool = False
    recovery_codes: int = 0
    """How many are left."""


@dataclass(frozen=True, slots=True)
class Proposal:
    """A second factor that was not confirmed yet."""

    sealed: str
    """To be sent back with the first code."""
    text: str
    """For typing in."""
    uri: str
    """For the QR code."""

    def __repr__(self) -> str:
        return "<Proposal>"


class ProfileService:
    """Changes what belongs to one member."""

    def __init__(self, *, database: Database, keeper: Keeper, clock: Clock) -> None:
        self._database = database
        self._keeper = keeper
        self._clock = clock
        self._passwords = Passwords()
        self._throttle = Throttle(database=database, keeper=keeper)

    async def get(self, session: Session) -> Profile:
        """The member's settings."""
        async with self._database.acquire() as connection:
            row = await SQL.profile.fetchrow(connection, **_names(session))
        if row is None:
            raise NotFound("this member does not exist")
        return Profile(row["name"], row["language"], row["time_zone"], row["two_factor"], row["recovery_codes"])

    async def save(self, session: Session, profile: Profile) -> None:
        """Change name, language and zone; `InvalidInput` for what cannot be."""
        name = checked_name(profile.name) if profile.name.strip() else ""
        zone = checked_zone(profile.time_zone) if profile.time_zone else None
        async with self._database.transaction() as connection:
            await SQL.save_profile.execute(
                connection, name=name, language=profile.language or None, time_zone=zone, **_names(session)
            )
            await audit(connection, session.caller, action="member.update", target=f"member:{session.member_id}")

    async def change_password(self, session: Session, *, present: str, new: str) -> None:
        """A new password; all other sessions end. `InvalidInput` when the present one is wrong."""
        await self._check_password(session, present)
        hashed = await self._passwords.hash(checked_password(new))
        async with self._database.transaction() as connection:
            await SQL.change_password.execute(connection, password_hash=hashed, **_names(session))
            await SESSIONS.end_sessions.execute(connection, kept=session.id, **_names(session))
            await audit(connection, session.caller, action="member.password", target=f"member:{session.member_id}")

    def propose_second_factor(self, session: Session) -> Proposal:
        """A new secret for the member's phone; nothing is kept yet."""
        secret = new_secret()
        sealed = self._keeper.seal(secret, _proposal_context(session))
        uri = provisioning_uri(secret, email=session.email)
        return Proposal(base64.urlsafe_b64encode(sealed).decode(), as_text(secret), uri)

    def proposal(self, session: Session, sealed: str) -> Proposal:
        """The same proposal again; `InvalidInput` when it is none of this member's."""
        secret = self._opened(session, sealed)
        return Proposal(sealed, as_text(secret), provisioning_uri(secret, email=session.email))

    async def enable_second_factor(self, session: Session, *, sealed: str, code: str) -> list[str]:
        """Ask for codes from now on; the recovery codes. Other sessions end. `InvalidInput` for a wrong code."""
        secret = self._opened(session, sealed)
        step = matching_step(secret, code.replace(" ", ""), now=self._clock.now(), after=0)
        if step is None:
            raise InvalidInput(WRONG_CODE)
        codes = new_recovery_codes()

        async def work(connection: Connection) -> None:
            kept = self._keeper.seal(secret, totp_context(session.member_id))
            await SQL.set_second_factor.execute(connection, totp_secret=kept, totp_step=step, **_names(session))
            await self._replace_codes(connection, session, codes)
            await SESSIONS.end_sessions.execute(connection, kept=session.id, **_names(session))
            await audit(connection, session.caller, action="member.second_factor", target=f"member:{session.member_id}")

        await self._database.run(work)
        return codes

    async def new_recovery_codes(self, session: Session, *, password: str) -> list[str]:
        """Fresh recovery codes; the old ones stop working. `InvalidInput` when the password is wrong."""
        await self._check_password(session, password)
        codes = new_recovery_codes()

        async def work(connection: Connection) -> None:
            await self._replace_codes(connection, session, codes)
            await audit(
                connection, session.caller, action="member.recovery_codes", target=f"member:{session.member_id}"
            )

        await self._database.run(work)
        return codes

    async def disable_second_factor(self, session: Session, *, password: str) -> None:
        """Ask for codes no longer; `InvalidInput` when the password is wrong."""
        await self._check_password(session, password)

        async def work(connection: Connection) -> None:
            await SQL.set_second_factor.execute(connection, totp_secret=None, totp_step=0, **_names(session))
            await SQL.forget_recovery_codes.execute(connection, **_names(session))
            await audit(
                connection, session.caller, action="member.no_second_factor", target=f"member:{session.member_id}"
            )

        await self._database.run(work)

    async def _replace_codes(self, connection: Connection, session: Session, codes: list[str]) -> None:
        hashes = [recovery_hash(self._keeper, session.member_id, code) for code in codes]
        await SQL.forget_recovery_codes.execute(connection, **_names(session))
        await SQL.add_recovery_codes.execute(connection, hashes=hashes, **_names(session))

    async def _check_password(self, session: Session, password: str) -> None:
        subjects = [Subject(f"password of member {session.member_id}", SECOND_FACTOR)]
        await self._throttle.take(subjects)
        async with self._database.acquire() as connection:
            row = await SQL.profile.fetchrow(connection, **_names(session))
        if row is None or not await self._passwords.matches(password, row["password_hash"]):
            raise InvalidInput(WRONG_PASSWORD)
        await self._throttle.succeeded(subjects)

    def _opened(self, session: Session, sealed: str) -> bytes:
        try:
            return self._keeper.open(base64.urlsafe_b64decode(sealed.encode("ascii")), _proposal_context(session))
        except (binascii.Error, ValueError, ConfigurationError):
            raise InvalidInput("this page is too old; begin again") from None


def _names(session: Session) -> dict[str, int]:
    return {"account_id": session.account_id, "member_id": session.member_id}


def _proposal_context(session: Session) -> str:
    """A proposal works in the session that it was made in."""
    return f"totp proposal:{session.member_id}:{session.id}"
