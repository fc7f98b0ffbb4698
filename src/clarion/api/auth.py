"""Who calls: Bearer API keys only; cookies are never looked at (reliability.md AU-4)."""

from collections.abc import Callable
from typing import Any

from litestar import Request
from litestar.di import NamedDependency
from litestar.types import ASGIApp, Receive, Scope, Send

from clarion.api.rate_limit import RateLimiter
from clarion.features.accounts import AccountService, Caller
from clarion.foundation.errors import Forbidden, TooManyRequests, Unauthorized

CurrentCaller = NamedDependency[Caller]
"""The `caller` argument of route functions."""
QUERIES = frozenset(
    {
        "/api/b/v2/query/app-instances",
        "/api/v1/audiences/estimate",
        "/api/v1/devices/query",
        "/api/v1/schedulers/dry-run",
        "/api/v1/schedulers/preview",
    }
)
"""Routes that read although they are called with POST."""
_READING = frozenset({"GET", "HEAD"})


def authentication(*, accounts: AccountService, limiter: RateLimiter) -> Callable[[ASGIApp], ASGIApp]:
    """Middleware that lets a request pass with a known key within its rate; the caller is then `scope["user"]`.

    It raises `Unauthorized`, `Forbidden` or `TooManyRequests` before the body is read. (It is made of functions,
    because Litestar copies middleware objects deeply, once per route.)
    """

    def wrap(app: ASGIApp) -> ASGIApp:
        async def authenticated(scope: Scope, receive: Receive, send: Send) -> None:
            caller = await accounts.authenticate(_bearer(scope))
            _limit(caller, limiter, scope=scope)
            _check_scope(caller, scope)
            scope["user"] = caller
            await app(scope, receive, send)

        return authenticated

    return wrap


def _check_scope(caller: Caller, scope: Scope) -> None:
    """A key for reading gets no further than the routes that change nothing."""
    if caller.read_only and scope.get("method") not in _READING and scope.get("path_template") not in QUERIES:
        raise Forbidden("this API key is for reading only")


def _limit(caller: Caller, limiter: RateLimiter, *, scope: Scope) -> None:
    allowance = limiter.take(caller.actor)
    if allowance is None:
        return
    scope["state"]["answer_headers"].update(allowance.headers())
    if allowance.wait:
        message = f"too many requests: this key may make {allowance.limit} calls a minute"
        raise TooManyRequests(message, retry_after=allowance.wait)


def _bearer(scope: Scope) -> str:
    values = [value for name, value in scope["headers"] if name == b"authorization"]
    if len(values) != 1:
        raise Unauthorized("unauthorized: send the API key as `Authorization: Bearer <API key>`")
    scheme, _, key = values[0].decode("latin-1").strip().partition(" ")
    if scheme.lower() != "bearer":
        raise Unauthorized("unauthorized: send the API key as `Authorization: Bearer <API key>`")
    return key.strip()


def current_caller(request: Request[Any, Any, Any]) -> Caller:
    """The caller of an authenticated route."""
    caller = request.scope["user"]
    if not isinstance(caller, Caller):
        raise Unauthorized("unauthorized: this route needs an API key")
    return caller
