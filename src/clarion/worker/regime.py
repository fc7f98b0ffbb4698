"""Rules in dispatch: what holds for the messages of one job, and how that is written down."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from clarion.features.deliveries.decide import Decision
from clarion.features.deliveries.model import Reason, State
from clarion.features.rules import Effective
from clarion.features.rules.books import RuleBooks
from clarion.features.rules.judging import Judgement, Matter, judge
from clarion.providers.contract import Outcome, Verdict

UNSENT = Verdict(Outcome.UNSENT, "")
"""Of a message that rules keep from leaving: there is no answer to tell of."""


@dataclass(frozen=True, slots=True)
class Regime:
    """The rules for messages of one send to devices of one app."""

    books: RuleBooks
    matter: Matter
    effective: Effective

    @property
    def capped(self) -> bool:
        """Some cap or gap counts these messages."""
        return bool(self.effective.limits)

    @property
    def paced(self) -> bool:
        """They leave in their turn."""
        return bool(self.effective.paces)

    @property
    def orders(self) -> bool:
        """Something is to be asked before they leave."""
        return self.paced or self.effective.judges

    def expiry(self, expires_at: datetime, begins_at: datetime) -> datetime:
        """When a message is worthless that may leave from `begins_at` on and whose send expires then."""
        return self.effective.expiry(expires_at, begins_at)

    async def judge(self, due: Mapping[int, datetime], now: datetime) -> Judgement:
        """What becomes of messages: devices with the moments at which they were due. Raises `Unavailable`."""
        if not self.effective.judges:
            return Judgement()
        return await judge(self.books, self.matter, self.effective, due, now=now)

    async def take_turns(self, wanted: int) -> tuple[int, float]:
        """How many of `wanted` messages may leave now, and the seconds until one may if none may."""
        return await self.books.take(self.matter, self.effective, wanted)

    def decision(self, found: Judgement, device_id: int) -> Decision:
        """For a message that may not leave."""
        hold = found.held.get(device_id)
        if hold is None:
            return Decision(State.SKIPPED, Reason(found.skipped[device_id].value), counted=False)
        reason = Reason(hold.held_by.value)
        return Decision(State.WAITING, reason, next_attempt_at=hold.until, counted=False)


def out_of_turn(now: datetime) -> Decision:
    """For a message whose turn has not come."""
    return Decision(State.WAITING, Reason.PACING, next_attempt_at=now, counted=False)
