"""Credentials as dispatch finds them: paused, guarded, with suspect tokens; and what their owner does about it.

The mass guard holds tokens back as suspects when one code hits so many devices that a wrong key or environment is
likelier than that many dead devices (providers.md §1.4). The owner knows which it is.
"""

from collections.abc import Sequence
from functools import partial
from typing import Any

from clarion.db import Connection, Database, in_steps, load
from clarion.db.statements import Record, Statement
from clarion.features.accounts import Caller, audit
from clarion.features.deliveries.credential_status import CredentialStatus
from clarion.foundation.errors import NotFound
from clarion.providers.registry import TRANSPORTS, transports_of

SQL = load(__package__, "credentials.sql")

_AT_ONCE = 10_000
"""Tokens changed in one transaction."""


class CredentialService:
    """The credentials of an account. An app of another account behaves like one that never existed."""

    def __init__(self, *, database: Database) -> None:
        self._database = database

    async def list(self, account_id: int, *, count_suspects: bool = True) -> Sequence[CredentialStatus]:
        """All of the account, by app and provider; those of deleted apps are left out.

        Counting suspects takes time where a guard holds back very many; without it there seem to be none.
        """
        async with self._database.transaction() as conn:
            rows = await SQL.credentials.fetch(conn, account_id=account_id)
            app_ids = sorted({row["app_id"] for row in rows}) if count_suspects else []
            suspects = await _suspects(conn, account_id, app_ids) if app_ids else {}
        return [_status(row, suspects.get((row["app_id"], row["provider"]), 0)) for row in rows]

    async def resume(self, caller: Caller, app_id: int, *, provider: str) -> None:
        """Use a paused credential again; repeating is fine. `NotFound`."""

        async def work(conn: Connection) -> None:
            credential = await _locked(conn, caller, app_id=app_id, provider=provider)
            if not credential["paused"]:
                return
            await SQL.resume.execute(conn, account_id=caller.account_id, app_id=app_id, provider=provider)
            await audit(conn, caller, action="credential.resume", target=_target(app_id, provider))

        await self._database.run(work)

    async def confirm_suspects(self, caller: Caller, app_id: int, *, provider: str) -> int:
        """Suspect tokens are dead: use none of them any more, and let the guard begin anew. How many there were.

        Repeating is fine. `NotFound` for the credential.
        """
        return await self._decide(caller, app_id, provider=provider, statement=SQL.confirm_suspects, verb="confirm")

    async def dismiss_suspects(self, caller: Caller, app_id: int, *, provider: str) -> int:
        """Suspect tokens are good: they stay in use, and the guard begins anew. How many there were.

        Repeating is fine. `NotFound` for the credential.
        """
        return await self._decide(caller, app_id, provider=provider, statement=SQL.dismiss_suspects, verb="dismiss")

    async def _decide(self, caller: Caller, app_id: int, *, provider: str, statement: Statement, verb: str) -> int:
        async def step(conn: Connection) -> int:
            await _locked(conn, caller, app_id=app_id, provider=provider)
            return await statement.execute(
                conn, account_id=caller.account_id, app_id=app_id, transports=transports_of(provider), limit=_AT_ONCE
            )

        total = await in_steps(partial(self._database.run, step), full=_AT_ONCE)
        await self._reset_guard(caller, app_id, provider=provider, action=f"credential.{verb}_suspects", count=total)
        return total

    async def _reset_guard(self, caller: Caller, app_id: int, *, provider: str, action: str, count: int) -> None:
        async def work(conn: Connection) -> None:
            credential = await _locked(conn, caller, app_id=app_id, provider=provider)
            if not (count or credential["tripped"]):
                return
            await SQL.reset_guard.execute(conn, account_id=caller.account_id, app_id=app_id, provider=provider)
            await SQL.forget_minutes.execute(conn, app_id=app_id, provider=provider)
            await audit(conn, caller, action=action, target=_target(app_id, provider), detail={"tokens": count})

        await self._database.run(work)


async def _locked(conn: Connection, caller: Caller, *, app_id: int, provider: str) -> Record:
    row = await SQL.lock.fetchrow(conn, account_id=caller.account_id, app_id=app_id, provider=provider)
    if row is None:
        raise NotFound("the app does not exist or has no credential for this provider")
    return row


async def _suspects(conn: Connection, account_id: int, app_ids: Sequence[int]) -> dict[tuple[int, str], int]:
    rows = await SQL.suspects.fetch(conn, account_id=account_id, app_ids=app_ids)
    found: dict[tuple[int, str], int] = {}
    for row in rows:
        key = row["app_id"], TRANSPORTS.get(row["transport"], "")
        found[key] = found.get(key, 0) + row["suspects"]
    return found


def _status(row: Record, suspects: int) -> CredentialStatus:
    fields: dict[str, Any] = dict(row)
    return CredentialStatus(**fields, suspects=suspects)


def _target(app_id: int, provider: str) -> str:
    return f"credential:{app_id}:{provider}"
