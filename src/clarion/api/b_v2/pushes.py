"""Pushes (management-api.md §6)."""

from litestar import Controller, delete, get, post, put

from clarion.api.binding import PathId
from clarion.features.accounts import Caller
from clarion.features.pushes import PushBody, PushCreated, PushView
from clarion.features.pushes.service import PushService


class PushesController(Controller):
    """`/pushes`."""

    path = "/pushes"
    tags = ("pushes",)

    @post("/", status_code=201, summary="Create a push")
    async def create(self, data: PushBody, caller: Caller, pushes: PushService) -> PushCreated:
        """The ids of the new push and of its translations; it is active and bound to no scheduler."""
        return await pushes.create(caller, data)

    @get("/{push_id:str}", summary="Get a push")
    async def get_push(self, push_id: PathId, caller: Caller, pushes: PushService) -> PushView:
        """A push with its content and the scheduler it is bound to."""
        return await pushes.get(caller.account_id, push_id)

    @put("/{push_id:str}", status_code=204, summary="Replace a push's content")
    async def replace(self, push_id: PathId, data: PushBody, caller: Caller, pushes: PushService) -> None:
        """All of its translations; those of kept languages keep their ids."""
        await pushes.replace(caller, push_id, body=data)

    @delete("/{push_id:str}", status_code=204, summary="Delete a push")
    async def remove(self, push_id: PathId, caller: Caller, pushes: PushService) -> None:
        """It is unbound from its scheduler first."""
        await pushes.delete(caller, push_id)

    @post("/{push_id:str}/activate", status_code=204, summary="Activate a push")
    async def activate(self, push_id: PathId, caller: Caller, pushes: PushService) -> None:
        """Let it be picked for sending; repeating is fine."""
        await pushes.activate(caller, push_id)

    @post("/{push_id:str}/deactivate", status_code=204, summary="Deactivate a push")
    async def deactivate(self, push_id: PathId, caller: Caller, pushes: PushService) -> None:
        """Never pick it for sending; repeating is fine."""
        await pushes.deactivate(caller, push_id)
