"""Instant sendings (management-api.md §7.5)."""

from litestar import post
from litestar.di import NamedDependency
from litestar.params import JSONBody

from clarion.api.auth import CurrentCaller
from clarion.features.schedulers import InstantBody, InstantCreated
from clarion.features.schedulers.service import SchedulerService


@post("/send/instant", status_code=201, summary="Send now", tags=["schedulers"])
async def send_instant(
    data: JSONBody[InstantBody], caller: CurrentCaller, schedulers: NamedDependency[SchedulerService]
) -> InstantCreated:
    """Create a one-time sending that is due shortly, its push and their binding: all or nothing."""
    return await schedulers.instant(caller, data)
