"""Errors as HTTP answers: the only place that knows statuses.

Every answer that is not a success has the body `{"error": "...", "req_id": "..."}` (management-api.md §1).
"""

from enum import StrEnum
from typing import Any

import msgspec
import structlog
from litestar import Request, Response
from litestar.exceptions import HTTPException, ValidationException
from litestar.types import ExceptionHandlersMap
from litestar.typing import FieldDefinition

from clarion.api.binding import connection_request_id
from clarion.features.idempotency import KeyReused, StillRunning
from clarion.foundation.errors import (
    ClarionError,
    Conflict,
    Forbidden,
    InvalidInput,
    NotFound,
    TooManyRequests,
    Unauthorized,
    Unavailable,
)

log = structlog.get_logger("clarion.api")


class ErrorBody(msgspec.Struct, frozen=True):
    """What every failed call answers."""

    error: str
    req_id: str


STATUSES: dict[type[ClarionError], int] = {
    InvalidInput: 400,
    Unauthorized: 401,
    Forbidden: 403,
    NotFound: 404,
    Conflict: 409,
    KeyReused: 422,
    TooManyRequests: 429,
    Unavailable: 503,
}

_HTTP_TEXTS = {
    400: "validation error: the request is malformed",
    404: "not found: no such route",
    405: "method not allowed",
    408: "the body did not arrive in time",
    413: "the body is larger than 1 MiB",
}


def status_of(error: ClarionError) -> int:
    """The status of the nearest ancestor that has one; 500 for an error that no caller can cause."""
    return next((STATUSES[kind] for kind in type(error).__mro__ if kind in STATUSES), 500)


def text_of(error: ClarionError) -> str:
    """The text for the caller; what lies behind an outage (hosts, ports) is for the log only."""
    if isinstance(error, InvalidInput):
        return f"validation error: {error}"
    if isinstance(error, Unavailable) and error.__cause__ is not None:
        return "temporarily unavailable: try again later"
    return str(error)


def headers_of(error: ClarionError) -> dict[str, str]:
    """Headers that belong to the error."""
    if isinstance(error, TooManyRequests | Unavailable | StillRunning):
        return {"Retry-After": str(error.retry_after)}
    if isinstance(error, Unauthorized):
        return {"WWW-Authenticate": "Bearer"}
    return {}


def _answer(request: Request[Any, Any, Any], *, status: int, text: str, headers: dict[str, str]) -> Response[ErrorBody]:
    body = ErrorBody(text, connection_request_id(request))
    return Response(body, status_code=status, headers=headers, media_type="application/json")


def _unexpected(request: Request[Any, Any, Any], error: Exception) -> Response[ErrorBody]:
    log.error("request failed", path=request.scope["path"], method=request.method, exc_info=error)
    return _answer(request, status=500, text="internal error; support finds it by its req_id", headers={})


def _clarion_error(request: Request[Any, Any, Any], error: ClarionError) -> Response[ErrorBody]:
    status = status_of(error)
    if status == 500:
        return _unexpected(request, error)
    if status == 503:
        log.warning("unavailable", reason=str(error))
    return _answer(request, status=status, text=text_of(error), headers=headers_of(error))


def _http_error(request: Request[Any, Any, Any], error: HTTPException) -> Response[ErrorBody]:
    if error.status_code >= 500:
        return _unexpected(request, error)
    text = _HTTP_TEXTS.get(error.status_code, error.detail)
    return _answer(request, status=error.status_code, text=text, headers=dict(error.headers or {}))


def _argument_error(request: Request[Any, Any, Any], error: ValidationException) -> Response[ErrorBody]:
    """A path or query argument of the wrong form."""
    faults = error.extra if isinstance(error.extra, list) else []
    words = [_argument_in_words(request, fault) for fault in faults if isinstance(fault, dict)]
    text = f"validation error: {words[0]}" if words else _HTTP_TEXTS[400]
    return _answer(request, status=400, text=text, headers={})


def _argument_in_words(request: Request[Any, Any, Any], fault: dict[str, Any]) -> str:
    """The fault under the argument's name in the address, which its function may have to call differently."""
    key = str(fault.get("key", "the address"))
    field = request.scope["route_handler"].parsed_fn_signature.parameters.get(key)
    if field is None:
        return f"{key} {fault['message']}"
    name = getattr(field.kwarg_definition, "name", None) or key
    choices = _choices(field)
    return f"{name} must be one of {', '.join(choices)}" if choices else f"{name} {fault['message']}"


def _choices(field: FieldDefinition) -> list[str]:
    """The values of an argument that takes one, or some, of a few words."""
    if field.is_subclass_of(StrEnum):
        return [str(choice) for choice in field.annotation]
    return [choice for inner in field.inner_types for choice in _choices(inner)]


EXCEPTION_HANDLERS: ExceptionHandlersMap = {
    ClarionError: _clarion_error,
    ValidationException: _argument_error,
    HTTPException: _http_error,
    Exception: _unexpected,
}
