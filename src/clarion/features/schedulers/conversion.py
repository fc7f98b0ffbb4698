"""Auto-push: a scheduler that answers events of devices, each after a delay (management-api.md §7.3). Pure."""

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import NamedTuple

import msgspec

from clarion.features.audiences import ManagementFilter, management_fields
from clarion.features.devices.model import TokenState
from clarion.features.schedulers.model import Scheduler
from clarion.features.triggers.store import PATIENCE
from clarion.foundation.errors import InvalidInput
from clarion.providers.registry import TRANSPORTS

LONGEST_DELAY = timedelta(days=366)
ROUND_LIMIT = 100
"""Messages of one auto-push that one device can get on one day (UTC)."""

_DELAY = re.compile(r"(?:([0-9]{1,6})d)?(?:([0-9]{1,6})h)?(?:([0-9]{1,6})m)?")


class ConversionBody(ManagementFilter, frozen=True, kw_only=True):
    """POST /sched/conversion: the filter's fields stand beside the rest. `event_include` is what fires it."""

    name: str
    delay: str | None = None


class ConversionView(ManagementFilter, frozen=True, kw_only=True):
    """An auto-push as answered; `status` is its state."""

    id: int
    name: str
    delay: str
    """As it was told; `""` = at once."""
    pushes: list[int]
    status: str


class ConversionTiming(msgspec.Struct, frozen=True):
    """What is stored: the delay as told, and in seconds."""

    delay: str
    delay_sec: int


class Fate(StrEnum):
    """What becomes of a trigger at its moment."""

    FIRED = "fired"
    AWAITS_TOKEN = "awaits_token"  # noqa: S105 - a word, not a secret
    TOO_LATE = "too_late"
    NO_PUSH = "no_push"
    DEVICE_GONE = "device_gone"
    APP_LEFT_OUT = "app_left_out"
    DEACTIVATED = "deactivated"
    NO_TOKEN = "no_token"  # noqa: S105
    NO_CREDENTIAL = "no_credential"
    NOT_MATCHED = "not_matched"
    TOO_MANY = "too_many"


class Target(NamedTuple):
    """A trigger's device at the due moment."""

    active: bool
    token_state: int
    transport: str
    country: str
    lang: str
    platform: str
    token_hash: bytes | None
    matches: bool
    """Everything in the filter but the apps."""
    earlier: int
    """Messages of this scheduler that the device got today."""


@dataclass(frozen=True, slots=True)
class Means:
    """What a scheduler can send with now."""

    app_ids: Collection[int]
    providers: Mapping[int, Collection[str]]
    """Of each app that has credentials."""
    push_ids: Collection[int]


def parse_delay(text: str | None) -> ConversionTiming:
    """The delay that `5d10h30m` names; any of the parts may be missing, and nothing at all means at once.

    `InvalidInput` for anything else, and for more than 366 days.
    """
    match = _DELAY.fullmatch(text or "")
    if match is None:
        raise InvalidInput("delay must be days, hours and minutes in this order, as in 5d10h30m, 36h or 0m")
    days, hours, minutes = (int(part or 0) for part in match.groups())
    delay = timedelta(days=days, hours=hours, minutes=minutes)
    if delay > LONGEST_DELAY:
        raise InvalidInput(f"delay must be at most {LONGEST_DELAY.days} days")
    return ConversionTiming(text or "", int(delay.total_seconds()))


def conversion_view(scheduler: Scheduler) -> ConversionView:
    """The scheduler as the management API answers it."""
    return ConversionView(
        **management_fields(scheduler.filter),
        id=scheduler.id,
        name=scheduler.name,
        delay=scheduler.timing["delay"],
        pushes=list(scheduler.push_ids),
        status=scheduler.state,
    )


def fate_of(app_id: int, due_at: datetime, target: Target | None, *, means: Means, now: datetime) -> Fate:
    """What becomes of a trigger whose moment has come; the first rule that applies."""
    if now - due_at > PATIENCE:
        return Fate.TOO_LATE
    if not means.push_ids:
        return Fate.NO_PUSH
    if target is None:
        return Fate.DEVICE_GONE
    if app_id not in means.app_ids:
        return Fate.APP_LEFT_OUT
    return _fate_of_device(app_id, target, means)


def _fate_of_device(app_id: int, target: Target, means: Means) -> Fate:
    if not target.active:
        return Fate.DEACTIVATED
    if target.token_state == TokenState.NONE:
        return Fate.AWAITS_TOKEN
    if target.token_state != TokenState.VALID:
        return Fate.NO_TOKEN
    if TRANSPORTS.get(target.transport) not in means.providers.get(app_id, ()):
        return Fate.NO_CREDENTIAL
    return Fate.FIRED if target.matches else Fate.NOT_MATCHED
