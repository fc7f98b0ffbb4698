"""Comparisons of pushes: setting one up, how it stands, and what the clock writes down of it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

import msgspec

from clarion.db import Connection, Database, load
from clarion.db.statements import Record
from clarion.features.accounts import Caller, audit
from clarion.features.pushes import PushService
from clarion.features.schedulers.model import State
from clarion.features.schedulers.variants import (
    Comparison,
    ComparisonBody,
    Phase,
    Verdict,
    checked_body,
    comparison_of,
)
from clarion.features.sends.model import REST, TEST
from clarion.features.statistics import Counts
from clarion.features.statistics.by_push import counts_by_push
from clarion.foundation.errors import Conflict, InvalidInput, NotFound

SQL = load(__package__, "comparing.sql")

_NOTHING = Counts()


@dataclass(frozen=True, slots=True)
class Standing:
    """A comparison and how its pushes have done so far where all of them took part."""

    comparison: Comparison
    counts: Mapping[int, Counts]
    """Of every push that takes part, in their order."""


class ComparisonService:
    """Comparisons of an account. A scheduler of another account behaves like one that never existed."""

    def __init__(self, *, database: Database, pushes: PushService) -> None:
        self._database = database
        self._pushes = pushes

    async def put(self, caller: Caller, scheduler_id: int, body: ComparisonBody) -> None:
        """Make exactly these pushes the scheduler's, with their shares.

        `InvalidInput` for a broken rule, or where a winner cannot be chosen; `UnknownReference` for a push; `Conflict`
        when the sending has begun or is over; `NotFound`.
        """
        checked_body(body)

        async def work(conn: Connection) -> None:
            held = await _hold(conn, caller.account_id, scheduler_id)
            _check(held, contest=body.winner is not None)
            push_ids = [variant.id for variant in body.pushes]
            await self._pushes.bind(caller.account_id, scheduler_id, push_ids=push_ids, within=conn)
            await SQL.put.execute(
                conn,
                account_id=caller.account_id,
                scheduler_id=scheduler_id,
                shares={str(variant.id): variant.share for variant in body.pushes},
                winner=msgspec.to_builtins(body.winner),
            )
            detail = {"shares": {str(variant.id): variant.share for variant in body.pushes}}
            await audit(conn, caller, action="scheduler.compare", target=f"scheduler:{scheduler_id}", detail=detail)

        await self._database.run(work)

    async def remove(self, caller: Caller, scheduler_id: int) -> None:
        """Split the devices evenly between the pushes, which stay bound; repeating is fine. Errors as `put`."""

        async def work(conn: Connection) -> None:
            _check(await _hold(conn, caller.account_id, scheduler_id), contest=False)
            if await SQL.remove.execute(conn, account_id=caller.account_id, scheduler_id=scheduler_id):
                await audit(conn, caller, action="scheduler.compare_no_more", target=f"scheduler:{scheduler_id}")

        await self._database.run(work)

    async def standing(self, account_id: int, scheduler_id: int) -> Standing:
        """How it stands. Where none was set up the bound pushes have equal shares. `NotFound`."""
        async with self._database.transaction() as conn:
            await _hold(conn, account_id, scheduler_id)
            comparison = await find(conn, account_id, scheduler_id)
            if comparison is None:
                bound = await self._pushes.bound(account_id, [scheduler_id], within=conn)
                equal = dict.fromkeys(bound[scheduler_id], 1)
                comparison = Comparison(scheduler_id, account_id, equal, None, Phase.WAITING)
            rows = await SQL.competing_sends.fetch(
                conn, account_id=account_id, scheduler_id=scheduler_id, test=TEST, rest=REST
            )
            counts = await counts_by_push(conn, account_id, [row["id"] for row in rows])
        return Standing(comparison, {push_id: counts.get(push_id, _NOTHING) for push_id in comparison.shares})


async def refuse_local_contest(within: Connection, account_id: int, scheduler_id: int) -> None:
    """`Conflict` where a winner is to be chosen: the scheduler cannot go by local time."""
    comparison = await find(within, account_id, scheduler_id)
    if comparison is not None and comparison.contest is not None:
        raise Conflict("its comparison chooses a winner, which cannot be by local time; change the comparison first")


async def find(within: Connection, account_id: int, scheduler_id: int) -> Comparison | None:
    """The comparison of a scheduler, if there is one."""
    row = await SQL.find.fetchrow(within, account_id=account_id, scheduler_id=scheduler_id)
    return comparison_of(dict(row)) if row else None


async def copy(within: Connection, comparison: Comparison, *, scheduler_id: int, pushes: Mapping[int, int]) -> None:
    """Give another scheduler the same shares and contest; `pushes` says which of its pushes stands for which."""
    await SQL.put.execute(
        within,
        account_id=comparison.account_id,
        scheduler_id=scheduler_id,
        shares={str(pushes[push_id]): share for push_id, share in comparison.shares.items() if push_id in pushes},
        winner=msgspec.to_builtins(comparison.contest),
    )


async def begin(within: Connection, comparison: Comparison, *, send_id: int, decide_at: datetime) -> None:
    """The sample has been started."""
    await SQL.begin.execute(
        within,
        account_id=comparison.account_id,
        scheduler_id=comparison.scheduler_id,
        send_id=send_id,
        decide_at=decide_at,
    )


async def sample_counts(within: Connection, comparison: Comparison) -> Mapping[int, Counts]:
    """What has been counted of the sample, by push."""
    send_ids: Sequence[int] = [comparison.sample_send_id] if comparison.sample_send_id else []
    return await counts_by_push(within, comparison.account_id, send_ids)


async def settle(
    within: Connection, comparison: Comparison, verdict: Verdict, *, send_id: int | None, now: datetime
) -> None:
    """The rest has been started."""
    await SQL.settle.execute(
        within,
        account_id=comparison.account_id,
        scheduler_id=comparison.scheduler_id,
        send_id=send_id,
        now=now,
        winner_id=verdict.winner_id,
        reason=verdict.reason,
    )


async def _hold(conn: Connection, account_id: int, scheduler_id: int) -> Record:
    row = await SQL.hold.fetchrow(conn, account_id=account_id, scheduler_id=scheduler_id, test=TEST)
    if row is None:
        raise NotFound(f"scheduler {scheduler_id} does not exist")
    return row


def _check(row: Record, *, contest: bool) -> None:
    if row["type"] != "onesend":
        raise InvalidInput("only the pushes of a one-time sending can be compared")
    if contest and row["local_time"]:
        raise InvalidInput("by local time no winner can be chosen: its zones start one after the other")
    if row["state"] in (State.CANCELLED, State.DONE) or row["begun"]:
        raise Conflict("the sending has begun or is over")
