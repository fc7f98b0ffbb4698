"""Instant sendings (management-api.md §7.5)."""

from litestar import post

from clarion.features.accounts import Caller
from clarion.features.schedulers import InstantBody, InstantCreated
from clarion.features.schedulers.service import SchedulerService


@post("/send/instant", status_code=201, summary="Send now", tags=["schedulers"])
async def send_instant(data: InstantBody, caller: Caller, schedulers: SchedulerService) -> InstantCreated:
    """Create a one-time sending that is due shortly, its push and their binding: all or nothing."""
    return await schedulers.instant(caller, data)
