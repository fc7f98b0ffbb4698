"""Arming, waking, claiming and removing triggers. Every function works in its caller's transaction."""

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import NamedTuple

from clarion.db import Connection, load
from clarion.features.events.history import INSTALL_BIT, EventEntry

SQL = load(__package__)

PATIENCE = timedelta(hours=24)
"""A trigger that could not go at its moment (paused, no token yet) is dropped so long after it."""


class Key(NamedTuple):
    """A trigger's own name: a scheduler and an event of a device."""

    app_id: int
    device_id: int
    scheduler_id: int
    bit: int
    number: int


class Claimed(NamedTuple):
    """A trigger that this transaction holds."""

    key: Key
    due_at: datetime


async def arm(within: Connection, entries: Sequence[EventEntry]) -> int:
    """Arm the account's schedulers that answer these events; how many triggers that made.

    An event within a second of the one before it, of the same code on the same device, arms nothing; nor does a second
    install.
    """
    if not entries:
        return 0
    app_ids, device_ids, bits, numbers, moments = zip(*entries, strict=True)
    return await SQL.arm.execute(
        within,
        app_ids=app_ids,
        device_ids=device_ids,
        bits=bits,
        numbers=numbers,
        moments=moments,
        install_bit=INSTALL_BIT,
    )


async def arm_installs(within: Connection, devices: Sequence[tuple[int, int]]) -> int:
    """The same for the installs of devices, as (app, device), that this transaction has created."""
    if not devices:
        return 0
    app_ids, device_ids = zip(*devices, strict=True)
    return await SQL.arm_installs.execute(within, app_ids=app_ids, device_ids=device_ids, bit=INSTALL_BIT)


async def wake(within: Connection, devices: Iterable[tuple[int, int]]) -> None:
    """Let triggers go that waited for a token: these devices, as (app, device), have one now."""
    keys = sorted(set(devices))
    if keys:
        app_ids, device_ids = zip(*keys, strict=True)
        await SQL.wake.execute(within, app_ids=app_ids, device_ids=device_ids)


async def due_schedulers(within: Connection, *, now: datetime, limit: int) -> list[int]:
    """Active schedulers with triggers whose moment has come, longest waiting first."""
    rows = await SQL.due_schedulers.fetch(within, now=now, limit=limit)
    return [row["id"] for row in rows]


async def waiting(within: Connection, scheduler_id: int) -> int:
    """How many triggers of a scheduler wait for their moment."""
    count: int = await SQL.waiting.fetchval(within, scheduler_id=scheduler_id)
    return count


async def claim(within: Connection, scheduler_id: int, *, now: datetime, limit: int) -> list[Claimed]:
    """Hold due triggers of a scheduler until the end of the transaction, none that somebody else holds."""
    rows = await SQL.claim.fetch(within, scheduler_id=scheduler_id, now=now, limit=limit)
    return [
        Claimed(Key(row["app_id"], row["device_id"], scheduler_id, row["bit"], row["number"]), row["due_at"])
        for row in rows
    ]


async def remove(within: Connection, keys: Sequence[Key]) -> None:
    """Triggers that are done with."""
    if keys:
        await SQL.remove.execute(within, **_columns(keys))


async def let_wait(within: Connection, keys: Sequence[Key]) -> None:
    """Triggers whose devices have no token yet: `wake` lets them go."""
    if keys:
        await SQL.let_wait.execute(within, **_columns(keys))


async def sweep(within: Connection, *, now: datetime, limit: int) -> int:
    """Remove triggers that nothing will ever fire: their scheduler is over, or no token came in time; how many."""
    over = await SQL.sweep_over.execute(within, limit=limit)
    return over + await SQL.sweep_tokenless.execute(within, before=now - PATIENCE, limit=limit)


async def skip_due(within: Connection) -> int:
    """Drop every trigger of the installation whose moment has passed (after a restore); how many there were."""
    return await SQL.skip_due.execute(within)


def _columns(keys: Sequence[Key]) -> dict[str, Sequence[int]]:
    app_ids, device_ids, scheduler_ids, bits, numbers = zip(*keys, strict=True)
    return {
        "app_ids": app_ids,
        "device_ids": device_ids,
        "scheduler_ids": scheduler_ids,
        "bits": bits,
        "numbers": numbers,
    }
