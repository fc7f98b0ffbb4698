"""Application groups (management-api.md §4)."""

from litestar import Controller, delete, get, post, put
from litestar.di import NamedDependency
from litestar.params import FromQuery, JSONBody

from clarion.api.auth import CurrentCaller
from clarion.api.b_v2.shapes import Created
from clarion.api.binding import PathId
from clarion.features.apps.groups import AppGroupService
from clarion.features.apps.model import AppGroup, AppGroupBody

AppGroups = NamedDependency[AppGroupService]


class AppGroupsController(Controller):
    """`/app/groups`, singular beside the plural `/apps`."""

    path = "/app/groups"
    tags = ("app groups",)

    @post("/", status_code=201, summary="Create an app group")
    async def create(self, data: JSONBody[AppGroupBody], caller: CurrentCaller, app_groups: AppGroups) -> Created:
        """The id of the new group."""
        return Created(await app_groups.create(caller, data))

    @get("/", summary="List app groups")
    async def list_groups(
        self, caller: CurrentCaller, app_groups: AppGroups, archived: FromQuery[str | None] = None
    ) -> list[AppGroup]:
        """With `archived=true` the archived groups, else the active ones."""
        return await app_groups.list(caller.account_id, archived=archived == "true")

    @get("/{app_group_id:str}", summary="Get an app group")
    async def get_group(self, app_group_id: PathId, caller: CurrentCaller, app_groups: AppGroups) -> AppGroup:
        """A group, archived or not."""
        return await app_groups.get(caller.account_id, app_group_id)

    @put("/{app_group_id:str}", status_code=204, summary="Replace an app group")
    async def replace(
        self, app_group_id: PathId, data: JSONBody[AppGroupBody], caller: CurrentCaller, app_groups: AppGroups
    ) -> None:
        """Name, flag and members."""
        await app_groups.replace(caller, app_group_id, body=data)

    @delete("/{app_group_id:str}", status_code=204, summary="Delete an app group")
    async def remove(self, app_group_id: PathId, caller: CurrentCaller, app_groups: AppGroups) -> None:
        """It is taken out of all schedulers."""
        await app_groups.delete(caller, app_group_id)

    @post("/{app_group_id:str}/archive", status_code=204, summary="Archive an app group")
    async def archive(self, app_group_id: PathId, caller: CurrentCaller, app_groups: AppGroups) -> None:
        """It contributes no apps to schedulers; repeating is fine."""
        await app_groups.set_archived(caller, app_group_id, archived=True)

    @post("/{app_group_id:str}/unarchive", status_code=204, summary="Restore an app group")
    async def unarchive(self, app_group_id: PathId, caller: CurrentCaller, app_groups: AppGroups) -> None:
        """Repeating is fine."""
        await app_groups.set_archived(caller, app_group_id, archived=False)
