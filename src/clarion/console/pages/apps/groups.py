"""App groups: named sets of apps."""

from litestar import Response, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath

from clarion.console.forms import Form
from clarion.console.texts import N_
from clarion.console.visit import CurrentVisit
from clarion.features.accounts.roles import Role
from clarion.features.apps.groups import AppGroupService
from clarion.features.apps.model import AppGroup, AppGroupBody
from clarion.features.apps.service import AppService
from clarion.foundation.errors import InvalidInput, UnknownReference

Groups = NamedDependency[AppGroupService]
Apps = NamedDependency[AppService]


@get("/app-groups")
async def group_list(visit: CurrentVisit, app_groups: Groups) -> Response[str]:
    """Groups by name."""
    archived = visit.query("archived") == "1"
    found = await app_groups.list(visit.account_id, archived=archived)
    groups = sorted(found, key=lambda group: (group.name.casefold(), group.id))
    return visit.page("apps/groups.html", groups=groups, archived=archived)


@get("/app-groups/new")
async def new_group_page(visit: CurrentVisit, apps: Apps) -> Response[str]:
    """An empty form."""
    return await _page(visit, apps, Form(), group=None)


@post("/app-groups/new", status_code=200)
async def create_group(visit: CurrentVisit, app_groups: Groups, apps: Apps) -> Response[str]:
    """Make a group."""
    form = await visit.form()
    body = _body(form)
    if not form.faulty:
        try:
            await app_groups.create(visit.caller, body)
            return await visit.go("/app-groups", N_("The group is saved."))
        except (InvalidInput, UnknownReference) as error:
            form.refuse_all(error)
    return await _page(visit, apps, form, group=None, status=422)


@get("/app-groups/{group_id:int}")
async def group_page(group_id: FromPath[int], visit: CurrentVisit, app_groups: Groups, apps: Apps) -> Response[str]:
    """A group, to change."""
    group = await app_groups.get(visit.account_id, group_id)
    form = Form.of(name=group.name, all_apps="1" if group.all_apps else "", app_ids=group.app_ids)
    return await _page(visit, apps, form, group=group)


@post("/app-groups/{group_id:int}", status_code=200)
async def replace_group(group_id: FromPath[int], visit: CurrentVisit, app_groups: Groups, apps: Apps) -> Response[str]:
    """Change name and members."""
    group, form = await app_groups.get(visit.account_id, group_id), await visit.form()
    body = _body(form)
    if not form.faulty:
        try:
            await app_groups.replace(visit.caller, group_id, body=body)
            return await visit.go("/app-groups", N_("The group is saved."))
        except (InvalidInput, UnknownReference) as error:
            form.refuse_all(error)
    return await _page(visit, apps, form, group=group, status=422)


@post("/app-groups/{group_id:int}/archive", status_code=200)
async def archive_group(group_id: FromPath[int], visit: CurrentVisit, app_groups: Groups) -> Response[str]:
    """Let it contribute no apps."""
    await app_groups.set_archived(visit.caller, group_id, archived=True)
    return await visit.go("/app-groups", N_("The group is archived. Sendings that name it get no apps from it."))


@post("/app-groups/{group_id:int}/restore", status_code=200)
async def restore_group(group_id: FromPath[int], visit: CurrentVisit, app_groups: Groups) -> Response[str]:
    """Let it contribute its apps again."""
    await app_groups.set_archived(visit.caller, group_id, archived=False)
    return await visit.go("/app-groups", N_("The group is active again."))


@post("/app-groups/{group_id:int}/delete", role=Role.OWNER, status_code=200)
async def delete_group(group_id: FromPath[int], visit: CurrentVisit, app_groups: Groups) -> Response[str]:
    """Delete it."""
    await app_groups.delete(visit.caller, group_id)
    return await visit.go("/app-groups", N_("The group is deleted."))


def _body(form: Form) -> AppGroupBody:
    name, all_apps = form.text("name", limit=200), form.value("all_apps") == "1"
    ids = [int(text) for text in form.values("app_ids") if text.isascii() and text.isdigit() and len(text) < 19]
    if not all_apps and not ids:
        form.refuse("app_ids", N_("Choose at least one app."))
    return AppGroupBody(name=name, all_apps=all_apps, app_ids=[] if all_apps else ids)


async def _page(
    visit: CurrentVisit, apps: AppService, form: Form, *, group: AppGroup | None, status: int = 200
) -> Response[str]:
    offered = await apps.list(visit.account_id, archived=False)
    if group is not None:
        offered += [app for app in await apps.list(visit.account_id, archived=True) if app.id in group.app_ids]
    return visit.page("apps/group.html", form=form, group=group, apps=offered, status=status)


ROUTES = [
    group_list,
    new_group_page,
    create_group,
    group_page,
    replace_group,
    archive_group,
    restore_group,
    delete_group,
]
