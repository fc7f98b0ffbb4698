"""The lanes of this process: opened when there is work, closed when the credential changes or is refused."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from typing import TYPE_CHECKING

from clarion.features.deliveries.dispatch import CredentialState, DispatchStore
from clarion.foundation.backoff import Backoff
from clarion.foundation.clock import Clock
from clarion.providers.contract import Credential, CredentialRefused, ManyServices, Sender
from clarion.providers.limits import Breaker, RateLimiter, RetryBudget
from clarion.providers.registry import BUNDLED, OWN_KEYS, OWN_LIMITS
from clarion.providers.transport import Sink
from clarion.settings import UNLIMITED, Settings
from clarion.worker.bundle_lane import BundleLane
from clarion.worker.lane import PATIENCE, Lane, LaneBlocked, LaneParts
from clarion.worker.metrics import WorkerMetrics
from clarion.worker.recorder import Recorder
from clarion.worker.remarks import Remarks
from clarion.worker.window import LaneKey, Window

if TYPE_CHECKING:
    from clarion.features.apps.service import AppService

OpenSender = Callable[[Credential, Sink], Sender]
_GRACE = 20.0
IDLE_SECONDS = 300.0
"""A lane through which nothing went for so long is closed, with its connections; the next send opens it again."""


async def _nobody(_send_id: int, _reason: str) -> None:
    return None


class Lanes:
    """All lanes of this process."""

    def __init__(
        self,
        *,
        settings: Settings,
        apps: "AppService",
        store: DispatchStore,
        window: Window,
        recorder: Recorder,
        clock: Clock,
        open_sender: OpenSender,
        metrics: WorkerMetrics,
        remarks: Remarks,
    ) -> None:
        self._settings = settings
        self._apps = apps
        self._store = store
        self._window = window
        self._recorder = recorder
        self._clock = clock
        self._open_sender = open_sender
        self.on_push_refused: Callable[[int, str], Awaitable[None]] = _nobody
        """See `LaneParts.push_refused`."""
        self._metrics = metrics
        self._remarks = remarks
        self._share = 1.0
        self._lanes: dict[LaneKey, Lane] = {}
        self._used: dict[LaneKey, float] = {}
        """When a lane was last asked for, or seen at work."""
        self._limits: dict[tuple[str, str], tuple[RateLimiter, Breaker, RetryBudget]] = {}
        self._opening = asyncio.Lock()
        self._closing: set[asyncio.Task[None]] = set()
        self._closed = False

    async def open(self, app_id: int, provider: str) -> Lane | None:
        """The lane of an app's credential as it is now; None when the app has none.

        Raises `LaneBlocked` while the credential is paused, and when it cannot be used at all; it is paused then.
        """
        if self._closed:
            raise LaneBlocked(PATIENCE)
        async with self._opening:
            state = await self._store.credential_state(app_id, provider)
            lane = self._lanes.get((app_id, provider))
            if lane is not None and _stale(lane, state):
                self._retire(lane)
                lane = None
            if state is not None and state.rests_for:
                raise LaneBlocked(state.rests_for)
            self._used[app_id, provider] = self._clock.monotonic()
            if state is None or lane is not None:
                return lane
            credential = await self._apps.credential(app_id, provider)
            if credential is None:
                return None
            unproven = state.unproven and provider not in OWN_KEYS
            return await self._make(credential, unproven=state.paused or unproven)

    async def _make(self, credential: Credential, *, unproven: bool) -> Lane:
        limiter, breaker, budget = self._limits_of(credential)
        parts = LaneParts(
            window=self._window,
            recorder=self._recorder,
            limiter=limiter,
            breaker=breaker,
            budget=budget,
            backoff=Backoff(base=self._settings.retry_base_sec),
            clock=self._clock,
            pause=self._store.pause_credential,
            resume=self._store.resume_credential,
            push_refused=self.on_push_refused,
            metrics=self._metrics,
            remarks=self._remarks,
        )
        lane = self._lane(credential, parts, unproven=unproven)
        try:
            lane.sender = self._open_sender(credential, lane.answers)
        except CredentialRefused as error:
            await self._store.pause_credential(credential, str(error))
            raise LaneBlocked(float("inf")) from error
        self._tell_share(lane)
        self._lanes[lane.key] = lane
        return lane

    def _lane(self, credential: Credential, parts: LaneParts, *, unproven: bool) -> Lane:
        if credential.provider in BUNDLED:
            return BundleLane(credential, parts, unproven=unproven, store=self._store.bundles)
        return Lane(credential, parts, unproven=unproven)

    def _limits_of(self, credential: Credential) -> tuple[RateLimiter, Breaker, RetryBudget]:
        """Limits outlive lanes and belong to the credential itself: apps of one project share its quota."""
        key = (credential.provider, credential.fingerprint)
        known = self._limits.get(key)
        if known is None:
            own = credential.provider in OWN_LIMITS
            rate = UNLIMITED if own else self._settings.rate(credential.provider)
            known = (
                RateLimiter(rate.per_second, warmup=rate.warmup),
                Breaker(self._settings.breaker_percent / 100),
                RetryBudget(self._settings.retry_budget_percent / 100),
            )
            self._limits[key] = known
            self._apply_share(known)
        return known

    def set_share(self, workers: int) -> None:
        """Share every rate with this many worker processes, this one included."""
        self._share = 1.0 / max(1, workers)
        for limits in self._limits.values():
            self._apply_share(limits)
        for lane in self._lanes.values():
            self._tell_share(lane)

    def _tell_share(self, lane: Lane) -> None:
        if isinstance(lane.sender, ManyServices):
            lane.sender.set_share(self._share)

    def _apply_share(self, limits: tuple[RateLimiter, Breaker, RetryBudget]) -> None:
        limiter, _, budget = limits
        limiter.set_share(self._share)
        budget.set_share(self._share)

    def present(self) -> list[Lane]:
        """The lanes that there are now."""
        return list(self._lanes.values())

    def blocked(self) -> list[LaneKey]:
        """Lanes through which nothing goes for a while: their slices are better left to others."""
        return [key for key, lane in self._lanes.items() if not lane.closed and lane.blocked_for() > PATIENCE]

    def _retire(self, lane: Lane) -> None:
        """Close a lane in the background; its answers are still recorded."""
        self._lanes.pop(lane.key, None)
        self._used.pop(lane.key, None)
        lane.shut()
        task = asyncio.create_task(lane.aclose(grace=_GRACE))
        self._closing.add(task)
        task.add_done_callback(self._closing.discard)

    async def refresh(self) -> None:
        """Close lanes whose credential was replaced, removed or paused elsewhere; new sends use the new one (CR-6).

        And those that nobody uses any more.
        """
        for key, lane in list(self._lanes.items()):
            if self._is_idle(lane) or _stale(lane, await self._store.credential_state(*key)):
                self._retire(lane)

    def _is_idle(self, lane: Lane) -> bool:
        now = self._clock.monotonic()
        if lane.sender.pending or self._window.used.get(lane.key):
            self._used[lane.key] = now
        return now - self._used.get(lane.key, now) >= IDLE_SECONDS

    def pause(self, keys: Iterable[LaneKey]) -> None:
        """The mass guard has paused these credentials: stop at once."""
        for key in keys:
            lane = self._lanes.get(key)
            if lane is not None:
                lane.shut()

    async def aclose(self) -> None:
        """Take back what was not written, wait for the answers of the rest, close all connections. Opens none again."""
        self._closed = True
        for lane in list(self._lanes.values()):
            self._retire(lane)
        if self._closing:
            await asyncio.wait(self._closing, timeout=_GRACE + 5)


def _stale(lane: Lane, state: CredentialState | None) -> bool:
    """Whether a lane does not fit its credential any more."""
    if state is None or lane.closed or state.version != lane.credential.version:
        return True
    return state.paused and not lane.unproven
