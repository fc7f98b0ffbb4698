"""Audiences: how many devices a filter means."""

import msgspec
from litestar import post
from litestar.di import NamedDependency
from litestar.params import JSONBody

from clarion.api.auth import CurrentCaller
from clarion.features.audiences import AudienceService, Filter


class AppEstimate(msgspec.Struct, frozen=True):
    """The share of one app."""

    app_id: int
    devices: int


class EstimateView(msgspec.Struct, frozen=True):
    """How many reachable devices a filter means at present."""

    devices: int
    exact: bool
    """False: extrapolated from a sample of each app's devices."""
    by_app: list[AppEstimate]


@post("/audiences/estimate", status_code=200, summary="Estimate an audience", tags=["audiences"])
async def estimate_audience(
    data: JSONBody[Filter], caller: CurrentCaller, audiences: NamedDependency[AudienceService]
) -> EstimateView:
    """The devices that would get a message now, for the filter of a scheduler; takes constant time."""
    found = await audiences.estimate(caller.account_id, data)
    shares = [AppEstimate(app_id, devices) for app_id, devices in sorted(found.by_app.items())]
    return EstimateView(found.devices, found.exact, shares)
