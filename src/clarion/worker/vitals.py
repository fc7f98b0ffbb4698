"""How a worker process stands, shown once a second."""

from collections import Counter

from clarion.providers.http2 import Http2Transport
from clarion.worker.dispatcher import Dispatcher
from clarion.worker.lanes import Lanes
from clarion.worker.metrics import WorkerMetrics
from clarion.worker.recorder import Recorder
from clarion.worker.window import Window


class Vitals:
    """Reads the parts of a worker and shows them as metrics."""

    def __init__(
        self,
        metrics: WorkerMetrics,
        *,
        window: Window,
        recorder: Recorder,
        dispatcher: Dispatcher,
        lanes: Lanes,
        engine: Http2Transport,
    ) -> None:
        self._metrics = metrics
        self._window = window
        self._recorder = recorder
        self._dispatcher = dispatcher
        self._lanes = lanes
        self._engine = engine
        self._providers: set[str] = set()
        """All that were ever shown: one without lanes is shown as 0."""

    async def show(self) -> None:
        """Show how it stands now."""
        self._metrics.places(
            used=self._window.total,
            capacity=self._window.capacity,
            unrecorded=self._recorder.unrecorded,
            runs=self._dispatcher.running,
        )
        self._metrics.show_answers()
        self._metrics.connections.show(self._engine.counters)
        self._show_lanes()

    def _show_lanes(self) -> None:
        pending: Counter[str] = Counter()
        open_breakers: Counter[str] = Counter()
        slowed: Counter[str] = Counter()
        refusing: Counter[str] = Counter()
        for lane in self._lanes.present():
            provider = lane.key[1]
            self._providers.add(provider)
            pending[provider] += lane.sender.pending
            open_breakers[provider] += not lane.parts.breaker.closed
            slowed[provider] += lane.is_slowed()
            refusing[provider] += len(lane.refusals())
        for provider in self._providers:
            self._metrics.lanes(
                provider,
                pending=pending[provider],
                open_breakers=open_breakers[provider],
                slowed=slowed[provider],
                refusing=refusing[provider],
            )
