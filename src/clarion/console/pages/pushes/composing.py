"""The composer: writes a new push or changes one, with its parts that htmx asks for while somebody writes."""

from typing import Any

from litestar import Response, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath

from clarion.console.forms import Form
from clarion.console.pages.pushes import content
from clarion.console.texts import N_
from clarion.console.visit import CurrentVisit, Visit
from clarion.features.accounts.roles import Role
from clarion.features.pushes import PushService, PushView
from clarion.foundation.errors import InvalidInput
from clarion.providers.options import NO_OPTIONS, Options

Pushes = NamedDependency[PushService]
SAVED = N_("The push is saved.")
SAVED_TOO_LARGE = N_("The push is saved, but it is too large for %(providers)s: shorten it, or they will refuse it.")


def composer(visit: Visit, form: Form, *, do: str = "") -> dict[str, Any]:
    """What the template `pushes/_content.html` needs."""
    return {
        "form": form,
        "rows": content.changed_rows(form, do=do, unused=visit.language),
        "buttons": content.buttons_of(form),
        "languages": content.languages(visit.language),
        "placeholders": content.PLACEHOLDERS,
        "emoji": content.EMOJI,
    }


def blank(visit: Visit) -> Form:
    """An empty push in the visitor's language."""
    return Form.of(lang=[visit.language])


@get("/pushes/new", role=Role.EDITOR)
async def new_push(visit: CurrentVisit) -> Response[str]:
    """An empty composer."""
    return _page(visit, blank(visit), push=None)


@post("/pushes/new", status_code=200)
async def create_push(visit: CurrentVisit, pushes: Pushes) -> Response[str]:
    """Make a push."""
    form = await visit.form()
    if form.value("do"):
        return _page(visit, form, push=None)
    body = content.body_of(form, shown_in=visit.language)
    if not form.faulty:
        try:
            made = await pushes.create(visit.caller, body)
            return await _saved(visit, made.warnings or [])
        except InvalidInput as error:
            content.refuse(form, error)
    return _page(visit, form, push=None, status=422)


@get("/pushes/{push_id:int}/edit", role=Role.EDITOR)
async def edit_push(push_id: FromPath[int], visit: CurrentVisit, pushes: Pushes) -> Response[str]:
    """A push, to change."""
    push = await pushes.get(visit.account_id, push_id)
    return _page(visit, content.form_of(push), push=push)


@post("/pushes/{push_id:int}/edit", status_code=200)
async def replace_push(push_id: FromPath[int], visit: CurrentVisit, pushes: Pushes) -> Response[str]:
    """Change its content; what this form does not show stays."""
    push, form = await pushes.get(visit.account_id, push_id), await visit.form()
    if form.value("do"):
        return _page(visit, form, push=push)
    base = push.options if isinstance(push.options, Options) else NO_OPTIONS
    body = content.body_of(form, shown_in=visit.language, base=base)
    if not form.faulty:
        try:
            return await _saved(visit, await pushes.replace(visit.caller, push_id, body=body))
        except InvalidInput as error:
            content.refuse(form, error)
    return _page(visit, form, push=push, status=422)


@post("/pushes/content", status_code=200)
async def content_part(visit: CurrentVisit) -> Response[str]:
    """The languages with one more or one less."""
    form = await visit.form()
    return visit.page("pushes/_content.html", **composer(visit, form, do=form.value("do")))


@post("/pushes/sizes", status_code=200)
async def sizes_part(visit: CurrentVisit, pushes: Pushes) -> Response[str]:
    """How large the push is for each provider."""
    body, sizes, fault = content.partial_body(await visit.form()), None, None
    if body is not None:
        try:
            sizes = pushes.sizes(body)
        except InvalidInput as error:
            fault = str(error)
    return visit.page("pushes/_sizes.html", sizes=sizes, fault=fault, providers=content.PROVIDERS)


def _page(visit: Visit, form: Form, *, push: PushView | None, status: int = 200) -> Response[str]:
    return visit.page("pushes/edit.html", status=status, push=push, **composer(visit, form, do=form.value("do")))


async def _saved(visit: Visit, warnings: Any) -> Response[str]:
    if not warnings:
        return await visit.go("/pushes", SAVED)
    providers = ", ".join(content.PROVIDERS.get(one.provider, one.provider) for one in warnings)
    return await visit.go("/pushes", SAVED_TOO_LARGE, kind="warning", providers=providers)


ROUTES = [new_push, create_push, edit_push, replace_push, content_part, sizes_part]
