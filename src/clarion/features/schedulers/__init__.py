"""Schedulers: when something is sent, and to whom. Owns table `scheduler` and the clock's work on it.

States: `draft` (waits for nothing), `active` (waits for its moment), `paused`, `cancelled`, `done`
(nothing more to start; its sends may still run).
"""

from clarion.features.schedulers.model import (
    InstantBody,
    InstantCreated,
    OnesendBody,
    OnesendView,
    Scheduler,
    SchedulerPage,
    State,
    WeeklyBody,
    WeeklyView,
    canonical_type,
    onesend_view,
    weekly_view,
)
from clarion.features.schedulers.ports import Sends
from clarion.features.schedulers.service import SchedulerService

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
    "WeeklyBody",
    "WeeklyView",
    "canonical_type",
    "onesend_view",
    "weekly_view",
]
