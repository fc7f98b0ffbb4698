"""The first page: how it goes, what runs, what is due, and what needs a person."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time

from litestar import Response, get
from litestar.di import NamedDependency

from clarion.console.pages.apps.transports import TITLES
from clarion.console.pages.sendings.words import KINDS, kind_of
from clarion.console.periods import Days, today
from clarion.console.texts import N_
from clarion.console.visit import CurrentVisit, Visit
from clarion.features.apps.model import App
from clarion.features.apps.service import AppService
from clarion.features.audiences.growth import GrowthService
from clarion.features.deliveries.alerts import Alert, alerts
from clarion.features.deliveries.credential_status import CredentialStatus
from clarion.features.deliveries.credentials import CredentialService
from clarion.features.schedulers.model import Scheduler
from clarion.features.schedulers.service import SchedulerService
from clarion.features.sends.results import ResultsService, Run
from clarion.features.statistics import Counts
from clarion.features.statistics.totals import Part, TotalsService, together

DAYS = 30
RUNS_SHOWN = 10
DUE_SHOWN = 6
APPS_SHOWN = 20
PROBLEMS_SHOWN = 10

Schedulers = NamedDependency[SchedulerService]
Results = NamedDependency[ResultsService]

_WORDS: Mapping[str, tuple[str, str]] = {
    "paused": (N_("Nothing is sent"), N_("Look and resume")),
    "expired": (N_("The certificate has run out"), N_("Upload a new one")),
    "guard_tripped": (N_("Very many tokens are refused"), N_("Decide about them")),
    "breaker": (N_("The provider fails"), N_("Check the credentials")),
    "access_token": (N_("No access token"), N_("Check the credentials")),
    "push_service": (N_("A push service refuses messages"), N_("Check the credentials")),
    "unknown_answers": (N_("Answers that Clarion does not know"), N_("Look at them")),
}
"""Code of an alert → what is wrong and what to do; codes that are missing need nobody."""
_EXPIRING = (N_("The certificate runs out soon"), N_("Upload a new one"))
_URGENT = frozenset({"paused", "expired", "guard_tripped"})


@dataclass(frozen=True, slots=True)
class Problem:
    """Something that needs a person."""

    urgent: bool
    what: str
    where: str
    detail: str
    path: str
    action: str


@dataclass(frozen=True, slots=True)
class Step:
    """One of the first steps."""

    done: bool
    title: str
    text: str
    path: str
    action: str


@dataclass(frozen=True, slots=True)
class AppLine:
    """One app of the table."""

    id: int
    name: str
    reachable: int
    counts: Counts


@get("/overview")
async def overview(
    visit: CurrentVisit,
    apps: NamedDependency[AppService],
    growth: NamedDependency[GrowthService],
    totals: NamedDependency[TotalsService],
    credentials: NamedDependency[CredentialService],
    schedulers: Schedulers,
    results: Results,
) -> Response[str]:
    """The page; htmx asks for its part `live` again and again."""
    runs = await results.under_way(visit.account_id, limit=RUNS_SHOWN)
    upcoming = [_due(item) for item in await schedulers.upcoming(visit.account_id, limit=DUE_SHOWN)]
    if visit.is_partial:
        return visit.page("overview/overview.html", fragment="live", runs=runs, upcoming=upcoming)
    days = Days.until(today(visit.fmt.tz), number=DAYS)
    period = days.period(visit.fmt.tz)
    by_day = await totals.by_day(visit.account_id, period, zone=visit.fmt.zone)
    by_app = await totals.split(visit.account_id, period, Part.APP)
    present = await apps.list(visit.account_id, archived=False)
    reachable = await growth.reachable(visit.account_id)
    problems = list(
        _problems(await credentials.list(visit.account_id, count_suspects=False), {app.id: app.name for app in present})
    )
    any_sending = bool((await schedulers.list(visit.account_id, limit=1)).items)
    steps = _steps(bool(present), bool(reachable), sent=any_sending)
    return visit.page(
        "overview/overview.html",
        runs=runs,
        upcoming=upcoming,
        problems=[*_paused(runs), *sorted(problems, key=lambda problem: not problem.urgent)][:PROBLEMS_SHOWN],
        steps=[] if all(step.done for step in steps) else steps,
        today=by_day.get(days.last, Counts()),
        month=together(by_day.values()),
        lines=_lines(present, reachable, by_app),
        apps_number=len(present),
        reachable=sum(reachable.values()),
        rows=day_rows(days, by_day, visit),
    )


def day_rows(days: Days, by_day: Mapping[date, Counts], visit: Visit) -> list[tuple[int, str, list[tuple[int, str]]]]:
    """Rows of a chart of days, or of weeks named by their last days; the place of a day on its axis is its noon."""
    rows, fmt = [], visit.fmt
    for step in days.steps():
        counts = together(by_day.get(day, Counts()) for day in step)
        values = (counts.sent, counts.delivered, counts.clicked)
        noon = int(datetime.combine(step.last, time(12), UTC).timestamp())
        rows.append((noon, fmt.day(step.last), [(value, fmt.number(value)) for value in values]))
    return rows


def _due(scheduler: Scheduler) -> tuple[Scheduler, str]:
    return scheduler, KINDS[kind_of(scheduler)]


def _lines(apps: Sequence[App], reachable: Mapping[int, int], by_app: Mapping[str, Counts]) -> list[AppLine]:
    lines = [AppLine(app.id, app.name, reachable.get(app.id, 0), by_app.get(str(app.id), Counts())) for app in apps]
    return sorted(lines, key=lambda line: (-line.counts.sent, -line.reachable, line.name))[:APPS_SHOWN]


def _paused(runs: Iterable[Run]) -> Iterator[Problem]:
    for run in runs:
        if run.paused:
            what, action = N_("A sending is paused"), N_("Go on or cancel")
            yield Problem(False, what, run.name, run.pause_reason or "", f"/sendings/{run.scheduler_id}", action)


def _problems(statuses: Iterable[CredentialStatus], names: Mapping[int, str]) -> Iterator[Problem]:
    now = datetime.now(UTC)
    for status in statuses:
        if status.app_id not in names:
            continue
        where = f"{names[status.app_id]} · {TITLES[status.provider]}"
        for alert in alerts(status, now):
            if (words := _words(alert)) is not None:
                what, action = words
                path = f"/apps/{status.app_id}"
                yield Problem(alert.code in _URGENT, what, where, alert.text, path, action)


def _words(alert: Alert) -> tuple[str, str] | None:
    return _EXPIRING if alert.code.startswith("expires_in") else _WORDS.get(alert.code)


def _steps(app: bool, devices: bool, *, sent: bool) -> list[Step]:
    return [
        Step(
            app,
            N_("Create an app"),
            N_("Upload the file that you got from Google or Apple. Web apps need no file."),
            "/apps/new",
            N_("Create an app"),
        ),
        Step(
            devices,
            N_("Connect it"),
            N_("Put the app's id into your app or website. The app's page has the lines to paste."),
            "/apps",
            N_("Open the apps"),
        ),
        Step(
            sent,
            N_("Send a first message"),
            N_("Write it, choose who gets it and when."),
            "/sendings/new",
            N_("Write a message"),
        ),
    ]


ROUTES = [overview]
