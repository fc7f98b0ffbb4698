"""What a scheduler will do: when each zone's moment is, for how many devices, and when everything has left.

The same calendar that the clock goes by tells the moments, and the same rules that dispatch goes by tell what becomes
of them; so the real run follows, as far as devices, pushes and rules stay what they are.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta, tzinfo

from clarion.db import Connection, Database, load
from clarion.features.audiences import AudienceService, Filter
from clarion.features.rules import Level, Rules, SendRules, read
from clarion.features.rules.books import RuleBooks
from clarion.features.rules.forecast import Arrival, Leaving, forecast
from clarion.features.rules.judging import Matter
from clarion.features.schedulers import comparing
from clarion.features.schedulers.body import SchedulerBody, new_of
from clarion.features.schedulers.calendar import FixedCalendar, LocalCalendar, Start, ZoneKey
from clarion.features.schedulers.conversion import ConversionTiming
from clarion.features.schedulers.model import Scheduler, State
from clarion.features.schedulers.ports import scheduler_of, timing_of
from clarion.features.schedulers.timing import Arming, Timing, WeeklyTiming, arm, calendar
from clarion.features.schedulers.variants import Comparison, Phase
from clarion.features.schedulers.writing import Writer, armed
from clarion.features.sends.zones import StartedPart, parts_of, spread
from clarion.foundation.clock import Clock
from clarion.foundation.errors import NotFound
from clarion.foundation.zones import told

SQL = load(__package__)

HORIZON = timedelta(days=7)
"""How much of a weekly scheduler is shown."""
_BEFORE = timedelta(days=3)
_Staged = tuple[Start, Mapping[ZoneKey, int]]
"""A start and how many devices of each zone it is for."""
_NO_APP = 0
"""Has no rules of its own."""


@dataclass(frozen=True, slots=True)
class Moment:
    """Devices whose moment is the same."""

    slot: datetime | None
    """What their clocks show then; None when they do not go by them."""
    due_at: datetime
    zones: Sequence[str]
    """As devices tell them, names or seconds; `""` = none."""
    devices: int
    first_at: datetime | None
    """When the first of them gets it, after quiet hours and pacing; None when nobody does."""
    last_at: datetime | None
    skipped: int
    """Of the devices: those that rules leave out, since it would be too late."""


@dataclass(frozen=True, slots=True)
class Timeline:
    """What is to come."""

    devices: int
    """Over all moments: a device of a weekly scheduler counts at each of its slots."""
    exact: bool
    moments: Sequence[Moment]
    started: Sequence[StartedPart]
    finished_at: datetime | None
    """When the last message leaves; None when nothing is to come."""
    until: datetime
    """Moments up to here are shown."""
    capped_now: int = 0
    """About how many devices and users are at a cap or within a gap at present; moments do not take that in."""


@dataclass(frozen=True, slots=True)
class _Scheme:
    """What a timeline is made of."""

    account_id: int
    scheduler_id: int
    filter: Filter
    rules: Rules
    timing: Timing | None
    calendar: LocalCalendar | FixedCalendar | None
    arming: Arming
    comparison: Comparison | None = None


class TimelineService:
    """Previews schedulers of an account, saved or not. Changes nothing."""

    def __init__(
        self, *, database: Database, audiences: AudienceService, clock: Clock, instant_delay: timedelta
    ) -> None:
        self._database = database
        self._audiences = audiences
        self._writer = Writer(audiences=audiences)
        self._books = RuleBooks(database=database, clock=clock)
        self._clock = clock
        self._instant_delay = instant_delay

    async def preview(self, account_id: int, body: SchedulerBody) -> Timeline:
        """What a scheduler made of this body now would do. Errors as creating it, but for its pushes."""
        now = self._clock.now()
        new = new_of(body.type, body)
        arming = armed(new, now=now, due=now + self._instant_delay if new.timing is None else None)
        timing = None if isinstance(new.timing, ConversionTiming) else new.timing
        days = None if timing is None else calendar(timing, late=new.late, armed_at=now)
        scheme = _Scheme(account_id, 0, new.filter, new.rules, timing, days, arming)
        async with self._database.transaction() as conn:
            await self._writer.check(conn, account_id, new.filter)
            found = await self._timeline(conn, scheme, now=now, started=())
        return await self._with_capped(scheme, *found)

    async def of(self, account_id: int, scheduler_id: int) -> Timeline:
        """What a scheduler is going to do, and what it has started lately. A draft: if it were activated now.

        `NotFound`; `InvalidInput` for a draft that could not be activated.
        """
        now = self._clock.now()
        async with self._database.transaction() as conn:
            row = await SQL.get.fetchrow(conn, account_id=account_id, scheduler_id=scheduler_id)
            if row is None:
                raise NotFound(f"scheduler {scheduler_id} does not exist")
            started = await parts_of(account_id, scheduler_id, since=now - _BEFORE, within=conn)
            comparison = await comparing.find(conn, account_id, scheduler_id)
            scheme = replace(_scheme_of(scheduler_of(row), now), comparison=comparison)
            found = await self._timeline(conn, scheme, now=now, started=started)
        return await self._with_capped(scheme, *found)

    async def _timeline(
        self, conn: Connection, scheme: _Scheme, *, now: datetime, started: Sequence[StartedPart]
    ) -> tuple[Timeline, SendRules, Sequence[int]]:
        """The timeline but for caps, and the rules and apps that it was made with."""
        account_id = scheme.account_id
        app_ids = await self._audiences.resolve_apps(account_id, scheme.filter, within=conn)
        conditions = await self._audiences.conditions(account_id, scheme.filter, within=conn)
        found = await spread(account_id, app_ids, conditions, within=conn)
        zones = {ZoneKey(one.zone.app_id, one.zone.told): told(one.zone.told, one.zone.default) for one in found}
        counts = {ZoneKey(one.zone.app_id, one.zone.told): one.devices for one in found}
        until = max(now, scheme.arming.next_due_at or now) + HORIZON
        rules = await _rules(conn, account_id, scheme.rules)
        starts = _staged(scheme, _starts(scheme, zones, now, until), counts)
        moments = [
            _moment(start, local=isinstance(scheme.calendar, LocalCalendar), leavings=leavings)
            for start, leavings in _leavings(starts, zones, rules)
        ]
        last = [moment.last_at for moment in moments if moment.last_at]
        timeline = Timeline(
            devices=sum(moment.devices for moment in moments),
            exact=all(one.exact for one in found),
            moments=moments,
            started=started,
            finished_at=max(last, default=None),
            until=until,
        )
        return timeline, rules, app_ids

    async def _with_capped(
        self, scheme: _Scheme, timeline: Timeline, rules: SendRules, app_ids: Sequence[int]
    ) -> Timeline:
        if rules.scheduler.urgent or not timeline.moments:
            return timeline
        everywhere = rules.of_app(_NO_APP).limits
        capped = await self._books.capped(Matter(scheme.account_id, _NO_APP, scheme.scheduler_id, 0), everywhere)
        for app_id in sorted(set(app_ids) & rules.apps.keys()):
            own = [limit for limit in rules.of_app(app_id).limits if limit.level is Level.APP]
            capped += await self._books.capped(Matter(scheme.account_id, app_id, scheme.scheduler_id, 0), own)
        return replace(timeline, capped_now=min(capped, timeline.devices))


def _scheme_of(scheduler: Scheduler, now: datetime) -> _Scheme:
    arming = Arming(scheduler.planned_until, scheduler.next_due_at)
    timing = None if scheduler.type == "conversion" else timing_of(scheduler)
    days = None
    if timing is not None:
        if scheduler.state is State.DRAFT:
            arming = arm(timing, late=scheduler.late, now=now)
        armed_at = now if scheduler.state is State.DRAFT else scheduler.armed_at or scheduler.created_at
        days = calendar(timing, late=scheduler.late, armed_at=armed_at)
    return _Scheme(scheduler.account_id, scheduler.id, scheduler.filter, scheduler.rules, timing, days, arming)


def _starts(scheme: _Scheme, zones: Mapping[ZoneKey, tzinfo], now: datetime, until: datetime) -> list[Start]:
    """Everything that is to come, each once; what is overdue comes now."""
    days, arming = scheme.calendar, scheme.arming
    if arming.next_due_at is None:
        return []
    if isinstance(days, LocalCalendar):
        late = days.agenda(zones, after=arming.planned_until or now, now=now).starts
        overdue = [Start(start.slot, now, start.zones) for start in late]
        return [*overdue, *days.ahead(zones, after=now, until=until)]
    everybody = tuple(sorted(zones))
    if days is None or not _repeats(scheme.timing):
        dues = [max(now, arming.next_due_at)]
    else:
        dues = days.due_between(min(now, arming.next_due_at - timedelta.resolution), until)
    return [Start(due, due, everybody) for due in dues]


def _repeats(timing: Timing | None) -> bool:
    return isinstance(timing, WeeklyTiming)


def _staged(scheme: _Scheme, starts: Sequence[Start], counts: Mapping[ZoneKey, int]) -> list[_Staged]:
    """Each start with its devices. Where a winner is to be chosen, the rest starts after the sample."""
    comparison = scheme.comparison
    contest = comparison.contest if comparison else None
    if comparison is None or contest is None or isinstance(scheme.calendar, LocalCalendar):
        return [(start, counts) for start in starts]
    sample = {key: round(count * contest.sample_percent / 100) for key, count in counts.items()}
    rest = {key: count - sample[key] for key, count in counts.items()}
    staged: list[_Staged] = []
    for start in starts:
        decided = comparison.decide_at or start.due + contest.duration
        if comparison.phase is Phase.WAITING:
            staged.append((start, sample))
        staged.append((Start(start.slot, decided, start.zones), rest))
    return staged


def _leavings(
    starts: Sequence[_Staged], zones: Mapping[ZoneKey, tzinfo], rules: SendRules
) -> list[tuple[Start, list[Leaving]]]:
    """What becomes of each start under the rules."""
    arrivals = {
        id(arrival): (number, arrival)
        for number, (start, counts) in enumerate(starts)
        for key in start.zones
        if counts[key]
        for arrival in [Arrival(start.due, key.app_id, zones[key], counts[key])]
    }
    by_start: list[list[Leaving]] = [[] for _ in starts]
    for leaving in forecast(rules, [arrival for _, arrival in arrivals.values()]):
        by_start[arrivals[id(leaving.arrival)][0]].append(leaving)
    return [(start, found) for (start, _), found in zip(starts, by_start, strict=True) if found]


def _moment(start: Start, *, local: bool, leavings: Sequence[Leaving]) -> Moment:
    firsts = [one.first_at for one in leavings if one.first_at]
    lasts = [one.last_at for one in leavings if one.last_at]
    return Moment(
        slot=start.slot if local else None,
        due_at=start.due.astimezone(UTC),
        zones=sorted({key.told for key in start.zones}),
        devices=sum(one.arrival.devices for one in leavings),
        first_at=min(firsts, default=None),
        last_at=max(lasts, default=None),
        skipped=sum(one.skipped for one in leavings),
    )


async def _rules(conn: Connection, account_id: int, own: Rules) -> SendRules:
    row = await SQL.levels.fetchrow(conn, account_id=account_id)
    levels = row or {"account": None, "apps": None}
    apps = {int(app_id): read(rules) for app_id, rules in (levels["apps"] or {}).items()}
    return SendRules(account_id, 0, read(levels["account"]), own, apps)
