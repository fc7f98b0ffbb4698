"""A new sending: one form of steps, a last look, and off it goes."""

import asyncio
import secrets
from dataclasses import dataclass
from datetime import UTC, datetime

from litestar import Response, get, post
from litestar.di import NamedDependency

from clarion.console.forms import Form
from clarion.console.pages.planning import draft, parts, when
from clarion.console.pages.planning.choices import PROVIDED, Sources, form_context
from clarion.console.pages.pushes import content
from clarion.console.pages.pushes.composing import blank
from clarion.console.pages.sendings.words import DAYS, filter_words
from clarion.console.texts import N_
from clarion.console.visit import TOKEN_FIELD, CurrentVisit, Visit
from clarion.features.accounts.roles import Role
from clarion.features.audiences import AudienceService
from clarion.features.idempotency import IdempotencyService, StillRunning, StoredAnswer
from clarion.features.pushes import PushBody, PushService, TranslationBody
from clarion.features.schedulers.body import SchedulerBody
from clarion.features.schedulers.editing import EditingService
from clarion.features.schedulers.timeline import TimelineService
from clarion.foundation.errors import InvalidInput, UnknownReference

Planned = NamedDependency[Sources]
REVIEW, GO, SAVE, LOOK = "review", "go", "draft", "look"
DONE = {
    when.INSTANT: N_("The sending is on its way."),
    when.MOMENT: N_("The sending is planned."),
    when.LOCAL: N_("The sending is planned."),
    when.WEEKLY: N_("The sending is planned."),
    when.EVENT: N_("The auto-push is active."),
}
DRAFTED = N_("The draft is saved. Nothing is sent until you activate it.")
_PATIENCE, _TRIES = 0.2, 25
"""Seconds between looks at whether the first click is done, and how many."""


@dataclass(frozen=True, slots=True)
class Desk:
    """What a review looks at."""

    editing: EditingService
    timelines: TimelineService
    sources: Sources


@get("/sendings/new", role=Role.EDITOR, dependencies=PROVIDED)
async def new_sending(visit: CurrentVisit, sources: Planned) -> Response[str]:
    """An empty form."""
    kind = visit.query("kind")
    start = Form({**blank(visit).fields, "kind": [kind if kind in when.KINDS else when.INSTANT]})
    return await _page(visit, start, sources)


@post("/sendings/new", status_code=200, dependencies=PROVIDED)
async def make_sending(
    visit: CurrentVisit,
    sources: Planned,
    audiences: NamedDependency[AudienceService],
    editing: NamedDependency[EditingService],
    timelines: NamedDependency[TimelineService],
    idempotency: NamedDependency[IdempotencyService],
) -> Response[str]:
    """What the pressed button asks: another language, a look, the review, or to go."""
    form = await visit.form()
    do = form.value("do", LOOK)
    if do not in (REVIEW, GO, SAVE):
        reach = await parts.reach_of(visit, form, audiences) if do == LOOK else None
        course = await parts.course_of(visit, form, timelines) if do == LOOK else None
        return await _page(visit, form, sources, do=do, reach=reach, course=course)
    kind = draft.kind_of(form)
    body = draft.body_of(form, kind=kind, now=datetime.now(UTC), shown_in=visit.language, as_draft=do == SAVE)
    if not form.faulty:
        try:
            if do == REVIEW:
                return await _review(visit, form, body, Desk(editing, timelines, sources), kind)
            made = await _once(visit, form, body, editing, idempotency)
            return await visit.go(f"/sendings/{made}", DRAFTED if do == SAVE else DONE[kind])
        except (InvalidInput, UnknownReference) as error:
            draft.refuse(form, error)
    return await _page(visit, form, sources, status=422)


async def _once(
    visit: Visit, form: Form, body: SchedulerBody, editing: EditingService, answers: IdempotencyService
) -> int:
    """Make it, once for each review: a second click finds what the first one made."""
    key = f"console-{form.value('once')[:100] or secrets.token_urlsafe()}"
    for _ in range(_TRIES):
        try:
            async with answers.once(visit.caller, key, request="sending") as claim:
                if claim.stored is not None:
                    return int(claim.stored.body)
                made = await editing.create(visit.caller, body)
                claim.keep(StoredAnswer(200, str(made).encode()))
            return made
        except StillRunning:
            await asyncio.sleep(_PATIENCE)
    raise InvalidInput("the first click is still being worked on; look at the list of sendings")


async def _review(visit: Visit, form: Form, body: SchedulerBody, desk: Desk, kind: str) -> Response[str]:
    """Everything once more before it goes: what it would do was tried out."""
    rehearsal = await desk.editing.rehearse(visit.caller, body)
    pushes = desk.sources.pushes
    push = await _content(visit, body, pushes)
    names = {app.id: app.name for app in await desk.sources.apps.list(visit.account_id, archived=False)}
    course = None if kind == when.EVENT else await parts.preview(visit, body, desk.timelines, kind=kind)
    fields = [(name, value) for name, values in form.fields.items() if name not in _OWN for value in values]
    return visit.page(
        "planning/review.html",
        body=body,
        kind=kind,
        kind_words=when.KINDS[kind][0],
        weekdays=DAYS,
        rehearsal=rehearsal,
        course=course,
        push=push,
        too_large=", ".join(content.PROVIDERS[one.size.provider] for one in pushes.sizes(push) if one.size.over),
        who=list(filter_words(body.filter, visit.text, apps=names)),
        fields=fields,
        once=form.value("once") or secrets.token_urlsafe(16),
    )


_OWN = {TOKEN_FIELD, "do", "once"}


async def _content(visit: Visit, body: SchedulerBody, pushes: PushService) -> PushBody:
    if body.pushes:
        return body.pushes[0]
    push = await pushes.get(visit.account_id, (body.push_ids or [0])[0])
    texts = [TranslationBody(t.language, t.title, t.text, t.image, t.icon, t.link) for t in push.translations]
    return PushBody(push.default_lang, texts, push.options or None)


async def _page(
    visit: Visit,
    form: Form,
    sources: Sources,
    *,
    do: str = "",
    status: int = 200,
    reach: parts.Reach | None = None,
    course: parts.Course | None = None,
) -> Response[str]:
    context = await form_context(visit, form, sources, kinds=list(when.KINDS), do=do)
    return visit.page("planning/new.html", status=status, reach=reach, course=course, **context)


ROUTES = [new_sending, make_sending]
