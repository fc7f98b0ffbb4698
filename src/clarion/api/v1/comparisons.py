"""Several pushes of one onesend as a test of each other: their shares, how they do, and which one wins."""

from collections.abc import Mapping
from datetime import datetime

import msgspec
from litestar import Controller, delete, get, put
from litestar.di import NamedDependency
from litestar.params import JSONBody

from clarion.api.auth import CurrentCaller
from clarion.api.binding import PathId
from clarion.api.v1.counts import CountsView, counts_view
from clarion.features.schedulers.comparing import ComparisonService, Standing
from clarion.features.schedulers.variants import ComparisonBody, Contest, Phase
from clarion.features.statistics import Counts
from clarion.features.statistics.intervals import wilson

Comparisons = NamedDependency[ComparisonService]


class RateView(msgspec.Struct, frozen=True):
    """A rate with its 95 % confidence interval (Wilson)."""

    value: float
    low: float
    high: float


class VariantView(msgspec.Struct, frozen=True):
    """A push and how it did where all of them took part. Rates are null while there is nothing to divide by."""

    push_id: int
    share: int
    counts: CountsView
    delivery_rate: RateView | None
    """delivered / sent."""
    click_rate: RateView | None
    """clicked / delivered."""


class ComparisonView(msgspec.Struct, frozen=True):
    """A comparison and how it stands."""

    scheduler_id: int
    phase: Phase
    """`waiting`: nothing was sent; `sampling`: the winner is still to be found; `decided`. Without `winner` it stays
    `waiting`, and all devices are split at once."""
    winner: Contest | None
    variants: list[VariantView]
    sample_send_id: int | None
    rest_send_id: int | None
    decide_at: datetime | None
    """When the winner is chosen at the latest."""
    decided_at: datetime | None
    winner_push_id: int | None
    reason: str | None
    """Why it won, or why none did."""


class ComparisonsController(Controller):
    """`/schedulers/{scheduler_id}/comparison`."""

    path = "/schedulers/{scheduler_id:str}/comparison"
    tags = ("comparisons",)

    @put("/", status_code=200, summary="Compare pushes")
    async def set_comparison(
        self,
        scheduler_id: PathId,
        data: JSONBody[ComparisonBody],
        caller: CurrentCaller,
        comparisons: Comparisons,
    ) -> ComparisonView:
        """Afterwards exactly these pushes are bound, each to get its share of the devices. With `winner` a sample gets
        them first, and the push with the best click rate goes to all others. 409 when the sending has begun.
        """
        await comparisons.put(caller, scheduler_id, data)
        return _view(await comparisons.standing(caller.account_id, scheduler_id))

    @get("/", summary="Show how compared pushes do")
    async def show_comparison(
        self, scheduler_id: PathId, caller: CurrentCaller, comparisons: Comparisons
    ) -> ComparisonView:
        """Counts and rates of every push, with their confidence intervals, and who has won. Of schedulers of any type;
        where no comparison was set up the pushes have equal shares.
        """
        return _view(await comparisons.standing(caller.account_id, scheduler_id))

    @delete("/", status_code=204, summary="Compare pushes no more")
    async def drop_comparison(self, scheduler_id: PathId, caller: CurrentCaller, comparisons: Comparisons) -> None:
        """The pushes stay bound and share the devices evenly; repeating is fine. 409 when the sending has begun."""
        await comparisons.remove(caller, scheduler_id)


def _view(standing: Standing) -> ComparisonView:
    comparison = standing.comparison
    return ComparisonView(
        scheduler_id=comparison.scheduler_id,
        phase=comparison.phase,
        winner=comparison.contest,
        variants=_variants(comparison.shares, standing.counts),
        sample_send_id=comparison.sample_send_id,
        rest_send_id=comparison.rest_send_id,
        decide_at=comparison.decide_at,
        decided_at=comparison.decided_at,
        winner_push_id=comparison.winner_id,
        reason=comparison.reason,
    )


def _variants(shares: Mapping[int, int], counts: Mapping[int, Counts]) -> list[VariantView]:
    return [
        VariantView(
            push_id,
            shares[push_id],
            counts_view(one),
            _rate(one.delivered, one.sent),
            _rate(one.clicked, one.delivered),
        )
        for push_id, one in counts.items()
    ]


def _rate(part: int, whole: int) -> RateView | None:
    rate = wilson(part, whole)
    return None if rate is None else RateView(rate.value, rate.low, rate.high)
