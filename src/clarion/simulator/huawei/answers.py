"""The answers of Huawei Push Kit and its token endpoint, in their exact shapes."""

import secrets
from collections.abc import Sequence

import msgspec

from clarion.simulator.model import Reply

CODES: dict[str, tuple[int, str]] = {
    "80100001": (400, "Incorrect parameters"),
    "80100003": (400, "Illegal payload"),
    "80100013": (400, "The collapse_key is invalid"),
    "80100016": (400, "The message contains sensitive information"),
    "80100017": (200, "A maximum of 100 topic-based messages can be sent at the same time"),
    "80200001": (401, "OAuth authentication error"),
    "80200003": (401, "OAuth token expired"),
    "80200005": (401, "JWT expired"),
    "80300002": (403, "The app does not have permission to send messages"),
    "80300007": (400, "All the tokens are invalid"),
    "80300008": (400, "The message body size exceeds the default value set by the system"),
    "80300010": (400, "The number of tokens in the message body exceeds the default value"),
    "80300011": (400, "You are not authorized to send high-priority notification messages"),
    "80300017": (400, "The tokens belong to several apps"),
    "80300028": (400, "The token does not belong to the app"),
    "80300029": (400, "The number of test messages exceeds the limit"),
    "80300037": (400, "The app is punished"),
    "80600003": (500, "Failed to request the OAuth service"),
    "81000001": (500, "Internal error"),
    "80000001": (500, "Internal error"),
}
STATUSES = {
    "FLOW_CONTROL": Reply(503, b"", ()),
    "UNAUTHORIZED": Reply(401, b"", ()),
    "NOT_FOUND": Reply(404, b"", ()),
    "BAD_REQUEST": Reply(400, b"", ()),
    "INTERNAL": Reply(500, b"", ()),
    "BAD_GATEWAY": Reply(502, b"", ()),
}
"""Answers without a code."""


def coded(code: str, text: str, *, status: int = 200, as_number: bool = False) -> Reply:
    """An answer with a code, usually a string of digits."""
    said: str | int = int(code) if as_number else code
    content = {"code": said, "msg": text, "requestId": f"{secrets.randbelow(10**18):018d}"}
    return Reply(status, msgspec.json.encode(content))


def named(name: str) -> Reply:
    """The answer with a code, or one of `STATUSES`; `ValueError` for an unknown one."""
    if name in STATUSES:
        return STATUSES[name]
    if name not in CODES:
        raise ValueError(f"Huawei has no error {name!r}")
    status, text = CODES[name]
    return coded(name, text, status=status)


def partly(sent: int, illegal: Sequence[str], *, as_number: bool, readable: bool) -> Reply:
    """Some tokens are illegal; the report is JSON text inside the JSON."""
    report = {"success": sent, "failure": len(illegal), "illegal_tokens": list(illegal)}
    text = msgspec.json.encode(report).decode()
    return coded("80100000", text if readable else text[: len(text) // 2], as_number=as_number)


def token_refused(status: int, error: int, sub_error: int, text: str) -> Reply:
    """A refusal of the token endpoint."""
    content = {"error": error, "sub_error": sub_error, "error_description": text}
    return Reply(status, msgspec.json.encode(content))
