"""A test of a sending: to a device of one's own, now."""

from litestar import Response, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath

from clarion.console.forms import Form
from clarion.console.texts import N_
from clarion.console.visit import CurrentVisit, Visit
from clarion.features.accounts.roles import Role
from clarion.features.pushes import PushService
from clarion.features.schedulers.editing import EditingService, Testers
from clarion.features.schedulers.model import Scheduler
from clarion.features.schedulers.service import SchedulerService
from clarion.foundation.errors import Conflict, InvalidInput, UnknownReference

Schedulers = NamedDependency[SchedulerService]
Pushes = NamedDependency[PushService]
PUSHES_SHOWN = 20
_FAULTS = {
    "none of the devices can be reached": N_("No device with this id can be reached. Copy it from the device's page."),
    "no active push is bound": N_("This sending has no active push. Activate one first."),
}


@get("/sendings/{scheduler_id:int}/test", role=Role.EDITOR)
async def test_page(
    scheduler_id: FromPath[int], visit: CurrentVisit, schedulers: Schedulers, pushes: Pushes
) -> Response[str]:
    """Which device, and which push."""
    scheduler = await schedulers.get(visit.account_id, scheduler_id)
    return await _page(visit, Form(), scheduler, pushes)


@post("/sendings/{scheduler_id:int}/test", status_code=200)
async def send_test(
    scheduler_id: FromPath[int],
    visit: CurrentVisit,
    schedulers: Schedulers,
    pushes: Pushes,
    editing: NamedDependency[EditingService],
) -> Response[str]:
    """Send it."""
    scheduler, form = await schedulers.get(visit.account_id, scheduler_id), await visit.form()
    device = form.text("device", limit=256)
    push = form.value("push_id")
    if not form.faulty:
        try:
            chosen = int(push) if push.isascii() and push.isdigit() and len(push) < 19 else None
            sent = await editing.test(visit.caller, scheduler_id, _testers(device), push_id=chosen)
            text = N_("The test is on its way to %(devices)s devices.")
            return await visit.go(f"/sendings/{scheduler_id}", text, devices=visit.fmt.number(sent.devices))
        except (InvalidInput, Conflict, UnknownReference) as error:
            form.refuse("device", _FAULTS.get(str(error), str(error)))
    return await _page(visit, form, scheduler, pushes, status=422)


def _testers(text: str) -> Testers:
    is_id = text.isascii() and text.isdigit() and len(text) < 20 and int(text) < 2**63
    return Testers(device_ids=[int(text)] if is_id else [], external_ids=[text])


async def _page(
    visit: Visit, form: Form, scheduler: Scheduler, pushes: PushService, *, status: int = 200
) -> Response[str]:
    messages = [await pushes.get(visit.account_id, push_id) for push_id in scheduler.push_ids[:PUSHES_SHOWN]]
    active = [(push.id, push.translations[0].title) for push in messages if push.status]
    return visit.page("planning/test.html", status=status, form=form, scheduler=scheduler, messages=active)


ROUTES = [test_page, send_test]
