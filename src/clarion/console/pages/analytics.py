"""Analytics: any days, compared with the days before, by every dimension; when people click; how devices stay."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta

from litestar import Response, get
from litestar.di import NamedDependency

from clarion.api.v1.csv_text import MEDIA_TYPE, csv_text
from clarion.console.forms import Form
from clarion.console.pages.overview import day_rows
from clarion.console.pages.sendings.words import DAYS as WEEKDAYS
from clarion.console.pages.sendings.words import FAILURES
from clarion.console.periods import Days, today
from clarion.console.texts import N_
from clarion.console.visit import CurrentVisit, Visit
from clarion.features.apps.service import AppService
from clarion.features.audiences.growth import SAMPLE, WEEKS, Cohort, GrowthService
from clarion.features.pushes.service import PushService
from clarion.features.statistics import Counts
from clarion.features.statistics.totals import Part, TotalsService, WeekHour, together

LONGEST = 366
"""Days of one look."""
ROWS_SHOWN = 40
SERIES_SHOWN = 5
SHADES = 5
_NONE = Counts()
_SHOWN = ("delivered", "clicked", "failed")
_COLUMNS = ("sent", "delivered", "clicked", "failed", "skipped", "cancelled")

Totals = NamedDependency[TotalsService]
Apps = NamedDependency[AppService]
Pushes = NamedDependency[PushService]

BY: Mapping[str, str] = {
    "day": N_("Day"),
    Part.APP: N_("App"),
    Part.PUSH: N_("Message"),
    Part.COUNTRY: N_("Country"),
    Part.LANGUAGE: N_("Language"),
    Part.PLATFORM: N_("Platform"),
}
HEAT: Mapping[str, str] = {"clicked": N_("Clicked"), "delivered": N_("Delivered"), "sent": N_("Sent")}
PRESETS = (7, 30, 90, 365)


@dataclass(frozen=True, slots=True)
class Choice:
    """What somebody wants to look at."""

    days: Days
    by: str
    form: Form


@dataclass(frozen=True, slots=True)
class Line:
    """One row of the comparison."""

    name: str
    now: Counts
    before: Counts


@dataclass(frozen=True, slots=True)
class Cell:
    """One field of a shaded table."""

    text: str
    title: str
    shade: int


@get("/analytics")
async def analytics(
    visit: CurrentVisit, totals: Totals, growth: NamedDependency[GrowthService], apps: Apps, pushes: Pushes
) -> Response[str]:
    """The page."""
    choice, zone = _choice(visit), visit.fmt.zone
    period = choice.days.period(visit.fmt.tz)
    by_day = await totals.by_day(visit.account_id, period, zone=zone)
    before = await totals.total(visit.account_id, choice.days.before().period(visit.fmt.tz))
    now = together(by_day.values())
    names = _Names(apps, pushes)
    lines = await _lines(visit, choice, totals=totals, names=names, by_day=by_day)
    metric = visit.query("heat") if visit.query("heat") in HEAT else "clicked"
    weekly = await totals.by_week_hour(visit.account_id, period, zone=zone)
    devices = await growth.by_day(visit.account_id, choice.days.first, _after(choice.days), by_app=False)
    return visit.page(
        "analytics/analytics.html",
        choice=choice,
        form=choice.form,
        now=now,
        before=before,
        presets=[(number, Days.until(today(visit.fmt.tz), number=number)) for number in PRESETS],
        by=BY.items(),
        by_label=BY[choice.by],
        lines=lines[:ROWS_SHOWN],
        more=max(0, len(lines) - ROWS_SHOWN),
        rows=day_rows(choice.days, by_day, visit),
        losses=_losses(now),
        changes={name: _change(getattr(now, name), getattr(before, name), visit) for name in ("sent", *_SHOWN)},
        heat=_heat(weekly, metric, visit),
        heats=HEAT.items(),
        metric=metric,
        devices=_devices(choice.days, devices, visit),
        cohorts=_cohorts(await growth.retention(visit.account_id), visit),
        sample=SAMPLE,
        weeks=range(1, WEEKS + 1),
    )


@get("/analytics/table.csv")
async def table_file(visit: CurrentVisit, totals: Totals, apps: Apps, pushes: Pushes) -> Response[str]:
    """The comparison as a file, all of its rows."""
    choice = _choice(visit)
    by_day = await totals.by_day(visit.account_id, choice.days.period(visit.fmt.tz), zone=visit.fmt.zone)
    lines = await _lines(visit, choice, totals=totals, names=_Names(apps, pushes), by_day=by_day, named=None)
    header = (choice.by, *_COLUMNS, *(f"{name}_before" for name in _COLUMNS))
    rows: list[list[str | int]] = [[line.name, *_values(line.now), *_values(line.before)] for line in lines]
    name = f"clarion-{choice.by}-{choice.days.first}-{choice.days.last}.csv"
    headers = {"Content-Disposition": f'attachment; filename="{name}"'}
    return Response(csv_text(header, rows), media_type=MEDIA_TYPE, headers=headers)


def _change(now: int, before: int, visit: Visit) -> str:
    """By how much a number has changed; empty when there was nothing before."""
    if not before:
        return ""
    sign = "+" if now > before else "−" if now < before else "±"
    return f"{sign}{visit.fmt.share(abs(now - before), before)}"


@dataclass(frozen=True, slots=True)
class _Names:
    """Where names of ids are found."""

    apps: AppService
    pushes: PushService

    async def of(self, account_id: int, part: str, keys: Sequence[str]) -> Mapping[str, str]:
        """Key → name; keys that are words themselves are left out."""
        if part == Part.APP:
            both = [*await self.apps.list(account_id, archived=False), *await self.apps.list(account_id, archived=True)]
            return {str(app.id): app.name for app in both}
        if part == Part.PUSH:
            titles = await self.pushes.titles(account_id, [int(key) for key in keys])
            return {str(number): f"{title} ({number})" for number, title in titles.items()}
        return {}


def _choice(visit: Visit) -> Choice:
    """What the address asks for; the last 30 days where it asks for nothing that can be shown."""
    usual, form = Days.until(today(visit.fmt.tz), number=30), Form()
    by = visit.query("by") if visit.query("by") in BY else "day"
    first, last = _date(visit.query("from"), usual.first), _date(visit.query("to"), usual.last)
    if first is None or last is None:
        form.refuse("from" if first is None else "to", N_("This must be a date."))
        days = usual
    elif first > last:
        form.refuse("from", N_("The first day must not be after the last one."))
        days = usual
    elif (last - first).days >= LONGEST:
        form.refuse("from", N_("At most 366 days are shown at once; these are the last of them."))
        days = Days.until(last, number=LONGEST)
    else:
        days = Days(first, last)
    return Choice(days, by, form)


def _date(text: str, usual: date) -> date | None:
    """A date of a year that a database and a calendar can have."""
    if not text:
        return usual
    try:
        found = date.fromisoformat(text)
    except ValueError:
        return None
    return found if 2000 <= found.year < 2200 else None


async def _lines(
    visit: Visit,
    choice: Choice,
    *,
    totals: TotalsService,
    names: _Names,
    by_day: Mapping[date, Counts],
    named: int | None = ROWS_SHOWN,
) -> list[Line]:
    """Days in their order, each beside the day at the same place before; all else by how much was sent.

    The first `named` get their names, all where it is None.
    """
    days, earlier, tz = choice.days, choice.days.before(), visit.fmt.tz
    if choice.by == "day":
        before = await totals.by_day(visit.account_id, earlier.period(tz), zone=visit.fmt.zone)
        pairs = zip(days, earlier, strict=True)
        return [Line(str(day), by_day.get(day, _NONE), before.get(old, _NONE)) for day, old in pairs][::-1]
    part = Part(choice.by)
    found = await totals.split(visit.account_id, days.period(tz), part)
    old_counts = await totals.split(visit.account_id, earlier.period(tz), part)
    keys = sorted({*found, *old_counts}, key=lambda key: (-found.get(key, _NONE).sent, key))
    known = await names.of(visit.account_id, part, keys[:named])
    return [Line(known.get(key, key), found.get(key, _NONE), old_counts.get(key, _NONE)) for key in keys]


def _losses(counts: Counts) -> list[tuple[str, str, int]]:
    found = [(*words, int(getattr(counts, name))) for name, words in FAILURES.items()]
    return sorted((each for each in found if each[2]), key=lambda each: -each[2])


def _heat(weekly: Mapping[WeekHour, Counts], metric: str, visit: Visit) -> list[tuple[str, list[Cell]]]:
    """A row for each weekday with a field for each hour."""
    numbers = {place: int(getattr(counts, metric)) for place, counts in weekly.items()}
    most = max(numbers.values(), default=0)
    if not most:
        return []
    return [
        (
            visit.text(label),
            [_hour(visit, label, hour, n=numbers.get(WeekHour(number, hour), 0), most=most) for hour in range(24)],
        )
        for number, label in enumerate(WEEKDAYS, 1)
    ]


def _hour(visit: Visit, weekday: str, hour: int, *, n: int, most: int) -> Cell:
    title = f"{visit.text(weekday)} {hour:02}:00 – {visit.fmt.number(n)}"
    return Cell(visit.fmt.short(n) if n else "·", title, shade(n, most))


def shade(n: float, most: float) -> int:
    """0 for nothing, else 1 to `SHADES`."""
    return min(SHADES, 1 + int(n / most * SHADES)) if n > 0 and most > 0 else 0


def _devices(days: Days, by_day: Mapping[date, Mapping[str, int]], visit: Visit) -> tuple[list[str], list[object]]:
    """Heads and rows of the chart of devices: all together, then the largest platforms; as of the end of each step."""
    sums: dict[str, int] = {}
    for numbers in by_day.values():
        for platform, n in numbers.items():
            sums[platform] = sums.get(platform, 0) + n
    platforms = sorted(sums, key=lambda platform: -sums[platform])[:SERIES_SHOWN]
    rows: list[object] = []
    for day in (step.last for step in days.steps() if step.last in by_day):
        numbers = by_day[day]
        values = [sum(numbers.values()), *(numbers.get(platform, 0) for platform in platforms)]
        noon = int(datetime.combine(day, time(12), UTC).timestamp())
        rows.append((noon, visit.fmt.day(day), [(value, visit.fmt.number(value)) for value in values]))
    return [platform or visit.text(N_("unknown")) for platform in platforms], rows


def _cohorts(cohorts: Iterable[Cohort], visit: Visit) -> list[tuple[Cohort, list[Cell | None]]]:
    """Each with the share that was still there after 1, 2, … weeks; None for weeks that are not over."""
    now = today(UTC)
    return [(cohort, [_kept(visit, cohort, age, now) for age in range(1, WEEKS + 1)]) for cohort in cohorts]


def _kept(visit: Visit, cohort: Cohort, age: int, now: date) -> Cell | None:
    if not cohort.devices or cohort.week + timedelta(weeks=age + 1) > now:
        return None
    seen = cohort.seen[age - 1]
    return Cell(visit.fmt.share(seen, cohort.devices), visit.fmt.number(seen), shade(seen, cohort.devices))


def _after(days: Days) -> date:
    return days.last + timedelta(days=1)


def _values(counts: Counts) -> list[int]:
    return [int(getattr(counts, name)) for name in _COLUMNS]


ROUTES = [analytics, table_file]
