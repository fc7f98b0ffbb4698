"""Signing in: passwords, second factors, recovery codes, throttling, links."""

import base64
import re
from datetime import UTC, datetime

import pytest
from tests.integration.console.conftest import HERE, PASSWORD, NewVisitor, Visitor

from clarion.console.navigation import HOME
from clarion.db import Database
from clarion.features.accounts.links import Link, NewOwner
from clarion.features.accounts.roles import Role
from clarion.features.accounts.totp import STEP_SECONDS, code_at
from clarion.foundation.errors import Conflict, NotFound
from clarion.foundation.secrets import Keeper
from clarion.services import Services

pytestmark = pytest.mark.anyio

EMAIL = "owner@example.com"
NEW = "a brand new password"


def step() -> int:
    return int(datetime.now(UTC).timestamp()) // STEP_SECONDS


def path_of(link: Link) -> str:
    return link.path.removeprefix("/console")


async def enabled(owner: Visitor, services: Services) -> tuple[bytes, list[str]]:
    """Turn the owner's second factor on through the pages; the secret and the recovery codes."""
    session = await services.sessions.find(owner.cookie)
    assert session is not None
    page = await owner.page("/profile/second-factor")
    found = re.search(r'name="sealed" value="([^"]+)"', page)
    assert found
    secret = base64.b32decode(services.profiles.proposal(session, found[1]).text)
    wrong = await owner.post("/profile/second-factor", {"sealed": found[1], "code": "000000"})
    assert wrong.status_code == 422
    shown = await owner.post("/profile/second-factor", {"sealed": found[1], "code": code_at(secret, step() - 1)})
    return secret, re.findall(r"<code>([a-z0-9-]+)</code>", shown.text)


async def test_wrong_passwords_and_unknown_people_get_the_same_answer(owner: Visitor, anonymous: Visitor) -> None:
    answers = [
        await anonymous.post("/sign-in", {"email": email, "password": "not this one"})
        for email in (EMAIL, "nobody@example.com")
    ]
    assert [answer.status_code for answer in answers] == [422, 422]
    assert all("E-mail address or password is wrong." in answer.text for answer in answers)


async def test_guesses_are_slowed_down_but_the_owner_gets_in_from_a_browser_used_before(
    owner: Visitor, visitors: NewVisitor, database: Database, keeper: Keeper
) -> None:
    home = await visitors()
    await home.done("/sign-in", {"email": EMAIL, "password": PASSWORD})
    guesser = await visitors()
    for _ in range(5):
        assert (await guesser.post("/sign-in", {"email": EMAIL, "password": "wrong wrong wrong"})).status_code == 422
    for _ in range(3):
        blocked = await guesser.post("/sign-in", {"email": EMAIL, "password": PASSWORD})
        if blocked.status_code == 429:
            break
        assert blocked.status_code == 422
    assert blocked.status_code == 429
    assert int(blocked.headers["retry-after"]) >= 1
    person = keeper.lookup_hash(f"{EMAIL}|", "sign-in attempts")
    async with database.acquire() as connection:  # what guesses from very many addresses leave behind
        await connection.execute("delete from sign_in_failure")
        await connection.execute("insert into sign_in_failure (subject, failures) values ($1, 1000)", person)
    blocked = await guesser.post("/sign-in", {"email": EMAIL, "password": PASSWORD})
    assert (blocked.status_code, int(blocked.headers["retry-after"]) <= 30) == (429, True)
    assert await home.done("/sign-out") == "/sign-in"
    await home.get("/sign-in")
    assert await home.done("/sign-in", {"email": EMAIL, "password": PASSWORD}) == HOME


async def test_the_second_factor_is_asked_for_and_each_code_works_once(
    owner: Visitor, visitors: NewVisitor, services: Services
) -> None:
    secret, recovery = await enabled(owner, services)
    assert len(set(recovery)) == 10
    browser = await visitors()
    target = await browser.done("/sign-in", {"email": EMAIL, "password": PASSWORD, "next": "/console/profile?page=2"})
    assert target.startswith("/sign-in/code")
    half = browser.cookie
    assert (await browser.get("/profile")).headers["location"].startswith("/console/sign-in")
    assert (await browser.post("/sign-in/code", {"code": code_at(secret, step() - 1)})).status_code == 422, "used"
    assert (await browser.post("/sign-in/code", {"code": "123 456"})).status_code == 422
    assert await browser.done("/sign-in/code", {"code": code_at(secret, step()), "next": "/console/profile?page=2"})
    assert browser.cookie != half
    browser.hold(half)
    assert (await browser.get("/profile")).status_code == 303, "the half-way session is gone"
    for expected in (303, 422):
        again = await visitors()
        await again.done("/sign-in", {"email": EMAIL, "password": PASSWORD})
        assert (await again.post("/sign-in/code", {"code": recovery[0].upper()})).status_code == expected


async def test_turning_the_second_factor_off_needs_the_password(owner: Visitor, services: Services) -> None:
    await enabled(owner, services)
    assert (await owner.post("/profile/second-factor/end", {"password": "wrong wrong wrong"})).status_code == 422
    fresh = await owner.post("/profile/recovery-codes", {"password": PASSWORD})
    assert len(re.findall(r"<code>", fresh.text)) == 10
    assert await owner.done("/profile/second-factor/end", {"password": PASSWORD}) == "/profile"
    assert "Set up a second factor" in await owner.page("/profile")


async def test_a_new_password_ends_all_other_sessions(owner: Visitor, visitors: NewVisitor) -> None:
    other = await visitors(owner.member)
    bad = await owner.post("/profile/password", {"present": "wrong", "new_password": NEW, "repeated": NEW})
    assert bad.status_code == 422
    different = {"present": PASSWORD, "new_password": NEW, "repeated": "something else!"}
    assert "The two passwords differ." in (await owner.post("/profile/password", different)).text
    assert await owner.done("/profile/password", {"present": PASSWORD, "new_password": NEW, "repeated": NEW})
    assert (await other.get("/profile")).status_code == 303
    assert (await owner.get("/profile")).status_code == 200


async def test_a_link_for_a_password_works_once_and_ends_sessions(
    owner: Visitor, anonymous: Visitor, services: Services
) -> None:
    first, link = await services.links.for_password(EMAIL.upper()), await services.links.for_password(EMAIL)
    assert (await anonymous.get(path_of(first))).status_code == 404, "a newer link replaces it"
    assert EMAIL in await anonymous.page(path_of(link))
    short = await anonymous.post(path_of(link), {"new_password": "short", "repeated": "short"})
    assert short.status_code == 422
    assert await anonymous.done(path_of(link), {"new_password": NEW, "repeated": NEW}) == HOME
    assert (await owner.get("/profile")).status_code == 303
    assert (await anonymous.get(path_of(link))).status_code == 404
    assert (await anonymous.post(path_of(link), {"new_password": NEW, "repeated": NEW})).status_code == 404


async def test_old_links_and_foreign_purposes_open_nothing(
    owner: Visitor, anonymous: Visitor, services: Services, database: Database
) -> None:
    link = await services.links.for_password(EMAIL)
    assert (await anonymous.get(path_of(link).replace("password", "invitation"))).status_code == 404
    assert (await anonymous.get(path_of(link).replace("password", "nonsense"))).status_code == 404
    async with database.acquire() as connection:
        await connection.execute("update access_link set expires_at = now() - interval '1 second'")
    assert (await anonymous.get(path_of(link))).status_code == 404


async def test_the_first_account_is_made_with_the_link_that_the_server_prints(
    anonymous: Visitor, services: Services
) -> None:
    assert "Welcome to Clarion" in await anonymous.page("/sign-in")
    link = await services.links.for_first_owner()
    assert link is not None
    values = {"name": "Shop", "email": "first@example.com", "new_password": NEW, "repeated": NEW}
    assert (await anonymous.post(path_of(link), {**values, "email": "nonsense"})).status_code == 422
    assert await anonymous.done(path_of(link), values) == HOME
    assert await services.links.for_first_owner() is None
    with pytest.raises(NotFound):
        await services.links.found(link.token, NewOwner("Second", "second@example.com", NEW))


async def test_a_link_for_the_first_account_is_void_once_somebody_can_sign_in(services: Services) -> None:
    link = await services.links.for_first_owner()
    assert link is not None
    await services.accounts.create(email=EMAIL, password=PASSWORD)
    with pytest.raises(Conflict):
        await services.links.found(link.token, NewOwner("Intruder", "intruder@example.com", NEW))


async def test_an_invited_person_joins_with_the_role_they_were_invited_for(
    owner: Visitor, anonymous: Visitor, services: Services
) -> None:
    assert owner.member is not None
    session = await services.sessions.find(owner.cookie)
    assert session is not None
    link = await services.links.invite(session.caller, email="new@example.com", role=Role.VIEWER)
    assert await anonymous.done(path_of(link), {"name": "New <b>", "new_password": NEW, "repeated": NEW}) == HOME
    joined = await services.sessions.find(anonymous.cookie)
    assert joined is not None
    assert (joined.account_id, joined.role) == (owner.member.account_id, Role.VIEWER)


async def test_sessions_end_after_twelve_idle_hours_and_after_thirty_days(
    owner: Visitor, database: Database, services: Services
) -> None:
    assert owner.member is not None
    async with database.acquire() as connection:
        await connection.execute("update session set seen_at = now() - interval '12 hours 1 second'")
    assert await services.sessions.find(owner.cookie) is None
    token = await services.sessions.begin(owner.member, HERE, confirmed=True)
    async with database.acquire() as connection:
        assert await connection.fetchval(
            "select ends_at - now() < interval '30 days' from session where seen_at > now() - interval '1 hour'"
        )
        await connection.execute("update session set ends_at = now()")
    assert await services.sessions.find(token) is None


async def test_a_suspended_account_is_signed_out(owner: Visitor, database: Database) -> None:
    async with database.acquire() as connection:
        await connection.execute("update account set suspended_at = now()")
    assert (await owner.get("/profile")).status_code == 303
    refused = await owner.post("/sign-in", {"email": EMAIL, "password": PASSWORD})
    assert "suspended" in refused.text
