"""The web process: API and console behind granian.

It speaks HTTP/1.1 only: a reverse proxy in front speaks what browsers like, and granian ends silent connections only
where it need not find out the protocol first.
"""

import asyncio
import resource

from granian.constants import HTTPModes, Interfaces
from granian.http import HTTP1Settings
from granian.log import LogLevels
from granian.server.embed import Server

from clarion.asgi import WebProcess
from clarion.cli.lifetime import Signals, connections_of, first
from clarion.settings import Settings

BACKLOG = 1024
CONNECTIONS = 4096
"""Open connections of one process; more wait in the backlog."""
SPARE_FILES = 256
"""Files that a process has open besides its connections, generously."""
HEADER_SECONDS = 15
"""Within which a request must begin and its headers arrive, on new and on idle connections."""
HEADER_BYTES = 64 << 10
"""Of the request line and all headers, and what is read ahead of a body."""
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
        http=HTTPModes.http1,
        backlog=BACKLOG,
        backpressure=connection_limit(),
        websockets=False,
        http1_settings=HTTP1Settings(header_read_timeout=HEADER_SECONDS * 1000, max_buffer_size=HEADER_BYTES),
        log_level=LogLevels.error,
        log_dictconfig=_GRANIAN_LOGS,
    )
    serving = asyncio.create_task(server.serve())
    await first(serving, signals.stop)
    server.stop()  # type: ignore[no-untyped-call]
    await first(serving, signals.hurry)
    if serving.done():
        await serving


def connection_limit() -> int:
    """How many connections may be open: `CONNECTIONS`, or what the limit of open files leaves, raised if need be."""
    wanted = CONNECTIONS + SPARE_FILES
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft == resource.RLIM_INFINITY or soft >= wanted:
        return CONNECTIONS
    reachable = wanted if hard == resource.RLIM_INFINITY else min(hard, wanted)
    resource.setrlimit(resource.RLIMIT_NOFILE, (reachable, hard))
    return max(SPARE_FILES, reachable - SPARE_FILES)
