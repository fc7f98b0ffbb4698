"""The part of `/metrics` that comes from the database: the same whichever web process answers."""

import asyncio
from collections.abc import Iterator

import structlog
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

from clarion.features.deliveries.backlog import Backlog, BacklogService, ByProvider
from clarion.foundation.clock import Clock, SystemClock
from clarion.foundation.errors import Unavailable
from clarion.providers.registry import SENDERS

log = structlog.get_logger("clarion.api")

FRESH = 5.0
"""Seconds that one look serves; however often somebody asks, the database is not asked more often."""


class BacklogMetrics(Collector):
    """Looks now and then, and shows what it saw; a collector for a `CollectorRegistry`."""

    def __init__(self, service: BacklogService, *, clock: Clock | None = None) -> None:
        self._service = service
        self._clock = clock or SystemClock()
        self._seen: Backlog | None = None
        self._looked_at = float("-inf")
        self._turn = asyncio.Lock()

    async def refresh(self) -> None:
        """Look again if the last look is old. While the database is away there is nothing to show."""
        async with self._turn:
            if self._clock.monotonic() - self._looked_at < FRESH:
                return
            try:
                self._seen = await self._service.look()
            except Unavailable as error:
                self._seen = None
                log.warning("backlog_unknown", error=str(error))
            self._looked_at = self._clock.monotonic()

    def collect(self) -> Iterator[Metric]:
        """See `prometheus_client.registry.Collector`."""
        if self._seen is not None:
            yield from _work(self._seen)
            yield from _troubles(self._seen)


def _work(seen: Backlog) -> Iterator[Metric]:
    slices = GaugeMetricFamily("clarion_slices", "Open slices of running sends", labels=["provider", "state"])
    for state, counts in (("ready", seen.ready), ("leased", seen.leased)):
        for provider in SENDERS:
            slices.add_metric([provider, state], counts.get(provider, 0))
    yield slices
    yield _filled(
        GaugeMetricFamily(
            "clarion_oldest_due_slice_seconds", "Age of the oldest slice that nobody works on", labels=["provider"]
        ),
        seen.oldest,
    )
    yield _filled(
        GaugeMetricFamily("clarion_retries_due", "Deliveries whose next attempt is due", labels=["provider"]),
        seen.waiting,
    )
    yield GaugeMetricFamily(
        "clarion_oldest_due_trigger_seconds", "Age of the oldest due auto-push message", value=seen.triggers_late
    )
    yield GaugeMetricFamily(
        "clarion_oldest_due_webhook_message_seconds",
        "Age of the oldest webhook message that no worker sends",
        value=seen.webhooks_late,
    )


def _troubles(seen: Backlog) -> Iterator[Metric]:
    yield _filled(
        GaugeMetricFamily("clarion_credentials_paused", "Paused credentials", labels=["provider"]), seen.paused
    )
    yield _filled(
        GaugeMetricFamily("clarion_guards_tripped", "Credentials under the mass guard", labels=["provider"]),
        seen.tripped,
    )
    yield _filled(
        GaugeMetricFamily("clarion_credentials_expiring", "Certificates that run out soon", labels=["provider"]),
        seen.expiring,
    )
    yield GaugeMetricFamily(
        "clarion_webhooks_failing", "Webhooks whose receivers refuse or do not answer", value=seen.webhooks_failing
    )


def _filled(family: GaugeMetricFamily, counts: ByProvider) -> GaugeMetricFamily:
    """With a value for every provider: a series that comes and goes is hard to alert on."""
    for provider in SENDERS:
        family.add_metric([provider], counts.get(provider, 0))
    return family
