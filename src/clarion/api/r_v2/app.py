"""The ASGI object of the device API: address → call → answer.

Serves `/api/r/v2/…` and the postback addresses; the whole path stands in `scope["path"]`. Errors take the shape of
sdk-api.md §6 and are the only answers with a request id. CORS is open under `/api/r` only, and without credentials.
"""

import asyncio
from collections.abc import Awaitable, Callable, MutableMapping
from dataclasses import dataclass
from typing import Any, Protocol

import structlog

from clarion.api.r_v2.addresses import AppDirectory, client_network, device_id
from clarion.api.r_v2.answers import (
    CORS,
    Answer,
    BodyTooLarge,
    MethodNotAllowed,
    SlowRequest,
    UnsupportedEncoding,
    preflight,
    problem,
)
from clarion.api.r_v2.bodies import BODY_LIMIT
from clarion.api.r_v2.calls import Caller, DeviceCalls
from clarion.api.r_v2.postback import PATHS as POSTBACK_PATHS
from clarion.api.r_v2.postback import PATTERN as POSTBACK_PATTERN
from clarion.api.r_v2.postback import Postbacks
from clarion.api.rate_limit import RateLimiter
from clarion.features.deliveries.feedback import Feedback
from clarion.features.devices.service import DeviceService
from clarion.features.events.postbacks import PostbackService
from clarion.foundation.clock import Clock, SystemClock
from clarion.foundation.errors import ClarionError, InvalidInput, NotFound, TooManyRequests
from clarion.settings import Settings

log = structlog.get_logger("clarion.device_api")

PREFIX = "/api/r/"
BODY_SECONDS = 10.0
"""Within which a body must arrive."""
_PATTERN = "/api/v2/apps/:uappId/instances"

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]


class DeviceServices(Protocol):
    """What the device API needs of `Services`."""

    @property
    def devices(self) -> DeviceService:
        """Registration and info."""

    @property
    def feedback(self) -> Feedback:
        """Delivered and clicked."""

    @property
    def postbacks(self) -> PostbackService:
        """What accounts demand of postbacks."""


@dataclass(frozen=True, slots=True)
class _Route:
    """A call's place in the API."""

    method: str
    pattern: str
    call: Callable[[DeviceCalls, Caller, bytes], Awaitable[Answer]]


_CREATION = _Route("POST", _PATTERN, DeviceCalls.create)
_DEVICE_ROUTES = {
    ("info",): _Route("PUT", f"{_PATTERN}/:icId/info", DeviceCalls.info),
    ("deactivate",): _Route("POST", f"{_PATTERN}/:icId/deactivate", DeviceCalls.deactivate),
    ("events", "notification"): _Route("POST", f"{_PATTERN}/:icId/events/notification", DeviceCalls.notification),
    ("events", "lifecycle"): _Route("POST", f"{_PATTERN}/:icId/events/lifecycle", DeviceCalls.lifecycle),
}


@dataclass(frozen=True, slots=True)
class _Address:
    """A path that has a route."""

    route: _Route
    app: str
    device: str | None


def device_app(services: DeviceServices, settings: Settings, *, clock: Clock | None = None) -> "DeviceApp":
    """The device API on the given services; `start` it in the process's event loop and `stop` it at the end."""
    return DeviceApp(services, settings=settings, clock=clock or SystemClock())


class DeviceApp:
    """An ASGI callable."""

    def __init__(self, services: DeviceServices, *, settings: Settings, clock: Clock) -> None:
        devices = services.devices
        self._calls = DeviceCalls(devices=devices, feedback=services.feedback, settings=settings, clock=clock)
        self._postbacks = Postbacks(devices, services.postbacks, clock=clock)
        self._apps = AppDirectory(devices.account_of_app, clock=clock)
        self._creations = RateLimiter(per_minute=settings.device_create_per_min, clock=clock)

    async def start(self) -> None:
        """Get ready; the batchers start with their first call."""

    async def stop(self) -> None:
        """Finish the calls that were accepted; later ones are answered 503."""
        await self._calls.close()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one call."""
        path: str = scope["path"]
        if path in POSTBACK_PATHS:
            answer = await self._guarded(self._postback(scope), POSTBACK_PATTERN)
        else:
            address = _find(path)
            pattern = address.route.pattern if address else PREFIX
            answer = await self._guarded(self._device_call(scope, receive, address), pattern)
        headers = [*answer.headers, *CORS] if path.startswith(PREFIX) else answer.headers
        await send({"type": "http.response.start", "status": answer.status, "headers": headers})
        body = b"" if scope["method"] == "HEAD" else answer.body
        await send({"type": "http.response.body", "body": body, "more_body": False})

    async def _guarded(self, work: Awaitable[Answer], pattern: str) -> Answer:
        try:
            return await work
        except ClarionError as error:
            return problem(error, instance=pattern)
        except Exception as error:
            log.error("device call failed", route=pattern, exc_info=error)
            return problem(ClarionError("internal error"), instance=pattern)

    async def _postback(self, scope: Scope) -> Answer:
        if scope["method"] == "OPTIONS" and scope["path"].startswith(PREFIX):
            return preflight()
        client = scope.get("client")
        return await self._postbacks.answer(
            scope["method"], scope["query_string"], scope["headers"], peer=client[0] if client else None
        )

    async def _device_call(self, scope: Scope, receive: Receive, address: _Address | None) -> Answer:
        if scope["method"] == "OPTIONS":
            return preflight()
        if address is None:
            raise NotFound("404 page not found")
        if scope["method"] != address.route.method:
            raise MethodNotAllowed(f"this address takes {address.route.method}")
        body = await _read_body(scope, receive)
        app_id, account_id = await self._apps.find(address.app)
        if address.device is None:
            self._limit_creation(scope)
            caller = Caller(app_id, account_id)
        else:
            caller = Caller(app_id, account_id, device_id(address.device))
        return await address.route.call(self._calls, caller, body)

    def _limit_creation(self, scope: Scope) -> None:
        client = scope.get("client")
        allowance = self._creations.take(client_network(client[0] if client else None, scope["headers"]))
        if allowance is not None and allowance.wait:
            raise TooManyRequests("too many new instances from this network", retry_after=allowance.wait)


def _find(path: str) -> _Address | None:
    """`/api/r/v2/apps/<app>/instances[/<device>/<call>]`."""
    parts = path.split("/")
    if parts[:5] != ["", "api", "r", "v2", "apps"] or len(parts) < 7 or not parts[5] or parts[6] != "instances":
        return None
    if len(parts) == 7:
        return _Address(_CREATION, parts[5], None)
    route = _DEVICE_ROUTES.get(tuple(parts[8:]))
    return _Address(route, parts[5], parts[7]) if route and parts[7] else None


async def _read_body(scope: Scope, receive: Receive) -> bytes:
    for name, value in scope["headers"]:
        if name == b"content-length" and (not value.isdigit() or int(value[:20]) > BODY_LIMIT):
            raise BodyTooLarge(f"the body has more than {BODY_LIMIT} bytes")
        if name == b"content-encoding" and value.lower() != b"identity":
            raise UnsupportedEncoding("compressed bodies are not accepted")
    try:
        async with asyncio.timeout(BODY_SECONDS):
            return await _receive_body(receive)
    except TimeoutError:
        raise SlowRequest(f"the body did not arrive within {BODY_SECONDS:.0f} s") from None


async def _receive_body(receive: Receive) -> bytes:
    body: bytes = b""
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise InvalidInput("the body broke off or is framed wrongly")
        body += message.get("body", b"")
        if len(body) > BODY_LIMIT:
            raise BodyTooLarge(f"the body has more than {BODY_LIMIT} bytes")
        if not message.get("more_body"):
            return body
