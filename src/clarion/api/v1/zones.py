"""The default zone of an app: which clock counts for devices that tell none."""

import msgspec
from litestar import get, put
from litestar.di import NamedDependency
from litestar.params import JSONBody

from clarion.api.auth import CurrentCaller
from clarion.api.binding import PathId
from clarion.features.apps.zones import DefaultZoneService

Zones = NamedDependency[DefaultZoneService]


class DefaultZone(msgspec.Struct, frozen=True):
    """A time zone by its IANA name."""

    zone: str


@get("/apps/{app_id:str}/default-zone", summary="Show an app's default zone", tags=("apps",))
async def show_default_zone(app_id: PathId, caller: CurrentCaller, default_zones: Zones) -> DefaultZone:
    """The clock of devices that tell no zone; `UTC` unless another was set."""
    return DefaultZone(await default_zones.get(caller.account_id, app_id))


@put("/apps/{app_id:str}/default-zone", status_code=204, summary="Set an app's default zone", tags=("apps",))
async def set_default_zone(
    app_id: PathId, data: JSONBody[DefaultZone], caller: CurrentCaller, default_zones: Zones
) -> None:
    """For moments that are still ahead; better not while a sending by local time is under way."""
    await default_zones.set(caller, app_id, zone=data.zone)
