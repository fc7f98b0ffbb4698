"""Audience groups: named sets of audiences."""

from litestar import Response, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath

from clarion.console.forms import Form
from clarion.console.texts import N_
from clarion.console.visit import CurrentVisit, Visit
from clarion.features.accounts.roles import Role
from clarion.features.audiences.groups import AudienceGroup, AudienceGroupBody, AudienceGroupService
from clarion.foundation.errors import InvalidInput

Groups = NamedDependency[AudienceGroupService]
_TEXT = 500_000


@get("/audience-groups")
async def group_list(visit: CurrentVisit, audience_groups: Groups) -> Response[str]:
    """Groups by name."""
    archived = visit.query("archived") == "1"
    found = await audience_groups.list(visit.account_id, archived=archived)
    groups = sorted(found, key=lambda group: (group.name.casefold(), group.id))
    return visit.page("people/groups.html", groups=groups, archived=archived)


@get("/audience-groups/new")
async def new_group_page(visit: CurrentVisit) -> Response[str]:
    """An empty form."""
    return _page(visit, Form(), group=None)


@post("/audience-groups/new", status_code=200)
async def create_group(visit: CurrentVisit, audience_groups: Groups) -> Response[str]:
    """Make a group."""
    form = await visit.form()
    body = _body(form)
    if not form.faulty:
        try:
            await audience_groups.create(visit.caller, body)
            return await visit.go("/audience-groups", N_("The group is saved."))
        except InvalidInput as error:
            form.refuse_all(error)
    return _page(visit, form, group=None)


@get("/audience-groups/{group_id:int}")
async def group_page(group_id: FromPath[int], visit: CurrentVisit, audience_groups: Groups) -> Response[str]:
    """A group, to change."""
    group = await audience_groups.get(visit.account_id, group_id)
    return _page(visit, Form.of(name=group.name, audiences="\n".join(group.audiences)), group=group)


@post("/audience-groups/{group_id:int}", status_code=200)
async def replace_group(group_id: FromPath[int], visit: CurrentVisit, audience_groups: Groups) -> Response[str]:
    """Change name and audiences."""
    group, form = await audience_groups.get(visit.account_id, group_id), await visit.form()
    body = _body(form)
    if not form.faulty:
        try:
            await audience_groups.replace(visit.caller, group_id, body=body)
            return await visit.go("/audience-groups", N_("The group is saved."))
        except InvalidInput as error:
            form.refuse_all(error)
    return _page(visit, form, group=group)


@post("/audience-groups/{group_id:int}/archive", status_code=200)
async def archive_group(group_id: FromPath[int], visit: CurrentVisit, audience_groups: Groups) -> Response[str]:
    """Let it contribute no audiences."""
    await audience_groups.set_archived(visit.caller, group_id, archived=True)
    return await visit.go(
        "/audience-groups", N_("The group is archived. Sendings that name it get no audiences from it.")
    )


@post("/audience-groups/{group_id:int}/restore", status_code=200)
async def restore_group(group_id: FromPath[int], visit: CurrentVisit, audience_groups: Groups) -> Response[str]:
    """Let it contribute its audiences again."""
    await audience_groups.set_archived(visit.caller, group_id, archived=False)
    return await visit.go("/audience-groups", N_("The group is active again."))


@post("/audience-groups/{group_id:int}/delete", role=Role.OWNER, status_code=200)
async def delete_group(group_id: FromPath[int], visit: CurrentVisit, audience_groups: Groups) -> Response[str]:
    """Delete it."""
    await audience_groups.delete(visit.caller, group_id)
    return await visit.go("/audience-groups", N_("The group is deleted."))


def _body(form: Form) -> AudienceGroupBody:
    name, text = form.text("name", limit=200), form.text("audiences", limit=_TEXT)
    return AudienceGroupBody(name=name, audiences=[line.strip() for line in text.splitlines() if line.strip()])


def _page(visit: Visit, form: Form, *, group: AudienceGroup | None) -> Response[str]:
    return visit.page("people/group.html", form=form, group=group, status=422 if form.faulty else 200)


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
