"""What a worker counts of its work, for Prometheus (docs/reference/metrics.md).

Labels name providers and outcome classes, never accounts, apps or credentials, so the number of series is bounded.
Everything is counted per batch: nothing here is called for every message. What every batch of answers adds is kept in
plain numbers, and shown once a second: prometheus-client takes some ten times longer.
"""

from collections import Counter as Tally
from collections.abc import Mapping
from typing import Final

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

from clarion.providers.contract import Outcome
from clarion.providers.http2 import Counters

_DUE = (0.1, 0.25, 0.5, 1.0, 2.0, 5.0, 10.0, 30.0, 60.0, 300.0, 1800.0)
_LATENCY = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 20.0)
_FLUSH = (0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 5.0)
_SIZES = (1, 5, 10, 25, 50, 100, 250, 500, 1000)
_SAMPLES = 100
"""Latencies that are looked at from one second to the next."""
_SUM: Final = "livesum"
"""Gauges are summed over the processes that live."""


class WorkerMetrics:
    """The counters, gauges and histograms of one worker process."""

    def __init__(self, registry: CollectorRegistry | None = None) -> None:
        """Without a registry the values are only seen where processes share a folder for them."""
        self._answered: Tally[tuple[str, str]] = Tally()
        self._latencies: list[tuple[str, float]] = []
        self.registry = registry or CollectorRegistry()
        self._dispatch()
        self._protection()
        self._ledger()
        self.connections = ConnectionMetrics(self.registry)

    def _dispatch(self) -> None:
        registry = self.registry
        self._attempts = Counter(
            "clarion_attempts_total", "Answered attempts to send", ["provider", "outcome"], registry=registry
        )
        self._unknown = Counter(
            "clarion_unknown_answers_total", "Answers that no table explains", ["provider"], registry=registry
        )
        self._latency = Histogram(
            "clarion_provider_seconds",
            "From hand-over to answer",
            ["provider"],
            buckets=_LATENCY,
            registry=registry,
        )
        self._due = Histogram(
            "clarion_due_to_first_message_seconds",
            "From the due moment of a send to its first message",
            ["provider"],
            buckets=_DUE,
            registry=registry,
        )
        self._pending = Gauge(
            "clarion_messages_in_flight",
            "Messages handed over and not answered",
            ["provider"],
            multiprocess_mode=_SUM,
            registry=registry,
        )
        self._runs = Gauge("clarion_slice_runs", "Slices under way", multiprocess_mode=_SUM, registry=registry)

    def _protection(self) -> None:
        registry = self.registry
        self._throttled = Counter(
            "clarion_throttle_wait_seconds_total", "Seconds of rest asked for", ["provider"], registry=registry
        )
        self._held = Counter(
            "clarion_retries_held_total", "Retries that the retry budget put off", ["provider"], registry=registry
        )
        self._slowed = Gauge(
            "clarion_credentials_slowed",
            "Credentials that go slower than their rate",
            ["provider"],
            multiprocess_mode=_SUM,
            registry=registry,
        )
        self._renewals = Counter(
            "clarion_renewals_total", "Access tokens renewed after a refusal", ["provider"], registry=registry
        )
        self._refusals = Counter(
            "clarion_credential_refusals_total", "Credentials refused and paused", ["provider"], registry=registry
        )
        self._trips = Counter(
            "clarion_guard_trips_total", "Times the mass guard tripped", ["provider"], registry=registry
        )
        self._lost = Counter("clarion_leases_lost_total", "Slice leases lost", ["provider"], registry=registry)
        self._quarantined = Counter(
            "clarion_quarantined_total",
            "Messages given up because workers died of them",
            ["provider"],
            registry=registry,
        )
        self._open = Gauge(
            "clarion_breakers_open",
            "Credentials whose breaker is not closed",
            ["provider"],
            multiprocess_mode=_SUM,
            registry=registry,
        )

        self._refusing = Gauge(
            "clarion_push_services_refusing",
            "Push services that refuse an app's messages",
            ["provider"],
            multiprocess_mode=_SUM,
            registry=registry,
        )

    def _ledger(self) -> None:
        registry = self.registry
        self._flushes = Histogram(
            "clarion_flush_seconds", "Time to record one batch of outcomes", buckets=_FLUSH, registry=registry
        )
        self._sizes = Histogram("clarion_flush_messages", "Outcomes in one batch", buckets=_SIZES, registry=registry)
        self._unrecorded = Gauge(
            "clarion_unrecorded",
            "Messages with an outcome that is not committed",
            multiprocess_mode=_SUM,
            registry=registry,
        )
        self._used = Gauge(
            "clarion_window_used", "Messages in flight or unrecorded", multiprocess_mode=_SUM, registry=registry
        )
        self._capacity = Gauge("clarion_window_capacity", "The most of them", multiprocess_mode=_SUM, registry=registry)

    # what happens

    def answered(self, provider: str, accepted: int, outcomes: Mapping[Outcome, int]) -> None:
        """A batch of answers: so many accepted messages, and how often every other outcome occurred."""
        self._answered[provider, "ok"] += accepted
        for outcome, count in outcomes.items():
            self._answered[provider, outcome.value] += count

    def unknown(self, provider: str) -> None:
        """An answer that no table explains."""
        self._unknown.labels(provider).inc()

    def latency(self, provider: str, seconds: float) -> None:
        """One message of a batch was answered so long after its hand-over."""
        if len(self._latencies) < _SAMPLES:
            self._latencies.append((provider, seconds))

    def first_message(self, provider: str, seconds: float) -> None:
        """The first message of a send went out so long after its due moment."""
        self._due.labels(provider).observe(seconds)

    def throttled(self, provider: str, seconds: float) -> None:
        """A provider asked for so much rest."""
        self._throttled.labels(provider).inc(seconds)

    def retries_held(self, provider: str, count: int) -> None:
        """The retry budget let so many retries not go yet."""
        self._held.labels(provider).inc(count)

    def renewed(self, provider: str) -> None:
        """An access token was refused and is renewed."""
        self._renewals.labels(provider).inc()

    def refused(self, provider: str) -> None:
        """A credential was refused."""
        self._refusals.labels(provider).inc()

    def guard_tripped(self, provider: str) -> None:
        """The mass guard of a credential tripped."""
        self._trips.labels(provider).inc()

    def quarantined(self, provider: str) -> None:
        """A message that killed its workers was given up."""
        self._quarantined.labels(provider).inc()

    def lease_lost(self, provider: str) -> None:
        """Another worker has taken a slice over."""
        self._lost.labels(provider).inc()

    def flushed(self, seconds: float, messages: int) -> None:
        """One batch of outcomes is committed."""
        self._flushes.observe(seconds)
        self._sizes.observe(messages)

    # how it stands

    def show_answers(self) -> None:
        """Show what was kept since the last time."""
        answered, self._answered = self._answered, Tally()
        for (provider, outcome), count in answered.items():
            if count:
                self._attempts.labels(provider, outcome).inc(count)
        latencies, self._latencies = self._latencies, []
        for provider, seconds in latencies:
            self._latency.labels(provider).observe(seconds)

    def places(self, *, used: int, capacity: int, unrecorded: int, runs: int) -> None:
        """The window, what it waits for, and the slices under way."""
        self._used.set(used)
        self._capacity.set(capacity)
        self._unrecorded.set(unrecorded)
        self._runs.set(runs)

    def lanes(self, provider: str, *, pending: int, open_breakers: int, slowed: int, refusing: int) -> None:
        """The lanes of one provider."""
        self._slowed.labels(provider).set(slowed)
        self._pending.labels(provider).set(pending)
        self._open.labels(provider).set(open_breakers)
        self._refusing.labels(provider).set(refusing)


class ConnectionMetrics:
    """Connections of the HTTP/2 engine: it serves all providers, so there is no label."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._connections = Gauge("clarion_connections", "Open connections", multiprocess_mode=_SUM, registry=registry)
        self._streams = Gauge("clarion_streams", "Open streams", multiprocess_mode=_SUM, registry=registry)
        self._limit = Gauge(
            "clarion_stream_limit", "Streams that may be open", multiprocess_mode=_SUM, registry=registry
        )
        self._queued = Gauge(
            "clarion_requests_queued", "Requests that wait for a stream", multiprocess_mode=_SUM, registry=registry
        )
        self._opened = Counter("clarion_connections_opened_total", "Connections opened", registry=registry)
        self._failed = Counter("clarion_connections_failed_total", "Connections that failed", registry=registry)
        self._late = Counter("clarion_late_answers_total", "Answers to requests given up before", registry=registry)
        self._resends = Counter("clarion_resends_total", "Requests sent again at once", registry=registry)
        self._before = Counters()

    def show(self, now: Counters) -> None:
        """Show the engine's counters; those that only grow are added up from one call to the next."""
        self._connections.set(now.connections)
        self._streams.set(now.in_flight)
        self._limit.set(now.stream_limit)
        self._queued.set(now.queued)
        before, self._before = self._before, now
        self._opened.inc(max(0, now.opened - before.opened))
        self._failed.inc(max(0, now.failed - before.failed))
        self._late.inc(max(0, now.late_answers - before.late_answers))
        self._resends.inc(max(0, now.resends - before.resends))
