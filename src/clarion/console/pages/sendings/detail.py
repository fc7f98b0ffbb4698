"""One sending: its progress and results, and what can be done with it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from litestar import Response, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath

from clarion.console.pages.sendings.words import (
    FAILURES,
    KINDS,
    STATES,
    filter_words,
    kind_of,
    state_of,
    timing_words,
)
from clarion.console.texts import N_
from clarion.console.visit import CurrentVisit
from clarion.features.apps.service import AppService
from clarion.features.pushes.service import PushService
from clarion.features.schedulers.editing import EditingService
from clarion.features.schedulers.model import Scheduler, State
from clarion.features.schedulers.service import SchedulerService
from clarion.features.sends.progress import ProgressService
from clarion.features.sends.results import Aspect, ResultsService, Summary, Underway
from clarion.features.statistics import Counts
from clarion.foundation.errors import Conflict

Schedulers = NamedDependency[SchedulerService]
Results = NamedDependency[ResultsService]
SENDS_SHOWN = 20
ROWS_SHOWN = 50
ASPECTS: Mapping[Aspect, str] = {
    Aspect.PUSH: N_("Message"),
    Aspect.LANGUAGE: N_("Language"),
    Aspect.COUNTRY: N_("Country"),
    Aspect.APP: N_("App"),
    Aspect.PLATFORM: N_("Platform"),
}


@dataclass(frozen=True, slots=True)
class Live:
    """What changes while a sending runs."""

    scheduler: Scheduler
    state: tuple[str, str]
    running: bool
    counts: Counts
    underway: Underway

    @property
    def percent(self) -> int:
        """How much of the work is behind us."""
        return int(self.underway.share * 100)


@get("/sendings/{scheduler_id:int}")
async def sending(
    scheduler_id: FromPath[int],
    visit: CurrentVisit,
    schedulers: Schedulers,
    results: Results,
    apps: NamedDependency[AppService],
    pushes: NamedDependency[PushService],
    progress: NamedDependency[ProgressService],
) -> Response[str]:
    """The page; htmx asks for its part `live` every other second while it runs."""
    scheduler = await schedulers.get(visit.account_id, scheduler_id)
    live = await _live(scheduler, results)
    if visit.is_partial:
        return visit.page("sendings/sending.html", fragment="live", live=live)
    names = {app.id: app.name for app in await apps.list(visit.account_id, archived=False)}
    aspect = _aspect(visit.query("by"), scheduler)
    return visit.page(
        "sendings/sending.html",
        live=live,
        scheduler=scheduler,
        kind=KINDS[kind_of(scheduler)],
        when=timing_words(scheduler, visit.text),
        who=list(filter_words(scheduler.filter, visit.text, apps=names)),
        messages=[await pushes.get(visit.account_id, push_id) for push_id in scheduler.push_ids[:ROWS_SHOWN]],
        sends=(await progress.page(visit.account_id, scheduler_id=scheduler_id, limit=SENDS_SHOWN)).items,
        by=aspect,
        aspects=ASPECTS.items(),
        rows=_rows(await results.split(visit.account_id, scheduler_id, aspect), aspect, names),
        hours=_hours(await results.split(visit.account_id, scheduler_id, Aspect.HOUR), visit),
        losses=_losses(live.counts),
    )


@post("/sendings/{scheduler_id:int}/pause", status_code=200)
async def pause(scheduler_id: FromPath[int], visit: CurrentVisit, schedulers: Schedulers) -> Response[str]:
    """Hold it back."""
    return await _act(visit, scheduler_id, schedulers.pause, N_("The sending is paused."))


@post("/sendings/{scheduler_id:int}/resume", status_code=200)
async def resume(scheduler_id: FromPath[int], visit: CurrentVisit, schedulers: Schedulers) -> Response[str]:
    """Let it go on."""
    return await _act(visit, scheduler_id, schedulers.resume, N_("The sending goes on."))


@post("/sendings/{scheduler_id:int}/cancel", status_code=200)
async def cancel(scheduler_id: FromPath[int], visit: CurrentVisit, schedulers: Schedulers) -> Response[str]:
    """Stop it for good, and say how many it did not reach."""
    try:
        saved = await schedulers.cancel(visit.caller, scheduler_id)
    except Conflict as error:
        return await visit.go(f"/sendings/{scheduler_id}", str(error), kind="warning")
    text = N_("The sending is cancelled. About %(devices)s devices will not get it.")
    return await visit.go(f"/sendings/{scheduler_id}", text, devices=visit.fmt.number(saved.devices))


@post("/sendings/{scheduler_id:int}/activate", status_code=200)
async def activate(
    scheduler_id: FromPath[int], visit: CurrentVisit, editing: NamedDependency[EditingService]
) -> Response[str]:
    """Let a draft wait for its moment."""
    return await _act(visit, scheduler_id, editing.activate, N_("The sending is planned."))


@post("/sendings/{scheduler_id:int}/duplicate", status_code=200)
async def duplicate(
    scheduler_id: FromPath[int],
    visit: CurrentVisit,
    schedulers: Schedulers,
    editing: NamedDependency[EditingService],
) -> Response[str]:
    """A draft like it, with copies of its messages."""
    name = (await schedulers.get(visit.account_id, scheduler_id)).name
    copy = visit.text(N_("%(name)s (copy)"), name=name[:180])
    made = await editing.duplicate(visit.caller, scheduler_id, name=copy)
    return await visit.go(f"/sendings/{made}", N_("This is a copy. It is a draft until you activate it."))


async def _act(visit: CurrentVisit, scheduler_id: int, act: Any, done: str) -> Response[str]:
    try:
        await act(visit.caller, scheduler_id)
    except Conflict as error:
        return await visit.go(f"/sendings/{scheduler_id}", str(error), kind="warning")
    return await visit.go(f"/sendings/{scheduler_id}", done)


async def _live(scheduler: Scheduler, results: ResultsService) -> Live:
    underway = await results.underway(scheduler.account_id, scheduler.id)
    total = (await results.split(scheduler.account_id, scheduler.id, Aspect.TOTAL)).get("", Counts())
    state = state_of(scheduler, Summary(open=underway.open))
    soon = scheduler.next_due_at is not None and (scheduler.next_due_at - datetime.now(UTC)).total_seconds() < 150
    running = underway.open > 0 or (scheduler.state is State.ACTIVE and soon)
    return Live(scheduler, STATES[state], running, total, underway)


def _aspect(wanted: str, scheduler: Scheduler) -> Aspect:
    known = {str(aspect): aspect for aspect in ASPECTS}
    return known.get(wanted, Aspect.PUSH if len(scheduler.push_ids) > 1 else Aspect.LANGUAGE)


def _rows(split: Mapping[str, Counts], aspect: Aspect, apps: Mapping[int, str]) -> list[tuple[str, Counts]]:
    rows = sorted(split.items(), key=lambda row: row[1].sent, reverse=True)[:ROWS_SHOWN]
    if aspect is Aspect.APP:
        return [(apps.get(int(key), key), counts) for key, counts in rows]
    return rows


def _hours(split: Mapping[str, Counts], visit: CurrentVisit) -> list[tuple[int, str, list[tuple[int, str]]]]:
    """Rows of the chart over time."""
    fmt, rows = visit.fmt, []
    for key, counts in sorted(split.items(), key=lambda row: int(row[0])):
        shown = fmt.when(datetime.fromtimestamp(int(key), UTC))
        values = (counts.sent, counts.delivered, counts.clicked)
        rows.append((int(key), shown, [(value, fmt.number(value)) for value in values]))
    return rows


def _losses(counts: Counts) -> Sequence[tuple[str, str, int]]:
    """What happened, what to do, and to how many."""
    found = [(*words, int(getattr(counts, name))) for name, words in FAILURES.items()]
    return sorted((each for each in found if each[2]), key=lambda each: -each[2])


ROUTES = [sending, pause, resume, cancel, activate, duplicate]
