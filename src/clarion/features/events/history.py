"""The history of devices: which event happened when, and for the how-manieth time.

Rows are written in the transaction of the use case that causes them. The bits in `device.events` are the devices
feature's own.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

from clarion.db import Connection, load

SQL = load(__package__, "history.sql")

INSTALL_BIT = 0
"""The bit of the system event `install` in every account."""


class EventOccurrence(NamedTuple):
    """An event of a device."""

    app_id: int
    device_id: int
    bit: int


class EventEntry(NamedTuple):
    """A row of the history; `number` counts the device's events of that code from 1."""

    app_id: int
    device_id: int
    bit: int
    number: int
    at: datetime


class EventCode(NamedTuple):
    """What a code means to its account."""

    bit: int
    active: bool


async def record(within: Connection, occurrences: Sequence[EventOccurrence]) -> list[EventEntry]:
    """Append events. The caller's transaction holds the devices' row locks, so that no two get one number."""
    if not occurrences:
        return []
    app_ids, device_ids, bits = zip(*occurrences, strict=True)
    rows = await SQL.append.fetch(within, app_ids=app_ids, device_ids=device_ids, bits=bits)
    return [EventEntry(*row) for row in rows]


async def record_installs(within: Connection, devices: Sequence[tuple[int, int]]) -> None:
    """Begin the history of devices, as (app, device), that the caller's transaction has just created."""
    if not devices:
        return
    app_ids, device_ids = zip(*devices, strict=True)
    await SQL.begin.execute(within, app_ids=app_ids, device_ids=device_ids, bit=INSTALL_BIT)


async def find_code(within: Connection, *, account_id: int, code: str) -> EventCode | None:
    """An account's event code; None if it has no such code."""
    row = await SQL.find_code.fetchrow(within, account_id=account_id, code=code)
    return EventCode(*row) if row else None
