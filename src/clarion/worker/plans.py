"""What this process knows of the sends it works on: content, compiled filter and rules, kept for as long as they are
used."""

from collections.abc import Collection
from dataclasses import dataclass

import msgspec

from clarion.db import Conditions
from clarion.features.audiences import AudienceService
from clarion.features.audiences.model import Filter
from clarion.features.pushes import PushContent, PushService
from clarion.features.rules import Effective, SendRules
from clarion.features.rules.books import RuleBooks
from clarion.features.rules.judging import Matter
from clarion.features.sends import SendPlan, SendService
from clarion.features.sends.zones import narrowed
from clarion.worker.regime import Regime

_LIMIT = 128
_NO_RULES = SendRules(0, 0)
_NO_EFFECT = Effective()


@dataclass(slots=True)
class OpenSend:
    """A send with everything that its slices need."""

    plan: SendPlan
    conditions: Conditions
    pushes: list[PushContent]
    """Active ones only, in their order; empty = nothing more may be sent."""
    all_pushes: dict[int, PushContent]
    """Inactive ones too: a retry keeps the words of its first attempt."""
    rules: SendRules
    books: RuleBooks

    def regime(self, app_id: int) -> Regime | None:
        """What holds for messages to devices of an app; None when no rule does. A test goes by none."""
        plan = self.plan
        if plan.device_ids is not None:
            return None
        effective = self.rules.of_app(app_id)
        matter = Matter(plan.account_id, app_id, plan.scheduler_id, plan.id)
        return None if effective == _NO_EFFECT else Regime(self.books, matter, effective)


class Plans:
    """A bounded cache of open sends."""

    def __init__(
        self, *, sends: SendService, audiences: AudienceService, pushes: PushService, books: RuleBooks
    ) -> None:
        self._books = books
        self._sends = sends
        self._audiences = audiences
        self._pushes = pushes
        self._open: dict[int, OpenSend] = {}

    async def open(self, send_id: int, *, push_ids: Collection[int] = ()) -> OpenSend:
        """The send, read on first use; its pushes and rules as they are now.

        Its plan is read again when `push_ids` has others than are known: messages are added to rolling sends.
        """
        known = self._open.get(send_id)
        if known is not None:
            if not set(push_ids) <= set(known.plan.push_ids):
                known.plan = await self._sends.open(send_id)
            await self._read_present(known)
            return known
        plan = await self._sends.open(send_id)
        filter_ = msgspec.convert(plan.filter, Filter)
        conditions = narrowed(await self._audiences.conditions(plan.account_id, filter_), plan)
        opened = OpenSend(plan, conditions, [], {}, _NO_RULES, self._books)
        await self._read_present(opened)
        while len(self._open) >= _LIMIT:
            del self._open[next(iter(self._open))]
        return self._open.setdefault(send_id, opened)

    async def refresh(self, send_ids: Collection[int]) -> None:
        """Notice pushes and rules of these sends that were changed, deactivated or deleted meanwhile."""
        for send_id in send_ids:
            opened = self._open.get(send_id)
            if opened is not None:
                await self._read_present(opened)

    async def _read_present(self, opened: OpenSend) -> None:
        opened.rules = await self._books.of_scheduler(opened.plan.account_id, opened.plan.scheduler_id)
        contents = await self._pushes.load(opened.plan.push_ids)
        opened.all_pushes = contents
        listed = [contents[push_id] for push_id in opened.plan.push_ids if push_id in contents]
        opened.pushes = [push for push in listed if push.active]
