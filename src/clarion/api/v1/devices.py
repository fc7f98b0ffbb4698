"""The story of a device: what happened to it, and why it got or did not get what was sent."""

import dataclasses
from datetime import datetime
from enum import StrEnum

import msgspec
from litestar import get
from litestar.di import NamedDependency

from clarion.api.auth import CurrentCaller
from clarion.api.binding import PathId
from clarion.api.v1.deliveries import DeliveryView, delivery_fields
from clarion.features.deliveries.explain import Cause
from clarion.features.deliveries.story import DeviceFacts, Missed, Registration, Story, StoryService, ToldDelivery
from clarion.features.devices.model import TokenState


class TokenWord(StrEnum):
    """States of a token."""

    NONE = "none"
    VALID = "valid"
    INVALID = "invalid"
    SUPERSEDED = "superseded"
    UNUSABLE = "unusable"


class TokenView(msgspec.Struct, frozen=True):
    """A push token; its middle is hidden."""

    transport: str
    masked: str
    state: TokenWord
    reason: str | None
    """The provider's code or our reason why it is not used."""
    told_at: datetime | None
    state_changed_at: datetime | None
    suspect_code: str | None
    """A provider called the token dead, but of so many devices that it is held in use until you decide."""
    apns_environment: str | None
    """`production` or `sandbox`: where Apple has taken messages for this token; null until it has, and elsewhere."""


class StoryDevice(msgspec.Struct, frozen=True):
    """The device as it is now."""

    id: str
    app_id: int
    app_archived: bool
    external_id: str
    active: bool
    token: TokenView
    platform_type: str
    platform_name: str
    agent_name: str
    country: str
    language: str
    language_tag: str
    tz_name: str
    tz_sec: int | None
    tags: dict[str, str]
    audiences: list[str]
    onscreen_count: int | None
    onscreen_sec: int | None
    notif_perm_granted: bool | None
    created_at: datetime
    updated_at: datetime
    last_active_at: datetime


class RegistrationView(msgspec.Struct, frozen=True):
    """A device that the same installation is or was, under one external id."""

    id: str
    app_id: int
    external_id: str
    active: bool
    created_at: datetime
    last_active_at: datetime


class EventView(msgspec.Struct, frozen=True):
    """An event of the device."""

    at: datetime
    code: str
    number: int
    """Of this code on this device, from 1."""
    code_deleted: bool


class StoryDelivery(DeliveryView, frozen=True, kw_only=True):
    """A delivery and our decision in plain words."""

    decision: str


class MissedSend(msgspec.Struct, frozen=True):
    """A send that has no delivery for the device, and why."""

    send_id: int
    scheduler_id: int
    scheduler_name: str
    due_at: datetime
    cause: Cause
    explanation: str


class UpcomingMessage(msgspec.Struct, frozen=True):
    """An auto-push message that waits for the device."""

    scheduler_id: int
    scheduler_name: str
    event: str
    """The event that set it off."""
    number: int
    """Of the event, among those of its code on this device."""
    due_at: datetime
    awaits_token: bool
    """Its moment has come, and it waits for the device's first token."""
    paused: bool
    """Its scheduler is paused."""


class StoryView(msgspec.Struct, frozen=True):
    """Everything about one device; lists are newest first."""

    device: StoryDevice
    registrations: list[RegistrationView]
    events: list[EventView]
    deliveries: list[StoryDelivery]
    missed: list[MissedSend]
    upcoming: list[UpcomingMessage]
    """The next one first."""


@get("/devices/{device_id:str}/story", summary="Tell a device's story", tags=["devices"])
async def device_story(device_id: PathId, caller: CurrentCaller, stories: NamedDependency[StoryService]) -> StoryView:
    """The device, its last 200 events, its deliveries of the last 30 days with our decision in plain words, and for the
    newest 30 sends in which it has no delivery, why. Auto-push messages that wait for it stand under `upcoming`.
    """
    return _story(await stories.tell(caller.account_id, device_id))


def _story(story: Story) -> StoryView:
    return StoryView(
        device=_device(story.device),
        registrations=[_registration(item) for item in story.registrations],
        events=[EventView(item.at, item.code, item.number, item.code_deleted) for item in story.events],
        deliveries=[_delivery(item) for item in story.deliveries],
        missed=[_missed(item) for item in story.missed],
        upcoming=[UpcomingMessage(**dataclasses.asdict(item)) for item in story.upcoming],
    )


def _device(device: DeviceFacts) -> StoryDevice:
    return StoryDevice(
        id=str(device.id),
        app_id=device.app_id,
        app_archived=device.app_archived,
        external_id=device.ext_id,
        active=device.active,
        token=_token(device),
        platform_type=device.platform,
        platform_name=device.platform_name,
        agent_name=device.agent,
        country=device.country,
        language=device.lang,
        language_tag=device.lang_tag,
        tz_name=device.tz_name,
        tz_sec=device.tz_sec,
        tags=dict(device.tags),
        audiences=list(device.audiences),
        onscreen_count=device.onscreen_count,
        onscreen_sec=device.onscreen_sec,
        notif_perm_granted=device.notif_perm_granted,
        created_at=device.created_at,
        updated_at=device.updated_at,
        last_active_at=device.last_seen_at,
    )


def _token(device: DeviceFacts) -> TokenView:
    suspect = device.suspect_at is not None and device.token_state is TokenState.VALID
    return TokenView(
        transport=device.transport,
        masked=device.token_masked,
        state=TokenWord[device.token_state.name],
        reason=device.token_reason,
        told_at=device.token_at,
        state_changed_at=device.token_state_at,
        suspect_code=device.suspect_code if suspect else None,
        apns_environment=device.apns_environment if device.transport == "apns" else None,
    )


def _registration(item: Registration) -> RegistrationView:
    return RegistrationView(
        id=str(item.id),
        app_id=item.app_id,
        external_id=item.ext_id,
        active=item.active,
        created_at=item.created_at,
        last_active_at=item.last_seen_at,
    )


def _delivery(item: ToldDelivery) -> StoryDelivery:
    return StoryDelivery(**delivery_fields(item.delivery), decision=item.decision)


def _missed(item: Missed) -> MissedSend:
    return MissedSend(
        send_id=item.send_id,
        scheduler_id=item.scheduler_id,
        scheduler_name=item.scheduler_name,
        due_at=item.due_at,
        cause=item.explanation.cause,
        explanation=item.explanation.text,
    )
