"""A scheduler as `/api/v1` answers it."""

from datetime import datetime
from typing import Any

import msgspec

from clarion.features.audiences import Filter
from clarion.features.rules import Rules
from clarion.features.schedulers.calendar import Late
from clarion.features.schedulers.model import Scheduler, State


class SchedulerView(msgspec.Struct, frozen=True):
    """A scheduler."""

    id: int
    type: str
    name: str
    source: str
    """What made it: `api`, `instant` or `console`."""
    state: State
    timing: dict[str, Any]
    """What its type needs: date, time, timezone …"""
    local_time: bool
    filter: Filter
    push_ids: list[int]
    next_due_at: datetime | None
    """When it is looked at next. One by local time is looked at every quarter of an hour, from its first zone to its
    last; any other one starts a send then. Null when nothing more is to come."""
    created_at: datetime
    updated_at: datetime
    version: int
    """Grows with every edit; an edit that names it fails when somebody was faster."""
    late: Late | None
    """By local time: what zones get whose moment had passed."""
    rules: Rules | None


def scheduler_view(scheduler: Scheduler) -> SchedulerView:
    return SchedulerView(
        id=scheduler.id,
        type=scheduler.type,
        name=scheduler.name,
        source=scheduler.source,
        state=scheduler.state,
        timing=dict(scheduler.timing),
        local_time=scheduler.local_time,
        filter=scheduler.filter,
        push_ids=list(scheduler.push_ids),
        next_due_at=scheduler.next_due_at,
        created_at=scheduler.created_at,
        updated_at=scheduler.updated_at,
        version=scheduler.version,
        late=scheduler.late if scheduler.local_time else None,
        rules=scheduler.rules or None,
    )
