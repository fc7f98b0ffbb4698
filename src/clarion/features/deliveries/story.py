"""The story of one device: what it is, what happened to it, what it was sent, and why not what it was not sent."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import msgspec

from clarion.db import Conditions, Connection, Database, load
from clarion.db.statements import Record
from clarion.features.audiences import AudienceService, Filter
from clarion.features.audiences.compiler import which_hold
from clarion.features.deliveries.explain import Explanation, Facts, explain
from clarion.features.deliveries.seen import Delivery
from clarion.features.deliveries.service import DeliveryService, DeviceDelivery
from clarion.features.deliveries.words import decision
from clarion.features.devices.model import TokenState
from clarion.features.devices.query import masked
from clarion.features.sends.model import Part
from clarion.features.sends.progress import SendState
from clarion.features.sends.zones import Occurrence, part_conditions
from clarion.foundation.clock import Clock
from clarion.foundation.errors import NotFound
from clarion.providers.registry import TRANSPORTS

SQL = load(__package__, "story.sql")

MISSED_LIMIT = 30
"""Sends without a delivery that are explained, newest first."""
EVENT_LIMIT = 200
UPCOMING_LIMIT = 100
REGISTRATION_LIMIT = 100


@dataclass(frozen=True, slots=True)
class Registration:
    """A device that the same installation is or was, under one external id."""

    app_id: int
    id: int
    ext_id: str
    active: bool
    created_at: datetime
    last_seen_at: datetime


@dataclass(frozen=True, slots=True)
class DeviceEvent:
    """An event of the device; `number` counts those of its code from 1."""

    at: datetime
    number: int
    code: str
    code_deleted: bool


@dataclass(frozen=True, slots=True)
class DeviceFacts:
    """The device as it is now. The token's middle is hidden."""

    app_id: int
    id: int
    app_archived: bool
    ext_id: str
    active: bool
    transport: str
    token_masked: str
    token_state: TokenState
    token_reason: str | None
    token_at: datetime | None
    token_state_at: datetime | None
    suspect_code: str | None
    suspect_at: datetime | None
    apns_environment: str | None
    """`production` or `sandbox`, once Apple has taken a message for the token there."""
    platform: str
    platform_name: str
    agent: str
    country: str
    lang: str
    lang_tag: str
    tz_name: str
    tz_sec: int | None
    tags: Mapping[str, str]
    audiences: Sequence[str]
    onscreen_count: int | None
    onscreen_sec: int | None
    notif_perm_granted: bool | None
    created_at: datetime
    updated_at: datetime
    last_seen_at: datetime


@dataclass(frozen=True, slots=True)
class ToldDelivery:
    """A delivery and our decision in words."""

    delivery: Delivery
    decision: str


@dataclass(frozen=True, slots=True)
class Missed:
    """A send that has no delivery for the device, and why."""

    send_id: int
    scheduler_id: int
    scheduler_name: str
    due_at: datetime
    explanation: Explanation


@dataclass(frozen=True, slots=True)
class Upcoming:
    """An auto-push message that waits for the device: the event that set it off, and its moment."""

    scheduler_id: int
    scheduler_name: str
    event: str
    number: int
    due_at: datetime
    awaits_token: bool
    """Its moment has come, and it waits for the device's first token."""
    paused: bool
    """Its scheduler is paused."""


@dataclass(frozen=True, slots=True)
class Story:
    """All of it; deliveries and missed sends are those of the last 30 days, newest first."""

    device: DeviceFacts
    registrations: Sequence[Registration]
    events: Sequence[DeviceEvent]
    deliveries: Sequence[ToldDelivery]
    missed: Sequence[Missed]
    upcoming: Sequence[Upcoming]


@dataclass(frozen=True, slots=True)
class _Fit:
    """How a filter and the device go together now."""

    app_meant: bool
    mismatches: Sequence[str]
    """The parts of the filter, apart from the apps, that the device does not meet."""


class StoryService:
    """Tells stories of an account's devices."""

    def __init__(
        self, *, database: Database, audiences: AudienceService, deliveries: DeliveryService, clock: Clock
    ) -> None:
        self._database = database
        self._audiences = audiences
        self._deliveries = deliveries
        self._clock = clock

    async def tell(self, account_id: int, device_id: int) -> Story:
        """The story of a device. `NotFound`, also for a device of another account."""
        async with self._database.transaction() as conn:
            row = await SQL.device.fetchrow(conn, account_id=account_id, device_id=device_id)
            if row is None:
                raise NotFound(f"device {device_id} does not exist")
            send_ids = await self._deliveries.recent_sends(account_id, within=conn)
            found = await self._deliveries.of_device(
                account_id, row["app_id"], device_id, send_ids=send_ids, within=conn
            )
            reached = {item.delivery.send_id for item in found}
            left = [send_id for send_id in send_ids if send_id not in reached]
            return Story(
                _device(row),
                await _registrations(conn, account_id, row["ic_token_hash"]),
                await _events(conn, account_id, row),
                [_told(item, row) for item in found],
                await self._missed(conn, account_id, device=row, send_ids=left, reached=reached),
                await _upcoming(conn, account_id, row),
            )

    async def _missed(
        self, conn: Connection, account_id: int, *, device: Record, send_ids: Collection[int], reached: Collection[int]
    ) -> list[Missed]:
        app_id, device_id = device["app_id"], device["id"]
        provider = TRANSPORTS.get(device["transport"])
        rows = await SQL.missed.fetch(
            conn,
            account_id=account_id,
            app_id=app_id,
            device_id=device_id,
            provider=provider,
            send_ids=list(send_ids),
            reached=list(reached),
            limit=MISSED_LIMIT,
        )
        credential = await SQL.credential.fetchrow(conn, account_id=account_id, app_id=app_id, provider=provider)
        found, fits = [], dict[bytes, _Fit]()
        for row in rows:
            asked = msgspec.json.encode(row["filter"], order="sorted")
            if asked not in fits:
                fits[asked] = await self._fit(conn, account_id, asked=row["filter"], device=device)
            facts = await self._facts(conn, account_id, send=row, device=device, credential=credential, fit=fits[asked])
            found.append(_missed(row, explain(facts)))
        return found

    async def _facts(
        self,
        conn: Connection,
        account_id: int,
        *,
        send: Record,
        device: Record,
        credential: Record | None,
        fit: _Fit,
    ) -> Facts:
        return Facts(
            now=self._clock.now(),
            send_state=SendState(send["state"]),
            pause_reason=send["pause_reason"],
            cutoff_at=send["cutoff_at"],
            expires_at=send["expires_at"],
            app_planned=send["app_planned"],
            slice_state=send["slice_state"],
            app_archived=device["app_archived"],
            app_meant=fit.app_meant,
            provider=TRANSPORTS.get(device["transport"]),
            credential_exists=credential is not None,
            credential_pause_reason=credential["pause_reason"] if credential else None,
            registered_at=device["created_at"],
            active=device["active"],
            token_state=TokenState(device["token_state"]),
            token_reason=device["token_reason"],
            in_part=await self._in_part(conn, account_id, send=send, device=device),
            mismatches=fit.mismatches,
        )

    async def _fit(self, conn: Connection, account_id: int, *, asked: object, device: Record) -> _Fit:
        filter_ = msgspec.convert(asked, Filter)
        app_ids = await self._audiences.resolve_apps(account_id, filter_, within=conn)
        parts = await self._audiences.parts(account_id, filter_, within=conn)
        return _Fit(device["app_id"] in app_ids, await _unmet(conn, account_id, parts=parts, device=device))

    async def _in_part(self, conn: Connection, account_id: int, *, send: Record, device: Record) -> bool:
        part = Part(send["zone_bucket"], send["zones"], send["zone_apps"], send["device_ids"], send["sample"])
        occurrence = Occurrence(send["scheduler_id"], send["occurrence"], send["cutoff_at"])
        conditions = {"part": part_conditions(part, occurrence)}
        return not await _unmet(conn, account_id, parts=conditions, device=device)


async def _unmet(
    conn: Connection, account_id: int, *, parts: Mapping[str, Conditions], device: Record
) -> Sequence[str]:
    """The names of conditions that the device does not meet; one statement, and none for what asks nothing."""
    if all(conditions == Conditions() for conditions in parts.values()):
        return []
    met = await SQL.which_hold.where(which_hold(parts.values())).fetchval(
        conn, account_id=account_id, app_id=device["app_id"], device_id=device["id"]
    )
    return [part for part, holds in zip(parts, met or [False] * len(parts), strict=True) if not holds]


async def _registrations(conn: Connection, account_id: int, ic_token_hash: bytes) -> list[Registration]:
    rows = await SQL.registrations.fetch(
        conn, account_id=account_id, ic_token_hash=ic_token_hash, limit=REGISTRATION_LIMIT
    )
    return [Registration(*row) for row in rows]


async def _events(conn: Connection, account_id: int, device: Record) -> list[DeviceEvent]:
    rows = await SQL.events.fetch(
        conn, account_id=account_id, app_id=device["app_id"], device_id=device["id"], limit=EVENT_LIMIT
    )
    return [DeviceEvent(*row) for row in rows]


async def _upcoming(conn: Connection, account_id: int, device: Record) -> list[Upcoming]:
    rows = await SQL.upcoming.fetch(
        conn, account_id=account_id, app_id=device["app_id"], device_id=device["id"], limit=UPCOMING_LIMIT
    )
    return [Upcoming(*row) for row in rows]


def _device(row: Record) -> DeviceFacts:
    fields: dict[str, Any] = dict(row)
    del fields["token_hash"], fields["ic_token_hash"]
    fields["token_masked"] = masked(fields.pop("token"))
    fields["token_state"] = TokenState(fields["token_state"])
    return DeviceFacts(**fields)


def _told(item: DeviceDelivery, device: Record) -> ToldDelivery:
    now = device["token_hash"] or b""
    text = decision(
        item.delivery,
        token_state=TokenState(device["token_state"]),
        same_token=bool(item.token_hash) and now.startswith(item.token_hash),
        suspect=device["suspect_at"] is not None,
    )
    return ToldDelivery(item.delivery, text)


def _missed(send: Record, explanation: Explanation) -> Missed:
    return Missed(send["id"], send["scheduler_id"], send["name"], send["due_at"], explanation)
