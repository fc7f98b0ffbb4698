"""What holds when account, app and scheduler all have rules, and what of it is refused."""

from datetime import UTC, datetime, timedelta

import msgspec
import pytest

from clarion.features.rules import Level, Rules, SendRules, checked, merged, read, stored
from clarion.features.rules.forecast import Arrival, forecast
from clarion.features.rules.limits import Cap, Gap
from clarion.features.rules.model import LONGEST_HOLD
from clarion.features.rules.pace import Pace, Per
from clarion.features.rules.quiet import QuietHours
from clarion.foundation import zones
from clarion.foundation.errors import InvalidInput

NIGHT, NAP = QuietHours("22:00", "08:00"), QuietHours("12:00", "14:00")
NOBODY = Rules()
EVENING = datetime(2026, 1, 15, 23, tzinfo=UTC)


def test_of_quiet_hours_the_most_specific_win_and_null_switches_them_off() -> None:
    account = Rules(quiet_hours=NIGHT)
    assert merged(account=account, app=NOBODY, scheduler=NOBODY).quiet_hours == NIGHT
    assert merged(account=account, app=Rules(quiet_hours=NAP), scheduler=NOBODY).quiet_hours == NAP
    assert merged(account=account, app=Rules(quiet_hours=NAP), scheduler=Rules(quiet_hours=None)).quiet_hours is None


def test_caps_gaps_and_paces_of_all_levels_apply() -> None:
    account = Rules(caps=[Cap(3, 24)], pace=Pace(100))
    app, scheduler = Rules(gap=Gap(10)), Rules(caps=[Cap(1, 1)], pace=Pace(5))
    found = merged(account=account, app=app, scheduler=scheduler)
    assert [(limit.level, limit.max) for limit in found.limits] == [
        (Level.ACCOUNT, 3), (Level.SCHEDULER, 1), (Level.APP, 1),
    ]  # fmt: skip
    assert [(level, pace.messages) for level, pace in found.paces] == [(Level.ACCOUNT, 100), (Level.SCHEDULER, 5)]


def test_what_is_stored_tells_null_from_nothing() -> None:
    off = msgspec.json.decode(b'{"quiet_hours": null}', type=Rules)
    assert stored(off) == {"quiet_hours": None}
    assert read(stored(off)).quiet_hours is None
    assert stored(NOBODY) is None
    assert read(None) == NOBODY


def test_urgency_belongs_to_schedulers() -> None:
    assert checked(Rules(urgent=True), Level.SCHEDULER).urgent
    with pytest.raises(InvalidInput, match="urgent"):
        checked(Rules(urgent=True), Level.ACCOUNT)


def test_nothing_is_held_back_for_longer_than_a_week() -> None:
    found = merged(account=NOBODY, app=NOBODY, scheduler=NOBODY)
    assert found.last_moment(EVENING) == EVENING + LONGEST_HOLD
    assert merged(account=Rules(too_late_minutes=60), app=NOBODY, scheduler=NOBODY).last_moment(
        EVENING
    ) == EVENING + timedelta(hours=1)


def arrival(zone: str, devices: int, app_id: int = 1) -> Arrival:
    return Arrival(EVENING, app_id, zones.told(zone, "UTC"), devices)


def test_a_forecast_tells_when_each_zone_leaves_and_when_all_is_finished() -> None:
    rules = SendRules(1, 1, account=Rules(quiet_hours=NIGHT), scheduler=Rules(pace=Pace(60, Per.MINUTE)))
    west, east = forecast(rules, [arrival("UTC", 600), arrival("America/New_York", 120)])
    assert (west.arrival.devices, west.allowed_at, west.first_at) == (120, EVENING, EVENING)
    assert west.last_at == EVENING + timedelta(seconds=119)
    morning = datetime(2026, 1, 16, 8, tzinfo=UTC)
    assert (east.allowed_at, east.first_at, east.last_at) == (morning, morning, morning + timedelta(seconds=599))


def test_a_forecast_puts_those_who_wait_for_their_pace_behind_each_other() -> None:
    rules = SendRules(1, 1, scheduler=Rules(pace=Pace(1)))
    first, second = forecast(rules, [arrival("UTC", 100), arrival("3600", 50, app_id=2)])
    assert first.last_at == EVENING + timedelta(seconds=99)
    assert (second.first_at, second.last_at) == (EVENING + timedelta(seconds=100), EVENING + timedelta(seconds=149))


def test_a_forecast_leaves_out_who_would_get_it_too_late() -> None:
    rules = SendRules(1, 1, account=Rules(quiet_hours=NIGHT, too_late_minutes=120, pace=Pace(60, Per.MINUTE)))
    west, east = forecast(rules, [arrival("UTC", 600), arrival("America/New_York", 10_000)])
    assert (west.skipped, west.last_at) == (10_000 - 7201, EVENING + timedelta(hours=2))
    assert (east.skipped, east.first_at) == (600, None)
