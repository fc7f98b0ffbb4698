"""Who may use which route: the one place that decides, for every page.

A route without a word of its own is for members: viewers may read (GET), editors may change (everything else).

    @get("/apps")                                   viewers
    @post("/apps")                                  editors
    @post("/team/invite", role=Role.OWNER)          owners
    @post("/profile", role=Role.VIEWER)             every member, about themselves
    @get("/sign-in", access=Access.ANYONE)          no session needed
"""

from enum import StrEnum
from typing import Any

from clarion.features.accounts.roles import Role
from clarion.features.accounts.sessions import Session
from clarion.foundation.errors import Forbidden, Unauthorized

SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})


class Access(StrEnum):
    """How far a visitor must have come."""

    ANYONE = "anyone"
    HALF_WAY = "half_way"
    """The password was right; the second factor is awaited."""
    MEMBER = "member"


def needed_access(opt: dict[str, Any]) -> Access:
    """What a route asks of its visitors."""
    return Access(opt.get("access", Access.MEMBER))


def needed_role(method: str, opt: dict[str, Any]) -> Role:
    """The least role that may use a route with a method."""
    return Role(opt.get("role", Role.VIEWER if method in SAFE_METHODS else Role.EDITOR))


def check_access(session: Session | None, *, method: str, opt: dict[str, Any]) -> None:
    """`Unauthorized` for who must sign in first, `Forbidden` for members whose role does not cover the route."""
    access = needed_access(opt)
    if access is Access.ANYONE:
        return
    if session is None or (not session.confirmed and access is Access.MEMBER):
        raise Unauthorized("sign in first")
    if access is Access.MEMBER and not session.role.covers(needed_role(method, opt)):
        raise Forbidden("your role does not allow this; an owner of the account can change it")
