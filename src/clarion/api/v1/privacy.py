"""What the law lets people ask for: everything on a device or a person, told in full or erased."""

from typing import Annotated

import msgspec
from litestar import delete, get, post
from litestar.di import NamedDependency
from litestar.params import JSONBody

from clarion.api.auth import CurrentCaller
from clarion.api.binding import PathId
from clarion.features.devices.privacy import DeviceRecord, PrivacyService

Privacy = NamedDependency[PrivacyService]


class Person(msgspec.Struct, frozen=True):
    """Who is meant. In a body, since addresses are written into logs."""

    external_id: Annotated[str, msgspec.Meta(min_length=1, max_length=1000)]
    """As the app told it."""


class ExportView(msgspec.Struct, frozen=True):
    """Everything that is kept, by device."""

    devices: list[DeviceRecord]


class Erased(msgspec.Struct, frozen=True):
    """How many devices are gone."""

    devices: int
    """0 when they were erased before."""


@get("/devices/{device_id:str}/export", summary="Export a device", tags=["devices"])
async def export_device(device_id: PathId, caller: CurrentCaller, privacy: Privacy) -> ExportView:
    """Everything that is kept on a device: what it told with its tokens in full, events, messages of the last 30 days,
    what waits for it.
    """
    return ExportView(await privacy.export_device(caller, device_id))


@delete("/devices/{device_id:str}", status_code=204, summary="Erase a device", tags=["devices"])
async def erase_device(device_id: PathId, caller: CurrentCaller, privacy: Privacy) -> None:
    """The device with everything on it. Its messages stay in the counts under a random number; sends that run skip it.
    This cannot be undone; repeating is fine. An app that is still installed registers anew when it is opened.
    """
    await privacy.erase_device(caller, device_id)


@post("/external-users/export", status_code=200, summary="Export a person", tags=["devices"])
async def export_person(data: JSONBody[Person], caller: CurrentCaller, privacy: Privacy) -> ExportView:
    """The same for every device of an external id, at most 1000."""
    return ExportView(await privacy.export_user(caller, data.external_id))


@post("/external-users/erase", status_code=200, summary="Erase a person", tags=["devices"])
async def erase_person(data: JSONBody[Person], caller: CurrentCaller, privacy: Privacy) -> Erased:
    """Every device of an external id, active or not."""
    return Erased(await privacy.erase_user(caller, data.external_id))
