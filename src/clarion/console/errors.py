"""Errors as pages."""

from typing import Any

import structlog
from litestar import Request, Response
from litestar.exceptions import HTTPException
from litestar.types import ExceptionHandlersMap

from clarion.api.binding import connection_request_id
from clarion.api.errors import headers_of, status_of
from clarion.console.gate import Gate
from clarion.console.navigation import HOME
from clarion.console.redirects import sign_in_address
from clarion.console.texts import N_
from clarion.console.visit import BASE
from clarion.foundation.errors import ClarionError, Unauthorized

log = structlog.get_logger("clarion.console")

TITLES = {
    400: N_("This request cannot be understood"),
    403: N_("Not allowed"),
    404: N_("Nothing is here"),
    405: N_("Nothing is here"),
    409: N_("Not possible now"),
    413: N_("Too large"),
    429: N_("Too many attempts"),
    500: N_("Something went wrong on our side"),
    503: N_("Not available at the moment"),
}
_UNEXPECTED = N_("It was noted. If it happens again, tell your operator the number below.")
_NOTHING = N_("The address is wrong, or what was here has been removed.")


def handlers(gate: Gate) -> ExceptionHandlersMap:
    """What Litestar calls for errors; functions that may not wait, so the page is made from what is known."""

    def known(request: Request[Any, Any, Any], error: ClarionError) -> Response[str]:
        if isinstance(error, Unauthorized):
            return _to_sign_in(request)
        status = status_of(error)
        if status == 500:
            return unexpected(request, error)
        return _page(request, gate, status=status, text=str(error) if status != 503 else "", headers=headers_of(error))

    def http(request: Request[Any, Any, Any], error: HTTPException) -> Response[str]:
        if error.status_code >= 500:
            return unexpected(request, error)
        return _page(request, gate, status=error.status_code, text=_NOTHING if error.status_code == 404 else "")

    def unexpected(request: Request[Any, Any, Any], error: Exception) -> Response[str]:
        log.error("page failed", path=request.scope["path"], method=request.method, exc_info=error)
        return _page(request, gate, status=500, text=_UNEXPECTED)

    return {ClarionError: known, HTTPException: http, Exception: unexpected}


def _page(
    request: Request[Any, Any, Any],
    gate: Gate,
    *,
    status: int,
    text: str,
    headers: dict[str, str] | None = None,
) -> Response[str]:
    visit = request.scope["state"].get("visit") or gate.stranger(request)
    shown = visit.page(
        "error.html",
        fragment="content",
        status=status,
        title=TITLES.get(status, TITLES[400]),
        text=text,
        number=connection_request_id(request),
        home=HOME,
    )
    shown.headers.update(headers or {})
    if visit.is_partial:
        shown.headers["HX-Retarget"] = "#content"
    response: Response[str] = shown
    return response


def _to_sign_in(request: Request[Any, Any, Any]) -> Response[str]:
    address = sign_in_address(request.scope["path"], request.scope["query_string"], method=request.method)
    if request.headers.get("hx-request") == "true":
        return Response("", status_code=401, headers={"HX-Redirect": f"{BASE}/sign-in"}, media_type="text/html")
    return Response("", status_code=303, headers={"Location": address}, media_type="text/html")
