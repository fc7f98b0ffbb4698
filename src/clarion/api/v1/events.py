"""Events with their postback addresses, and what the account demands of postbacks."""

import msgspec
from litestar import Controller, get, post, put
from litestar.di import NamedDependency
from litestar.params import FromQuery, JSONBody

from clarion.api.auth import CurrentCaller
from clarion.api.binding import PathId, QueryNumber
from clarion.api.pagination import Pagination, requested_page
from clarion.features.events.model import EventDefinition
from clarion.features.events.postbacks import PostbackOptions, PostbackService, postback_url
from clarion.features.events.service import EventService
from clarion.settings import Settings

Events = NamedDependency[EventService]
Postbacks = NamedDependency[PostbackService]
SettingsNow = NamedDependency[Settings]


class EventView(EventDefinition, frozen=True):
    """An event code of an account."""

    postback_url: str
    """GET or POST it with the external id in place of `{id}` when the event happens."""


class EventViewPage(msgspec.Struct, frozen=True):
    """One page of events, the system's first."""

    events: list[EventView]
    pagination: Pagination


class PostbackOptionsView(PostbackOptions, frozen=True, kw_only=True):
    """What the account demands of its postbacks."""

    has_secret: bool


class PostbackSecret(msgspec.Struct, frozen=True):
    """A new secret. It is shown only now."""

    secret: str


class EventsController(Controller):
    """`/events`."""

    path = "/events"
    tags = ("events",)

    @get("/", summary="List events with their postback addresses")
    async def list_events(
        self,
        caller: CurrentCaller,
        events: Events,
        settings: SettingsNow,
        page: FromQuery[QueryNumber | None] = None,
        per_page: FromQuery[QueryNumber | None] = None,
    ) -> EventViewPage:
        """The system's events first, then custom ones in the order of their creation."""
        wanted = requested_page(page, per_page)
        definitions, total = await events.page(
            caller.account_id, offset=wanted.offset, limit=wanted.per_page, with_system=True
        )
        views = [_view(event, settings, caller.account_id) for event in definitions]
        return EventViewPage(views, wanted.of(total))

    @get("/{event_id:str}", summary="Get an event with its postback address")
    async def show(self, event_id: PathId, caller: CurrentCaller, events: Events, settings: SettingsNow) -> EventView:
        """A custom or system event."""
        return _view(await events.get(caller.account_id, event_id), settings, caller.account_id)


class PostbacksController(Controller):
    """`/postbacks`."""

    path = "/postbacks"
    tags = ("events",)

    @get("/", summary="Get the postback options")
    async def show_postbacks(self, caller: CurrentCaller, postbacks: Postbacks) -> PostbackOptionsView:
        """What the account demands of its postbacks."""
        options, has_secret = await postbacks.get(caller.account_id)
        return PostbackOptionsView(**msgspec.structs.asdict(options), has_secret=has_secret)

    @put("/", status_code=204, summary="Replace the postback options")
    async def replace_postbacks(
        self, data: JSONBody[PostbackOptions], caller: CurrentCaller, postbacks: Postbacks
    ) -> None:
        """In force everywhere within seconds. 409 when signatures are required and there is no secret yet."""
        await postbacks.put(caller, data)

    @post("/secret", status_code=201, summary="Make a new postback secret")
    async def make_postback_secret(self, caller: CurrentCaller, postbacks: Postbacks) -> PostbackSecret:
        """The secret that postbacks are signed with; the one before it is void within seconds."""
        return PostbackSecret(await postbacks.make_secret(caller))


def _view(event: EventDefinition, settings: Settings, account_id: int) -> EventView:
    return EventView(
        **msgspec.structs.asdict(event), postback_url=postback_url(settings.base_url, event.code, account_id)
    )
