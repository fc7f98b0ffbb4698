"""Saved filters: what they ask for, in words."""

from litestar import Response, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath

from clarion.console.pages.sendings.words import filter_words
from clarion.console.texts import N_
from clarion.console.visit import CurrentVisit
from clarion.features.apps.service import AppService
from clarion.features.audiences.saved import SavedFilterService

_PAGE = 50


@get("/audiences/filters")
async def filter_list(
    visit: CurrentVisit, saved_filters: NamedDependency[SavedFilterService], apps: NamedDependency[AppService]
) -> Response[str]:
    """Some of them, by name."""
    found = await saved_filters.list(visit.account_id)
    number = visit.page_number()
    shown = found[(number - 1) * _PAGE : number * _PAGE]
    names = {app.id: app.name for app in await apps.list(visit.account_id, archived=False)}
    lines = [(item, list(filter_words(item.filter, visit.text, apps=names))) for item in shown]
    return visit.page("people/filters.html", lines=lines, number=number, more=len(found) > number * _PAGE)


@post("/audiences/filters/{filter_id:int}/delete", status_code=200)
async def delete_filter(
    filter_id: FromPath[int], visit: CurrentVisit, saved_filters: NamedDependency[SavedFilterService]
) -> Response[str]:
    """Delete one; sendings made from it keep their copy."""
    await saved_filters.delete(visit.caller, filter_id)
    return await visit.go("/audiences/filters", N_("The filter is deleted."))


ROUTES = [filter_list, delete_filter]
