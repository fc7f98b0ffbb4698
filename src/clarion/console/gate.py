"""What every request passes before its page: who is it, may they, and did they mean it.

Sessions, roles and protection against cross-site requests are decided here and nowhere else.
"""

from collections.abc import Awaitable, Callable
from typing import Any
from urllib.parse import urlsplit

from litestar import Request

from clarion.console.access import SAFE_METHODS, check_access
from clarion.console.cookies import THEMES, Cookies, new_visitor
from clarion.console.rendering import Renderer
from clarion.console.texts import LANGUAGES, best_language
from clarion.console.tokens import is_form_token
from clarion.console.visit import TOKEN_FIELD, TOKEN_HEADER, Visit
from clarion.features.accounts.sessions import Session, SessionService
from clarion.foundation.errors import Forbidden, NotFound

AnyRequest = Request[Any, Any, Any]
TOKEN_LIMIT = 200
LARGEST_ID = 2**63 - 1
FOREIGN = "this request came from another site or from a page that is too old; load the page again"


class Gate:
    """Opens a `Visit` for a request, or raises `Unauthorized` or `Forbidden`."""

    def __init__(self, *, sessions: SessionService, renderer: Renderer, base_url: str) -> None:
        self._sessions = sessions
        self._renderer = renderer
        self._host = urlsplit(base_url).netloc
        self._cookies = Cookies(secure=base_url.startswith("https://"))

    def hook(self) -> Callable[[AnyRequest], Awaitable[None]]:
        """To be called before each route function. (A function, because Litestar copies objects deeply.)"""

        async def enter(request: AnyRequest) -> None:
            visit = await self.open(request)
            request.scope["state"]["visit"] = visit
            _check_ids(request)
            check_access(visit.session, method=request.method, opt=request.route_handler.opt)
            if request.method not in SAFE_METHODS:
                await self._check_origin(visit)
            elif visit.session is not None and visit.session.notices and not visit.is_partial:
                await self._sessions.notice(visit.session, [])

        return enter

    async def open(self, request: AnyRequest) -> Visit:
        """Who visits; refuses nobody."""
        token = request.cookies.get(self._cookies.name, "")
        session = await self._sessions.find(token) if 0 < len(token) <= TOKEN_LIMIT else None
        return self._visit(request, session, token=token)

    def stranger(self, request: AnyRequest) -> Visit:
        """A visit of which no more is known than the request, for pages about errors."""
        return self._visit(request, None, token=request.cookies.get(self._cookies.name, ""))

    def _visit(self, request: AnyRequest, session: Session | None, *, token: str) -> Visit:
        visit = Visit(
            request=request,
            renderer=self._renderer,
            sessions=self._sessions,
            cookies=self._cookies,
            token=token,
            session=session,
            language=_language(request, session),
            theme=_theme(request, self._cookies),
        )
        if not token:
            visit.token = new_visitor()
            visit.answer_cookies.append(self._cookies.visitor(visit.token))
        return visit

    async def _check_origin(self, visit: Visit) -> None:
        """A change must come from one of our own pages, and carry the token that the page was given."""
        headers = visit.request.headers
        if not self._is_own(headers.get("origin"), headers.get("host"), headers.get("sec-fetch-site")):
            raise Forbidden(FOREIGN)
        token = headers.get(TOKEN_HEADER) or (await visit.form()).value(TOKEN_FIELD)
        if visit.answer_cookies or not is_form_token(token, visit.token):
            raise Forbidden(FOREIGN)

    def _is_own(self, origin: str | None, host: str | None, site: str | None) -> bool:
        if site is not None and site != "same-origin":
            return False
        return site is not None if origin is None else urlsplit(origin).netloc in {host, self._host}


def _check_ids(request: AnyRequest) -> None:
    """Numbers that no database knows name nothing."""
    numbers = [value for value in request.path_params.values() if isinstance(value, int)]
    if any(not 0 < number <= LARGEST_ID for number in numbers):
        raise NotFound("there is no such page")


def _language(request: AnyRequest, session: Session | None) -> str:
    if session is not None and session.language in LANGUAGES:
        return session.language
    return best_language(request.headers.get("accept-language", ""))


def _theme(request: AnyRequest, cookies: Cookies) -> str:
    chosen = request.cookies.get(cookies.theme_name, "")
    return chosen if chosen in THEMES else "auto"
