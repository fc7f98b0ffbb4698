"""Pushes (management-api.md §6)."""

from litestar import Controller, Response, delete, get, post, put
from litestar.di import NamedDependency
from litestar.openapi import ResponseSpec
from litestar.params import JSONBody

from clarion.api.auth import CurrentCaller
from clarion.api.binding import PathId
from clarion.features.pushes import PushBody, PushCreated, PushReplaced, PushView
from clarion.features.pushes.service import PushService

Pushes = NamedDependency[PushService]


class PushesController(Controller):
    """`/pushes`; under `/api/v1`, too."""

    path = "/pushes"
    tags = ("pushes",)

    @post("/", status_code=201, summary="Create a push")
    async def create(self, data: JSONBody[PushBody], caller: CurrentCaller, pushes: Pushes) -> PushCreated:
        """The ids of the new push and of its translations; it is active and bound to no scheduler."""
        return await pushes.create(caller, data)

    @get("/{push_id:str}", summary="Get a push")
    async def get_push(self, push_id: PathId, caller: CurrentCaller, pushes: Pushes) -> PushView:
        """A push with its content and the scheduler it is bound to."""
        return await pushes.get(caller.account_id, push_id)

    @put(
        "/{push_id:str}",
        status_code=200,
        summary="Replace a push's content",
        responses={204: ResponseSpec(None, description="Replaced")},
    )
    async def replace(
        self, push_id: PathId, data: JSONBody[PushBody], caller: CurrentCaller, pushes: Pushes
    ) -> Response[PushReplaced | None]:
        """All of its translations and options; translations of kept languages keep their ids."""
        warnings = await pushes.replace(caller, push_id, body=data)
        return Response(PushReplaced(warnings), status_code=200) if warnings else Response(None, status_code=204)

    @delete("/{push_id:str}", status_code=204, summary="Delete a push")
    async def remove(self, push_id: PathId, caller: CurrentCaller, pushes: Pushes) -> None:
        """It is unbound from its scheduler first."""
        await pushes.delete(caller, push_id)

    @post("/{push_id:str}/activate", status_code=204, summary="Activate a push")
    async def activate(self, push_id: PathId, caller: CurrentCaller, pushes: Pushes) -> None:
        """Let it be picked for sending; repeating is fine."""
        await pushes.activate(caller, push_id)

    @post("/{push_id:str}/deactivate", status_code=204, summary="Deactivate a push")
    async def deactivate(self, push_id: PathId, caller: CurrentCaller, pushes: Pushes) -> None:
        """Never pick it for sending; repeating is fine."""
        await pushes.deactivate(caller, push_id)
