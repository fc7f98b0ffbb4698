"""What links open: the first account, an invitation, a new password."""

from collections.abc import Awaitable, Callable

from litestar import Response, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath

from clarion.console.access import Access
from clarion.console.forms import Form
from clarion.console.navigation import HOME
from clarion.console.pages.sign_in import begin
from clarion.console.texts import N_
from clarion.console.visit import CurrentVisit, Visit
from clarion.features.accounts.links import LinkService, NewOwner, Opened, Purpose
from clarion.features.accounts.model import NAME_LIMIT, PASSWORD_LIMIT, PASSWORD_MINIMUM, Member
from clarion.features.accounts.sessions import SessionService
from clarion.features.accounts.signing_in import SignInService
from clarion.foundation.errors import Conflict, InvalidInput, NotFound

DIFFERENT = N_("The two passwords differ.")
SHORT = N_("A password needs at least 12 characters.")

Use = Callable[[LinkService, str, Form], Awaitable[Member]]


@get("/welcome/{purpose:str}/{token:str}", access=Access.ANYONE)
async def welcome(
    purpose: FromPath[str], token: FromPath[str], visit: CurrentVisit, links: NamedDependency[LinkService]
) -> Response[str]:
    """Say what the link is for, and ask what is needed."""
    opened = await links.open(_purpose(purpose), token)
    return _page(visit, opened, token=token, form=Form.of(email=opened.email))


@post("/welcome/{purpose:str}/{token:str}", access=Access.ANYONE, status_code=200)
async def use(
    purpose: FromPath[str],
    token: FromPath[str],
    visit: CurrentVisit,
    links: NamedDependency[LinkService],
    sign_in: NamedDependency[SignInService],
    sessions: NamedDependency[SessionService],
) -> Response[str]:
    """Do what the link promises, and sign in."""
    opened = await links.open(_purpose(purpose), token)
    form = await visit.form()
    check_new_password(form)
    use_link = USES[opened.purpose]
    if opened.purpose is not Purpose.PASSWORD:
        form.text("name", limit=NAME_LIMIT)
    if opened.purpose is Purpose.FIRST_OWNER:
        form.text("email", limit=254)
    if form.faulty:
        return _page(visit, opened, token=token, form=form, status=422)
    try:
        member = await use_link(links, token, form)
    except (InvalidInput, Conflict) as error:
        form.refuse_all(error)
        return _page(visit, opened, token=token, form=form, status=422)
    return await begin(visit, member, sign_in=sign_in, sessions=sessions, target=HOME)


def check_new_password(form: Form) -> str:
    """The new password, which was typed twice."""
    password = form.value("new_password")
    if len(password) < PASSWORD_MINIMUM:
        form.refuse("new_password", SHORT)
    form.text("new_password", limit=PASSWORD_LIMIT)
    if password != form.value("repeated"):
        form.refuse("repeated", DIFFERENT)
    return password


async def _found(links: LinkService, token: str, form: Form) -> Member:
    owner = NewOwner(form.value("name"), form.value("email"), form.value("new_password"))
    return await links.found(token, owner)


async def _join(links: LinkService, token: str, form: Form) -> Member:
    return await links.join(token, name=form.value("name"), password=form.value("new_password"))


async def _set_password(links: LinkService, token: str, form: Form) -> Member:
    return await links.set_password(token, form.value("new_password"))


USES: dict[Purpose, Use] = {
    Purpose.FIRST_OWNER: _found,
    Purpose.INVITATION: _join,
    Purpose.PASSWORD: _set_password,
}


def _purpose(text: str) -> Purpose:
    try:
        return Purpose(text)
    except ValueError:
        raise NotFound("there is no such page") from None


def _page(visit: Visit, opened: Opened, *, token: str, form: Form, status: int = 200) -> Response[str]:
    return visit.page(f"welcome/{opened.purpose}.html", opened=opened, token=token, form=form, status=status)


ROUTES = [welcome, use]
