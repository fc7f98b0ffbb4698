"""The people of an account and the account's own settings. Each account keeps at least one owner."""

from dataclasses import dataclass
from datetime import datetime
from functools import cache
from zoneinfo import available_timezones

from clarion.db import Connection, Database, load
from clarion.db.statements import Record
from clarion.features.accounts.audit import audit
from clarion.features.accounts.model import Caller, checked_name
from clarion.features.accounts.roles import Role
from clarion.features.accounts.sessions import SQL as SESSIONS
from clarion.foundation.errors import Conflict, InvalidInput, NotFound

SQL = load(__package__, "members.sql")

_NO_PLACES = ("Etc/", "SystemV/", "US/")


@dataclass(frozen=True, slots=True)
class MemberSummary:
    """A person as the list shows them."""

    id: int
    email: str
    name: str
    role: str
    created_at: datetime
    two_factor: bool
    seen_at: datetime | None


@dataclass(frozen=True, slots=True)
class AccountSettings:
    """What an account decides for all its members."""

    name: str
    default_zone: str
    """For devices that tell no zone, and for members who have chosen none."""


class MemberService:
    """Lists people, changes roles, ends memberships."""

    def __init__(self, *, database: Database) -> None:
        self._database = database

    async def list(self, account_id: int) -> list[MemberSummary]:
        """Everybody, in the order they came."""
        async with self._database.acquire() as connection:
            rows = await SQL.members.fetch(connection, account_id=account_id)
        return [MemberSummary(**row) for row in rows]

    async def set_role(self, caller: Caller, member_id: int, role: Role) -> None:
        """Change what a member may do, and sign them out. `Conflict` for the last owner, `NotFound` for strangers."""

        async def work(connection: Connection) -> None:
            member = await _changeable(connection, caller, member_id, stays_owner=role is Role.OWNER)
            names = {"account_id": caller.account_id, "member_id": member_id}
            await SQL.set_role.execute(connection, role=str(role), **names)
            await SESSIONS.end_sessions.execute(connection, kept=0, **names)
            detail = {"from": member["role"], "to": str(role)}
            await audit(connection, caller, action="member.role", target=f"member:{member_id}", detail=detail)

        await self._database.run(work)

    async def remove(self, caller: Caller, member_id: int) -> None:
        """End a membership at once. `Conflict` for the last owner, `NotFound` for strangers."""

        async def work(connection: Connection) -> None:
            member = await _changeable(connection, caller, member_id, stays_owner=False)
            await SQL.remove_member.execute(connection, account_id=caller.account_id, member_id=member_id)
            detail = {"email": member["email"]}
            await audit(connection, caller, action="member.remove", target=f"member:{member_id}", detail=detail)

        await self._database.run(work)

    async def settings(self, account_id: int) -> AccountSettings:
        """The account's settings."""
        async with self._database.acquire() as connection:
            row = await SQL.account.fetchrow(connection, account_id=account_id)
        if row is None:
            raise NotFound("this account does not exist")
        return AccountSettings(**row)

    async def save_settings(self, caller: Caller, settings: AccountSettings) -> None:
        """Change the account's settings; `InvalidInput` for an empty name or an unknown zone."""
        name, zone = checked_name(settings.name), checked_zone(settings.default_zone)
        async with self._database.transaction() as connection:
            await SQL.set_account.execute(connection, account_id=caller.account_id, name=name, default_zone=zone)
            detail = {"name": name, "default_zone": zone}
            await audit(
                connection, caller, action="account.update", target=f"account:{caller.account_id}", detail=detail
            )


async def _changeable(connection: Connection, caller: Caller, member_id: int, *, stays_owner: bool) -> Record:
    await SQL.lock_members.fetchval(connection, account_id=caller.account_id)
    member = await SQL.member.fetchrow(connection, account_id=caller.account_id, member_id=member_id)
    if member is None:
        raise NotFound("this member does not exist")
    owners = await SQL.owners.fetchval(connection, account_id=caller.account_id)
    if member["role"] == Role.OWNER and not stays_owner and owners == 1:
        raise Conflict("an account needs an owner; make somebody else an owner first")
    return member


@cache
def zone_names() -> tuple[str, ...]:
    """The zones that people choose from: UTC and those named after places."""
    places = (
        name for name in available_timezones() if "/" in name and not name.startswith(("Etc/", "SystemV/", "US/"))
    )
    return ("UTC", *sorted(places))


def checked_zone(name: str) -> str:
    """A name of the time-zone database; `InvalidInput` for anything else."""
    if name not in available_timezones():
        raise InvalidInput("the time zone must be a name such as Europe/Lisbon")
    return name
