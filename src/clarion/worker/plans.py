"""What this process knows of the sends it works on: content and compiled filter, kept for as long as they are used."""

from collections.abc import Collection
from dataclasses import dataclass

import msgspec

from clarion.db import Conditions
from clarion.features.audiences import AudienceService
from clarion.features.audiences.model import Filter
from clarion.features.pushes import PushContent, PushService
from clarion.features.sends import SendPlan, SendService
from clarion.features.sends.zones import narrowed

_LIMIT = 128


@dataclass(slots=True)
class OpenSend:
    """A send with everything that its slices need."""

    plan: SendPlan
    conditions: Conditions
    pushes: list[PushContent]
    """Active ones only; empty = nothing more may be sent."""
    all_pushes: dict[int, PushContent]
    """Inactive ones too: a retry keeps the words of its first attempt."""


class Plans:
    """A bounded cache of open sends."""

    def __init__(self, *, sends: SendService, audiences: AudienceService, pushes: PushService) -> None:
        self._sends = sends
        self._audiences = audiences
        self._pushes = pushes
        self._open: dict[int, OpenSend] = {}

    async def open(self, send_id: int, *, push_ids: Collection[int] = ()) -> OpenSend:
        """The send, read on first use; its pushes as they are now.

        Its plan is read again when `push_ids` has others than are known: messages are added to rolling sends.
        """
        known = self._open.get(send_id)
        if known is not None:
            if not set(push_ids) <= set(known.plan.push_ids):
                known.plan = await self._sends.open(send_id)
            await self._read_pushes(known)
            return known
        plan = await self._sends.open(send_id)
        filter_ = msgspec.convert(plan.filter, Filter)
        conditions = narrowed(await self._audiences.conditions(plan.account_id, filter_), plan)
        opened = OpenSend(plan, conditions, [], {})
        await self._read_pushes(opened)
        while len(self._open) >= _LIMIT:
            del self._open[next(iter(self._open))]
        return self._open.setdefault(send_id, opened)

    async def refresh(self, send_ids: Collection[int]) -> None:
        """Notice pushes of these sends that were changed, deactivated or deleted meanwhile."""
        for send_id in send_ids:
            opened = self._open.get(send_id)
            if opened is not None:
                await self._read_pushes(opened)

    async def _read_pushes(self, opened: OpenSend) -> None:
        contents = await self._pushes.load(opened.plan.push_ids)
        opened.all_pushes = contents
        opened.pushes = [push for push in contents.values() if push.active]
