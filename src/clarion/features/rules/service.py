"""Use cases of rules: what an account says for itself and for its apps. Schedulers carry theirs themselves."""

from clarion.db import Database, load
from clarion.features.accounts import Caller, audit
from clarion.features.rules.limits import Level
from clarion.features.rules.model import Rules, checked, read, stored
from clarion.foundation.errors import NotFound

SQL = load(__package__)


class RuleService:
    """Rules of an account. An app of another account behaves like one that never existed."""

    def __init__(self, *, database: Database) -> None:
        self._database = database

    async def of_account(self, account_id: int) -> Rules:
        """What the account says for all of its messages."""
        async with self._database.acquire() as conn:
            return read(await SQL.account.fetchval(conn, account_id=account_id))

    async def set_account(self, caller: Caller, rules: Rules) -> None:
        """Replace the account's rules; running sends go by the new ones within a second.

        `InvalidInput` names the first condition that they break.
        """
        checked(rules, Level.ACCOUNT)
        async with self._database.transaction() as conn:
            await SQL.set_account.execute(conn, account_id=caller.account_id, rules=stored(rules))
            target = f"account:{caller.account_id}"
            await audit(conn, caller, action="rules.set", target=target, detail=stored(rules))

    async def of_app(self, account_id: int, app_id: int) -> Rules:
        """What holds for an app besides. `NotFound`."""
        async with self._database.acquire() as conn:
            row = await SQL.app.fetchrow(conn, account_id=account_id, app_id=app_id)
        if row is None:
            raise _not_found(app_id)
        return read(row["rules"])

    async def set_app(self, caller: Caller, app_id: int, rules: Rules) -> None:
        """Replace an app's rules; running sends go by the new ones within a second.

        `InvalidInput` names the first condition that they break. `NotFound`.
        """
        checked(rules, Level.APP)
        async with self._database.transaction() as conn:
            found = await SQL.set_app.fetchval(conn, account_id=caller.account_id, app_id=app_id, rules=stored(rules))
            if found is None:
                raise _not_found(app_id)
            await audit(conn, caller, action="rules.set", target=f"app:{app_id}", detail=stored(rules))


def _not_found(app_id: int) -> NotFound:
    return NotFound(f"app {app_id} does not exist")
