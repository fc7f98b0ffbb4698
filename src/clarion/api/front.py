"""The outermost ASGI layer: request ids, dispatch to the device API, what is refused before anything is read.

Each answer of the management side carries `X-Request-Id`; every log line written on its way carries `req_id`. The
device API does its own accounting, because it answers thousands of calls a second.
"""

import time
from collections.abc import Awaitable, Callable
from typing import Any

import msgspec
import structlog
from litestar import Litestar
from litestar.enums import ScopeType
from litestar.types import HTTPScope, Message, Receive, Scope, Send

from clarion.api.errors import ErrorBody
from clarion.api.metrics import RequestMetrics
from clarion.foundation.ids import new_request_id

log = structlog.get_logger("clarion.api")

DEVICE_PREFIXES = ("/api/r/", "/api/postback")
"""Paths that belong to the device API."""
CONSOLE_PATH = "/console"
"""Below which, and at `/`, people find the console."""
AsgiApp = Callable[[Any, Any, Any], Awaitable[None]]
"""A raw ASGI application."""
_DEFAULTS = ((b"cache-control", b"no-store"), (b"x-content-type-options", b"nosniff"))
"""Headers of answers that do not say otherwise: what an account is told is kept nowhere."""
_QUIET = frozenset({"/healthz", "/readyz", "/metrics"})


class Front:
    """The ASGI object that servers run."""

    def __init__(
        self, *, management: Litestar, device: AsgiApp, metrics: RequestMetrics, console: AsgiApp | None = None
    ) -> None:
        self.management = management
        self._device = device
        self._console = console
        self._metrics = metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection."""
        if scope["type"] != ScopeType.HTTP:
            await self.management(scope, receive, send)
        elif scope["path"].startswith(DEVICE_PREFIXES):
            await self._device(scope, receive, send)
        else:
            await self._manage(scope, receive, send)

    async def _manage(self, scope: HTTPScope, receive: Receive, send: Send) -> None:
        exchange = _Exchange(scope, send)
        with structlog.contextvars.bound_contextvars(req_id=exchange.request_id):
            if _is_compressed(scope):
                await exchange.refuse(415, "compressed bodies are not accepted")
            else:
                await self._application(scope["path"])(scope, receive, exchange.send)
            self._account(scope, exchange)

    def _application(self, path: str) -> AsgiApp:
        if self._console is not None and (path in {"/", CONSOLE_PATH} or path.startswith(f"{CONSOLE_PATH}/")):
            return self._console
        return self.management

    def _account(self, scope: HTTPScope, exchange: "_Exchange") -> None:
        seconds = time.perf_counter() - exchange.started
        route = str(scope.get("path_template") or "unmatched")
        self._metrics.observe(method=scope["method"], route=route, status=exchange.status, seconds=seconds)
        if scope["path"] not in _QUIET:
            log.info(
                "request", method=scope["method"], route=route, status=exchange.status, ms=round(seconds * 1000, 1)
            )


class _Exchange:
    """One request and what has been answered to it."""

    def __init__(self, scope: HTTPScope, send: Send) -> None:
        self.request_id = new_request_id()
        self.started = time.perf_counter()
        self.status = 0
        self._send = send
        self._headers: dict[str, str] = {"X-Request-Id": self.request_id}
        state: dict[str, Any] = dict(scope.get("state") or {})
        scope["state"] = {**state, "request_id": self.request_id, "answer_headers": self._headers}

    async def send(self, message: Message) -> None:
        """Pass a message on; the first one gets this exchange's headers."""
        if message["type"] == "http.response.start":
            self.status = message["status"]
            extra = [(name.lower().encode(), value.encode()) for name, value in self._headers.items()]
            told = {name.lower() for name, _ in message["headers"]}
            message["headers"] = [*message["headers"], *extra, *(pair for pair in _DEFAULTS if pair[0] not in told)]
        await self._send(message)

    async def refuse(self, status: int, text: str) -> None:
        """Answer an error without reading the body."""
        body = msgspec.json.encode(ErrorBody(text, self.request_id))
        headers = [(b"content-type", b"application/json"), (b"content-length", b"%d" % len(body))]
        await self.send({"type": "http.response.start", "status": status, "headers": headers})
        await self.send({"type": "http.response.body", "body": body, "more_body": False})


def _is_compressed(scope: HTTPScope) -> bool:
    return any(name == b"content-encoding" and value.lower() != b"identity" for name, value in scope["headers"])
