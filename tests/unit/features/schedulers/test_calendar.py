"""Slots by each device's own clock: clock changes, late zones, standstills, and a whole year of them."""

import random
from collections import Counter
from datetime import UTC, date, datetime, time, timedelta, tzinfo

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from clarion.features.schedulers.calendar import FixedCalendar, Late, LocalCalendar, Slots, Start, ZoneKey
from clarion.foundation.zones import instant, named, told

EVERY_DAY = frozenset(range(1, 8))
LONG_AGO = datetime(2026, 1, 1, tzinfo=UTC)
PLACES = [
    "Europe/Berlin",
    "America/New_York",
    "America/St_Johns",
    "Australia/Lord_Howe",
    "Pacific/Chatham",
    "Pacific/Apia",
    "Africa/Casablanca",
    "Antarctica/Troll",
    "Asia/Kathmandu",
    "-43200",
    "50400",
    "-34200",
    "",
]


@pytest.mark.parametrize(
    ("zone", "wall", "expected"),
    [
        ("Europe/Berlin", "2026-03-29T02:30", "2026-03-29T01:30"),  # skipped: 03:30 on the clock
        ("Europe/Berlin", "2026-10-25T02:30", "2026-10-25T00:30"),  # twice: the first
        ("America/New_York", "2026-03-08T02:15", "2026-03-08T07:15"),
        ("America/New_York", "2026-11-01T01:15", "2026-11-01T05:15"),
        ("America/St_Johns", "2026-03-08T02:30", "2026-03-08T06:00"),
        ("America/St_Johns", "2026-07-01T12:00", "2026-07-01T14:30"),
        ("Australia/Lord_Howe", "2026-10-04T02:10", "2026-10-03T15:40"),  # the clock moves by 30 minutes
        ("Australia/Lord_Howe", "2026-04-05T01:45", "2026-04-04T14:45"),
        ("Pacific/Chatham", "2026-09-27T03:00", "2026-09-26T14:15"),  # +12:45 to +13:45
        ("Pacific/Chatham", "2026-01-01T00:00", "2025-12-31T10:15"),
        ("Pacific/Apia", "2026-06-01T00:00", "2026-05-31T11:00"),
        ("Africa/Casablanca", "2026-02-15T02:30", "2026-02-15T01:30"),
        ("Antarctica/Troll", "2026-03-29T02:30", "2026-03-29T02:30"),  # two hours forward
        ("Asia/Kathmandu", "2028-02-29T00:00", "2028-02-28T18:15"),
        ("-43200", "2026-12-31T23:59", "2027-01-01T11:59"),
        ("50400", "2027-01-01T00:00", "2026-12-31T10:00"),
    ],
)
def test_a_skipped_time_comes_by_the_offset_before_and_a_repeated_one_at_its_first(
    zone: str, wall: str, expected: str
) -> None:
    moment = instant(datetime.fromisoformat(wall), told(zone, "UTC"))
    assert moment == datetime.fromisoformat(f"{expected}:00+00:00")


def test_devices_without_a_zone_have_that_of_their_app_and_utc_failing_that() -> None:
    assert told("", "Asia/Tokyo") is named("Asia/Tokyo")
    assert told("", "Nowhere/City") is UTC
    assert told("Nowhere/City", "Asia/Tokyo") is named("Asia/Tokyo")
    assert told("-12600", "Asia/Tokyo").utcoffset(None) == timedelta(hours=-3, minutes=-30)


def once(day: date, at: time) -> Slots:
    return Slots(EVERY_DAY, (at,), day, day)


def zones_of(*places: str) -> dict[ZoneKey, tzinfo]:
    return {ZoneKey(1, place): told(place, "UTC") for place in places}


NOON = datetime.fromisoformat("2026-06-10T12:00")
ARMED = datetime(2026, 6, 10, 9, tzinfo=UTC)  # Tokyo's noon was at 3, Berlin's is at 10


@pytest.mark.parametrize(
    ("late", "tokyo"),
    [
        (Late.AT_ONCE, datetime(2026, 6, 10, 3, tzinfo=UTC)),
        (Late.SKIP, None),
        (Late.NEXT_DAY, datetime(2026, 6, 11, 3, tzinfo=UTC)),
    ],
)
def test_a_zone_whose_moment_has_passed_follows_the_policy(late: Late, tokyo: datetime | None) -> None:
    calendar = LocalCalendar(once(NOON.date(), NOON.time()), late, ARMED)
    after = ARMED - timedelta(days=1) if late is Late.AT_ONCE else ARMED
    agenda = calendar.agenda(
        zones_of("Asia/Tokyo", "Europe/Berlin"), after=after, now=datetime(2026, 6, 11, 2, tzinfo=UTC)
    )
    dues = {key.told: start.due for start in agenda.starts for key in start.zones}
    assert dues["Europe/Berlin"] == datetime(2026, 6, 10, 10, tzinfo=UTC)
    assert dues.get("Asia/Tokyo") == (tokyo if late is not Late.NEXT_DAY else None)
    later = calendar.agenda(zones_of("Asia/Tokyo"), after=datetime(2026, 6, 11, 2, tzinfo=UTC), now=NOON_AFTER)
    assert [start.due for start in later.starts] == ([tokyo] if late is Late.NEXT_DAY else [])


NOON_AFTER = datetime(2026, 6, 11, 12, tzinfo=UTC)


def test_zones_that_share_their_moment_share_a_start() -> None:
    calendar = LocalCalendar(once(NOON.date(), NOON.time()), Late.SKIP, LONG_AGO)
    places = ("Europe/Berlin", "Europe/Paris", "7200", "Asia/Tokyo")
    agenda = calendar.agenda(zones_of(*places), after=LONG_AGO, now=datetime(2026, 6, 10, 11, tzinfo=UTC))
    tokyo, europe = agenda.starts
    assert {key.told for key in europe.zones} == {"Europe/Berlin", "Europe/Paris", "7200"}
    assert (tokyo.bucket, europe.bucket) == (9 * 3600, 2 * 3600)


def test_of_slots_missed_by_a_zone_only_the_last_counts_and_not_after_24_hours() -> None:
    slots = Slots(EVERY_DAY, (time(9), time(18)), date(2026, 6, 1), None)
    calendar = LocalCalendar(slots, Late.SKIP, LONG_AGO)
    stopped = datetime(2026, 6, 10, tzinfo=UTC)
    back = stopped + timedelta(days=21)
    agenda = calendar.agenda(zones_of("Europe/Berlin"), after=stopped, now=back)
    (start,) = agenda.starts
    assert back - timedelta(hours=24) < start.due <= back
    assert len(agenda.missed) == 21 * 2 - 1
    ended = LocalCalendar(Slots(EVERY_DAY, (time(9),), date(2026, 6, 1), date(2026, 6, 12)), Late.SKIP, LONG_AGO)
    agenda = ended.agenda(zones_of("Europe/Berlin"), after=stopped, now=back)
    assert (len(agenda.starts), len(agenda.missed)) == (0, 3)


def test_a_fixed_calendar_counts_days_by_its_own_offset() -> None:
    mondays = FixedCalendar(Slots(frozenset({1}), (time(0, 30),), date(2026, 1, 1), None), timedelta(hours=10))
    assert mondays.following(datetime(2026, 3, 1, tzinfo=UTC)) == datetime(2026, 3, 1, 14, 30, tzinfo=UTC)
    assert mondays.following(datetime(2026, 3, 1, 14, 30, tzinfo=UTC)) == datetime(2026, 3, 8, 14, 30, tzinfo=UTC)


weekly = st.builds(
    Slots,
    st.frozensets(st.integers(1, 7), min_size=1, max_size=1),
    st.lists(st.times(), min_size=1, max_size=2, unique=True).map(
        lambda times: tuple(sorted(at.replace(second=0, microsecond=0) for at in times))
    ),
    st.dates(date(2027, 1, 1), date(2027, 3, 1)),
    st.dates(date(2028, 2, 27), date(2028, 3, 2)) | st.none(),
)
onesends = st.builds(
    once, st.dates(date(2027, 1, 2), date(2028, 2, 29)), st.times().map(lambda at: at.replace(second=0))
)


@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(slots=weekly | onesends, late=st.sampled_from(Late), seed=st.integers())
def test_over_a_year_of_clock_changes_each_zone_reaches_each_slot_once_and_in_time(
    slots: Slots, late: Late, seed: int
) -> None:
    """The clock looks when it was told to, a little late; zones that are new to it appear meanwhile."""
    chance = random.Random(seed)  # noqa: S311 - repeatable
    places = chance.sample(PLACES, 4)
    calendar = LocalCalendar(slots, late, armed_at=datetime(2027, 1, 1, tzinfo=UTC))
    end = datetime(2028, 3, 4, tzinfo=UTC)
    appears = {place: calendar.armed_at + timedelta(hours=chance.choice([0, 0, 24 * 200])) for place in places}
    starts, looked_at = _run(calendar, appears, end, chance)
    seen = Counter((start.slot, key.told) for start in starts for key in start.zones)
    expected = {
        (slot, place)
        for place in places
        for slot in slots.between(datetime.fromisoformat("2026-12-30"), datetime.fromisoformat("2028-03-04"))
        if max(calendar.armed_at, appears[place]) <= calendar.due(slot, told(place, "UTC")) < end
    }
    assert set(seen) == expected
    assert set(seen.values()) <= {1}
    assert all(now - start.due <= timedelta(seconds=1) for start, now in zip(starts, looked_at, strict=True))


def _run(
    calendar: LocalCalendar, appears: dict[str, datetime], end: datetime, chance: random.Random
) -> tuple[list[Start], list[datetime]]:
    starts: list[Start] = []
    looked_at: list[datetime] = []
    until = calendar.armed_at - timedelta.resolution
    look: datetime | None = calendar.next_look([], until)
    while look is not None and look < end:
        now = look + timedelta(seconds=chance.random())
        zones = zones_of(*(place for place, at in appears.items() if at <= now))
        agenda = calendar.agenda(zones, after=until, now=now)
        assert not agenda.missed
        starts += agenda.starts
        looked_at += [now] * len(agenda.starts)
        until, look = now, calendar.next_look(zones.values(), now)
    return starts, looked_at


@given(slots=weekly, minutes=st.integers(-14 * 60, 14 * 60), seed=st.integers())
def test_a_fixed_calendar_reaches_each_slot_once_however_often_it_is_looked_at(
    slots: Slots, minutes: int, seed: int
) -> None:
    chance, calendar = random.Random(seed), FixedCalendar(slots, timedelta(minutes=minutes))  # noqa: S311
    begin, end = datetime(2026, 12, 1, tzinfo=UTC), datetime(2028, 4, 1, tzinfo=UTC)
    found, now = [], begin
    while now < end:
        until = min(end, now + timedelta(days=40 * chance.random()))
        dues = calendar.due_between(now, until)
        assert calendar.following(now) == (dues[0] if dues else calendar.following(until))
        found += dues
        now = until
    every = slots.between(datetime.fromisoformat("2026-01-01"), datetime.fromisoformat("2029-01-01"))
    expected = [slot.replace(tzinfo=UTC) - calendar.offset for slot in every]
    assert found == [due for due in expected if begin < due <= end]
