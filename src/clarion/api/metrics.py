"""What the management API counts about itself, and the text that `/metrics` answers."""

import os

from prometheus_client import CollectorRegistry, Counter, Histogram, generate_latest
from prometheus_client.multiprocess import MultiProcessCollector
from prometheus_client.registry import Collector

_BUCKETS = (0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0)


class RequestMetrics:
    """Requests of the management API by route template, never by address: the number of series stays bounded."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._registry = registry
        self._answers = Counter(
            "clarion_api_requests_total",
            "Answers of the management API",
            ["method", "route", "status"],
            registry=registry,
        )
        self._seconds = Histogram(
            "clarion_api_request_seconds",
            "Time from request to answer of the management API",
            ["route"],
            buckets=_BUCKETS,
            registry=registry,
        )

    def observe(self, *, method: str, route: str, status: int, seconds: float) -> None:
        """Count one answer."""
        self._answers.labels(method if method in _METHODS else "other", route, str(status)).inc()
        self._seconds.labels(route).observe(seconds)


_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})


def exposition(registry: CollectorRegistry, *collectors: Collector) -> bytes:
    """All metrics as Prometheus text: of all processes where they share a folder, else of this one.

    `collectors` tell what belongs to no process.
    """
    common = CollectorRegistry()
    for collector in collectors:
        common.register(collector)
    if "PROMETHEUS_MULTIPROC_DIR" in os.environ:
        MultiProcessCollector(common)  # type: ignore[no-untyped-call]
        return generate_latest(common)
    return generate_latest(registry) + generate_latest(common)
