"""Instant sendings: all or nothing, due shortly, repetitions noticed."""

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from structlog.testing import capture_logs

from clarion.features.audiences import Filter
from clarion.features.pushes import PushBody, TranslationBody
from clarion.features.schedulers import InstantBody
from clarion.foundation.errors import Forbidden, InvalidInput

if TYPE_CHECKING:
    from tests.integration.features.schedulers.conftest import World

pytestmark = pytest.mark.anyio

PUSH = PushBody("en", [TranslationBody("en", "hi", "text"), TranslationBody("pt", "olá", "texto")])


def instant(name: str = "now", push: PushBody = PUSH, **filters: Any) -> InstantBody:
    return InstantBody(name, Filter(**{"all_apps": True, **filters}), push)


async def test_an_instant_sending_is_a_onesend_due_after_the_delay_with_its_push_bound(world: "World") -> None:
    created = await world.schedulers.instant(world.own, instant(countries_include=["PT"]))
    assert [item.language for item in created.translations] == ["en", "pt"]
    scheduler = await world.schedulers.get(world.own.account_id, created.sched_id, type_="onesend")
    due = world.clock.now() + timedelta(seconds=120)
    assert (scheduler.next_due_at, scheduler.source, scheduler.state) == (due, "instant", "active")
    assert scheduler.timing == {"date": "2026-03-01", "time": "12:02", "timezone": "+00:00"}
    assert scheduler.push_ids == [created.push_id]
    assert await world.schedulers.start_due(due) == 1
    assert [plan.push_ids for plan in world.sends.plans] == [[created.push_id]]


@pytest.mark.parametrize(
    ("body", "error"),
    [
        (instant(name=""), InvalidInput),
        (instant(push=PushBody("de", PUSH.translations)), InvalidInput),
        (instant(all_apps=None), InvalidInput),
        (instant(event_include="nope"), InvalidInput),
        (instant(app_ids_exclude=[2**62]), Forbidden),
        (instant(audience_groups_include=[1]), Forbidden),
    ],
)
async def test_a_fault_in_any_part_creates_nothing(world: "World", body: InstantBody, error: type[Exception]) -> None:
    with pytest.raises(error):
        await world.schedulers.instant(world.own, body)
    assert [await world.count(table) for table in ("scheduler", "push", "push_translation", "audit_entry")] == [0] * 4


async def test_foreign_and_missing_ids_are_forbidden_in_the_same_words(world: "World") -> None:
    texts = set()
    for app_id in (world.foreign_app, 2**62):
        with pytest.raises(Forbidden) as raised:
            await world.schedulers.instant(world.own, instant(all_apps=None, app_ids_include=[app_id]))
        texts.add(str(raised.value).replace(str(app_id), "N"))
    assert len(texts) == 1


async def test_an_identical_body_within_ten_seconds_is_logged_and_both_are_sent(world: "World") -> None:
    with capture_logs() as logs:
        first = await world.schedulers.instant(world.own, instant())
        second = await world.schedulers.instant(world.own, instant())
    (warning,) = logs
    assert warning["event"] == "identical instant sendings within 10 s"
    assert (warning["scheduler_id"], warning["earlier_scheduler_id"]) == (second.sched_id, first.sched_id)
    assert await world.schedulers.start_due(world.clock.advance(minutes=2)) == 2


async def test_different_bodies_late_repetitions_and_other_accounts_are_not_suspicious(world: "World") -> None:
    other_text = PushBody("en", [TranslationBody("en", "hi", "other"), TranslationBody("pt", "olá", "texto")])
    with capture_logs() as logs:
        await world.schedulers.instant(world.own, instant())
        await world.schedulers.instant(world.own, instant(name="other"))
        await world.schedulers.instant(world.own, instant(push=other_text))
        await world.schedulers.instant(world.own, instant(countries_include=["PT"]))
        await world.schedulers.instant(world.own, instant(push=PushBody("pt", PUSH.translations)))
        await world.schedulers.instant(world.foreign, instant())
        async with world.database.transaction() as conn:
            await conn.execute("update scheduler set created_at = created_at - interval '11 seconds'")
        await world.schedulers.instant(world.own, instant())
    assert logs == []
