"""Audience groups: named sets of audiences."""

from litestar import Controller, delete, get, post, put
from litestar.di import NamedDependency
from litestar.params import FromQuery, JSONBody

from clarion.api.auth import CurrentCaller
from clarion.api.b_v2.shapes import Created
from clarion.api.binding import PathId
from clarion.features.audiences.groups import AudienceGroup, AudienceGroupBody, AudienceGroupService

AudienceGroups = NamedDependency[AudienceGroupService]


class AudienceGroupsController(Controller):
    """`/audience-groups`."""

    path = "/audience-groups"
    tags = ("audience groups",)

    @post("/", status_code=201, summary="Create an audience group")
    async def create(
        self, data: JSONBody[AudienceGroupBody], caller: CurrentCaller, audience_groups: AudienceGroups
    ) -> Created:
        """The id of the new group."""
        return Created(await audience_groups.create(caller, data))

    @get("/", summary="List audience groups")
    async def list_groups(
        self, caller: CurrentCaller, audience_groups: AudienceGroups, archived: FromQuery[str | None] = None
    ) -> list[AudienceGroup]:
        """With `archived=true` the archived groups, else the active ones."""
        return await audience_groups.list(caller.account_id, archived=archived == "true")

    @get("/{audience_group_id:str}", summary="Get an audience group")
    async def get_group(
        self, audience_group_id: PathId, caller: CurrentCaller, audience_groups: AudienceGroups
    ) -> AudienceGroup:
        """A group, archived or not."""
        return await audience_groups.get(caller.account_id, audience_group_id)

    @put("/{audience_group_id:str}", status_code=204, summary="Replace an audience group")
    async def replace(
        self,
        audience_group_id: PathId,
        data: JSONBody[AudienceGroupBody],
        caller: CurrentCaller,
        audience_groups: AudienceGroups,
    ) -> None:
        """Name and audiences. Schedulers that name the group use the new ones; sends that run keep the old ones."""
        await audience_groups.replace(caller, audience_group_id, body=data)

    @delete("/{audience_group_id:str}", status_code=204, summary="Delete an audience group")
    async def remove(self, audience_group_id: PathId, caller: CurrentCaller, audience_groups: AudienceGroups) -> None:
        """It is taken out of all filters; one that included nothing else means nobody from now on."""
        await audience_groups.delete(caller, audience_group_id)

    @post("/{audience_group_id:str}/archive", status_code=204, summary="Archive an audience group")
    async def archive(self, audience_group_id: PathId, caller: CurrentCaller, audience_groups: AudienceGroups) -> None:
        """It contributes no audiences to filters; repeating is fine."""
        await audience_groups.set_archived(caller, audience_group_id, archived=True)

    @post("/{audience_group_id:str}/unarchive", status_code=204, summary="Restore an audience group")
    async def unarchive(
        self, audience_group_id: PathId, caller: CurrentCaller, audience_groups: AudienceGroups
    ) -> None:
        """Repeating is fine."""
        await audience_groups.set_archived(caller, audience_group_id, archived=False)
