"""Auto-push in a worker: fires what is due, and removes what will never be."""

from clarion.features.schedulers.conversion_firing import BATCH, AutoPushService
from clarion.foundation.clock import Clock
from clarion.worker.retries import Retries


class Triggers:
    """The steps of the trigger loops."""

    def __init__(self, *, auto_push: AutoPushService, retries: Retries, clock: Clock) -> None:
        self._auto_push = auto_push
        self._retries = retries
        self._clock = clock

    async def fire(self) -> int:
        """Turn due triggers into waiting deliveries, which the retry loop claims at once.

        How many were due, if there may be more; a trickle is left to gather until the next look (0), since every
        scheduler costs a transaction however little it has.
        """
        settled = await self._auto_push.fire_due(self._clock.now())
        if settled:
            self._retries.changed.set()
        return settled if settled >= BATCH else 0

    async def sweep(self) -> int:
        """Remove some triggers that nothing will ever fire; how many."""
        return await self._auto_push.sweep(self._clock.now())
