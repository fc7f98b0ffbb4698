"""Whose turn it is: lets messages go that rules held back, as fast as paces allow and workers can take them.

However many quiet hours end at once, only some messages of each send are due at a time, so that nobody else's wait.
"""

from clarion.features.deliveries.dispatch import DispatchStore, Parked
from clarion.worker.lanes import Lanes
from clarion.worker.plans import Plans
from clarion.worker.retries import Retries

AT_ONCE = 1000
"""Messages of one send, app and provider that are due at once at most."""


class Turns:
    """The step of the turn loop."""

    def __init__(self, *, store: DispatchStore, plans: Plans, lanes: Lanes, retries: Retries) -> None:
        self._store = store
        self._plans = plans
        self._lanes = lanes
        self._retries = retries

    async def step(self) -> int:
        """Make those due whose turn it is, so that the retry loop claims them at once; how many."""
        total = 0
        for parked in await self._store.parked(limit=AT_ONCE, blocked=self._lanes.blocked()):
            total += await self._let_go(parked)
        if total:
            self._retries.changed.set()
        return total

    async def _let_go(self, parked: Parked) -> int:
        opened = await self._plans.open(parked.send_id)
        regime, count = opened.regime(parked.app_id), parked.count
        if regime is not None and regime.paced:
            count, _ = await regime.take_turns(count)
        return await self._store.unpark(parked, count, paced=regime is not None and regime.paced) if count else 0
