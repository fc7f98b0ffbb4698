"""The list of sendings."""

from dataclasses import dataclass

from litestar import Response, get
from litestar.di import NamedDependency

from clarion.console.pages.sendings.words import KINDS, STATES, TYPES, kind_of, state_of, timing_words
from clarion.console.visit import CurrentVisit
from clarion.features.schedulers.model import Scheduler, State
from clarion.features.schedulers.service import SchedulerService
from clarion.features.sends.results import ResultsService, Summary

PER_PAGE = 30
_WORDS_LIMIT = 200


@dataclass(frozen=True, slots=True)
class Line:
    """One sending of the list."""

    scheduler: Scheduler
    summary: Summary
    kind: str
    state: tuple[str, str]
    when: str


@get("/sendings")
async def sending_list(
    visit: CurrentVisit, schedulers: NamedDependency[SchedulerService], results: NamedDependency[ResultsService]
) -> Response[str]:
    """Newest first; found by a part of the name, the state and the type."""
    state, type_, before = visit.query("state"), visit.query("type"), visit.query("before")
    page = await schedulers.list(
        visit.account_id,
        state=State(state) if state in set(State) else None,
        type_=type_ if type_ in TYPES else None,
        words=visit.query("q").strip()[:_WORDS_LIMIT],
        before=int(before) if before.isascii() and before.isdigit() and 0 < len(before) < 19 else None,
        limit=PER_PAGE,
    )
    summaries = await results.of_schedulers(visit.account_id, [item.id for item in page.items])
    lines = [_line(item, summaries[item.id], visit) for item in page.items]
    narrowed = any(visit.query(name) for name in ("q", "state", "type", "before"))
    return visit.page(
        "sendings/list.html",
        fragment="rows",
        lines=lines,
        following=page.next_before,
        narrowed=narrowed,
        states=[(name, STATES[name][0]) for name in State],
        types=TYPES.items(),
    )


def _line(scheduler: Scheduler, summary: Summary, visit: CurrentVisit) -> Line:
    state = STATES[state_of(scheduler, summary)]
    return Line(scheduler, summary, KINDS[kind_of(scheduler)], state, timing_words(scheduler, visit.text))


ROUTES = [sending_list]
