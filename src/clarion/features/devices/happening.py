"""An event of devices, with everything that follows from it in the same transaction: the bits that filters see, the
history, auto-pushes, webhooks. The caller's transaction holds the devices' row locks.
"""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

from clarion.db import Connection, load
from clarion.features import triggers
from clarion.features.devices.model import DeviceKey
from clarion.features.devices.telling import tell_events
from clarion.features.events import history
from clarion.features.events.history import EventEntry

SQL = load(__package__)

DEPOSIT = "dep"
"""Its repetitions are events of their own where the account has codes for them: `dep2`, `dep3`, ..."""


@dataclass(frozen=True, slots=True)
class Happening:
    """An event code that devices are told of."""

    account_id: int
    code: str
    bit: int
    fires: bool
    """Auto-pushes answer it."""


async def happen(within: Connection, event: Happening, keys: Sequence[DeviceKey]) -> None:
    """Let an event happen to devices; of a repeated deposit also the event that is named after its number."""
    entries = await _record(within, event, keys)
    if event.code != DEPOSIT:
        return
    repeated: defaultdict[int, list[DeviceKey]] = defaultdict(list)
    for entry in entries:
        if entry.number > 1:
            repeated[entry.number].append(DeviceKey(entry.app_id, entry.device_id))
    for number, having in sorted(repeated.items()):
        code = f"{DEPOSIT}{number}"
        known = await history.find_code(within, account_id=event.account_id, code=code)
        if known is not None and known.active:
            await _record(within, Happening(event.account_id, code, known.bit, event.fires), having)


async def _record(within: Connection, event: Happening, keys: Sequence[DeviceKey]) -> list[EventEntry]:
    low, high = (1 << event.bit, 0) if event.bit < 63 else (0, 1 << event.bit - 63)
    columns = {"app_ids": [key.app_id for key in keys], "ids": [key.device_id for key in keys]}
    await SQL.mark_events.execute(within, **columns, low=low, high=high)
    entries = await history.record(within, [history.EventOccurrence(*key, event.bit) for key in keys])
    if event.fires:
        await triggers.arm(within, entries)
    await tell_events(within, event.account_id, event.code, entries=entries)
    return entries
