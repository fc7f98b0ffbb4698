"""`/openapi.json`, and `/docs`: the same document as a page. Neither needs a key, a script or another host."""

from importlib import resources
from typing import Any

import msgspec
from litestar import Litestar, Request, Router, get
from litestar.enums import MediaType
from litestar.openapi.plugins import OpenAPIRenderPlugin

from clarion.api.openapi.document import Document, complete
from clarion.api.openapi.page import render

_HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; style-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
}
_KEPT = "clarion_openapi"


@get("/openapi.json", include_in_schema=False)
async def openapi_document(request: Request[Any, Any, Any]) -> Document:
    """The OpenAPI 3.1 document of every route."""
    return _document(request.app)


class _Page(OpenAPIRenderPlugin):
    """The document for people."""

    def __init__(self) -> None:
        super().__init__(path="/", media_type=MediaType.HTML)

    def render(self, request: Request[Any, Any, Any], openapi_schema: dict[str, Any]) -> bytes:
        """The page."""
        return render(_document(request.app)).encode()


class _Style(OpenAPIRenderPlugin):
    """How the page looks."""

    def __init__(self) -> None:
        super().__init__(path="/style.css", media_type=MediaType.CSS)

    def render(self, request: Request[Any, Any, Any], openapi_schema: dict[str, Any]) -> bytes:
        """The style sheet."""
        return resources.files(__package__).joinpath("static/docs.css").read_bytes()


class _Json(OpenAPIRenderPlugin):
    """The document beside the page, where tools that know the page look for it."""

    def __init__(self) -> None:
        super().__init__(path="/openapi.json", media_type=MediaType.JSON)

    def render(self, request: Request[Any, Any, Any], openapi_schema: dict[str, Any]) -> bytes:
        """The same as `/openapi.json`."""
        return msgspec.json.encode(_document(request.app))


PLUGINS = (_Page(), _Style(), _Json())
"""What is served below `/docs`."""


def docs_router() -> Router:
    """Serves `PLUGINS`; Litestar adds their routes."""
    return Router("/docs", route_handlers=[], include_in_schema=False, response_headers=_HEADERS, dto=None)


def _document(app: Litestar) -> Document:
    """Made once per application, when it is first asked for."""
    kept: Document | None = app.state.get(_KEPT)
    if kept is None:
        kept = app.state[_KEPT] = complete(app.openapi_schema.to_schema())
    return kept
