"""Who calls: Bearer API keys only; cookies are never looked at (reliability.md AU-4)."""

from typing import Any

from litestar import Request
from litestar.enums import ScopeType
from litestar.middleware import ASGIMiddleware
from litestar.types import ASGIApp, Receive, Scope, Send

from clarion.api.rate_limit import RateLimiter
from clarion.features.accounts import AccountService, Caller
from clarion.foundation.errors import TooManyRequests, Unauthorized


class Authentication(ASGIMiddleware):
    """Lets a request pass with a known key within its rate; the caller is then `scope["user"]`."""

    scopes = (ScopeType.HTTP,)

    def __init__(self, *, accounts: AccountService, limiter: RateLimiter) -> None:
        self._accounts = accounts
        self._limiter = limiter

    async def handle(self, scope: Scope, receive: Receive, send: Send, next_app: ASGIApp) -> None:
        """Raises `Unauthorized` or `TooManyRequests` before the body is read."""
        caller = await self._accounts.authenticate(_bearer(scope))
        self._limit(caller, scope)
        scope["user"] = caller
        await next_app(scope, receive, send)

    def _limit(self, caller: Caller, scope: Scope) -> None:
        allowance = self._limiter.take(caller.actor)
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
