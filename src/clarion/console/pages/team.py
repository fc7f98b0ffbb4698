"""The people of the account: roles, invitations, and ends of memberships. Owners decide; everybody may look."""

from litestar import Response, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath

from clarion.console.forms import Form
from clarion.console.texts import N_
from clarion.console.visit import CurrentVisit, Visit
from clarion.features.accounts.links import Link, LinkService
from clarion.features.accounts.members import MemberService
from clarion.features.accounts.roles import Role
from clarion.foundation.errors import Conflict, InvalidInput
from clarion.settings import Settings

ROLES = {Role.OWNER: N_("Owner"), Role.EDITOR: N_("Editor"), Role.VIEWER: N_("Viewer")}


@get("/team")
async def team(
    visit: CurrentVisit, members: NamedDependency[MemberService], links: NamedDependency[LinkService]
) -> Response[str]:
    """Who is here, and who is invited."""
    return await _page(visit, members, links, form=Form.of(role=Role.EDITOR))


@post("/team/invitations", role=Role.OWNER, status_code=200)
async def invite(
    visit: CurrentVisit,
    members: NamedDependency[MemberService],
    links: NamedDependency[LinkService],
    settings: NamedDependency[Settings],
) -> Response[str]:
    """A link for a new member."""
    form = await visit.form()
    email = form.text("email", limit=254)
    role = form.choice("role", [str(role) for role in Role])
    if not form.faulty:
        try:
            link = await links.invite(visit.caller, email=email, role=Role(role))
        except (InvalidInput, Conflict) as error:
            form.refuse("email", str(error))
        else:
            made = (link, f"{settings.base_url}{link.path}")
            return await _page(visit, members, links, form=Form.of(role=Role.EDITOR), made=made)
    return await _page(visit, members, links, form=form)


@post("/team/invitations/{link_id:int}/withdraw", role=Role.OWNER, status_code=200)
async def withdraw(link_id: FromPath[int], visit: CurrentVisit, links: NamedDependency[LinkService]) -> Response[str]:
    """Make an invitation useless."""
    await links.withdraw(visit.caller, link_id)
    return await visit.go("/team", N_("The invitation is withdrawn."))


@post("/team/{member_id:int}/role", role=Role.OWNER, status_code=200)
async def set_role(
    member_id: FromPath[int], visit: CurrentVisit, members: NamedDependency[MemberService]
) -> Response[str]:
    """Change what a member may do."""
    form = await visit.form()
    role = form.choice("role", [str(role) for role in Role])
    if form.faulty:
        raise InvalidInput("there is no such role")
    await members.set_role(visit.caller, member_id, Role(role))
    return await visit.go("/team", N_("The role is changed. This person signs in anew."))


@post("/team/{member_id:int}/remove", role=Role.OWNER, status_code=200)
async def remove(
    member_id: FromPath[int], visit: CurrentVisit, members: NamedDependency[MemberService]
) -> Response[str]:
    """End a membership."""
    await members.remove(visit.caller, member_id)
    return await visit.go("/team", N_("This person is no longer a member."))


async def _page(
    visit: Visit, members: MemberService, links: LinkService, *, form: Form, made: tuple[Link, str] | None = None
) -> Response[str]:
    """The page; `made` is a new invitation with its address, which is shown this once."""
    return visit.page(
        "team/team.html",
        status=422 if form.faulty else 200,
        members=await members.list(visit.account_id),
        invitations=await links.invitations(visit.account_id),
        roles=ROLES,
        form=form,
        made=made,
    )


ROUTES = [team, invite, withdraw, set_role, remove]
