"""Sends by local time: the zones that devices are in, and which devices a part of an occurrence is for.

A device's zone is `device_zone(tz_name, tz_sec)` (migration 0005), which has an index. A device that changes its zone
in the middle of an occurrence may belong to two parts of it, or to none. So a part leaves out devices that another
part reached; it looks for those only among devices that moved or came since the occurrence began in the first zone,
which keeps the others cheap. Devices that moved just before a part starts, while another part may have been sending
to them, are left to the last part, the sweep, which starts when all others are complete.
"""

from collections import Counter
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import NamedTuple

from clarion.db import Conditions, Connection, load
from clarion.features.sends.model import SAMPLE, SWEEP, Part, SendPlan
from clarion.foundation.ids import DEVICE_ID_BITS

SQL = load(__package__, "zones.sql")

FIRST_ZONE = timedelta(hours=14)
"""An occurrence begins so long before its time in UTC."""
SETTLED = timedelta(minutes=1)
"""A message on its way when a device moves has been recorded after this time."""

_SAMPLE = 20_000
"""Devices that one preview looks at, spread over the apps."""
_SAMPLE_PER_APP = 100

_ZONE = "device_zone(d.tz_name, d.tz_sec)"
_REACHED = """exists (select from send z_s
                       join delivery z_x on z_x.day = z_s.day and z_x.app_id = d.app_id and z_x.send_id = z_s.id
                                        and z_x.device_id = d.id
                       where z_s.scheduler_id = :z_scheduler and z_s.occurrence = :z_occurrence
                         and z_s.zone_bucket <> :z_bucket)"""
_DRAWN = "((hashint8extended(d.id, :z_seed::bigint) & 16777215) < :z_sample::bigint)"
_IN_ZONES = f"{_ZONE} = any(:z_zones::text[]) and ({_ZONE} <> '' or d.app_id = any(:z_apps::bigint[]))"
_PART = f"""{_IN_ZONES}
    and ({_ZONE} <> '' and greatest(d.created_at, d.zone_at) < :z_since
         or (d.zone_at is null or d.zone_at < :z_settled) and not {_REACHED})"""
_SWEEP = f"d.zone_at >= :z_since and {_ZONE} <> all(:z_zones::text[]) and not {_REACHED}"


class AppZone(NamedTuple):
    """Devices of an app that told the same zone."""

    app_id: int
    told: str
    """'' = none."""
    default: str
    """The app's zone for devices that told none."""


class Occurrence(NamedTuple):
    """A moment of a scheduler, which a send is part of."""

    scheduler_id: int
    at: datetime
    started_at: datetime
    """When this part of it started."""


def part_conditions(part: Part, occurrence: Occurrence) -> Conditions:
    """SQL conditions on `device d` for the devices of a part."""
    if part.device_ids is not None:
        return Conditions("d.id = any(:z_devices::bigint[])", {"z_devices": list(part.device_ids)})
    if part.sample is not None:
        drawn = {"z_seed": occurrence.scheduler_id, "z_sample": part.sample}
        return Conditions(_DRAWN if part.bucket == SAMPLE else f"not {_DRAWN}", drawn)
    if part.zones is None:
        return Conditions()
    values = {
        "z_zones": list(part.zones),
        "z_since": occurrence.at - FIRST_ZONE,
        "z_scheduler": occurrence.scheduler_id,
        "z_occurrence": occurrence.at,
        "z_bucket": part.bucket,
    }
    if part.bucket == SWEEP:
        return Conditions(_SWEEP, values)
    more = {"z_apps": list(part.zone_apps or ()), "z_settled": occurrence.started_at - SETTLED}
    return Conditions(_PART, {**values, **more})


def narrowed(conditions: Conditions, plan: SendPlan) -> Conditions:
    """The conditions of a scheduler's filter narrowed to the devices of a send."""
    part = plan.part
    own = part_conditions(part, Occurrence(plan.scheduler_id, plan.occurrence, plan.cutoff_at))
    return own if part.device_ids is not None else conditions.and_(own)


async def zones_of(account_id: int, app_ids: Sequence[int], *, within: Connection) -> list[AppZone]:
    """The zones of the reachable devices of apps: one index look-up for each, however many devices there are."""
    rows = await SQL.zones_of.fetch(within, account_id=account_id, app_ids=list(app_ids))
    return [AppZone(*row) for row in rows]


async def apps_with_moved(account_id: int, app_ids: Sequence[int], *, since: datetime, within: Connection) -> list[int]:
    """Those of the apps where some device changed its zone since then."""
    rows = await SQL.apps_with_moved.fetch(within, account_id=account_id, app_ids=list(app_ids), since=since)
    return [row["id"] for row in rows]


class Spread(NamedTuple):
    """About how many devices of an app match, among those that told the same zone."""

    zone: AppZone
    devices: int
    exact: bool


class StartedPart(NamedTuple):
    """A send that has been started."""

    send_id: int
    occurrence: datetime
    bucket: int | None
    due_at: datetime
    state: str
    estimate: int


async def spread(
    account_id: int, app_ids: Sequence[int], conditions: Conditions, *, within: Connection
) -> list[Spread]:
    """How the reachable devices that match are spread over zones; from a sample of each app where it is large."""
    size = max(_SAMPLE // max(len(app_ids), 1), _SAMPLE_PER_APP)
    rows = await SQL.spread.where(conditions).fetch(within, account_id=account_id, app_ids=list(app_ids), size=size)
    seen: Counter[int] = Counter()
    last: dict[int, int] = {}
    for row in rows:
        seen[row["app_id"]] += row["seen"]
        last[row["app_id"]] = max(last.get(row["app_id"], 0), row["last_id"])
    found = []
    for row in rows:
        app_id = row["app_id"]
        exact = seen[app_id] < size
        # Ids are uniform: the share of the id range seen is the share of devices seen.
        devices = row["matching"] if exact else round(row["matching"] * (1 << DEVICE_ID_BITS) / last[app_id])
        found.append(Spread(AppZone(app_id, row["told"], row["default_zone"]), devices, exact))
    return found


async def parts_of(account_id: int, scheduler_id: int, *, since: datetime, within: Connection) -> list[StartedPart]:
    """The sends of a scheduler that were due since then, without tests."""
    rows = await SQL.parts.fetch(within, account_id=account_id, scheduler_id=scheduler_id, since=since)
    return [StartedPart(*row) for row in rows]
