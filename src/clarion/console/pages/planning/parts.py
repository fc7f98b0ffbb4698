"""What htmx asks for while somebody fills in a sending: how many devices, which for example, and when they get it."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from litestar import Response, post
from litestar.di import NamedDependency

from clarion.console.forms import Form
from clarion.console.pages.planning import draft, when, who
from clarion.console.visit import CurrentVisit, Visit
from clarion.features.audiences import AudienceService, Estimate
from clarion.features.audiences.estimating import Example
from clarion.features.schedulers.body import SchedulerBody
from clarion.features.schedulers.service import SchedulerService
from clarion.features.schedulers.timeline import Timeline, TimelineService
from clarion.foundation.errors import InvalidInput, UnknownReference

Audiences = NamedDependency[AudienceService]
Schedulers = NamedDependency[SchedulerService]
EXAMPLES = 8
NAMELESS = "–"


@dataclass(frozen=True, slots=True)
class Reach:
    """Who a form means; or what is wrong with it."""

    estimate: Estimate | None = None
    examples: Sequence[Example] = ()
    fault: str | None = None


@dataclass(frozen=True, slots=True)
class Course:
    """When a form's sending goes; or what is missing."""

    timeline: Timeline | None = None
    fault: str | None = None
    kind: str = when.INSTANT


@post("/sendings/new/reach", status_code=200)
async def reach_part(visit: CurrentVisit, audiences: Audiences, schedulers: Schedulers) -> Response[str]:
    """How many devices the filter of the form means, and some of them."""
    form = await visit.form()
    reach = await reach_of(visit, form, audiences, kept=await kept_of(visit, form, schedulers))
    return visit.page("planning/_reach.html", reach=reach)


@post("/sendings/new/course", status_code=200)
async def course_part(
    visit: CurrentVisit, timelines: NamedDependency[TimelineService], schedulers: Schedulers
) -> Response[str]:
    """When devices get it."""
    form = await visit.form()
    course = await course_of(visit, form, timelines, kept=await kept_of(visit, form, schedulers))
    return visit.page("planning/_course.html", course=course)


async def reach_of(
    visit: Visit, form: Form, audiences: AudienceService, *, kept: draft.Kept = draft.NOTHING_KEPT
) -> Reach:
    """What `_reach.html` shows of a form, whose faults stay unnoted."""
    trial = Form(form.fields)
    fires = trial.values("fires") if draft.kind_of(trial) == when.EVENT else None
    filter_ = who.filter_of(trial, fires=fires, base=kept.filter)
    if trial.faulty:
        return Reach(fault=next(iter(trial.faults.values()), trial.fault))
    try:
        estimate = await audiences.estimate(visit.account_id, filter_)
        return Reach(estimate, await audiences.examples(visit.account_id, filter_, limit=EXAMPLES))
    except (InvalidInput, UnknownReference) as error:
        return Reach(fault=str(error))


async def course_of(
    visit: Visit, form: Form, timelines: TimelineService, *, kept: draft.Kept = draft.NOTHING_KEPT
) -> Course:
    """What `_course.html` shows of a form, whose faults stay unnoted."""
    trial = Form({**form.fields, "name": [form.value("name") or NAMELESS]})
    kind = draft.kind_of(trial)
    if kind == when.EVENT:
        return Course(kind=kind)
    now = datetime.now(UTC)
    body = draft.body_of(trial, kind=kind, now=now, shown_in=visit.language, with_content=False, kept=kept)
    if trial.faulty:
        return Course(kind=kind)
    return await preview(visit, body, timelines, kind=kind)


async def preview(visit: Visit, body: SchedulerBody, timelines: TimelineService, *, kind: str) -> Course:
    """The course of a body without faults."""
    trial = Form()
    try:
        return Course(await timelines.preview(visit.account_id, body), kind=kind)
    except (InvalidInput, UnknownReference) as error:
        draft.refuse(trial, error)
        return Course(fault=next(iter(trial.faults.values()), trial.fault), kind=kind)


async def kept_of(visit: Visit, form: Form, schedulers: SchedulerService) -> draft.Kept:
    """What stays of the sending that the form edits, if it edits one. `NotFound`."""
    number = form.value("scheduler_id")
    if not number.isascii() or not number.isdigit() or len(number) > 18:
        return draft.NOTHING_KEPT
    scheduler = await schedulers.get(visit.account_id, int(number))
    return draft.Kept(scheduler.filter, scheduler.rules)


ROUTES = [reach_part, course_part]
