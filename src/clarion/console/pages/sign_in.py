"""Signing in and out."""

from typing import Any

from litestar import Response, get, post
from litestar.di import NamedDependency

from clarion.api.r_v2.addresses import client_network
from clarion.console.access import Access
from clarion.console.forms import Form
from clarion.console.navigation import HOME
from clarion.console.redirects import safe_next
from clarion.console.texts import N_
from clarion.console.visit import CurrentVisit, Visit
from clarion.features.accounts.model import PASSWORD_LIMIT
from clarion.features.accounts.service import AccountService
from clarion.features.accounts.sessions import Browser, SessionService
from clarion.foundation.errors import Unauthorized

WRONG = N_("E-mail address or password is wrong.")


@get("/", access=Access.MEMBER)
async def home(visit: CurrentVisit) -> Response[str]:
    """The console's address leads to its first page."""
    return await visit.go(HOME)


@get("/sign-in", access=Access.ANYONE)
async def sign_in_page(visit: CurrentVisit) -> Response[str]:
    """The form."""
    if visit.session is not None and visit.session.confirmed:
        return await visit.go(safe_next(visit.query("next")))
    return _form(visit, Form.of(next=visit.query("next")))


@post("/sign-in", access=Access.ANYONE, status_code=200)
async def sign_in(
    visit: CurrentVisit,
    accounts: NamedDependency[AccountService],
    sessions: NamedDependency[SessionService],
) -> Response[str]:
    """Check e-mail address and password, and begin a session in place of any that the browser had."""
    form = await visit.form()
    email = form.text("email", limit=254)
    password = form.text("password", limit=PASSWORD_LIMIT)
    if form.faulty:
        return _form(visit, form, status=422)
    try:
        member = await accounts.sign_in(email, password)
    except Unauthorized:
        form.fault = WRONG
        return _form(visit, form, status=422)
    await sessions.end(visit.token)
    token = await sessions.begin(member, browser_of(visit), confirmed=True)
    return await visit.become(token).go(safe_next(form.value("next")))


@post("/sign-out", access=Access.ANYONE, status_code=200)
async def sign_out(visit: CurrentVisit, sessions: NamedDependency[SessionService]) -> Response[str]:
    """End the browser's session."""
    await sessions.end(visit.token)
    visit.answer_cookies.append(visit.cookies.gone())
    return await visit.go("/sign-in")


def _form(visit: Visit, form: Form, *, status: int = 200) -> Response[str]:
    return visit.page("sign_in/password.html", form=form, status=status)


def browser_of(visit: Visit) -> Browser:
    """Where a session begins."""
    scope: dict[str, Any] = dict(visit.request.scope)
    client = scope.get("client")
    return Browser(
        address=client_network(client[0] if client else None, scope["headers"]),
        agent=visit.request.headers.get("user-agent", ""),
    )


ROUTES = [home, sign_in_page, sign_in, sign_out]
