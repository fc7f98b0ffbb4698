"""The web process: API and console behind granian."""

import asyncio

from granian.constants import Interfaces
from granian.http import HTTP1Settings
from granian.log import LogLevels
from granian.server.embed import Server

from clarion.asgi import WebProcess
from clarion.cli.lifetime import Signals, connections_of, first
from clarion.settings import Settings

BACKLOG = 1024
HEADER_SECONDS = 15
_GRANIAN_LOGS = {
    "handlers": {},
    "loggers": {"_granian": {"handlers": [], "propagate": True}, "granian.access": {"handlers": [], "propagate": True}},
}


async def run(settings: Settings, signals: Signals) -> None:
    """Accept requests until the stop signal, answer those that are under way, then close."""
    server = Server(
        WebProcess(settings, connections=connections_of(settings)),
        address=settings.host,
        port=settings.port,
        interface=Interfaces.ASGI,
        backlog=BACKLOG,
        websockets=False,
        http1_settings=HTTP1Settings(header_read_timeout=HEADER_SECONDS * 1000),
        log_level=LogLevels.error,
        log_dictconfig=_GRANIAN_LOGS,
    )
    serving = asyncio.create_task(server.serve())
    await first(serving, signals.stop)
    server.stop()  # type: ignore[no-untyped-call]
    await first(serving, signals.hurry)
    if serving.done():
        await serving
