"""The zone that an app's devices are in which tell none."""

from clarion.db import Database, load
from clarion.features.accounts import Caller, audit
from clarion.foundation.errors import InvalidInput, NotFound
from clarion.foundation.zones import names

SQL = load(__package__, "zones.sql")


class DefaultZoneService:
    """Default zones of an account's apps. An id of another account behaves like one that never existed."""

    def __init__(self, *, database: Database) -> None:
        self._database = database

    async def get(self, account_id: int, app_id: int) -> str:
        """The zone's IANA name. `NotFound`."""
        async with self._database.acquire() as connection:
            zone: str | None = await SQL.get_zone.fetchval(connection, account_id=account_id, app_id=app_id)
        if zone is None:
            raise _not_found(app_id)
        return zone

    async def set(self, caller: Caller, app_id: int, *, zone: str) -> None:
        """Take another zone, for moments that are still ahead. `InvalidInput` for a name that is none, `NotFound`."""
        if zone not in names():
            raise InvalidInput(f"zone {zone[:64]!r} is not the IANA name of a time zone")
        async with self._database.transaction() as connection:
            found = await SQL.set_zone.fetchval(connection, account_id=caller.account_id, app_id=app_id, zone=zone)
            if found is None:
                raise _not_found(app_id)
            await audit(connection, caller, action="app.zone", target=f"app:{app_id}", detail={"zone": zone})


def _not_found(app_id: int) -> NotFound:
    return NotFound(f"app {app_id} does not exist")
