"""Creating auto-pushes."""

import msgspec

from clarion.db import Database, load
from clarion.features.accounts import Caller, audit
from clarion.features.accounts.model import checked_name
from clarion.features.audiences import AudienceService, filter_of
from clarion.features.schedulers.conversion import ConversionBody, parse_delay
from clarion.foundation.errors import InvalidInput

SQL = load(__package__, "conversion.sql")


class ConversionService:
    """Auto-pushes of an account. Reading, pausing and cancelling them is `SchedulerService`'s."""

    def __init__(self, *, database: Database, audiences: AudienceService) -> None:
        self._database = database
        self._audiences = audiences

    async def create(self, caller: Caller, body: ConversionBody) -> int:
        """An auto-push that answers events from now on; sends nothing while no push is bound. Returns its id.

        `InvalidInput` for a broken rule of management-api.md §7.1 and §7.3, `UnknownReference` for an id in the filter.
        """
        name, timing, filter_ = checked_name(body.name), parse_delay(body.delay), filter_of(body)
        if not filter_.events_included:
            raise InvalidInput("event_include is required: it names the events that fire the auto-push")
        async with self._database.transaction() as conn:
            await self._audiences.check(caller.account_id, filter_, within=conn)
            if not await self._audiences.resolve_apps(caller.account_id, filter_, within=conn):
                raise InvalidInput("the filter leaves no active app")
            scheduler_id: int = await SQL.insert.fetchval(
                conn,
                account_id=caller.account_id,
                name=name,
                timing=msgspec.to_builtins(timing),
                filter=msgspec.to_builtins(filter_),
            )
            await audit(conn, caller, action="scheduler.create", target=f"scheduler:{scheduler_id}")
        return scheduler_id
