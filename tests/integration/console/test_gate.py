"""What protects every page: sessions, tokens against cross-site requests, roles, headers."""

from collections.abc import Iterator

import pytest
from litestar.handlers import HTTPRouteHandler
from tests.integration.console.conftest import ORIGIN, PASSWORD, NewVisitor, Visitor

from clarion.console.access import SAFE_METHODS, Access, needed_access, needed_role
from clarion.console.app import Console
from clarion.console.tokens import form_token

pytestmark = pytest.mark.anyio

BASE = "/console"
NEVER = "999999999"


def routes(console: Console) -> Iterator[tuple[str, str, HTTPRouteHandler]]:
    """Every method and path of the console with its function; numbers in paths name nothing."""
    for route in console.litestar.routes:
        handlers = getattr(route, "route_handler_map", {})
        for method, (handler, _) in handlers.items():
            if method != "OPTIONS" and route.path.startswith(BASE):
                yield method, _filled(route.path_components).removeprefix(BASE), handler


def _filled(components: list[object]) -> str:
    return "".join(f"/{part if isinstance(part, str) else NEVER}" for part in components)


def changing(console: Console) -> list[tuple[str, str]]:
    return [(method, path) for method, path, _ in routes(console) if method not in SAFE_METHODS]


async def test_every_change_needs_this_browsers_token_and_our_own_origin(console: Console, owner: Visitor) -> None:
    assert len(changing(console)) > 3
    for method, path in changing(console):
        for token, headers in [
            ("", {"origin": ORIGIN}),
            ("A" * 88, {"origin": ORIGIN}),
            (form_token("another browser"), {"origin": ORIGIN}),
            (form_token(owner.cookie), {}),
            (form_token(owner.cookie), {"origin": "https://evil.test"}),
            (form_token(owner.cookie), {"origin": "null"}),
            (form_token(owner.cookie), {"origin": ORIGIN, "sec-fetch-site": "cross-site"}),
            (form_token(owner.cookie), {"origin": ORIGIN, "sec-fetch-site": "same-site"}),
        ]:
            answer = await owner.http.request(method, f"{BASE}{path}", data={"form_token": token}, headers=headers)
            assert answer.status_code == 403, (method, path, token, headers)


async def test_who_has_not_signed_in_is_led_to_the_form_everywhere(console: Console, anonymous: Visitor) -> None:
    for method, path, handler in routes(console):
        if needed_access(handler.opt) is Access.MEMBER and "/static/" not in path:
            answer = await anonymous.http.request(method, f"{BASE}{path}", headers={"origin": ORIGIN})
            assert answer.status_code == 303, (method, path)
            assert answer.headers["location"].startswith("/console/sign-in")


async def test_roles_hold_on_every_route(console: Console, viewer: Visitor, editor: Visitor) -> None:
    for method, path, handler in routes(console):
        if needed_access(handler.opt) is not Access.MEMBER or "/static/" in path:
            continue
        for visitor in (viewer, editor):
            assert visitor.member is not None
            allowed = ("viewer", "editor", "owner").index(visitor.member.role) >= ("viewer", "editor", "owner").index(
                needed_role(method, handler.opt)
            )
            if not allowed:
                answer = await visitor.http.request(
                    method, f"{BASE}{path}", data={"form_token": form_token(visitor.cookie)}, headers={"origin": ORIGIN}
                )
                assert answer.status_code == 403, (method, path, visitor.member.role)


async def test_every_answer_forbids_frames_and_foreign_scripts(console: Console, owner: Visitor) -> None:
    for method, path, _ in routes(console):
        if method == "GET":
            answer = await owner.get(path)
            policy = answer.headers["content-security-policy"]
            assert "frame-ancestors 'none'" in policy
            assert "script-src 'self';" in policy
            assert "unsafe" not in policy
            assert answer.headers["x-content-type-options"] == "nosniff"
            if "/static/" not in path:
                assert answer.headers["cache-control"] == "no-store"


async def test_signing_in_replaces_the_cookie_and_ends_the_session_before(owner: Visitor, visitors: NewVisitor) -> None:
    fixed = owner.cookie
    victim = await visitors()
    victim.hold(fixed)
    await victim.done("/sign-in", {"email": "owner@example.com", "password": PASSWORD})
    assert victim.cookie != fixed
    assert (await owner.get("/profile")).status_code == 303, "who knew the cookie before is signed in no longer"
    assert (await victim.get("/profile")).status_code == 200


async def test_a_value_that_somebody_put_into_the_cookie_opens_nothing(anonymous: Visitor) -> None:
    anonymous.hold("chosen")
    await anonymous.get("/sign-in")
    assert (await anonymous.get("/profile")).status_code == 303


HOSTILE = [
    "https://evil.test",
    "//evil.test",
    "////evil.test",
    "/\\evil.test",
    "\\\\evil.test",
    "https:/console",
    "https:///console",
    "/console//evil.test",
    "/console/\\evil",
    "javascript:alert(1)",
    "data:text/html,x",
    "/console/%0d%0aSet-Cookie:a=b",
    "/evil",
    "console/profile",
    "/console@evil.test",
    "/consoles",
    "?next=//evil",
    "/console/a//b",
    "/./evil",
    "/console/..//evil.test",
    "/console/profile?x=https://evil.test",
    "/console/profile#//evil",
    "/console/é",
    "/console/sign-out",
    "/console/sign-in?next=/console/sign-in",
    "@evil.test",
]
STRANGE = [
    "",
    " /console",
    "/console\t//evil.test",
    "/console/x\r\nLocation: https://evil.test",
    "/console/" + "x" * 2000,
    "\0",
]


async def test_next_leads_to_pages_of_the_console_only(owner: Visitor) -> None:
    for wanted in [*HOSTILE, *STRANGE]:
        answer = await owner.get("/sign-in", params={"next": wanted})
        target = answer.headers["location"]
        assert target.startswith("/console/"), wanted
        assert "//" not in target, wanted
        assert not set(target) & set("\\\r\n\t ")


async def test_next_leads_back_to_the_page_that_was_wanted(owner: Visitor, anonymous: Visitor) -> None:
    answer = await anonymous.get("/profile?page=2")
    assert answer.headers["location"] == "/console/sign-in?next=%2Fconsole%2Fprofile%3Fpage%3D2"
    back = await owner.http.get(answer.headers["location"])
    assert back.headers["location"] == "/console/profile?page=2"


async def test_sessions_of_others_cannot_be_ended(owner: Visitor, stranger: Visitor, viewer: Visitor) -> None:
    page = await owner.page("/profile")
    for visitor in (stranger, viewer):
        for number in range(1, 10):
            await visitor.post(f"/profile/sessions/{number}/end")
    assert await owner.page("/profile")
    assert "this browser" in page


async def test_signing_out_ends_the_session_on_the_server(owner: Visitor) -> None:
    cookie = owner.cookie
    assert await owner.done("/sign-out") == "/sign-in"
    owner.hold(cookie)
    assert (await owner.get("/profile")).status_code == 303
