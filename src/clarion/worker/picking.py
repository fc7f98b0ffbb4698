"""Which of a send's pushes a device gets."""

from bisect import bisect_right
from collections.abc import Callable, Mapping, Sequence
from itertools import accumulate

from clarion.features.deliveries.rotation import next_push
from clarion.features.pushes import PushContent

Pick = Callable[[int], PushContent]
"""The push of a device."""


_BITS = (1 << 64) - 1


def by_share(pushes: Sequence[PushContent], shares: Mapping[int, int], *, seed: int) -> Pick:
    """One of them, drawn with a chance in proportion to its share (1 where `shares` tells none).

    A device draws the same one every time, so that what a killed worker leaves is sent with the same words.
    """
    if len(pushes) == 1:
        only = pushes[0]
        return lambda _: only
    edges = list(accumulate(shares.get(push.id, 1) for push in pushes))
    return lambda device_id: pushes[bisect_right(edges, _drawn(device_id, seed) % edges[-1])]


def _drawn(device_id: int, seed: int) -> int:
    """A number of 64 bits that tells nothing of the device: SplitMix64's finalizer of both."""
    mixed = (device_id ^ seed * 0x9E3779B97F4A7C15) & _BITS
    mixed = (mixed ^ mixed >> 30) * 0xBF58476D1CE4E5B9 & _BITS
    mixed = (mixed ^ mixed >> 27) * 0x94D049BB133111EB & _BITS
    return mixed ^ mixed >> 31


def in_turn(pushes: Sequence[PushContent], had: Mapping[int, Sequence[int]]) -> Pick:
    """The next that the device has not had."""
    by_id = {push.id: push for push in pushes}
    order = list(by_id)
    return lambda device_id: by_id[next_push(had.get(device_id, ()), order)]
