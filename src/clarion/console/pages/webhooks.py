"""Webhooks: where Clarion reports what happens, with the log of what was reported."""

from collections.abc import Sequence

from litestar import Response, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath

from clarion.console.forms import Form
from clarion.console.texts import N_
from clarion.console.visit import CurrentVisit, Visit
from clarion.features.accounts.roles import Role
from clarion.features.webhooks.model import DESCRIPTION_LIMIT, PING, EventType, StateWord, Webhook
from clarion.features.webhooks.service import WebhookService
from clarion.foundation.errors import InvalidInput

EVENTS = {
    EventType.SEND_STARTED: N_("A sending has begun"),
    EventType.SEND_FINISHED: N_("A sending has finished"),
    EventType.DELIVERY_FAILED: N_("A message could not be delivered"),
    EventType.TOKEN_DROPPED: N_("A device can no longer be reached"),
    EventType.CREDENTIAL_PAUSED: N_("A credential was paused"),
    EventType.EVENT_RECEIVED: N_("An event of a device has arrived"),
}
PING_WORDS = N_("A test")
STATES = {
    StateWord.WAITING: (N_("waiting"), "blue"),
    StateWord.DELIVERED: (N_("delivered"), "green"),
    StateWord.FAILED: (N_("given up"), "red"),
    StateWord.DROPPED: (N_("dropped"), "orange"),
}
ROWS = 50
_ADDRESS_LIMIT = 2048


@get("/webhooks")
async def webhooks_page(visit: CurrentVisit, webhooks: NamedDependency[WebhookService]) -> Response[str]:
    """All of the account."""
    found = await webhooks.list(visit.account_id)
    return visit.page("webhooks/list.html", webhooks=found, words=_event_words(visit))


@get("/webhooks/new", role=Role.OWNER)
async def new_page(visit: CurrentVisit) -> Response[str]:
    """The form for a new one."""
    return _form_page(visit, Form.of(events=[EventType.SEND_FINISHED, EventType.CREDENTIAL_PAUSED], active="1"))


@post("/webhooks", role=Role.OWNER, status_code=200)
async def create(visit: CurrentVisit, webhooks: NamedDependency[WebhookService]) -> Response[str]:
    """A new one; its secret is shown once."""
    form = await visit.form()
    url = form.text("url", limit=_ADDRESS_LIMIT)
    note = form.text("description", limit=DESCRIPTION_LIMIT, required=False)
    if not form.faulty:
        try:
            webhook_id, secret = await webhooks.create(
                visit.caller, url=url, events=form.values("events"), description=note, active=form.flag("active")
            )
        except InvalidInput as error:
            form.refuse_all(error)
        else:
            return await _detail(visit, webhooks, webhook_id, secret=secret)
    return _form_page(visit, form, status=422)


@get("/webhooks/{webhook_id:int}")
async def webhook_page(
    webhook_id: FromPath[int], visit: CurrentVisit, webhooks: NamedDependency[WebhookService]
) -> Response[str]:
    """One webhook with its log."""
    return await _detail(visit, webhooks, webhook_id)


@get("/webhooks/{webhook_id:int}/edit", role=Role.OWNER)
async def edit_page(
    webhook_id: FromPath[int], visit: CurrentVisit, webhooks: NamedDependency[WebhookService]
) -> Response[str]:
    """The form for changing one."""
    found = await webhooks.get(visit.account_id, webhook_id)
    shown = Form.of(
        url=found.url, description=found.description, events=list(found.events), active="1" if found.active else None
    )
    return _form_page(visit, shown, webhook=found)


@post("/webhooks/{webhook_id:int}", role=Role.OWNER, status_code=200)
async def update(
    webhook_id: FromPath[int], visit: CurrentVisit, webhooks: NamedDependency[WebhookService]
) -> Response[str]:
    """Change address, events, note, and whether it is told anything."""
    found = await webhooks.get(visit.account_id, webhook_id)
    form = await visit.form()
    url = form.text("url", limit=_ADDRESS_LIMIT)
    note = form.text("description", limit=DESCRIPTION_LIMIT, required=False)
    if not form.faulty:
        try:
            await webhooks.update(
                visit.caller,
                webhook_id,
                url=url,
                events=form.values("events"),
                description=note,
                active=form.flag("active"),
            )
        except InvalidInput as error:
            form.refuse_all(error)
        else:
            return await visit.go(f"/webhooks/{webhook_id}", N_("The webhook is saved."))
    return _form_page(visit, form, webhook=found, status=422)


@post("/webhooks/{webhook_id:int}/secret", role=Role.OWNER, status_code=200)
async def rotate_secret(
    webhook_id: FromPath[int], visit: CurrentVisit, webhooks: NamedDependency[WebhookService]
) -> Response[str]:
    """A new secret, shown once."""
    secret = await webhooks.rotate_secret(visit.caller, webhook_id)
    return await _detail(visit, webhooks, webhook_id, secret=secret)


@post("/webhooks/{webhook_id:int}/ping", status_code=200)
async def ping(
    webhook_id: FromPath[int], visit: CurrentVisit, webhooks: NamedDependency[WebhookService]
) -> Response[str]:
    """Send a test."""
    await webhooks.ping(visit.caller, webhook_id)
    return await visit.go(f"/webhooks/{webhook_id}", N_("A test is on its way. Its result appears in the log below."))


@post("/webhooks/{webhook_id:int}/redeliver", status_code=200)
async def redeliver(
    webhook_id: FromPath[int], visit: CurrentVisit, webhooks: NamedDependency[WebhookService]
) -> Response[str]:
    """Send one message, or all that were given up, once more."""
    form = await visit.form()
    ids = [int(text) for text in form.values("message") if text.isascii() and text.isdigit() and len(text) < 19]
    state = None if ids else StateWord.FAILED
    count = await webhooks.repeat(visit.caller, webhook_id, ids=ids, state=state)
    return await visit.go(
        f"/webhooks/{webhook_id}", N_("Messages that are sent once more: %(count)s"), count=visit.fmt.number(count)
    )


@post("/webhooks/{webhook_id:int}/delete", role=Role.OWNER, status_code=200)
async def delete(
    webhook_id: FromPath[int], visit: CurrentVisit, webhooks: NamedDependency[WebhookService]
) -> Response[str]:
    """Delete it with its log."""
    await webhooks.delete(visit.caller, webhook_id)
    return await visit.go("/webhooks", N_("The webhook is deleted."))


def _form_page(visit: Visit, form: Form, *, webhook: Webhook | None = None, status: int = 200) -> Response[str]:
    choices = [(str(event), words) for event, words in _event_words(visit).items() if event != PING]
    return visit.page("webhooks/form.html", form=form, webhook=webhook, choices=choices, status=status)


async def _detail(visit: Visit, webhooks: WebhookService, webhook_id: int, *, secret: str = "") -> Response[str]:
    found = await webhooks.get(visit.account_id, webhook_id)
    state = visit.query("state")
    page = await webhooks.messages(
        visit.account_id,
        webhook_id,
        state=StateWord(state) if state in list(StateWord) else None,
        before=_number(visit.query("before")),
        limit=ROWS,
    )
    return visit.page(
        "webhooks/webhook.html",
        fragment="log",
        webhook=found,
        page=page,
        secret=secret,
        words=_event_words(visit),
        states={str(state): (visit.text(text), color) for state, (text, color) in STATES.items()},
        events=_listed(found.events, _event_words(visit)),
    )


def _number(text: str) -> int | None:
    return int(text) if text.isascii() and text.isdigit() and len(text) < 19 else None


def _event_words(visit: Visit) -> dict[str, str]:
    return {str(event): visit.text(text) for event, text in EVENTS.items()} | {PING: visit.text(PING_WORDS)}


def _listed(events: Sequence[str], words: dict[str, str]) -> list[str]:
    return [words.get(event, event) for event in events]


ROUTES = [
    webhooks_page,
    new_page,
    create,
    webhook_page,
    edit_page,
    update,
    rotate_secret,
    ping,
    redeliver,
    delete,
]
