"""The answers of OneSignal, in their exact shapes."""

from collections.abc import Sequence
from typing import Literal

import msgspec

from clarion.simulator.model import Reply

Shape = Literal["object", "objects", "players"]
"""How partial errors come: an object, a list of objects, or an object with the older name."""
ACCESS_DENIED = (
    "Access denied.  Please include an 'Authorization: ...' header with a valid API key "
    "(https://documentation.onesignal.com/docs/accounts-and-keys)."
)
NOT_SUBSCRIBED = "All included players are not subscribed"
ERRORS: dict[str, tuple[int, str]] = {
    "BAD_REQUEST": (400, "Message Notifications must have English language content"),
    "APP_ID": (400, "app_id not found. You may be missing a Content-Type: application/json header."),
    "ACCESS_DENIED": (403, ACCESS_DENIED),
    "UNAUTHORIZED": (401, ACCESS_DENIED),
    "NOT_FOUND": (404, "App not found"),
    "IN_PROGRESS": (409, "A request with this idempotency key is in progress"),
    "TOO_LARGE": (413, "The payload is too large"),
    "RATE_LIMIT": (429, "API rate limit exceeded."),
    "INTERNAL": (500, "Internal server error"),
    "UNAVAILABLE": (503, "Service temporarily unavailable"),
}


def refused(status: int, text: str) -> Reply:
    """An error with a list of texts."""
    return Reply(status, msgspec.json.encode({"errors": [text]}))


def named(name: str) -> Reply:
    """The answer for a named error; `ValueError` for an unknown one."""
    if name == "NOT_SUBSCRIBED":
        return nothing_sent(NOT_SUBSCRIBED)
    if name == "NOTHING_SENT":
        return nothing_sent("Notification content is not allowed")
    if name not in ERRORS:
        raise ValueError(f"OneSignal has no error {name!r}")
    return refused(*ERRORS[name])


def nothing_sent(text: str) -> Reply:
    """200, but nobody got anything."""
    return Reply(200, msgspec.json.encode({"id": "", "errors": [text]}))


def accepted(notification: str, invalid: Sequence[str] = (), *, shape: Shape = "object") -> Reply:
    """200 with the id of the notification, and the recipients that do not exist."""
    content: dict[str, object] = {"id": notification, "external_id": None}
    if invalid:
        name = "invalid_player_ids" if shape == "players" else "invalid_subscription_ids"
        errors: object = {name: list(invalid)}
        content["errors"] = [errors] if shape == "objects" else errors
    return Reply(200, msgspec.json.encode(content))
