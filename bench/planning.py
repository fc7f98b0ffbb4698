"""Seconds that the clock needs for each look at a weekly scheduler by local time, and what it reads for it.

    python bench/planning.py [--devices 500000] [--zones 30] [--json]
    python bench/planning.py --short

Promise: over 500 000 devices in 30 zones a slot is planned in less than a second, and only zones that are due are
touched. The clock is virtual: it looks whenever the scheduler wants it to, from the first zone's moment to the sweep.
Nothing is sent; instead the recipients of every part are read as dispatch reads them, and each device must be in
exactly one part. A hundredth of the devices has changed its zone lately, which makes the read look for earlier parts.

The embedded PostgreSQL with its ordinary settings; the provider's stand-in only gives the app a credential.
"""

import argparse
import asyncio
import statistics
import sys
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import uvloop

from _installation import Tenant, embedded_server, settings_for, tenant
from _processes import ChildFailed, child
from _report import machine, show_json, show_table
from clarion.bootstrap import Installation, open_installation
from clarion.features.audiences import Filter
from clarion.features.deliveries.dispatch import DispatchStore
from clarion.features.sends.zones import narrowed

PROMISED_SECONDS = 1.0
ZONES = (
    "Pacific/Auckland", "Australia/Sydney", "Australia/Adelaide", "Asia/Tokyo", "Asia/Shanghai", "Asia/Singapore",
    "Asia/Jakarta", "Asia/Bangkok", "Asia/Dhaka", "Asia/Kathmandu", "Asia/Kolkata", "Asia/Karachi", "Asia/Kabul",
    "Asia/Dubai", "Asia/Tehran", "Europe/Moscow", "Europe/Istanbul", "Africa/Nairobi", "Europe/Berlin", "Europe/Paris",
    "Africa/Lagos", "Europe/Lisbon", "Europe/London", "America/Sao_Paulo", "America/St_Johns", "America/New_York",
    "America/Chicago", "America/Denver", "America/Los_Angeles", "Pacific/Honolulu",
)  # fmt: skip
EVERYBODY = Filter(all_apps=True)
_SPREAD = """
    update device set tz_name = ($1::text[])[1 + id % $2::int], created_at = now() - interval '10 days',
           zone_at = case when id % 100 = 0 then now() - interval '1 minute' end
"""
_PARTS = "select count(*) from send"
_READ = "select idx_tup_fetch + seq_tup_read from pg_stat_user_tables where relname = 'device'"


class Wrong(Exception):
    """A device is in no part or in two: the figures mean nothing."""


@dataclass(frozen=True)
class Options:
    """What was asked for."""

    devices: int
    zones: int


@dataclass(frozen=True)
class Report:
    """Everything that was measured; times in seconds."""

    looks: int
    parts: int
    idle_look: float
    """The median of looks that find nothing due."""
    planning_look: float
    """The median of looks that start a part."""
    worst_look: float
    rows_per_look: float
    """Rows of the device table that a look reads on average."""
    read_per_second: float
    """Recipients read, over all parts."""


@dataclass(frozen=True)
class Look:
    """One look of the clock."""

    seconds: float
    parts: int


async def measure(options: Options, dsn: str, hello: dict[str, Any]) -> Report:
    """Fill, let the clock look through one slot, and read all recipients."""
    settings = settings_for(dsn, hello)
    async with tenant(settings, hello) as owner, open_installation(settings, connections=3) as installation:
        await owner.add_devices(options.devices)
        await _spread(installation, ZONES[: options.zones])
        scheduler_id = await _weekly(owner)
        rows = await _rows_read(installation)
        looks = await _looks(installation, scheduler_id)
        rows = await _rows_read(installation) - rows
        read_per_second = await _recipients(installation, options.devices)
    idle = [look.seconds for look in looks if not look.parts]
    planning = [look for look in looks if look.parts]
    return Report(
        len(looks),
        sum(look.parts for look in planning),
        statistics.median(idle),
        statistics.median(look.seconds for look in planning),
        max(look.seconds for look in looks),
        rows / len(looks),
        read_per_second,
    )


async def _spread(installation: Installation, zones: Sequence[str]) -> None:
    """Give the devices zones, and let some of them have moved lately."""
    async with installation.database.acquire() as connection:
        await connection.execute("set statement_timeout = 0")
        await connection.execute(_SPREAD, zones, len(zones), timeout=600)
        await connection.execute("vacuum analyze device", timeout=600)
        await connection.execute("reset statement_timeout")


async def _weekly(owner: Tenant) -> int:
    """A weekly scheduler with one slot, early enough that its whole day lies ahead."""
    day = datetime.now(UTC).date() + timedelta(days=2)
    return await owner.weekly(
        "planning", days=[day.isoweekday()], time="12:00", last_date=day.isoformat(), local_time=True
    )


async def _looks(installation: Installation, scheduler_id: int) -> list[Look]:
    schedulers, database = installation.services.schedulers, installation.database
    looks = []
    async with database.acquire() as connection:
        while due := await connection.fetchval("select next_due_at from scheduler where id = $1", scheduler_id):
            parts = await connection.fetchval(_PARTS)
            begun = time.perf_counter()
            await schedulers.start_due(due)
            seconds = time.perf_counter() - begun
            looks.append(Look(seconds, await connection.fetchval(_PARTS) - parts))
            # Nothing is sent, and the sweep waits until the other parts are over.
            await connection.execute("update send set state = 'complete' where state = 'running'")
    return looks


async def _rows_read(installation: Installation) -> int:
    """Rows read of the device table so far. A connection tells its figures when it has been idle for a while."""
    await asyncio.sleep(12)
    async with installation.database.acquire() as connection:
        return int(await connection.fetchval(_READ))


async def _recipients(installation: Installation, devices: int) -> float:
    """Read every part's recipients; how many a second."""
    services = installation.services
    store, seen = DispatchStore(database=installation.database), Counter[int]()
    begun = time.perf_counter()
    async with installation.database.transaction() as connection:
        await connection.execute("update send set state = 'running'")
    while leased := await services.sends.lease(owner="bench", limit=50, seconds=600, blocked=()):
        for item in leased:
            plan = await services.sends.open(item.send_id)
            conditions = narrowed(await services.audiences.conditions(plan.account_id, EVERYBODY), plan)
            async for page in store.recipients(item, plan, conditions, personal=False):
                seen.update(row[0] for row in page)
    seconds = time.perf_counter() - begun
    if len(seen) != devices or set(seen.values()) != {1}:
        raise Wrong(f"{devices} devices, {len(seen)} in some part, {sum(seen.values()) - len(seen)} times too often")
    return devices / seconds


def show(report: Report, options: Options) -> None:
    """The table, and the promise beside what was measured."""
    rows = [
        ["nothing due", report.looks - report.parts, report.idle_look * 1000],
        ["a part due", report.parts, report.planning_look * 1000],
        ["the slowest", 1, report.worst_look * 1000],
    ]
    show_table(["look", "count", "ms"], rows)
    print(f"{options.devices:,} devices in {options.zones} zones; promise: within {PROMISED_SECONDS:g} s per slot")
    print(f"a look reads {report.rows_per_look:,.0f} rows of devices on average")
    print(f"each device is in exactly one part; read by dispatch: {report.read_per_second:,.0f} a second")


def parse() -> tuple[Options, bool]:
    """The command line; whether only programs read the answer."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--devices", type=int, default=500_000)
    parser.add_argument("--zones", type=int, default=30, choices=range(1, len(ZONES) + 1), metavar="1-30")
    parser.add_argument("--short", action="store_true", help="50 000 devices")
    parser.add_argument("--json", action="store_true", help="only the line for programs")
    given = parser.parse_args()
    return Options(50_000 if given.short else given.devices, given.zones), given.json


def main() -> int:
    """Run it; 1 if a device was forgotten or doubled, planning was slower than promised, or a process failed."""
    options, for_programs = parse()
    if not for_programs:
        print(f"{machine()}")
    with embedded_server() as (folder, dsn, _), child(("_standin.py",), folder / "standin.log") as standin:
        try:
            report = uvloop.run(measure(options, dsn, standin.line()))
        except (Wrong, ChildFailed) as error:
            print(f"failed: {error}", file=sys.stderr)
            return 1
    if not for_programs:
        show(report, options)
    show_json("planning", {"machine": machine(), **asdict(options), **asdict(report)})
    return 0 if report.worst_look <= PROMISED_SECONDS else 1


if __name__ == "__main__":
    raise SystemExit(main())
