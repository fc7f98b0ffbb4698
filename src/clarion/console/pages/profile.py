"""A member's own page: how the console looks to them, and where they are signed in."""

from litestar import Response, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath

from clarion.console.access import Access
from clarion.console.cookies import THEMES
from clarion.console.redirects import safe_next
from clarion.console.texts import N_
from clarion.console.visit import BASE, CurrentVisit
from clarion.features.accounts.roles import Role
from clarion.features.accounts.sessions import SessionService


@get("/profile")
async def profile(visit: CurrentVisit, sessions: NamedDependency[SessionService]) -> Response[str]:
    """The page."""
    return visit.page("profile/profile.html", sessions=await sessions.list(visit.member))


@post("/profile/sessions/{session_id:int}/end", role=Role.VIEWER, status_code=200)
async def end_session(
    session_id: FromPath[int], visit: CurrentVisit, sessions: NamedDependency[SessionService]
) -> Response[str]:
    """Sign one browser out."""
    await sessions.revoke(visit.member, session_id)
    return await visit.go("/profile", N_("This session has ended."))


@post("/profile/sessions/end", role=Role.VIEWER, status_code=200)
async def end_sessions(visit: CurrentVisit, sessions: NamedDependency[SessionService]) -> Response[str]:
    """Sign out everywhere, here too."""
    await sessions.revoke_all(visit.member, keep_this=False)
    visit.answer_cookies.append(visit.cookies.gone())
    visit.session = None
    return await visit.go("/sign-in")


@post("/theme", access=Access.ANYONE, status_code=200)
async def set_theme(visit: CurrentVisit) -> Response[str]:
    """Choose light, dark, or what the system says; back to the page it was chosen on."""
    form = await visit.form()
    theme = form.choice("theme", THEMES, default="auto")
    visit.answer_cookies.append(visit.cookies.theme(theme if theme in THEMES else "auto"))
    return await visit.go(safe_next(f"{BASE}{form.value('back')}") if visit.session else "/sign-in")


ROUTES = [profile, end_session, end_sessions, set_theme]
