"""The operator's routes: liveness, readiness, metrics, version. They need no key and tell nothing about accounts."""

from collections.abc import Awaitable, Callable

import msgspec
from litestar import Response, get
from litestar.di import NamedDependency
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry

from clarion import __version__
from clarion.api.backlog_metrics import BacklogMetrics
from clarion.api.metrics import exposition

Readiness = Callable[[], Awaitable[None]]
"""Returns when requests can be served; raises `Unavailable` with the reason otherwise."""


class Status(msgspec.Struct, frozen=True):
    """A short yes."""

    status: str


class Version(msgspec.Struct, frozen=True):
    """What runs."""

    version: str


@get("/healthz", tags=["operations"], summary="Liveness: the process answers")
async def healthz() -> Status:
    """Answers as long as the event loop turns."""
    return Status("ok")


@get("/readyz", tags=["operations"], summary="Readiness: the database is reachable and its schema current")
async def readyz(readiness: NamedDependency[Readiness]) -> Status:
    """503 with the reason while requests cannot be served."""
    await readiness()
    return Status("ready")


@get("/metrics", tags=["operations"], summary="Metrics as Prometheus text", media_type="text/plain")
async def metrics(
    registry: NamedDependency[CollectorRegistry], backlog_metrics: NamedDependency[BacklogMetrics]
) -> Response[bytes]:
    """What the processes count, and what the database tells of the whole installation."""
    await backlog_metrics.refresh()
    return Response(exposition(registry, backlog_metrics), media_type=CONTENT_TYPE_LATEST)


@get("/version", tags=["operations"], summary="The version that runs")
async def running_version() -> Version:
    """The release."""
    return Version(__version__)


ROUTES = [healthz, readyz, metrics, running_version]
