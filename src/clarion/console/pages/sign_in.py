"""Signing in, with a password and then, where a member wants it, a code; and signing out."""

from urllib.parse import quote

from litestar import Response, get, post
from litestar.di import NamedDependency

from clarion.console.access import Access
from clarion.console.forms import Form
from clarion.console.navigation import HOME
from clarion.console.redirects import safe_next
from clarion.console.texts import N_
from clarion.console.visit import BASE, CurrentVisit, Visit
from clarion.features.accounts.links import LinkService
from clarion.features.accounts.model import PASSWORD_LIMIT, Member
from clarion.features.accounts.sessions import SessionService
from clarion.features.accounts.signing_in import Attempt, SignInService
from clarion.foundation.errors import Forbidden, TooManyRequests, Unauthorized

WRONG_PASSWORD = N_("E-mail address or password is wrong.")
WRONG_CODE = N_("This code is wrong or was used before.")
TOO_MANY = N_("There were too many attempts. Try again in %(seconds)s seconds.")
SUSPENDED = N_("This account is suspended. Ask the operator of this installation.")


@get("/")
async def home(visit: CurrentVisit) -> Response[str]:
    """The console's address leads to its first page."""
    return await visit.go(HOME)


@get("/sign-in", access=Access.ANYONE)
async def sign_in_page(visit: CurrentVisit, links: NamedDependency[LinkService]) -> Response[str]:
    """The form; on a new installation, how to begin."""
    if visit.session is not None and visit.session.confirmed:
        return await visit.go(safe_next(visit.query("next")))
    if await links.is_new():
        return visit.page("sign_in/new_installation.html")
    return visit.page("sign_in/password.html", form=Form.of(next=visit.query("next")))


@post("/sign-in", access=Access.ANYONE, status_code=200)
async def check(
    visit: CurrentVisit, sign_in: NamedDependency[SignInService], sessions: NamedDependency[SessionService]
) -> Response[str]:
    """Check e-mail address and password, and begin a session in place of any that the browser had."""
    form = await visit.form()
    email = form.text("email", limit=254)
    password = form.text("password", limit=PASSWORD_LIMIT) and form.value("password")
    if form.faulty:
        return visit.page("sign_in/password.html", form=form, status=422)
    known = sign_in.recognises(visit.request.cookies.get(visit.cookies.known_name, ""), email)
    try:
        member = await sign_in.check_password(Attempt(email, visit.browser.address, known), password)
    except TooManyRequests as error:
        return _too_many(visit, form, "sign_in/password.html", error)
    except Unauthorized:
        form.fault = WRONG_PASSWORD
    except Forbidden:
        form.fault = SUSPENDED
    else:
        return await begin(visit, member, sign_in=sign_in, sessions=sessions, target=safe_next(form.value("next")))
    return visit.page("sign_in/password.html", form=form, status=422)


async def begin(
    visit: Visit, member: Member, *, sign_in: SignInService, sessions: SessionService, target: str
) -> Response[str]:
    """Give the browser a new session of this member, and lead it on: to the code where one is asked for."""
    await sessions.end(visit.token)
    asked = await sign_in.asks_for_code(member)
    token = await sessions.begin(member, visit.browser, confirmed=not asked)
    signed = visit.become(token)
    if asked:
        return await signed.go(f"/sign-in/code?next={quote(f'{BASE}{target}', safe='')}")
    signed.answer_cookies.append(visit.cookies.known(sign_in.known_mark(member.email)))
    await sign_in.note(member, address=visit.browser.address)
    return await signed.go(target)


@get("/sign-in/code", access=Access.HALF_WAY)
async def code_page(visit: CurrentVisit) -> Response[str]:
    """The form for the second factor."""
    target = safe_next(visit.query("next"))
    if visit.member.confirmed:
        return await visit.go(target)
    return visit.page("sign_in/code.html", form=Form.of(next=f"{BASE}{target}"))


@post("/sign-in/code", access=Access.HALF_WAY, status_code=200)
async def confirm(
    visit: CurrentVisit, sign_in: NamedDependency[SignInService], sessions: NamedDependency[SessionService]
) -> Response[str]:
    """Check the code, and begin the real session."""
    form = await visit.form()
    code = form.text("code", limit=40)
    if form.faulty:
        return visit.page("sign_in/code.html", form=form, status=422)
    try:
        member = await sign_in.check_code(visit.member, code)
    except TooManyRequests as error:
        return _too_many(visit, form, "sign_in/code.html", error)
    except Unauthorized:
        form.refuse("code", WRONG_CODE)
        return visit.page("sign_in/code.html", form=form, status=422)
    await sessions.end(visit.token)
    signed = visit.become(await sessions.begin(member, visit.browser, confirmed=True))
    signed.answer_cookies.append(visit.cookies.known(sign_in.known_mark(member.email)))
    await sign_in.note(member, address=visit.browser.address)
    return await signed.go(safe_next(form.value("next")))


@post("/sign-out", access=Access.ANYONE, status_code=200)
async def sign_out(visit: CurrentVisit, sessions: NamedDependency[SessionService]) -> Response[str]:
    """End the browser's session."""
    await sessions.end(visit.token)
    return await visit.leave().go("/sign-in")


def _too_many(visit: Visit, form: Form, template: str, error: TooManyRequests) -> Response[str]:
    form.fault = visit.text(
        N_("There were too many attempts. Try again in %(seconds)s seconds."),
        seconds=visit.fmt.number(error.retry_after),
    )
    answer = visit.page(template, form=form, status=429)
    answer.headers["Retry-After"] = str(error.retry_after)
    return answer


ROUTES = [home, sign_in_page, check, code_page, confirm, sign_out]
