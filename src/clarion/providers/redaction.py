"""Takes device identifiers and secrets out of what a provider said, before it is stored, shown or logged."""

import re

TEXT_LIMIT = 512
_LOOKED_AT = 4096
_URL = re.compile(r"(https?://[^/\s\"'<>]+)[^\s\"'<>]*")
_AUTHORIZATION = re.compile(r"\b(Bearer|Basic|Key|vapid|WebPush)\s+[^\s\"'<>]{16,}", re.IGNORECASE)
# Longer than any project id (30), shorter than any push token, access token or key.
_OPAQUE = re.compile(r"[A-Za-z0-9_:=%+~/-]{32,}")
_DIGIT = re.compile(r"\d")


def _hide_opaque(found: re.Match[str]) -> str:
    return "[redacted]" if _DIGIT.search(found[0]) else found[0]


def _one_line(text: str) -> str:
    """Without control characters, lone surrogates and runs of spaces: what a log line and a text column can hold."""
    return " ".join("".join(letter if letter.isprintable() else " " for letter in text).split())


def redact(text: str) -> str:
    """One line of at most 512 characters: addresses cut to their host, credentials and long opaque values replaced."""
    line = _URL.sub(r"\1/…", _one_line(text[:_LOOKED_AT]))
    line = _AUTHORIZATION.sub(r"\1 [redacted]", line)
    return _OPAQUE.sub(_hide_opaque, line)[:TEXT_LIMIT].strip()


def redact_body(body: bytes) -> str:
    """The same for the beginning of an answer's body, whatever it holds."""
    return redact(body[:_LOOKED_AT].decode("utf-8", "replace"))
