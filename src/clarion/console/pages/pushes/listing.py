"""The list of pushes, and what can be done with each."""

from litestar import Response, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath

from clarion.console.texts import N_
from clarion.console.visit import CurrentVisit
from clarion.features.accounts.roles import Role
from clarion.features.pushes import PushService

Pushes = NamedDependency[PushService]
PER_PAGE = 30


@get("/pushes")
async def push_list(visit: CurrentVisit, pushes: Pushes) -> Response[str]:
    """Newest first."""
    before = visit.query("before")
    start = int(before) if before.isascii() and before.isdigit() and len(before) < 19 else None
    found = await pushes.list(visit.account_id, before=start, limit=PER_PAGE + 1)
    following = found[PER_PAGE - 1].id if len(found) > PER_PAGE else None
    return visit.page("pushes/list.html", lines=found[:PER_PAGE], following=following)


@post("/pushes/{push_id:int}/activate", status_code=200)
async def activate_push(push_id: FromPath[int], visit: CurrentVisit, pushes: Pushes) -> Response[str]:
    """Let it be sent again."""
    await pushes.activate(visit.caller, push_id)
    return await visit.go("/pushes", N_("The push is active."))


@post("/pushes/{push_id:int}/deactivate", status_code=200)
async def deactivate_push(push_id: FromPath[int], visit: CurrentVisit, pushes: Pushes) -> Response[str]:
    """Leave it out of sendings."""
    await pushes.deactivate(visit.caller, push_id)
    return await visit.go("/pushes", N_("The push is inactive. No sending picks it until you activate it."))


@post("/pushes/{push_id:int}/delete", status_code=200, role=Role.OWNER)
async def delete_push(push_id: FromPath[int], visit: CurrentVisit, pushes: Pushes) -> Response[str]:
    """Take it out of its sending and away."""
    await pushes.delete(visit.caller, push_id)
    return await visit.go("/pushes", N_("The push is deleted."))


ROUTES = [push_list, activate_push, deactivate_push, delete_push]
