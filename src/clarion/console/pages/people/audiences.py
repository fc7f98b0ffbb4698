"""Audiences: what apps have told about their people, with sizes."""

from litestar import Response, get
from litestar.di import NamedDependency

from clarion.console.visit import CurrentVisit
from clarion.features.audiences.reach import ReachService

_PAGE = 50
_TEXT = 300


@get("/audiences")
async def audience_list(visit: CurrentVisit, reach: NamedDependency[ReachService]) -> Response[str]:
    """Audiences in the order of their names, from one name on."""
    prefix, after = visit.query("q").strip()[:_TEXT], visit.query("after")[:_TEXT]
    page = await reach.audiences(visit.account_id, prefix=prefix, after=after or None, limit=_PAGE)
    return visit.page("people/audiences.html", fragment="rows", page=page, prefix=prefix, after=after)


ROUTES = [audience_list]
