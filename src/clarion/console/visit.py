"""One request of a browser, as pages see it: who visits, in which language, and how to answer."""

import asyncio
from dataclasses import dataclass, field, replace
from typing import Any
from urllib.parse import parse_qs, urlencode

from litestar import Request, Response
from litestar.datastructures import Cookie, UploadFile
from litestar.di import NamedDependency

from clarion.api.r_v2.addresses import client_network
from clarion.console.cookies import Cookies
from clarion.console.formats import Formats
from clarion.console.forms import Form
from clarion.console.navigation import is_current, sections_for
from clarion.console.rendering import Renderer
from clarion.console.tokens import form_token
from clarion.features.accounts.model import Caller
from clarion.features.accounts.roles import Role
from clarion.features.accounts.sessions import Browser, Notice, Session, SessionService
from clarion.foundation.errors import InvalidInput, Unauthorized

BASE = "/console"
"""Below which every page lies."""
TOKEN_FIELD = "form_token"  # noqa: S105 - the name of a field
TOKEN_HEADER = "x-form-token"  # noqa: S105 - the name of a header
_FIELDS = 20_000
_BODY_SECONDS = 15


@dataclass
class Visit:
    """The `visit` argument of route functions."""

    request: Request[Any, Any, Any]
    renderer: Renderer
    sessions: SessionService
    cookies: Cookies
    token: str
    """What the browser's cookie holds: a session's token, or one that only recognises its forms."""
    session: Session | None
    language: str
    theme: str
    answer_cookies: list[Cookie] = field(default_factory=list)

    @property
    def member(self) -> Session:
        """The signed-in member; `Unauthorized` when there is none."""
        if self.session is None:
            raise Unauthorized("sign in first")
        return self.session

    @property
    def account_id(self) -> int:
        """The member's account."""
        return self.member.account_id

    @property
    def caller(self) -> Caller:
        """The member, for services that note who acts."""
        return self.member.caller

    @property
    def fmt(self) -> Formats:
        """Writes numbers and dates for this visitor."""
        return Formats(self.language, self.session.zone if self.session else "UTC")

    @property
    def is_partial(self) -> bool:
        """Whether htmx asks for a part of the page that is shown already."""
        headers = self.request.headers
        return headers.get("hx-request") == "true" and headers.get("hx-history-restore-request") != "true"

    @property
    def path(self) -> str:
        """The page's path below `BASE`."""
        return str(self.request.scope["path"]).removeprefix(BASE) or "/"

    def may(self, role: str) -> bool:
        """Whether the member may do what needs this role: for showing buttons; the gate decides again."""
        return self.session is not None and self.session.role.covers(Role(role))

    def query(self, name: str, default: str = "") -> str:
        """A value of the address's query, cleaned of what no database takes."""
        return str(self.request.query_params.get(name, default)).replace("\0", "")

    def page_number(self) -> int:
        """The `page` of the query: from 1."""
        text = self.query("page", "1")
        return min(max(int(text), 1), 100_000) if text.isascii() and text.isdigit() and len(text) < 8 else 1

    def here(self, **changes: object) -> str:
        """This page's address with some values of its query changed; None removes one. For links to other pages."""
        kept = {name: value for name, value in self.request.query_params.items() if name not in changes}
        new = {name: value for name, value in changes.items() if value is not None}
        query = urlencode({**kept, **new})
        return f"{BASE}{self.path}?{query}" if query else f"{BASE}{self.path}"

    def page(self, template: str, *, fragment: str | None = None, status: int = 200, **context: Any) -> Response[str]:
        """A template as an answer. Asked by htmx, only its block `fragment`, where there is one.

        Templates know `visit`, `fmt` (`Formats`), `form` (empty if not given), `csrf`, and `context`.
        """
        known = {"visit": self, "fmt": self.fmt, "csrf": form_token(self.token), "form": Form(), **context}
        if fragment is not None and self.is_partial:
            html = self.renderer.fragment(template, fragment, known, language=self.language)
        else:
            known |= self._frame()
            html = self.renderer.page(template, known, language=self.language)
        return self._answer(Response(html, status_code=status, media_type="text/html"))

    async def go(
        self, path: str, notice: str | None = None, *, kind: str = "success", **values: object
    ) -> Response[str]:
        """Send the browser to another page of the console, which shows the notice (a text marked with `N_`)."""
        if notice is not None and self.session is not None:
            text = self.renderer.text(notice, language=self.language, **values)
            await self.sessions.notice(self.session, [*self.session.notices, Notice(kind, text)])
        address = f"{BASE}{path}"
        if self.is_partial:
            return self._answer(Response("", status_code=200, headers={"HX-Redirect": address}, media_type="text/html"))
        return self._answer(Response("", status_code=303, headers={"Location": address}, media_type="text/html"))

    async def form(self) -> Form:
        """The fields that were sent; `InvalidInput` when they cannot be read."""
        try:
            async with asyncio.timeout(_BODY_SECONDS):
                return await read_form(self.request)
        except TimeoutError:
            raise InvalidInput("the form did not arrive in time") from None

    def text(self, text: str, **values: object) -> str:
        """A text marked with `N_` in the visitor's language."""
        return self.renderer.text(text, language=self.language, **values)

    def become(self, token: str) -> "Visit":
        """This visit with the token of a new session, which the answer gives to the browser."""
        return replace(self, token=token, session=None, answer_cookies=[self.cookies.session(token)])

    def leave(self) -> "Visit":
        """This visit after its session has ended; the browser forgets it."""
        return replace(self, session=None, answer_cookies=[self.cookies.gone()])

    @property
    def browser(self) -> Browser:
        """Where a session that begins now is used."""
        client = self.request.scope.get("client")
        address = client_network(client[0] if client else None, self.request.scope["headers"])
        return Browser(address, self.request.headers.get("user-agent", ""))

    def _frame(self) -> dict[str, Any]:
        """What the layout around a page shows."""
        session = self.session
        seen = (
            sections_for(session.role, operator=session.operator) if session is not None and session.confirmed else []
        )
        return {
            "sections": seen,
            "is_current": lambda entry: is_current(entry, self.path),
            "notices": session.notices if session else (),
            "theme": self.theme,
        }

    def _answer(self, response: Response[str]) -> Response[str]:
        for cookie in self.answer_cookies:
            response.set_cookie(cookie)
        return response


CurrentVisit = NamedDependency[Visit]
"""How route functions ask for the visit: an argument named `visit`."""


async def read_form(request: Request[Any, Any, Any]) -> Form:
    """Fields and files of a request's body, read once."""
    if request.content_type[0] == "multipart/form-data":
        return await _multipart(request)
    body = await request.body()
    try:
        given = parse_qs(body.decode(), keep_blank_values=True, max_num_fields=_FIELDS)
    except ValueError:
        raise InvalidInput("the form cannot be read") from None
    return Form({name: [_clean(value) for value in values] for name, values in given.items()})


async def _multipart(request: Request[Any, Any, Any]) -> Form:
    values: dict[str, list[str]] = {}
    files: dict[str, UploadFile] = {}
    for name, item in (await request.form()).multi_items():
        if isinstance(item, UploadFile):
            files[name] = item
        else:
            values.setdefault(name, []).append(_clean(str(item)))
    return Form(values, files)


def _clean(text: str) -> str:
    return text.replace("\0", "").replace("\r\n", "\n")
