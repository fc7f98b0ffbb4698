"""Several pushes of one onesend as a test of each other: their shares, and how the better one is found. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Annotated, Any

import msgspec

from clarion.features.audiences.model import Number
from clarion.features.statistics import Counts
from clarion.foundation.errors import InvalidInput

SHARE_LIMIT = 1000
VARIANTS_LIMIT = 20
SAMPLE_SCALE = 1 << 24
"""Devices are drawn for the sample by a number below this."""
LOOK_EVERY = timedelta(minutes=1)
"""How often is looked whether the sample is large enough."""

_NOTHING = Counts()
_Share = Annotated[int, msgspec.Meta(ge=1, le=SHARE_LIMIT)]


class Variant(msgspec.Struct, frozen=True):
    """A push with its share of the devices."""

    id: Number
    share: _Share = 1
    """In relation to the shares of the others."""


class Contest(msgspec.Struct, frozen=True):
    """How the winner is chosen that goes to the rest."""

    sample_percent: Annotated[int, msgspec.Meta(ge=1, le=90)]
    """Part of the devices that get one of the pushes first."""
    after_minutes: Annotated[int, msgspec.Meta(ge=1, le=1380)]
    """When the push with the best click rate goes to all others, counted from the start of the sample."""
    minimum_delivered: Annotated[int, msgspec.Meta(ge=1, le=1_000_000)] = 100
    """Confirmed messages that a push must have to be compared; with fewer than two such pushes nobody wins."""
    enough_delivered: Annotated[int, msgspec.Meta(ge=1, le=1_000_000)] | None = None
    """If given, the decision falls sooner: when every push has so many confirmed messages."""

    @property
    def sample(self) -> int:
        """The part in units of `SAMPLE_SCALE`."""
        return SAMPLE_SCALE * self.sample_percent // 100

    @property
    def duration(self) -> timedelta:
        """Until the decision at the latest."""
        return timedelta(minutes=self.after_minutes)


class ComparisonBody(msgspec.Struct, frozen=True):
    """The pushes of a onesend with their shares, and how a winner is chosen; without `winner` all devices are split."""

    pushes: Annotated[list[Variant], msgspec.Meta(max_length=VARIANTS_LIMIT)]
    winner: Contest | None = None


class Phase(StrEnum):
    """States of a comparison."""

    WAITING = "waiting"
    """Nothing has been sent."""
    SAMPLING = "sampling"
    """The sample has been started; the decision is still to come."""
    DECIDED = "decided"
    """The rest has been started, or there is none."""


@dataclass(frozen=True, slots=True)
class Comparison:
    """A comparison as stored."""

    scheduler_id: int
    account_id: int
    shares: Mapping[int, int]
    contest: Contest | None
    phase: Phase
    sample_send_id: int | None = None
    rest_send_id: int | None = None
    decide_at: datetime | None = None
    decided_at: datetime | None = None
    winner_id: int | None = None
    reason: str | None = None

    def shares_of(self, push_ids: Sequence[int]) -> list[int]:
        """The shares of pushes in their order; a push that was bound later has 1."""
        return [self.shares.get(push_id, 1) for push_id in push_ids]


@dataclass(frozen=True, slots=True)
class Verdict:
    """How a comparison ends. Without a winner the rest is split as the sample was."""

    winner_id: int | None
    reason: str


def checked_body(body: ComparisonBody) -> ComparisonBody:
    """The body; `InvalidInput` when a push stands twice in it."""
    if len({variant.id for variant in body.pushes}) != len(body.pushes):
        raise InvalidInput("pushes must name each push once")
    return body


def comparison_of(fields: Mapping[str, Any]) -> Comparison:
    """A comparison from its stored fields."""
    told = dict(fields)
    contest = told.pop("winner")
    return Comparison(
        **{
            **told,
            "shares": {int(push_id): share for push_id, share in told["shares"].items()},
            "contest": msgspec.convert(contest, Contest) if contest else None,
            "phase": Phase(told["phase"]),
        }
    )


def verdict(
    comparison: Comparison, counts: Mapping[int, Counts], *, push_ids: Sequence[int], now: datetime
) -> Verdict | None:
    """Who has won among these pushes, as far as they can be compared; None while it is too early."""
    contest = comparison.contest
    if contest is None or comparison.decide_at is None:
        return Verdict(None, "no winner was asked for")
    found = {push_id: counts.get(push_id, _NOTHING) for push_id in push_ids}
    enough = contest.enough_delivered
    early = enough is not None and all(one.delivered >= enough for one in found.values())
    if now < comparison.decide_at and not early:
        return None
    return _best(found, contest.minimum_delivered)


def _best(found: Mapping[int, Counts], minimum: int) -> Verdict:
    compared = [push_id for push_id, one in found.items() if one.delivered >= minimum]
    if len(compared) < 2:
        return Verdict(None, f"fewer than two pushes have {minimum} confirmed messages")
    winner = max(compared, key=lambda push_id: found[push_id].clicked / found[push_id].delivered)
    return Verdict(winner, "best click rate of the sample")
