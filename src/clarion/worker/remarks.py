"""What owners should see of their credentials although only this process knows it: written down now and then.

Nothing is written for a message: unknown answers are added up, and a hindrance is told once until it changes.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Protocol

from clarion.features.deliveries.dispatch import DispatchStore
from clarion.foundation.clock import Clock
from clarion.providers.contract import Credential
from clarion.worker.window import LaneKey

_SAME = 1.0
"""Seconds by which the end of a hindrance may move without being told anew."""


@dataclass(frozen=True, slots=True)
class Hindrance:
    """Why nothing is sent with a credential for so many seconds."""

    reason: str
    """`breaker`, `throttled`, `access_token`, `retry_budget`, or `push_service` and the host that refuses messages."""
    seconds: float


class Hindered(Protocol):
    """What is needed of a lane."""

    credential: Credential

    @property
    def key(self) -> LaneKey:
        """(app, provider)."""

    def hindrance(self) -> Hindrance | None:
        """What keeps its messages back."""


@dataclass(slots=True)
class _Unknown:
    credential: Credential
    count: int
    text: str


class Remarks:
    """What this process has to say of credentials. Bounded by their number."""

    def __init__(self, *, store: DispatchStore, clock: Clock) -> None:
        self._store = store
        self._clock = clock
        self._unknown: dict[LaneKey, _Unknown] = {}
        self._told: dict[LaneKey, float] = {}
        """Until when, by the monotonic clock, each is known to be hindered."""

    def unknown(self, credential: Credential, text: str) -> None:
        """An answer that no table explains; `text` is redacted."""
        key = credential.app_id, credential.provider
        known = self._unknown.get(key)
        count = known.count if known and known.credential.version == credential.version else 0
        self._unknown[key] = _Unknown(credential, count + 1, text)

    async def write(self, lanes: Iterable[Hindered]) -> None:
        """Write down what is new. Raises `Unavailable`; what is not written then is told the next time."""
        for key, remark in list(self._unknown.items()):
            await self._store.note_unknown(remark.credential, count=remark.count, text=remark.text)
            del self._unknown[key]
        now = self._clock.monotonic()
        for lane in list(lanes):
            await self._tell(lane, now)
        self._told = {key: until for key, until in self._told.items() if until > now}

    async def _tell(self, lane: Hindered, now: float) -> None:
        found = lane.hindrance()
        if found is None or now + found.seconds - self._told.get(lane.key, now) < _SAME:
            return
        await self._store.note_hindrance(lane.credential, reason=found.reason, seconds=found.seconds)
        self._told[lane.key] = now + found.seconds
