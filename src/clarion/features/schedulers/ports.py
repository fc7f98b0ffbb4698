"""What schedulers ask of the sends below them, and how rows become schedulers."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Protocol

import msgspec

from clarion.db import Conditions, Connection
from clarion.db.statements import Record
from clarion.features.audiences import Filter
from clarion.features.rules import read
from clarion.features.schedulers.calendar import Late
from clarion.features.schedulers.model import Scheduler, State
from clarion.features.schedulers.timing import OnesendTiming, Timing, WeeklyTiming
from clarion.features.sends.model import WHOLE, Part
from clarion.features.sends.zones import AppZone


class Sends(Protocol):
    """What a scheduler asks of the sends below it. Every method works in the caller's transaction."""

    async def plan(
        self,
        *,
        account_id: int,
        scheduler_id: int,
        occurrence: datetime,
        due_at: datetime,
        cutoff_at: datetime,
        push_ids: Sequence[int],
        app_ids: Sequence[int],
        conditions: Conditions,
        within: Connection,
        part: Part = WHOLE,
        rotates: bool = False,
        shares: Sequence[int] | None = None,
    ) -> int | None:
        """Insert the send with its slices; None when this part of the occurrence has one already.

        `shares` are those of `push_ids`, in their order; None = equal ones.
        """

    async def zones_of(self, account_id: int, app_ids: Sequence[int], within: Connection) -> list[AppZone]:
        """The zones of the reachable devices of apps."""

    async def apps_with_moved(
        self, account_id: int, app_ids: Sequence[int], since: datetime, within: Connection
    ) -> list[int]:
        """Those of the apps where some device changed its zone since then."""

    async def open_parts(self, account_id: int, scheduler_id: int, occurrence: datetime, within: Connection) -> int:
        """How many sends of an occurrence are not over."""

    async def left_of(self, account_id: int, scheduler_id: int, within: Connection) -> tuple[int, int]:
        """Devices that the scheduler's sends were planned for, and about how many of those the open ones have left."""

    async def cancel_of(self, account_id: int, scheduler_id: int, within: Connection) -> int:
        """Cancel the scheduler's open sends; how many there were."""

    async def pause_of(self, account_id: int, scheduler_id: int, within: Connection) -> int:
        """Pause the scheduler's running sends; how many there were."""

    async def resume_of(self, account_id: int, scheduler_id: int, within: Connection) -> int:
        """Let the scheduler's paused sends go on; how many there were."""


def scheduler_of(row: Record, push_ids: Sequence[int] = ()) -> Scheduler:
    """The scheduler that a row tells of."""
    fields: dict[str, Any] = dict(row)
    fields["filter"] = msgspec.convert(fields["filter"], Filter)
    fields["state"] = State(fields["state"])
    fields["late"] = Late(fields["late"])
    fields["rules"] = read(fields["rules"])
    fields.pop("begun", None)
    return Scheduler(**fields, push_ids=push_ids)


def timing_of(scheduler: Scheduler) -> Timing:
    """The timing of a scheduler that has slots."""
    if scheduler.type == "weekly":
        return msgspec.convert(scheduler.timing, WeeklyTiming)
    return msgspec.convert(scheduler.timing, OnesendTiming)
