"""Webhooks: addresses of the account's own servers that are told what happens, and the log of what they were told."""

from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

import msgspec
from litestar import Controller, delete, get, post, put
from litestar.di import NamedDependency
from litestar.params import FromQuery, JSONBody, QueryParameter

from clarion.api.auth import CurrentCaller
from clarion.api.binding import PathId, QueryNumber
from clarion.api.v1.arguments import before_id, optional_text, page_size
from clarion.features.audiences.model import Number
from clarion.features.webhooks.model import EventType, LoggedMessage, StateWord, Webhook
from clarion.features.webhooks.service import WebhookService
from clarion.foundation.errors import InvalidInput

Webhooks = NamedDependency[WebhookService]

_REPEATED_LIMIT = 1000


class CreateWebhook(msgspec.Struct, frozen=True):
    """A new webhook."""

    url: str
    """`https`, port 443 or 8443, a public host."""
    events: list[EventType]
    description: str = ""
    active: bool = True


class UpdateWebhook(msgspec.Struct, frozen=True):
    """What is absent stays."""

    url: str | None = None
    events: list[EventType] | None = None
    description: str | None = None
    active: bool | None = None


class WebhookCreated(msgspec.Struct, frozen=True):
    """The new webhook's id, and the secret that signs its messages; it is never shown again."""

    id: int
    secret: str


class NewSecret(msgspec.Struct, frozen=True):
    """The new secret; it is never shown again. The old one signs besides for 24 hours."""

    secret: str


class Queued(msgspec.Struct, frozen=True):
    """The id of a queued message in the log."""

    delivery_id: int


class Redelivered(msgspec.Struct, frozen=True):
    """How many messages are sent once more."""

    queued: int


class Redeliver(msgspec.Struct, frozen=True):
    """Which messages to send once more: these, or all of the last 7 days in this state."""

    delivery_ids: list[Number] | None = None
    state: StateWord | None = None


class WebhookView(msgspec.Struct, frozen=True):
    """A webhook. Its secret is never answered."""

    id: int
    url: str
    description: str
    events: list[str]
    active: bool
    created_at: datetime
    updated_at: datetime
    failing_since: datetime | None
    """First failure since the last success; null while it works."""
    disabled_at: datetime | None
    """When Clarion made it inactive, because it had failed for three days."""
    old_secret_until: datetime | None
    """Until when messages are signed with the replaced secret, too."""
    waiting: int
    """Messages that it has not taken yet."""
    dropped: int
    """Messages that did not fit into its queue of 10 000; the oldest go first."""
    alerts: list[str]
    """What you should know or do; empty when all is well."""


class WebhookDelivery(msgspec.Struct, frozen=True):
    """A message and what became of it."""

    id: int
    event_id: UUID
    """The same when it is sent again."""
    event: str
    object: str
    """What it is about, such as `send:5`."""
    data: dict[str, Any]
    state: StateWord
    attempts: int
    created_at: datetime
    next_attempt_at: datetime | None
    settled_at: datetime | None
    last_attempt_at: datetime | None
    last_status: int | None
    """Null when there was no answer."""
    last_error: str | None
    last_duration_ms: int | None


class WebhookDeliveries(msgspec.Struct, frozen=True):
    """Some messages, newest first; `next_cursor` is null at the end of the list."""

    deliveries: list[WebhookDelivery]
    next_cursor: str | None


class WebhooksController(Controller):
    """`/webhooks`."""

    path = "/webhooks"
    tags = ("webhooks",)

    @post("/", status_code=201, summary="Create a webhook")
    async def create(self, data: JSONBody[CreateWebhook], caller: CurrentCaller, webhooks: Webhooks) -> WebhookCreated:
        """An active one is told of everything that happens from now on. At most 10 for an account."""
        webhook_id, secret = await webhooks.create(
            caller, url=data.url, events=data.events, description=data.description, active=data.active
        )
        return WebhookCreated(webhook_id, secret)

    @get("/", summary="List webhooks")
    async def list_webhooks(self, caller: CurrentCaller, webhooks: Webhooks) -> list[WebhookView]:
        """All of the account, oldest first."""
        return [_view(item) for item in await webhooks.list(caller.account_id)]

    @get("/{webhook_id:str}", summary="Show a webhook")
    async def show(self, webhook_id: PathId, caller: CurrentCaller, webhooks: Webhooks) -> WebhookView:
        """How it is set up, and how it does."""
        return _view(await webhooks.get(caller.account_id, webhook_id))

    @put("/{webhook_id:str}", status_code=204, summary="Change a webhook")
    async def update(
        self, webhook_id: PathId, data: JSONBody[UpdateWebhook], caller: CurrentCaller, webhooks: Webhooks
    ) -> None:
        """What is absent stays. An inactive one is told of nothing; what waits for it is kept for three days."""
        await webhooks.update(
            caller, webhook_id, url=data.url, events=data.events, description=data.description, active=data.active
        )

    @delete("/{webhook_id:str}", status_code=204, summary="Delete a webhook")
    async def remove(self, webhook_id: PathId, caller: CurrentCaller, webhooks: Webhooks) -> None:
        """With its log and whatever waits for it."""
        await webhooks.delete(caller, webhook_id)

    @post("/{webhook_id:str}/secret", status_code=201, summary="Replace a webhook's secret")
    async def rotate_secret(self, webhook_id: PathId, caller: CurrentCaller, webhooks: Webhooks) -> NewSecret:
        """For 24 hours messages carry two signatures: with the new secret and with the old one."""
        return NewSecret(await webhooks.rotate_secret(caller, webhook_id))

    @post("/{webhook_id:str}/ping", status_code=201, summary="Test a webhook")
    async def ping(self, webhook_id: PathId, caller: CurrentCaller, webhooks: Webhooks) -> Queued:
        """Sends it a message of type `ping`, also when it is inactive; the log tells what came of it."""
        return Queued(await webhooks.ping(caller, webhook_id))

    @get("/{webhook_id:str}/deliveries", summary="List a webhook's messages")
    async def list_deliveries(
        self,
        webhook_id: PathId,
        caller: CurrentCaller,
        webhooks: Webhooks,
        in_state: Annotated[StateWord | None, QueryParameter(name="state")] = None,
        event: FromQuery[str | None] = None,
        cursor: FromQuery[str | None] = None,
        limit: FromQuery[QueryNumber | None] = None,
    ) -> WebhookDeliveries:
        """Newest first, of one state and event or of all. The log reaches back a week."""
        page = await webhooks.messages(
            caller.account_id,
            webhook_id,
            state=in_state,
            type_=optional_text("event", event),
            before=before_id(cursor),
            limit=page_size(limit),
        )
        following = None if page.next_before is None else str(page.next_before)
        return WebhookDeliveries([_delivery(item) for item in page.items], following)

    @post("/{webhook_id:str}/redeliver", status_code=201, summary="Send messages once more")
    async def redeliver(
        self, webhook_id: PathId, data: JSONBody[Redeliver], caller: CurrentCaller, webhooks: Webhooks
    ) -> Redelivered:
        """`{"delivery_ids": [7, 9]}` or `{"state": "failed"}`, up to 1000 at once; they keep their event ids."""
        ids = data.delivery_ids or []
        if bool(ids) == (data.state is not None):
            raise InvalidInput("either delivery_ids or state is required")
        if len(ids) > _REPEATED_LIMIT or data.state is StateWord.WAITING:
            raise InvalidInput("delivery_ids must have at most 1000 entries, and waiting messages are sent anyhow")
        return Redelivered(await webhooks.repeat(caller, webhook_id, ids=ids, state=data.state))


def _view(webhook: Webhook) -> WebhookView:
    return WebhookView(
        id=webhook.id,
        url=webhook.url,
        description=webhook.description,
        events=list(webhook.events),
        active=webhook.active,
        created_at=webhook.created_at,
        updated_at=webhook.updated_at,
        failing_since=webhook.failing_since,
        disabled_at=webhook.disabled_at,
        old_secret_until=webhook.old_secret_until,
        waiting=webhook.waiting,
        dropped=webhook.dropped,
        alerts=_alerts(webhook),
    )


def _alerts(webhook: Webhook) -> list[str]:
    found = []
    if webhook.disabled_at is not None:
        found.append("it failed for three days and was made inactive; repair the receiver, then activate it again")
    elif webhook.failing_since is not None:
        found.append(f"it has taken nothing since {webhook.failing_since:%Y-%m-%d %H:%M} UTC; look at its deliveries")
    if webhook.dropped:
        found.append(f"{webhook.dropped} messages were dropped because the receiver was too slow")
    return found


def _delivery(item: LoggedMessage) -> WebhookDelivery:
    return WebhookDelivery(
        id=item.id,
        event_id=item.event_id,
        event=item.type,
        object=item.object,
        data=item.data,
        state=StateWord(item.state.word),
        attempts=item.attempts,
        created_at=item.created_at,
        next_attempt_at=item.next_attempt_at,
        settled_at=item.settled_at,
        last_attempt_at=item.last_at,
        last_status=item.last_status,
        last_error=item.last_error,
        last_duration_ms=item.last_ms,
    )
