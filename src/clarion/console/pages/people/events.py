"""Event codes: what they are called, whether they are listened to, and a try of their postbacks."""

from litestar import Response, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath

from clarion.console.forms import Form
from clarion.console.texts import N_
from clarion.console.visit import CurrentVisit, Visit
from clarion.features.accounts.roles import Role
from clarion.features.devices.service import DeviceService
from clarion.features.events.model import BITS, EventDefinition
from clarion.features.events.postbacks import postback_url
from clarion.features.events.service import EventService
from clarion.foundation.errors import InvalidInput, NotFound
from clarion.settings import Settings

Events = NamedDependency[EventService]
SettingsNow = NamedDependency[Settings]
_TEXT = 200


@get("/events")
async def event_list(visit: CurrentVisit, events: Events, settings: SettingsNow) -> Response[str]:
    """All codes, the system's first, with their addresses."""
    found, _ = await events.page(visit.account_id, offset=0, limit=BITS, with_system=True)
    addresses = {event.id: postback_url(settings.base_url, event.code, visit.account_id) for event in found}
    return visit.page("people/events.html", events=found, addresses=addresses)


@get("/events/new")
async def new_event_page(visit: CurrentVisit) -> Response[str]:
    """An empty form."""
    return visit.page("people/new_event.html")


@post("/events/new", status_code=200)
async def create_event(visit: CurrentVisit, events: Events) -> Response[str]:
    """Make one; its page shows the address to give to the tracker."""
    form = await visit.form()
    name, code = form.text("name", limit=_TEXT), form.text("code", limit=_TEXT)
    if not form.faulty:
        try:
            event_id = await events.create(visit.caller, name=name, code=code)
            return await visit.go(f"/events/{event_id}", N_("The event is there. Give its address to your tracker."))
        except InvalidInput as error:
            form.refuse_all(error)
    return visit.page("people/new_event.html", form=form, status=422)


@get("/events/{event_id:int}")
async def event_page(
    event_id: FromPath[int], visit: CurrentVisit, events: Events, settings: SettingsNow
) -> Response[str]:
    """One event."""
    return _page(visit, settings, await events.get(visit.account_id, event_id))


@post("/events/{event_id:int}", status_code=200)
async def rename_event(
    event_id: FromPath[int], visit: CurrentVisit, events: Events, settings: SettingsNow
) -> Response[str]:
    """Change name and code."""
    event, form = await events.get(visit.account_id, event_id), await visit.form()
    name, code = form.text("name", limit=_TEXT), form.text("code", limit=_TEXT)
    if not form.faulty:
        try:
            await events.update(visit.caller, event_id, name=name, code=code)
            return await visit.go(f"/events/{event_id}", N_("The event is changed."))
        except InvalidInput as error:
            form.refuse_all(error)
    return _page(visit, settings, event, form=form)


@post("/events/{event_id:int}/activate", status_code=200)
async def activate_event(event_id: FromPath[int], visit: CurrentVisit, events: Events) -> Response[str]:
    """Listen to its postbacks again."""
    await events.set_active(visit.caller, event_id, active=True)
    return await visit.go(f"/events/{event_id}", N_("Postbacks of this event count again."))


@post("/events/{event_id:int}/deactivate", status_code=200)
async def deactivate_event(event_id: FromPath[int], visit: CurrentVisit, events: Events) -> Response[str]:
    """Ignore its postbacks."""
    await events.set_active(visit.caller, event_id, active=False)
    return await visit.go(f"/events/{event_id}", N_("Postbacks of this event are ignored from now on."))


@post("/events/{event_id:int}/delete", role=Role.OWNER, status_code=200)
async def delete_event(event_id: FromPath[int], visit: CurrentVisit, events: Events) -> Response[str]:
    """Take the code out of use."""
    await events.delete(visit.caller, event_id)
    return await visit.go("/events", N_("The event is deleted."))


@post("/events/{event_id:int}/test", status_code=200)
async def try_event(
    event_id: FromPath[int],
    visit: CurrentVisit,
    events: Events,
    devices: NamedDependency[DeviceService],
    settings: SettingsNow,
) -> Response[str]:
    """Record the event on a device as a postback would; the page says what came of it."""
    event, form = await events.get(visit.account_id, event_id), await visit.form()
    reference, fires = form.text("reference", limit=_TEXT), form.flag("fires")
    if form.faulty:
        return _page(visit, settings, event, tried=form)
    try:
        reached = await devices.postback(visit.account_id, event.code, reference=reference, fires=fires)
    except NotFound:
        form.refuse("reference", N_("No active device is known by this. Look it up under Devices."))
        return _page(visit, settings, event, tried=form)
    if not reached:
        return _page(visit, settings, event, tried=form, ignored=True)
    return _page(visit, settings, event, tried=form, reached=reached)


def _page(
    visit: Visit,
    settings: Settings,
    event: EventDefinition,
    *,
    form: Form | None = None,
    tried: Form | None = None,
    reached: int = 0,
    ignored: bool = False,
) -> Response[str]:
    faulty = (form is not None and form.faulty) or (tried is not None and tried.faulty)
    return visit.page(
        "people/event.html",
        event=event,
        address=postback_url(settings.base_url, event.code, visit.account_id),
        form=form or Form.of(name=event.name, code=event.code),
        tried=tried or Form.of(fires=["1"]),
        reached=reached,
        ignored=ignored,
        status=422 if faulty else 200,
    )


ROUTES = [
    event_list,
    new_event_page,
    create_event,
    event_page,
    rename_event,
    activate_event,
    deactivate_event,
    delete_event,
    try_event,
]
