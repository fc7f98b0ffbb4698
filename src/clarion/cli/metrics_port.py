"""Metrics of worker processes that have no web process beside them."""

from collections.abc import Iterator
from contextlib import contextmanager

from prometheus_client import CollectorRegistry, start_http_server
from prometheus_client.multiprocess import MultiProcessCollector

from clarion.foundation.errors import ConfigurationError


@contextmanager
def metrics_served(folder: str, *, host: str, port: int | None) -> Iterator[None]:
    """Answer the metrics that processes share in `folder` on a port of this machine; None: on none.

    Raises `ConfigurationError` when the port cannot be had.
    """
    if port is None:
        yield
        return
    registry = CollectorRegistry()
    MultiProcessCollector(registry, folder)  # type: ignore[no-untyped-call]
    try:
        server, thread = start_http_server(port, host, registry)
    except OSError as error:
        raise ConfigurationError(f"CLARION_METRICS_PORT: {host}:{port} cannot be used: {error.strerror}") from None
    try:
        yield
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
