"""Leases that a worker renews for the slices it works on."""

from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any, cast

import pytest

from clarion.features.sends import LeasedSlice
from clarion.worker.dispatcher import Dispatcher
from clarion.worker.slice_run import SliceRun, lease_clock

pytestmark = pytest.mark.anyio


@dataclass
class Run:
    """A slice under way, as far as renewing its lease concerns."""

    leaving: bool
    item: Any = field(default_factory=lambda: SimpleNamespace(key=(1, 0), no=0))
    provider: str = "fcm"
    send_id: int = 1
    leased_at: float = 0.0
    stopped: list[str] = field(default_factory=list)

    def stop(self, leave_as: str) -> None:
        self.stopped.append(leave_as)


async def renewed(run: Run, *, kept: set[tuple[int, int]]) -> list[str]:
    """Renew the lease when the database keeps only these; the providers of which a loss was counted."""
    lost: list[str] = []

    async def extend(items: object, *, seconds: float) -> set[tuple[int, int]]:
        return kept

    dispatcher = Dispatcher(
        cast("Any", None),
        owner="w",
        sends=cast("Any", SimpleNamespace(extend=extend)),
        metrics=cast("Any", SimpleNamespace(lease_lost=lost.append)),
    )
    dispatcher._runs[run.item.key] = cast("Any", run)
    await dispatcher.extend()
    return lost


async def test_a_run_whose_lease_somebody_else_took_over_stops() -> None:
    run = Run(leaving=False)
    assert await renewed(run, kept=set()) == ["fcm"]
    assert run.stopped == ["ready"]


async def test_a_lease_that_is_being_given_up_is_not_lost() -> None:
    run = Run(leaving=True)
    assert await renewed(run, kept=set()) == []
    assert run.stopped == []


async def test_a_run_is_leaving_from_the_moment_on_at_which_it_gives_its_lease_up() -> None:
    plan = SimpleNamespace(account_id=1, id=1, day=None, cutoff_at=None, expires_at=None)
    item = LeasedSlice(1, 0, 1, 1, "fcm", 1, 2, attempt=1)
    nothing: Any = None
    run = SliceRun(
        item,
        cast("Any", SimpleNamespace(plan=plan)),
        nothing,
        recorder=nothing,
        window=nothing,
        clock=nothing,
        metrics=nothing,
        leased_at=lease_clock(),
    )
    seen = []

    async def leave(*_: object, **__: object) -> None:
        seen.append(run.leaving)

    assert not run.leaving
    await run._leave(cast("Any", SimpleNamespace(leave=leave)), "done")
    assert seen == [True]


async def test_a_kept_lease_counts_from_the_moment_of_asking() -> None:
    run = Run(leaving=False)
    assert await renewed(run, kept={(1, 0)}) == []
    assert run.leased_at > 0
