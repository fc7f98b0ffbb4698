"""Listing, pausing, resuming and cancelling schedulers."""

from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest

from clarion.features.schedulers import State
from clarion.foundation.errors import Conflict, NotFound

if TYPE_CHECKING:
    from tests.integration.features.schedulers.conftest import World

pytestmark = pytest.mark.anyio

DUE = datetime(2026, 3, 1, 13, tzinfo=UTC)


async def test_the_list_goes_from_the_newest_to_the_oldest_of_one_account(world: "World") -> None:
    made = [await world.onesend() for _ in range(5)]
    await world.onesend(caller=world.foreign)
    seen: list[int] = []
    before = None
    while True:
        page = await world.schedulers.list(world.own.account_id, before=before, limit=2)
        seen += [item.id for item in page.items]
        before = page.next_before
        if before is None:
            break
    assert seen == made[::-1]


async def test_the_list_can_be_limited_to_a_state(world: "World") -> None:
    active, (cancelled, push_id) = await world.onesend(), await world.bound_onesend()
    await world.schedulers.cancel(world.own, cancelled)
    page = await world.schedulers.list(world.own.account_id, state=State.CANCELLED)
    assert [(item.id, item.push_ids) for item in page.items] == [(cancelled, [push_id])]
    page = await world.schedulers.list(world.own.account_id, state=State.ACTIVE)
    assert [item.id for item in page.items] == [active]


async def test_a_waiting_scheduler_can_be_paused_resumed_and_cancelled(world: "World") -> None:
    scheduler_id = await world.onesend()
    states = []
    for change in (world.schedulers.pause, world.schedulers.resume, world.schedulers.cancel):
        for _ in range(2):
            await change(world.own, scheduler_id)
        states.append(await world.state(scheduler_id))
    assert states == ["paused", "active", "cancelled"]
    assert (await world.schedulers.get(world.own.account_id, scheduler_id)).next_due_at is None


async def test_each_change_has_one_audit_entry_however_often_it_is_asked_for(world: "World") -> None:
    scheduler_id = await world.onesend()
    for _ in range(3):
        await world.schedulers.pause(world.own, scheduler_id)
    await world.schedulers.cancel(world.own, scheduler_id)
    assert await world.audit("scheduler.") == [
        ("key:a", action, f"scheduler:{scheduler_id}")
        for action in ("scheduler.create", "scheduler.pause", "scheduler.cancel")
    ]


async def test_running_sends_follow_their_finished_scheduler(world: "World") -> None:
    scheduler_id, _ = await world.bound_onesend()
    await world.schedulers.start_due(DUE)
    world.sends.open_sends = 1
    await world.schedulers.pause(world.own, scheduler_id)
    assert await world.state(scheduler_id) == "paused"
    await world.schedulers.resume(world.own, scheduler_id)
    assert await world.state(scheduler_id) == "done"
    await world.schedulers.cancel(world.own, scheduler_id)
    assert await world.state(scheduler_id) == "cancelled"
    account_id = world.own.account_id
    assert world.sends.calls == [(verb, account_id, scheduler_id) for verb in ("pause", "resume", "cancel")]


async def test_a_finished_scheduler_without_running_sends_refuses_pause_and_cancel(world: "World") -> None:
    scheduler_id, _ = await world.bound_onesend()
    await world.schedulers.start_due(DUE)
    for change in (world.schedulers.pause, world.schedulers.cancel):
        with pytest.raises(Conflict, match="nothing left"):
            await change(world.own, scheduler_id)
    await world.schedulers.resume(world.own, scheduler_id)
    assert await world.state(scheduler_id) == "done"


async def test_a_cancelled_scheduler_stays_cancelled(world: "World") -> None:
    scheduler_id = await world.onesend()
    await world.schedulers.cancel(world.own, scheduler_id)
    for change in (world.schedulers.pause, world.schedulers.resume):
        with pytest.raises(Conflict, match="cancelled"):
            await change(world.own, scheduler_id)


async def test_schedulers_of_others_cannot_be_changed(world: "World") -> None:
    scheduler_id = await world.onesend(caller=world.foreign)
    for change in (world.schedulers.pause, world.schedulers.resume, world.schedulers.cancel):
        with pytest.raises(NotFound):
            await change(world.own, scheduler_id)
    page = await world.schedulers.list(world.foreign.account_id)
    assert [(item.id, item.state) for item in page.items] == [(scheduler_id, "active")]
    assert world.sends.calls == []
