"""Custom events (management-api.md §8)."""

import msgspec
from litestar import Controller, delete, get, post, put
from litestar.di import NamedDependency
from litestar.params import FromQuery, JSONBody

from clarion.api.auth import CurrentCaller
from clarion.api.b_v2.shapes import Created
from clarion.api.binding import PathId, QueryNumber
from clarion.api.pagination import Pagination, requested_page
from clarion.features.events.model import EventDefinition
from clarion.features.events.service import EventService

Events = NamedDependency[EventService]


class CreateEvent(msgspec.Struct, frozen=True):
    """A new custom event."""

    name: str
    code: str


class UpdateEvent(msgspec.Struct, frozen=True):
    """New base data; without a code the present one stays."""

    name: str
    code: str | None = None


class EventPage(msgspec.Struct, frozen=True):
    """One page of event definitions."""

    events: list[EventDefinition]
    pagination: Pagination


class EventsController(Controller):
    """`/events`."""

    path = "/events"
    tags = ("events",)

    @post("/", status_code=201, summary="Create a custom event")
    async def create(self, data: JSONBody[CreateEvent], caller: CurrentCaller, events: Events) -> Created:
        """The id of the new event."""
        return Created(await events.create(caller, name=data.name, code=data.code))

    @get("/", summary="List events")
    async def list_events(
        self,
        caller: CurrentCaller,
        events: Events,
        page: FromQuery[QueryNumber | None] = None,
        per_page: FromQuery[QueryNumber | None] = None,
        type: FromQuery[str | None] = None,  # noqa: A002 - the name on the wire
    ) -> EventPage:
        """Custom events; with `type=all` the system's too."""
        wanted = requested_page(page, per_page)
        definitions, total = await events.page(
            caller.account_id, offset=wanted.offset, limit=wanted.per_page, with_system=type == "all"
        )
        return EventPage(definitions, wanted.of(total))

    @get("/{event_id:str}", summary="Get an event")
    async def get_event(self, event_id: PathId, caller: CurrentCaller, events: Events) -> EventDefinition:
        """A custom or system event."""
        return await events.get(caller.account_id, event_id)

    @put("/{event_id:str}", status_code=204, summary="Change an event's name or code")
    async def update(
        self,
        event_id: PathId,
        data: JSONBody[UpdateEvent],
        caller: CurrentCaller,
        events: Events,
    ) -> None:
        """Custom events only."""
        await events.update(caller, event_id, name=data.name, code=data.code)

    @delete("/{event_id:str}", status_code=204, summary="Delete a custom event")
    async def remove(self, event_id: PathId, caller: CurrentCaller, events: Events) -> None:
        """Its code disappears from filters."""
        await events.delete(caller, event_id)

    @post("/{event_id:str}/activate", status_code=204, summary="Activate an event")
    async def activate(self, event_id: PathId, caller: CurrentCaller, events: Events) -> None:
        """Listen to its postbacks; repeating is fine."""
        await events.set_active(caller, event_id, active=True)

    @post("/{event_id:str}/deactivate", status_code=204, summary="Deactivate an event")
    async def deactivate(self, event_id: PathId, caller: CurrentCaller, events: Events) -> None:
        """Ignore its postbacks; repeating is fine."""
        await events.set_active(caller, event_id, active=False)
