"""The ASGI application object, for the web processes and for servers that import one (`clarion.asgi:create`)."""

import os
from collections.abc import Awaitable, Callable, MutableMapping
from functools import partial
from typing import Any

from clarion.api.app import create_app
from clarion.bootstrap import open_installation
from clarion.console.app import console_app
from clarion.db.readiness import check_ready
from clarion.foundation.errors import ClarionError
from clarion.foundation.telemetry import set_up_logs
from clarion.settings import Settings, read_settings

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Application = Callable[[Any, Any, Any], Awaitable[None]]
"""ASGI 3; its three arguments have no types that all frameworks agree on."""


def create() -> Application:
    """The application for the settings in the environment, which must name database and master key."""
    settings = read_settings(os.environ)
    set_up_logs(settings.log_level, settings.log_format)
    return WebProcess(settings)


class WebProcess:
    """Opens the installation with the server's life and serves requests from it."""

    def __init__(self, settings: Settings, *, connections: int = 10) -> None:
        self._settings = settings
        self._connections = connections
        self._application: Application | None = None

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        """Serve one connection, or the server's life."""
        if scope["type"] == "lifespan":
            await self._live(scope, receive, send)
        elif self._application is not None:
            await self._application(scope, receive, send)

    async def _live(self, scope: Message, receive: Receive, send: Send) -> None:
        begun = await receive()
        try:
            async with open_installation(self._settings, connections=self._connections) as installation:
                application: Application = create_app(
                    installation.services,
                    self._settings,
                    readiness=partial(check_ready, installation.database),
                    console=console_app(installation.services, self._settings),
                )
                self._application = application
                await application(scope, _replay(begun, receive), send)
        except ClarionError as error:
            await send({"type": "lifespan.startup.failed", "message": str(error)})


def _replay(first: Message, receive: Receive) -> Receive:
    """Give `first` once more, then go on."""
    waiting = [first]

    async def again() -> Message:
        return waiting.pop() if waiting else await receive()

    return again
