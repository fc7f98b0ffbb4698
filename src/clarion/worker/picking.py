"""Which of a send's pushes a device gets."""

import random
from collections.abc import Callable, Mapping, Sequence

from clarion.features.deliveries.rotation import next_push
from clarion.features.pushes import PushContent

Pick = Callable[[int], PushContent]
"""The push of a device."""


def at_random(pushes: Sequence[PushContent]) -> Pick:
    """Any of them, each as likely as the others."""
    if len(pushes) == 1:
        only = pushes[0]
        return lambda _: only
    return lambda _: random.choice(pushes)  # noqa: S311 - a fair share, not a secret


def in_turn(pushes: Sequence[PushContent], had: Mapping[int, Sequence[int]]) -> Pick:
    """The next that the device has not had."""
    by_id = {push.id: push for push in pushes}
    order = list(by_id)
    return lambda device_id: by_id[next_push(had.get(device_id, ()), order)]
