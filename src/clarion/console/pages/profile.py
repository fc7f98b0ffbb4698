"""A member's own page: name, language and zone, password, second factor, and where they are signed in."""

from dataclasses import dataclass
from typing import Any

import segno
from litestar import Response, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath
from markupsafe import Markup

from clarion.console.access import Access
from clarion.console.cookies import THEMES
from clarion.console.forms import Form
from clarion.console.pages.welcome import check_new_password
from clarion.console.redirects import safe_next
from clarion.console.texts import LANGUAGES, N_
from clarion.console.visit import BASE, CurrentVisit, Visit
from clarion.features.accounts.members import zone_names
from clarion.features.accounts.model import NAME_LIMIT, PASSWORD_LIMIT
from clarion.features.accounts.profile import Profile, ProfileService, Proposal
from clarion.features.accounts.roles import Role
from clarion.features.accounts.sessions import SessionService
from clarion.foundation.errors import InvalidInput, TooManyRequests

_OWN = Role.VIEWER
"""What everybody may do about themselves."""


@dataclass(frozen=True, slots=True)
class Services:
    """What the page is made of."""

    profiles: ProfileService
    sessions: SessionService


@get("/profile")
async def profile(
    visit: CurrentVisit, profiles: NamedDependency[ProfileService], sessions: NamedDependency[SessionService]
) -> Response[str]:
    """The page."""
    return await _page(visit, Services(profiles, sessions))


@post("/profile", role=_OWN, status_code=200)
async def save(
    visit: CurrentVisit, profiles: NamedDependency[ProfileService], sessions: NamedDependency[SessionService]
) -> Response[str]:
    """Change name, language and zone."""
    form = await visit.form()
    name = form.text("name", limit=NAME_LIMIT, required=False)
    language = form.choice("language", ["", *LANGUAGES])
    zone = form.choice("time_zone", ["", *zone_names()])
    if form.faulty:
        return await _page(visit, Services(profiles, sessions), about=form)
    await profiles.save(visit.member, Profile(name, language or None, zone or None))
    return await visit.go("/profile", N_("Your profile is saved."))


@post("/profile/password", role=_OWN, status_code=200)
async def change_password(
    visit: CurrentVisit, profiles: NamedDependency[ProfileService], sessions: NamedDependency[SessionService]
) -> Response[str]:
    """A new password; other sessions end."""
    form = await visit.form()
    present = form.text("present", limit=PASSWORD_LIMIT) and form.value("present")
    new = check_new_password(form)
    if not form.faulty:
        try:
            await profiles.change_password(visit.member, present=present, new=new)
        except (InvalidInput, TooManyRequests) as error:
            form.refuse("present", str(error))
        else:
            return await visit.go("/profile", N_("Your password is changed. You are signed out everywhere else."))
    return await _page(visit, Services(profiles, sessions), password=form)


@get("/profile/second-factor")
async def second_factor(visit: CurrentVisit, profiles: NamedDependency[ProfileService]) -> Response[str]:
    """A new secret to scan."""
    return _factor_page(visit, profiles.propose_second_factor(visit.member), Form())


@post("/profile/second-factor", role=_OWN, status_code=200)
async def enable_second_factor(visit: CurrentVisit, profiles: NamedDependency[ProfileService]) -> Response[str]:
    """Confirm with a first code; the recovery codes."""
    form = await visit.form()
    proposal = profiles.proposal(visit.member, form.value("sealed"))
    code = form.text("code", limit=20)
    if not form.faulty:
        try:
            codes = await profiles.enable_second_factor(visit.member, sealed=proposal.sealed, code=code)
        except InvalidInput as error:
            form.refuse("code", str(error))
        else:
            return visit.page("profile/recovery_codes.html", codes=codes)
    return _factor_page(visit, proposal, form, status=422)


@post("/profile/recovery-codes", role=_OWN, status_code=200)
async def new_recovery_codes(
    visit: CurrentVisit, profiles: NamedDependency[ProfileService], sessions: NamedDependency[SessionService]
) -> Response[str]:
    """Fresh recovery codes in place of the old ones."""
    form = await visit.form()
    try:
        codes = await profiles.new_recovery_codes(visit.member, password=form.value("password"))
    except (InvalidInput, TooManyRequests) as error:
        form.refuse("password", str(error))
        return await _page(visit, Services(profiles, sessions), factor=form)
    return visit.page("profile/recovery_codes.html", codes=codes)


@post("/profile/second-factor/end", role=_OWN, status_code=200)
async def disable_second_factor(
    visit: CurrentVisit, profiles: NamedDependency[ProfileService], sessions: NamedDependency[SessionService]
) -> Response[str]:
    """Ask for codes no longer."""
    form = await visit.form()
    try:
        await profiles.disable_second_factor(visit.member, password=form.value("password"))
    except (InvalidInput, TooManyRequests) as error:
        form.refuse("password", str(error))
        return await _page(visit, Services(profiles, sessions), factor=form)
    return await visit.go("/profile", N_("Codes are no longer asked for when you sign in."))


@post("/profile/sessions/{session_id:int}/end", role=_OWN, status_code=200)
async def end_session(
    session_id: FromPath[int], visit: CurrentVisit, sessions: NamedDependency[SessionService]
) -> Response[str]:
    """Sign one browser out."""
    await sessions.revoke(visit.member, session_id)
    return await visit.go("/profile", N_("This session has ended."))


@post("/profile/sessions/end", role=_OWN, status_code=200)
async def end_sessions(visit: CurrentVisit, sessions: NamedDependency[SessionService]) -> Response[str]:
    """Sign out everywhere, here too."""
    await sessions.revoke_all(visit.member, keep_this=False)
    return await visit.leave().go("/sign-in")


@post("/theme", access=Access.ANYONE, status_code=200)
async def set_theme(visit: CurrentVisit) -> Response[str]:
    """Choose light, dark, or what the system says; back to the page it was chosen on."""
    form = await visit.form()
    theme = form.choice("theme", THEMES, default="auto")
    visit.answer_cookies.append(visit.cookies.theme(theme if theme in THEMES else "auto"))
    return await visit.go(safe_next(f"{BASE}{form.value('back')}") if visit.session else "/sign-in")


async def _page(visit: Visit, services: Services, **forms: Form) -> Response[str]:
    """The page; `forms` (about, password, factor) are those that were sent and have faults."""
    profile = await services.profiles.get(visit.member)
    about = Form.of(name=profile.name, language=profile.language or "", time_zone=profile.time_zone or "")
    known: dict[str, Any] = {"about": about, "password": Form(), "factor": Form()}
    return visit.page(
        "profile/profile.html",
        status=422 if forms else 200,
        profile=profile,
        sessions=await services.sessions.list(visit.member),
        zones=[(name, name.replace("_", " ")) for name in zone_names()],
        **(known | forms),
    )


def _factor_page(visit: Visit, proposal: Proposal, form: Form, *, status: int = 200) -> Response[str]:
    drawn = segno.make(proposal.uri, error="m").svg_inline(scale=5, border=2, dark="#101828", light="#ffffff")
    picture = Markup(drawn)  # noqa: S704 - drawn by the library from squares; no text of anybody is in it
    return visit.page("profile/second_factor.html", proposal=proposal, picture=picture, form=form, status=status)


ROUTES = [
    profile,
    save,
    change_password,
    second_factor,
    enable_second_factor,
    new_recovery_codes,
    disable_second_factor,
    end_session,
    end_sessions,
    set_theme,
]
