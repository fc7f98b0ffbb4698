"""The answers of push services, in the shapes of Mozilla, Google and Apple."""

from typing import NamedTuple

import msgspec

from clarion.simulator.model import Reply

TEXT_TYPE = (("content-type", "text/plain; charset=utf-8"),)


class MozillaError(NamedTuple):
    """An error of autopush with its status, number and text."""

    status: int
    errno: int
    message: str


# https://mozilla-services.github.io/autopush-rs/errors.html
MOZILLA = {
    "MISSING_CRYPTO": MozillaError(400, 101, "Missing necessary crypto keys"),
    "UNKNOWN": MozillaError(404, 102, "Invalid URL endpoint"),
    "EXPIRED": MozillaError(410, 103, "Expired URL endpoint"),
    "TOO_LARGE": MozillaError(413, 104, "Data payload too large"),
    "UNAVAILABLE_ENDPOINT": MozillaError(404, 105, "Endpoint became unavailable during request"),
    "GONE": MozillaError(410, 106, "Invalid subscription"),
    "BAD_ENCRYPTION": MozillaError(400, 110, "Invalid crypto headers"),
    "UNAUTHORIZED": MozillaError(401, 109, "Invalid auth token"),
    "MISSING_HEADER": MozillaError(400, 111, "Missing required header"),
    "BAD_TTL": MozillaError(400, 112, "Invalid TTL header value"),
    "BAD_TOPIC": MozillaError(400, 113, "Invalid Topic header value"),
    "OVERLOADED": MozillaError(503, 201, "Use exponential back-off for retries"),
    "RETRY": MozillaError(503, 202, "Immediate retry OK"),
    "BRIDGE": MozillaError(502, 900, "Bridge service is unavailable"),
}
APPLE = {"VapidPkHashMismatch": 400, "BadJwtToken": 403, "Unregistered": 410}
TEXTS = {
    "OTHER_KEY": (
        403,
        "the VAPID credentials in the authorization header do not correspond to the credentials used to create the "
        "subscriptions.",
    ),
    "FORBIDDEN": (403, "Forbidden"),
    "TTL_CONFLICT": (400, "Ttl value conflicts with X-WNS-Cache-Policy"),
    "THROTTLED_HOST": (406, ""),
    "TOO_MANY": (429, "too many requests"),
    "UNAVAILABLE": (503, "upstream overloaded"),
}


def named(name: str) -> Reply:
    """The answer for a named error; `ValueError` for an unknown one."""
    if name in MOZILLA:
        status, errno, message = MOZILLA[name]
        content = {"code": status, "errno": errno, "error": name.title(), "message": message, "more_info": ""}
        return Reply(status, msgspec.json.encode(content))
    if name in APPLE:
        return Reply(APPLE[name], msgspec.json.encode({"reason": name}))
    if name in TEXTS:
        status, text = TEXTS[name]
        return Reply(status, text.encode(), TEXT_TYPE)
    raise ValueError(f"web push has no error {name!r}")


def accepted(location: str, ttl: int) -> Reply:
    """201 with the address of the message and the time that it is kept (RFC 8030 §5)."""
    return Reply(201, b"", (("location", location), ("ttl", str(ttl))))
