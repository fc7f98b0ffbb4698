"""Use cases of event definitions, and the bits that filters work with."""

from collections.abc import Mapping

from clarion.db import Connection, Database, load
from clarion.db.statements import Record
from clarion.features.accounts import Caller, audit
from clarion.features.accounts.model import checked_name
from clarion.features.events.model import BITS, EventDefinition, checked_code
from clarion.foundation.errors import Forbidden, InvalidInput, NotFound

SQL = load(__package__)


class EventService:
    """An account's event codes. An id of another account behaves like one that never existed."""

    def __init__(self, *, database: Database) -> None:
        self._database = database

    async def create(self, caller: Caller, *, name: str, code: str) -> int:
        """A new active custom event; its id. `InvalidInput` if the code is malformed, in use or one too many."""
        title, event_code = checked_name(name), checked_code(code)

        async def work(connection: Connection) -> int:
            bit = await _next_bit(connection, caller.account_id)
            event_id: int | None = await SQL.create.fetchval(
                connection, account_id=caller.account_id, code=event_code, name=title, bit=bit
            )
            if event_id is None:
                raise _in_use(event_code)
            await audit(connection, caller, action="event.create", target=f"event:{event_id}")
            return event_id

        return await self._database.run(work)

    async def page(
        self, account_id: int, *, offset: int, limit: int, with_system: bool
    ) -> tuple[list[EventDefinition], int]:
        """Definitions in the order of their creation, and how many there are in all."""
        async with self._database.transaction() as connection:
            total = await SQL.count.fetchval(connection, account_id=account_id, with_system=with_system)
            rows = await SQL.page.fetch(
                connection, account_id=account_id, with_system=with_system, per_page=limit, offset=offset
            )
        return [_definition(row) for row in rows], total

    async def get(self, account_id: int, event_id: int) -> EventDefinition:
        """One definition, custom or system. `NotFound`."""
        async with self._database.acquire() as connection:
            row = await SQL.get.fetchrow(connection, account_id=account_id, event_id=event_id)
        if row is None:
            raise _not_found()
        return _definition(row)

    async def update(self, caller: Caller, event_id: int, *, name: str, code: str | None) -> None:
        """Rename, and change the code if one is given: filters and history follow it.

        `NotFound`; `Forbidden` for a system event; `InvalidInput` for a bad name or code.
        """
        title = checked_name(name)

        async def work(connection: Connection) -> None:
            event = await _custom(connection, caller, event_id=event_id)
            new_code = event.code if code is None else checked_code(code)
            if new_code != event.code:
                await _change_code(connection, caller, event=event, code=new_code)
            await SQL.update.execute(
                connection, account_id=caller.account_id, event_id=event_id, name=title, code=new_code
            )
            await audit(connection, caller, action="event.update", target=f"event:{event_id}")

        await self._database.run(work)

    async def delete(self, caller: Caller, event_id: int) -> None:
        """Take the code out of use and out of filters. `NotFound`; `Forbidden` for a system event."""

        async def work(connection: Connection) -> None:
            event = await _custom(connection, caller, event_id=event_id)
            await SQL.delete.execute(connection, account_id=caller.account_id, event_id=event_id)
            await SQL.drop_from_filters.execute(connection, account_id=caller.account_id, code=event.code)
            await audit(connection, caller, action="event.delete", target=f"event:{event_id}")

        await self._database.run(work)

    async def set_active(self, caller: Caller, event_id: int, *, active: bool) -> None:
        """Listen to postbacks of this code or ignore them; repeating is fine.

        `NotFound`; `Forbidden` for a system event.
        """

        async def work(connection: Connection) -> None:
            event = await _custom(connection, caller, event_id=event_id)
            if event.status == int(active):
                return
            await SQL.set_active.execute(connection, account_id=caller.account_id, event_id=event_id, active=active)
            action = "event.activate" if active else "event.deactivate"
            await audit(connection, caller, action=action, target=f"event:{event_id}")

        await self._database.run(work)

    async def bits(self, account_id: int, *, within: Connection | None = None) -> Mapping[str, int]:
        """Bit number by event code, of active and inactive codes; deleted ones are left out."""
        async with self._database.joined(within) as connection:
            rows = await SQL.bits.fetch(connection, account_id=account_id)
        return {row["code"]: row["bit"] for row in rows}


async def _next_bit(connection: Connection, account_id: int) -> int:
    await SQL.lock_account.execute(connection, account_id=account_id)
    bit: int = await SQL.next_bit.fetchval(connection, account_id=account_id)
    if bit >= BITS:
        raise InvalidInput(f"an account can have {BITS} event codes, deleted ones included, and has them all")
    return bit


async def _custom(connection: Connection, caller: Caller, *, event_id: int) -> EventDefinition:
    """The event, locked, if it may be changed."""
    row = await SQL.lock.fetchrow(connection, account_id=caller.account_id, event_id=event_id)
    if row is None:
        raise _not_found()
    if row["type"] == "SYSTEM":
        raise Forbidden("system events cannot be changed")
    return _definition(row)


async def _change_code(connection: Connection, caller: Caller, *, event: EventDefinition, code: str) -> None:
    await SQL.lock_account.execute(connection, account_id=caller.account_id)
    if await SQL.code_in_use.fetchval(connection, account_id=caller.account_id, event_id=event.id, code=code):
        raise _in_use(code)
    await SQL.rename_in_filters.execute(connection, account_id=caller.account_id, old=event.code, new=code)


def _definition(row: Record) -> EventDefinition:
    return EventDefinition(row["id"], row["name"], row["code"], int(row["active"]), row["type"])


def _in_use(code: str) -> InvalidInput:
    return InvalidInput(f"the event code {code!r} is in use")


def _not_found() -> NotFound:
    return NotFound("not found: the event does not exist")
