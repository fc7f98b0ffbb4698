"""Seconds from the due moment of an auto-push message to the provider's answer, with very many others waiting.

    python bench/triggers.py [--waiting 1000000] [--per-second 200] [--seconds 20] [--burst 1000] [--json]
    python bench/triggers.py --short

Promise: with 1 000 000 waiting triggers, due ones leave within 2 s of their moment; and waiting ones slow nothing down,
so registrations (each arms a trigger of every scheduler) are timed before and after.

The embedded PostgreSQL with its ordinary settings, one worker process as `clarion serve` starts it, and the provider
simulator's fast mode in a process of its own. Triggers of ten schedulers wait for moments over the next 30 days; some
are due at an even rate for a while, and at last a burst is due at one moment. Time ends when the outcome is recorded,
so each message's own time is a little less. Every due trigger must have exactly one delivery "sent".
"""

import argparse
import asyncio
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Any

import asyncpg
import uvloop

from _installation import Tenant, embedded_server, environment_of, settings_for, tenant
from _processes import Child, ChildFailed, child
from _report import machine, show_json, show_table

WORKER = ("-m", "clarion.cli.child", "work", "0")
SCHEDULERS = 10
PROMISED_SECONDS = 2.0
INSTALLS = 2_000
LEAD_SECONDS = 8
"""From filling the table to the first due moment: the worker starts meanwhile."""
PATIENCE = 60.0
LOOK_SECONDS = 0.5
_WAITING = """
    insert into trigger (app_id, device_id, scheduler_id, bit, number, account_id, due_at)
    select d.app_id, d.id, ($1::bigint[])[1 + n % $2::int], 0, 2 + n, d.account_id,
           now() + interval '1 day' + random() * interval '29 days'
    from (select * from device where token_state = 1 order by id limit $3) d cross join generate_series(1, $4::int) n
"""
_DUE = """
    with made as (
        insert into trigger (app_id, device_id, scheduler_id, bit, number, account_id, due_at)
        select app_id, id, ($1::bigint[])[1 + (n % $2::int)::int], 0, 1, account_id,
               case when n <= $4::int then $3::timestamptz + n * interval '1 second' / $5::float8
                    else $6::timestamptz end
        from (select *, row_number() over (order by id) as n from device where token_state = 1 limit $7) d
        returning device_id, scheduler_id, due_at
    )
    insert into bench_due select *, due_at = $6 from made
"""
_LATE = """
    select b.burst, count(*) as sent,
           percentile_disc(array[0.5, 0.99, 1]) within group
               (order by extract(epoch from d.settled_at - b.due_at)::float8) as late
    from bench_due b
    join send s on s.scheduler_id = b.scheduler_id
    join delivery d on d.send_id = s.id and d.device_id = b.device_id and d.state = 2
    group by b.burst
"""


class Wrong(Exception):
    """A message was lost, doubled or early: the figures mean nothing."""


@dataclass(frozen=True)
class Options:
    """What was asked for."""

    waiting: int
    per_second: int
    seconds: int
    burst: int

    @property
    def even(self) -> int:
        """Triggers that are due at an even rate."""
        return self.per_second * self.seconds


@dataclass(frozen=True)
class Lateness:
    """Seconds from the due moment to the recorded outcome."""

    messages: int
    median: float
    p99: float
    worst: float


@dataclass(frozen=True)
class Report:
    """Everything that was measured."""

    even: Lateness
    burst: Lateness
    install_us_before: float
    install_us_after: float
    """Of one registration with this many triggers waiting."""


async def measure(options: Options, dsn: str, hello: dict[str, Any], log: Any) -> Report:
    """Fill, run a worker, and read how late messages were."""
    settings = settings_for(dsn, hello)
    async with tenant(settings, hello) as owner:
        await owner.add_devices(options.even + options.burst)
        schedulers = [await owner.auto_push(f"auto-push {number}") for number in range(SCHEDULERS)]
        before = await _installs(owner)
        connection = await asyncpg.connect(dsn)
        try:
            await _wait_for_long(connection, schedulers, options)
            after = await _installs(owner)
            await connection.execute("delete from trigger where due_at < now() + interval '1 hour'")
            await _be_due(connection, schedulers, options)
            with child(WORKER, log, environment=environment_of(settings)) as worker:
                await _until_sent(connection, worker, options)
            return Report(*await _lateness(connection, options), before, after)
        finally:
            await connection.close()


async def _installs(owner: Tenant) -> float:
    """Microseconds of one registration."""
    return await owner.install(INSTALLS) / INSTALLS * 1e6


async def _wait_for_long(connection: Any, schedulers: Sequence[int], options: Options) -> None:
    devices = min(options.even + options.burst, 10_000)
    each = -(-options.waiting // devices)
    await connection.execute(_WAITING, schedulers, SCHEDULERS, devices, each, timeout=600)
    await connection.execute("vacuum analyze trigger", timeout=600)


async def _be_due(connection: Any, schedulers: Sequence[int], options: Options) -> None:
    """Those that are due soon, remembered in a table beside; through a credential that has worked before."""
    await connection.execute("update app_credential set results = 100000")
    await connection.execute(
        "create table bench_due (device_id bigint, scheduler_id bigint, due_at timestamptz, burst boolean)"
    )
    begin: datetime = await connection.fetchval("select now()") + timedelta(seconds=LEAD_SECONDS)
    end = begin + timedelta(seconds=options.seconds + 2)
    total = options.even + options.burst
    await connection.execute(
        _DUE, schedulers, SCHEDULERS, begin, options.even, float(options.per_second), end, total, timeout=60
    )


async def _until_sent(connection: Any, worker: Child, options: Options) -> None:
    total = options.even + options.burst
    looks = round((LEAD_SECONDS + options.seconds + PATIENCE) / LOOK_SECONDS)
    for _ in range(looks):
        if await connection.fetchval("select count(*) from delivery where state <> 1") >= total:
            return
        worker.check()
        await asyncio.sleep(LOOK_SECONDS)
    states = await connection.fetch("select state, attempt, code, count(*) from delivery group by 1, 2, 3")
    left = await connection.fetchval("select count(*) from trigger where due_at < now()")
    raise Wrong(f"{left} triggers were not fired, deliveries: {states}")


async def _lateness(connection: Any, options: Options) -> tuple[Lateness, Lateness]:
    found = {row["burst"]: Lateness(row["sent"], *row["late"]) for row in await connection.fetch(_LATE)}
    expected = {False: options.even, True: options.burst}
    if {burst: one.messages for burst, one in found.items()} != expected:
        raise Wrong(f"{expected} messages were due, {found} were sent")
    if await connection.fetchval("select count(*) from delivery") != options.even + options.burst:
        raise Wrong("there are deliveries that nothing asked for")
    return found[False], found[True]


def show(report: Report, options: Options) -> None:
    """The table, and the promise beside what was measured."""
    rows = [
        [
            f"{options.per_second} a second",
            report.even.messages,
            report.even.median,
            report.even.p99,
            report.even.worst,
        ],
        ["at one moment", report.burst.messages, report.burst.median, report.burst.p99, report.burst.worst],
    ]
    show_table(["due", "messages", "median, s", "p99, s", "worst, s"], rows)
    print(f"{options.waiting:,} others waiting; promise: within {PROMISED_SECONDS:g} s")
    print(f"a registration: {report.install_us_before:.0f} µs without them, {report.install_us_after:.0f} µs with them")


def parse() -> tuple[Options, bool]:
    """The command line; whether only programs read the answer."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--waiting", type=int, default=1_000_000)
    parser.add_argument("--per-second", type=int, default=200)
    parser.add_argument("--seconds", type=int, default=20)
    parser.add_argument("--burst", type=int, default=1_000)
    parser.add_argument("--short", action="store_true", help="100 000 waiting, 5 seconds, a burst of 500")
    parser.add_argument("--json", action="store_true", help="only the line for programs")
    given = parser.parse_args()
    if given.short:
        return Options(100_000, given.per_second, 5, 500), given.json
    return Options(given.waiting, given.per_second, given.seconds, given.burst), given.json


def main() -> int:
    """Run it; 1 if messages were lost or doubled, later than promised, or a process failed."""
    options, for_programs = parse()
    if not for_programs:
        print(f"{machine()}")
    with embedded_server() as (folder, dsn, _), child(("_standin.py",), folder / "standin.log") as standin:
        try:
            report = uvloop.run(measure(options, dsn, standin.line(), folder / "worker.log"))
        except (Wrong, ChildFailed) as error:
            print(f"failed: {error}", file=sys.stderr)
            return 1
    if not for_programs:
        show(report, options)
    show_json("triggers", {"machine": machine(), **asdict(options), **asdict(report)})
    return 0 if max(report.even.worst, report.burst.worst) <= PROMISED_SECONDS else 1


if __name__ == "__main__":
    raise SystemExit(main())
