"""The answers of FCM and of Google's token endpoint, in their exact shapes."""

from collections.abc import Sequence
from typing import NamedTuple

import msgspec

from clarion.simulator.model import HTML_TYPE, Reply

FCM_ERROR = "type.googleapis.com/google.firebase.fcm.v1.FcmError"
BAD_REQUEST = "type.googleapis.com/google.rpc.BadRequest"
INVALID_TOKEN = "The registration token is not a valid FCM registration token"  # noqa: S105 – a message
STATUSES = {
    400: "INVALID_ARGUMENT",
    401: "UNAUTHENTICATED",
    403: "PERMISSION_DENIED",
    404: "NOT_FOUND",
    429: "RESOURCE_EXHAUSTED",
    500: "INTERNAL",
    503: "UNAVAILABLE",
}


class Violation(NamedTuple):
    """One faulty field of a message."""

    field: str
    description: str


class NamedError(NamedTuple):
    """An FCM error code with its HTTP status and text."""

    status: int
    message: str


# https://firebase.google.com/docs/reference/fcm/rest/v1/ErrorCode
ERRORS = {
    "UNREGISTERED": NamedError(404, "Requested entity was not found."),
    "SENDER_ID_MISMATCH": NamedError(403, "SenderId mismatch"),
    "QUOTA_EXCEEDED": NamedError(429, "Quota exceeded for quota metric 'Send requests'."),
    "UNAVAILABLE": NamedError(503, "The service is currently unavailable."),
    "INTERNAL": NamedError(500, "Internal error encountered."),
    "UNSPECIFIED_ERROR": NamedError(500, "Unspecified error."),
    "THIRD_PARTY_AUTH_ERROR": NamedError(401, "Auth error from APNS or Web Push Service"),
}
UNAUTHENTICATED = (
    "Request had invalid authentication credentials. Expected OAuth 2 access token, login cookie or other valid "
    "authentication credential. See https://developers.google.com/identity/sign-in/web/devconsole-project."
)
UNKNOWN_PATH = Reply(404, b"<!DOCTYPE html>\n<html lang=en><title>Error 404 (Not Found)!!1</title>\n", HTML_TYPE)


def error(status: int, message: str, details: Sequence[dict[str, object]] = ()) -> Reply:
    """A `google.rpc.Status` as JSON; without details the member is absent."""
    content: dict[str, object] = {"code": status, "message": message, "status": STATUSES[status]}
    if details:
        content["details"] = list(details)
    return Reply(status, msgspec.json.encode({"error": content}))


def named(code: str) -> Reply:
    """The answer with one of FCM's own error codes; `ValueError` for an unknown one."""
    if code == "INVALID_ARGUMENT":
        return invalid_token()
    if code == "PERMISSION_DENIED":
        return permission_denied()
    if code == "UNAUTHENTICATED":
        return unauthenticated()
    if code not in ERRORS:
        raise ValueError(f"FCM has no error {code!r}")
    known = ERRORS[code]
    return error(known.status, known.message, [{"@type": FCM_ERROR, "errorCode": code}])


def invalid_token() -> Reply:
    """400 for a malformed registration token."""
    violations = [{"field": "message.token", "description": "Invalid registration token"}]
    return error(
        400,
        INVALID_TOKEN,
        [
            {"@type": FCM_ERROR, "errorCode": "INVALID_ARGUMENT"},
            {"@type": BAD_REQUEST, "fieldViolations": violations},
        ],
    )


def invalid_field(violation: Violation) -> Reply:
    """400 that names the faulty field."""
    return error(400, violation.description, [{"@type": BAD_REQUEST, "fieldViolations": [violation._asdict()]}])


def too_large() -> Reply:
    """400 without details, as FCM answers a payload above 4096 bytes."""
    return error(400, "Message payload is too large: at most 4096 bytes are allowed.")


def unauthenticated() -> Reply:
    """401 for a missing, unknown or expired bearer."""
    reply = error(401, UNAUTHENTICATED)
    return reply._replace(headers=(*reply.headers, ("www-authenticate", 'Bearer realm="https://accounts.google.com/"')))


def permission_denied(project: str = "this project") -> Reply:
    """403 for a project that the credential may not send for."""
    permission = f"Permission 'cloudmessaging.messages.create' denied on resource '{project}' (or it may not exist)."
    return error(403, permission)


def not_found() -> Reply:
    """404 without an FCM error code: the project does not exist."""
    return error(404, "Requested entity was not found.")


def accepted(project: str, name: str) -> Reply:
    """200 with the name of the message."""
    return Reply(200, b'{"name":"projects/%s/messages/%s"}' % (project.encode(), name.encode()))


def oauth_error(code: str, description: str, *, status: int = 400) -> Reply:
    """A refusal of the token endpoint (RFC 6749 §5.2)."""
    return Reply(status, msgspec.json.encode({"error": code, "error_description": description}))


def label(reply: Reply) -> str:
    """How the journal names a refusal: the FCM error code, else the status."""
    if not reply.body.startswith(b"{"):
        return str(reply.status)
    content = msgspec.json.decode(reply.body)["error"]
    for detail in content.get("details", ()):
        if detail["@type"] == FCM_ERROR:
            return str(detail["errorCode"])
    return str(content["status"])
