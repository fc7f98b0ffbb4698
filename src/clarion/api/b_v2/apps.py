"""Applications (management-api.md §3)."""

import msgspec
from litestar import Controller, delete, get, post, put
from litestar.di import NamedDependency
from litestar.params import FromQuery, JSONBody

from clarion.api.auth import CurrentCaller
from clarion.api.b_v2.shapes import Created
from clarion.api.binding import PathId
from clarion.features.apps.forms import Credentials
from clarion.features.apps.model import App
from clarion.features.apps.service import AppService

Apps = NamedDependency[AppService]


class CreateApp(Credentials, frozen=True, kw_only=True):
    """A new app with the credentials of its main provider; those of others may come along."""

    name: str
    link: str | None = None


class UpdateApp(msgspec.Struct, frozen=True):
    """New base data; what is absent stays."""

    name: str | None = None
    link: str | None = None


class VapidKey(msgspec.Struct, frozen=True):
    """An app's public VAPID key, twice."""

    vapid_key: str
    public_key: str


class AppsController(Controller):
    """`/apps`."""

    path = "/apps"
    tags = ("apps",)

    @post("/", status_code=201, summary="Create an app")
    async def create(self, data: JSONBody[CreateApp], caller: CurrentCaller, apps: Apps) -> Created:
        """The id of the new app."""
        return Created(await apps.create(caller, name=data.name, link=data.link, credentials=data))

    @get("/", summary="List apps")
    async def list_apps(self, caller: CurrentCaller, apps: Apps, archived: FromQuery[str | None] = None) -> list[App]:
        """With `archived=true` the archived apps, else the active ones."""
        return await apps.list(caller.account_id, archived=archived == "true")

    @get("/{app_id:str}", summary="Get an app")
    async def get_app(self, app_id: PathId, caller: CurrentCaller, apps: Apps) -> App:
        """An app, archived or not."""
        return await apps.get(caller.account_id, app_id)

    @put("/{app_id:str}", status_code=204, summary="Change an app's name or link")
    async def update(self, app_id: PathId, data: JSONBody[UpdateApp], caller: CurrentCaller, apps: Apps) -> None:
        """Credentials have a call of their own."""
        await apps.update(caller, app_id, name=data.name, link=data.link)

    @delete("/{app_id:str}", status_code=204, summary="Delete an app")
    async def remove(self, app_id: PathId, caller: CurrentCaller, apps: Apps) -> None:
        """It leaves all groups and schedulers; its devices stop receiving."""
        await apps.delete(caller, app_id)

    @post("/{app_id:str}/archive", status_code=204, summary="Archive an app")
    async def archive(self, app_id: PathId, caller: CurrentCaller, apps: Apps) -> None:
        """Nothing is sent to it; repeating is fine."""
        await apps.set_archived(caller, app_id, archived=True)

    @post("/{app_id:str}/unarchive", status_code=204, summary="Restore an app")
    async def unarchive(self, app_id: PathId, caller: CurrentCaller, apps: Apps) -> None:
        """Sending goes on; repeating is fine."""
        await apps.set_archived(caller, app_id, archived=False)

    @put(
        ["/{app_id:str}/creds", "/{app_id:str}/credentials", "/{app_id:str}/push_provider"],
        status_code=204,
        summary="Replace credentials or switch the provider",
    )
    async def set_credentials(
        self, app_id: PathId, data: JSONBody[Credentials], caller: CurrentCaller, apps: Apps
    ) -> None:
        """Credentials of other providers stay."""
        await apps.set_credentials(caller, app_id, data)

    @get(
        ["/{app_id:str}/vapid", "/{app_id:str}/vapid-key", "/{app_id:str}/vapid_key"],
        summary="Get an app's VAPID key",
    )
    async def vapid(self, app_id: PathId, caller: CurrentCaller, apps: Apps) -> VapidKey:
        """What browsers subscribe with."""
        key = await apps.vapid(caller.account_id, app_id)
        return VapidKey(key, key)
