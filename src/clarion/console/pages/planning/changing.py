"""Changing a sending while that is allowed."""

from datetime import UTC, datetime

from litestar import Response, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath

from clarion.console.forms import Form
from clarion.console.pages.planning import draft, when, who
from clarion.console.pages.planning.choices import PROVIDED, Sources, form_context
from clarion.console.texts import N_
from clarion.console.visit import CurrentVisit, Visit
from clarion.features.accounts.roles import Role
from clarion.features.schedulers.editing import EditingService
from clarion.features.schedulers.model import Scheduler, State
from clarion.features.schedulers.service import SchedulerService
from clarion.foundation.errors import Conflict, InvalidInput, UnknownReference

Schedulers = NamedDependency[SchedulerService]
Planned = NamedDependency[Sources]
_KINDS = {"onesend": (when.MOMENT, when.LOCAL), "weekly": (when.WEEKLY,), "conversion": (when.EVENT,)}
OVER = N_("This sending is over. Duplicate it to send something like it.")


@get("/sendings/{scheduler_id:int}/edit", role=Role.EDITOR, dependencies=PROVIDED)
async def edit_sending(
    scheduler_id: FromPath[int], visit: CurrentVisit, schedulers: Schedulers, sources: Planned
) -> Response[str]:
    """The form with what the sending is."""
    scheduler = await schedulers.get(visit.account_id, scheduler_id)
    if scheduler.state in (State.CANCELLED, State.DONE):
        return await visit.go(f"/sendings/{scheduler_id}", OVER, kind="warning")
    return await _page(visit, draft.fields_of(scheduler), sources, scheduler=scheduler)


@post("/sendings/{scheduler_id:int}/edit", status_code=200, dependencies=PROVIDED)
async def change_sending(
    scheduler_id: FromPath[int],
    visit: CurrentVisit,
    schedulers: Schedulers,
    sources: Planned,
    editing: NamedDependency[EditingService],
) -> Response[str]:
    """Save the changes; somebody else's are not overwritten."""
    scheduler, form = await schedulers.get(visit.account_id, scheduler_id), await visit.form()
    kind = draft.kind_of(form, {name: when.KINDS[name] for name in _KINDS[scheduler.type]})
    kept = draft.Kept(scheduler.filter, scheduler.rules)
    now = datetime.now(UTC)
    body = draft.body_of(form, kind=kind, now=now, shown_in=visit.language, with_content=False, kept=kept)
    version = form.number("version", low=1, default=scheduler.version)
    if not form.faulty:
        try:
            await editing.edit(visit.caller, scheduler_id, change=lambda _: body, version=version)
            return await visit.go(f"/sendings/{scheduler_id}", N_("The sending is changed."))
        except (InvalidInput, UnknownReference, Conflict) as error:
            draft.refuse(form, error)
    return await _page(visit, form, sources, scheduler=scheduler, status=422)


async def _page(
    visit: Visit, form: Form, sources: Sources, *, scheduler: Scheduler, status: int = 200
) -> Response[str]:
    context = await form_context(visit, form, sources, kinds=_KINDS[scheduler.type])
    messages = [await sources.pushes.get(visit.account_id, push_id) for push_id in scheduler.push_ids[:20]]
    return visit.page(
        "planning/edit.html",
        status=status,
        scheduler=scheduler,
        messages=messages,
        hidden_words=", ".join(visit.text(words) for words in who.hidden_parts(scheduler.filter)),
        reach=None,
        course=None,
        **context,
    )


ROUTES = [edit_sending, change_sending]
