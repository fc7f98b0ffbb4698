"""Sends and slices as workers see them. Pure."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from itertools import pairwise

from clarion.foundation.ids import DEVICE_ID_BITS

SLICE_TARGET = 5000
"""Recipients that a slice should hold."""
SLICE_LIMIT = 20_000
"""Slices that one app and provider may have in one send, however large they get."""
_SLICE_SECONDS = 10
_SMALLEST_SLICE = 20
TIME_TO_LIVE = timedelta(hours=24)
FIRST_DEVICE_ID = 1
LAST_DEVICE_ID = 2**DEVICE_ID_BITS - 1

SUSPECT_AFTER = 1
"""Lost leases after which a slice's messages go out a few at a time."""
ALONE_AFTER = 2
"""Lost leases after which the first of them go out one by one."""
FEW = 50
"""How many that is: a death while they go out a few at a time leaves the culprit among the first of what is left."""
STRIKES = 2
"""So often in a row a slice must have gone on with the same device in vain until that one is given up."""


@dataclass(frozen=True, slots=True)
class LeasedSlice:
    """A slice that this worker holds; `attempt` fences whoever held it before."""

    send_id: int
    no: int
    account_id: int
    app_id: int
    provider: str
    id_from: int
    id_to: int
    attempt: int
    losses: int = 0
    """Leases that were not given up: their worker died, or was silent for too long."""
    lost: bool = False
    """The lease before this one was such a lease."""

    @property
    def suspect(self) -> bool:
        """Whether one of its messages may have killed those workers: it goes on with care."""
        return self.losses >= SUSPECT_AFTER

    @property
    def alone(self) -> bool:
        """Whether the culprit, if there is one, is looked for among the first messages."""
        return self.losses >= ALONE_AFTER

    @property
    def key(self) -> tuple[int, int]:
        """(send, number)."""
        return self.send_id, self.no


@dataclass(frozen=True, slots=True)
class Part:
    """Which part of an occurrence a send is; the default is all of it."""

    bucket: int | None = None
    """Its number: seconds between the occurrence and its due moment, `SWEEP`, `TEST`, or None for all devices."""
    zones: Sequence[str] | None = None
    """What its devices told as their zone; of a sweep: zones that are left out."""
    zone_apps: Sequence[int] | None = None
    """The apps whose devices without a zone belong to it."""
    device_ids: Sequence[int] | None = None
    """Of a test: its devices."""
    sample: int | None = None
    """Of a sample and of the rest after it: how many of 2^24 devices are drawn for the sample."""


WHOLE = Part()
SWEEP = -1_000_000
"""Number of the part that collects devices which changed zone and were in none of them at its moment."""
TEST = -1_000_001
"""Number of a test sending, which is no part of anything."""
SAMPLE = -1_000_002
"""Number of the part whose devices get competing pushes first."""
REST = -1_000_003
"""Number of the part that follows when the sample has shown which push is best."""


@dataclass(frozen=True, slots=True)
class SendPlan:
    """What a worker must know of a send to work on its slices."""

    id: int
    account_id: int
    day: date
    push_ids: Sequence[int]
    cutoff_at: datetime
    due_at: datetime
    expires_at: datetime
    filter: dict[str, object]
    scheduler_id: int
    occurrence: datetime
    zone_bucket: int | None
    zones: Sequence[str] | None
    zone_apps: Sequence[int] | None
    rotates: bool
    """Each device gets the next push it has not had of the scheduler."""
    device_ids: Sequence[int] | None
    """A test: these devices only, whatever the filter says."""
    shares: Sequence[int] | None
    """Of `push_ids`, in their order; None = equal ones."""
    sample: int | None

    @property
    def share_of(self) -> Mapping[int, int]:
        """The shares by push; empty = equal ones."""
        return dict(zip(self.push_ids, self.shares or (), strict=False))

    @property
    def part(self) -> Part:
        """Which part of its occurrence it is."""
        return Part(self.zone_bucket, self.zones, self.zone_apps, self.device_ids, self.sample)


def slice_target(rate: float | None) -> int:
    """How many recipients a slice should hold that is sent with so many messages per second (None = at full speed).

    A paced slice lasts some seconds, since a worker that works on it does little else meanwhile.
    """
    return SLICE_TARGET if rate is None else max(_SMALLEST_SLICE, min(SLICE_TARGET, int(rate * _SLICE_SECONDS)))


def slice_ranges(matches: int, target: int = SLICE_TARGET) -> Iterator[tuple[int, int]]:
    """Equal id ranges over all device ids, each with about `target` of `matches` recipients.

    Device ids are uniformly random, so equal ranges hold equal shares and no scan is needed.
    """
    count = min(SLICE_LIMIT, max(1, -(-matches // target)))
    edges = [LAST_DEVICE_ID * part // count for part in range(count + 1)]
    for low, high in pairwise(edges):
        yield low + FIRST_DEVICE_ID, high
