"""Schedulers: when something is sent, and to whom. Owns table `scheduler` and the clock's work on it.

States: `active` (waits for its moment), `paused`, `cancelled`, `done` (nothing more to start; its sends may still run).
"""

from clarion.features.schedulers.model import (
    InstantBody,
    InstantCreated,
    OnesendBody,
    OnesendView,
    Scheduler,
    SchedulerPage,
    State,
    canonical_type,
    onesend_view,
)
from clarion.features.schedulers.service import SchedulerService, Sends

__all__ = [
    "InstantBody",
    "InstantCreated",
    "OnesendBody",
    "OnesendView",
    "Scheduler",
    "SchedulerPage",
    "SchedulerService",
    "Sends",
    "State",
    "canonical_type",
    "onesend_view",
]
