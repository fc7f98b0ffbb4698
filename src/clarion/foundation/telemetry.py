"""Logs: how they are set up.

All log records, ours and those of libraries, pass one redaction point on their way out (`redact`). It works by the
name of a field, by type (`Secret`) and by the shape of a text, and makes every record one line: control characters in
texts from outside are escaped.
"""

import logging
import re
import sys
import unicodedata
from collections.abc import Mapping
from typing import TextIO, cast

import structlog
from structlog.typing import EventDict, Processor, WrappedLogger

from clarion.foundation.secrets import Secret

HIDDEN = "***"
_SECRET_NAME = re.compile(
    r"token|secret|password|passwd|authorization|cookie|api_?key|private_?key|credential|master_?key|ext_id"
    r"|endpoint|dsn|database_url|query_string|session|jwt|certificate|vapid|p256dh",
    re.IGNORECASE,
)
_HARMLESS_NAME = re.compile(r"^(token_state|token_uri|has_\w+|\w+_fingerprint|\w+_count|\w+_version)$")
_SECRET_TEXT = re.compile(
    r"(?P<scheme>\b[a-z][a-z0-9+.-]*://)[^\s/@]*:[^\s/@]*@"  # passwords in addresses
    r"|(?P<word>\b(?:bearer|basic|key|vapid|password|secret|token)[ =:]\s*)[\w.+/=~-]{6,}"
    r"|-----BEGIN [A-Z ]+-----.*?(?:-----END [A-Z ]+-----|$)"
    r"|\bey[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]*"  # JSON web tokens
    r"|\bclk_[0-9a-f]{16}_[0-9a-f]+"  # API keys
    r"|\b[\w-]{8,}:APA91[\w-]+"  # FCM registration tokens
    r"|\b[0-9a-fA-F]{64,}\b"  # APNs device tokens, keyed hashes
    r"|(?P<before>\bDETAIL: +|\binvalid input for query argument \$\d+: ).*?(?=\n\n|\Z)",  # quoted values
    re.IGNORECASE | re.DOTALL,
)
_DEPTH = 6
_INTERNAL = {"_record", "_from_structlog"}
_QUIET = {
    "_granian": logging.ERROR,
    "granian.access": logging.CRITICAL,
    "asyncio": logging.WARNING,
    "hpack": logging.WARNING,  # at DEBUG it writes down every header, in pieces that nothing recognises
}


def _hidden(text: str) -> str:
    return _SECRET_TEXT.sub(lambda found: f"{found['scheme'] or found['word'] or found['before'] or ''}{HIDDEN}", text)


def _one_line(text: str) -> str:
    if text.isascii() and text.isprintable():
        return text
    return "".join(_escaped(character) for character in text)


def _visible(text: str) -> str:
    """The text without secrets, on one line: control, format and separator characters as escapes."""
    return _one_line(_hidden(text))


def _traceback(text: str) -> str:
    """A traceback without secrets; its lines are indented, so that no text inside it can pose as a record."""
    return "".join(f"\n    {_one_line(line)}" for line in _hidden(text).split("\n"))


def _escaped(character: str) -> str:
    if unicodedata.category(character) in {"Cc", "Cf", "Cs", "Zl", "Zp"}:
        return character.encode("unicode_escape").decode("ascii")
    return character


def _clean(name: str, value: object, depth: int) -> object:
    if value is None or isinstance(value, bool | int | float):
        return value
    if isinstance(value, Secret) or (_SECRET_NAME.search(name) and not _HARMLESS_NAME.match(name)):
        return HIDDEN
    if isinstance(value, str):
        return _visible(value)
    if depth == 0:
        return HIDDEN
    if isinstance(value, Mapping):
        return {str(key): _clean(str(key), item, depth - 1) for key, item in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [_clean("", item, depth - 1) for item in value]
    return _visible(repr(value))


def redact(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    """The one redaction point: no secret, device identifier or control character leaves in a log record."""
    shown = {name: _clean(name, value, _DEPTH) for name, value in event.items() if name not in _INTERNAL}
    if "exception" in event:
        shown["exception"] = _traceback(str(event["exception"]))
    return shown


def _shared() -> list[Processor]:
    return [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.stdlib.PositionalArgumentsFormatter(),
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.format_exc_info,
    ]


def _renderer(kind: str, *, colors: bool) -> Processor:
    if kind == "json":
        return cast("Processor", structlog.processors.JSONRenderer(ensure_ascii=False))
    return structlog.dev.ConsoleRenderer(colors=colors, exception_formatter=structlog.dev.plain_traceback)


def set_up_logs(level: str, kind: str | None = None, stream: TextIO | None = None) -> None:
    """Send all records of this process to `stream` (default: standard error).

    `kind` is `console` or `json`; None chooses by whether the stream is a terminal.
    """
    target = stream or sys.stderr
    chosen = kind or ("console" if target.isatty() else "json")
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            *_shared(),
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(target)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=_shared(), processors=[redact, _renderer(chosen, colors=target.isatty())]
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level.upper())
    for name, quiet in _QUIET.items():
        logging.getLogger(name).setLevel(quiet)
