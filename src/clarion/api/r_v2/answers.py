"""Answers of the device API as ASGI messages, and its error object (sdk-api.md §6)."""

from collections.abc import Sequence
from dataclasses import dataclass

import msgspec

from clarion.foundation.errors import ClarionError, Forbidden, InvalidInput, NotFound, TooManyRequests, Unavailable
from clarion.foundation.ids import new_request_id

Headers = Sequence[tuple[bytes, bytes]]

CORS: Headers = (
    (b"access-control-allow-origin", b"*"),
    (b"access-control-allow-methods", b"POST, PUT, OPTIONS"),
    (b"access-control-allow-headers", b"content-type, x-instance-token"),
)
"""On every answer under `/api/r`, errors too, and nowhere else (reliability.md AU-9)."""
_JSON = (b"content-type", b"application/json")
_FRESH = (b"cache-control", b"no-store")


class MethodNotAllowed(ClarionError):
    """The path exists, but not for this method."""

    code = "method_not_allowed"


class BodyTooLarge(ClarionError):
    """The body is over the limit."""

    code = "body_too_large"


class UnsupportedEncoding(ClarionError):
    """The body is compressed."""

    code = "unsupported_encoding"


class SlowRequest(ClarionError):
    """The body did not arrive in time."""

    code = "slow_request"


@dataclass(frozen=True, slots=True)
class _Problem:
    status: int
    type: str
    title: str


_PROBLEMS: dict[type[ClarionError], _Problem] = {
    InvalidInput: _Problem(400, "problem-types/request-parse-error", "Request parse error"),
    Forbidden: _Problem(403, "problem-types/forbidden", "Forbidden"),
    NotFound: _Problem(404, "problem-types/not-found", "Not found"),
    MethodNotAllowed: _Problem(405, "problem-types/method-not-allowed", "Method not allowed"),
    SlowRequest: _Problem(408, "problem-types/request-timeout", "Request timeout"),
    BodyTooLarge: _Problem(413, "problem-types/body-too-large", "Body too large"),
    UnsupportedEncoding: _Problem(415, "problem-types/unsupported-encoding", "Unsupported encoding"),
    TooManyRequests: _Problem(429, "problem-types/too-many-requests", "Too many requests"),
    Unavailable: _Problem(503, "problem-types/unavailable", "Temporarily unavailable"),
}
_INTERNAL = _Problem(500, "problem-types/internal-error", "Internal error")


class ProblemBody(msgspec.Struct, frozen=True):
    """Both error families of upstream in one object (sdk-api.md Q2)."""

    type: str
    title: str
    status: int
    detail: str
    instance: str
    error: str
    req_id: str


@dataclass(frozen=True, slots=True)
class Answer:
    """A status, headers and a body."""

    status: int
    body: bytes
    headers: Headers


def success(status: int, body: bytes) -> Answer:
    """A JSON answer."""
    return Answer(status, body, (_JSON, _FRESH, (b"content-length", b"%d" % len(body))))


def preflight() -> Answer:
    """The answer to OPTIONS."""
    return Answer(204, b"", ((b"access-control-max-age", b"86400"),))


def problem(error: ClarionError, *, instance: str) -> Answer:
    """The answer to a call that failed. `instance` is the route's pattern, never the address itself."""
    kind = next((_PROBLEMS[cls] for cls in type(error).__mro__ if cls in _PROBLEMS), _INTERNAL)
    detail = _detail(error, kind)
    text = f"validation error: {detail}" if kind.status == 400 else detail
    req_id = new_request_id()
    body = msgspec.json.encode(ProblemBody(kind.type, kind.title, kind.status, detail, instance, text, req_id))
    headers = [*_problem_headers(error), (b"x-request-id", req_id.encode())]
    return Answer(kind.status, body, (*success(kind.status, body).headers, *headers))


def _detail(error: ClarionError, kind: _Problem) -> str:
    """The text for the caller; what lies behind an outage (hosts, ports) is nobody's business."""
    if kind is _INTERNAL:
        return "internal error; support finds it by its req_id"
    if isinstance(error, Unavailable) and error.__cause__ is not None:
        return "temporarily unavailable: try again later"
    return str(error)


def _problem_headers(error: ClarionError) -> Headers:
    if isinstance(error, TooManyRequests | Unavailable):
        return [(b"retry-after", b"%d" % error.retry_after)]
    return []
