"""Audience estimates on very many devices: how long each kind of filter takes, how exact the answer is, and why.

Fills an account with eight apps, sixty countries, common, rare and unique audiences, events, tags and all transports;
then asks for every kind of filter several times, with nothing cached in the process, and once for the true number by
reading every device. The plan of the statement that took longest is shown at the end.

Promise: every answer within 100 ms at 2 000 000 devices.

Usage: estimate.py [--devices N] [--rounds N]
"""

import argparse
import statistics
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import asyncpg
import uvloop

from _installation import embedded_server
from _processes import cpu_seconds
from _report import machine, show_json, show_table
from clarion.db import Database, Statement
from clarion.db.migrator import migrate
from clarion.features.audiences import AudienceService, Filter
from clarion.features.audiences.compiler import sendable
from clarion.features.audiences.model import Estimate, TagRule
from clarion.features.audiences.reach import ReachService
from clarion.features.events.service import EventService

PROMISED_MS = 100.0
ACCOUNT = 1
APPS = 8
CHUNK = 250_000
CODES = ("install", "reg", "dep", "level", "trial", "refund")

FILL = """
with countries as (
    select array(select upper(chr(97 + i % 26) || chr(97 + i / 26)) from generate_series(0, 59) i) as known
)
insert into device
    (app_id, id, account_id, ic_token_hash, ic_token, ext_id, active, transport, token, token_hash, token_state,
     token_at, platform, platform_name, agent, country, lang, lang_tag, tz_name, tz_sec, tags, audiences, events,
     last_seen_at, created_at)
select 1 + floor(8 * app ^ 2), (id * 4611686018427387903)::bigint, 1, int8send(n), 'sealed',
       case when n % 2 = 0 then 'user-' || n else '' end, alive < 0.95,
       case when device < 0.5 then 'fcm.data' when device < 0.6 then 'fcm' when device < 0.85 then 'apns'
            when device < 0.95 then 'webpush' when device < 0.98 then 'huawei' else 'onesignal' end,
       repeat(md5(n::text), 5), int8send(n), case when valid < 0.9 then 1 else 2 end, now(),
       case when device < 0.6 then 'android' when device < 0.85 then 'ios' when device < 0.95 then 'browser'
            else 'android' end,
       case when device < 0.6 then 'android_api_' || 26 + n % 9 else 'ios_' || 13 + n % 6 end,
       'px_sdk_1.' || n % 12 || '.' || n % 7, countries.known[1 + place],
       (array['en', 'pt', 'es', 'de', 'fr', 'ru', 'hi', 'id', 'tr', 'vi', 'it', 'pl', 'uk', 'nl', 'ar', 'ja', 'ko',
              'zh', 'fa', 'th'])[1 + case when tongue < 0.8 then place % 20 else floor(tongue * 100)::int - 80 end],
       'en-US', 'Europe/Lisbon', 3600 * (n % 24 - 11),
       jsonb_build_object('webmaster', 'partner-' || floor(400 * app * tongue),
                          'plan', case when n % 25 = 0 then 'gold' else 'free' end, 'name', 'Name ' || n % 1000),
       case when sort < 0.4 then '{newcomers}' when sort < 0.42 then '{vip}'
            when sort < 0.6 then array['seg-' || n % 20000]
            when sort < 0.62 then array['newcomers', 'unique-' || n] else '{}' end::text[],
       1 | case when luck < 0.3 then 2 else 0 end | case when luck < 0.05 then 4 else 0 end
         | case when level < 0.2 then 8 else 0 end | case when level < 0.04 then 16 else 0 end
         | case when level between 0.5 and 0.5001 then 32 else 0 end,
       now() - alive ^ 4 * interval '120 days', now() - alive ^ 2 * interval '700 days'
from (select n, random() as app, random() as id, random() as alive, random() as device, random() as tongue,
             random() as sort, random() as luck, random() as level, random() as valid,
             floor(60 * random() ^ 3)::int as place
      from generate_series($1::bigint, $2::bigint) n) traits, countries
"""
"""Everything that filters ask about, in the shares that are usual: few apps and countries have most devices."""


def filters(day: datetime) -> Mapping[str, Filter]:
    """Every kind of filter, by what it is called in the table."""
    everybody: dict[str, Any] = {"all_apps": True}
    return {
        "none": Filter(**everybody),
        "country": Filter(**everybody, countries_include=["AA"]),
        "rare country": Filter(**everybody, countries_include=["HC"]),
        "language excluded": Filter(**everybody, languages_exclude=["en", "pt"]),
        "platform, transport": Filter(**everybody, platforms_include=["ios"], transports_exclude=["webpush"]),
        "event": Filter(**everybody, event_include=["dep"]),
        "event not": Filter(**everybody, event_include=["reg"], event_exclude=["dep"]),
        "rare custom event": Filter(**everybody, event_include=["refund"]),
        "one small app": Filter(app_ids_include=[APPS], countries_exclude=["AA"]),
        "audience, 20": Filter(**everybody, audiences_include=["seg-77"]),
        "audience, 2 %": Filter(**everybody, audiences_include=["vip"]),
        "audience, 40 %": Filter(**everybody, audiences_include=["newcomers"]),
        "audience excluded": Filter(**everybody, audiences_exclude=["newcomers"]),
        "1000 audiences": Filter(**everybody, audiences_include=[f"seg-{n}" for n in range(1000)]),
        "tag equals": Filter(**everybody, tags=[TagRule("plan", equals="gold")]),
        "tag contains": Filter(**everybody, tags=[TagRule("webmaster", contains="-7")]),
        "last active within": Filter(**everybody, last_active_within="7d"),
        "last active before": Filter(**everybody, last_active_before="60d"),
        "registered between": Filter(
            **everybody, registered_from=day - timedelta(days=60), registered_to=day - timedelta(days=30)
        ),
        "app version": Filter(**everybody, app_version_min="1.9", app_version_max="1.10"),
        "10 external ids": Filter(**everybody, external_ids_include=[f"user-{n}" for n in range(0, 20, 2)]),
        "10 000 external ids": Filter(**everybody, external_ids_include=[f"user-{2 * n}" for n in range(10_000)]),
        "10 000 ext. ids not": Filter(**everybody, external_ids_exclude=[f"user-{2 * n}" for n in range(10_000)]),
        "combined": Filter(
            **everybody,
            countries_include=["AA", "BA", "CA"],
            languages_exclude=["en"],
            audiences_include=["newcomers", "vip"],
            event_include=["reg"],
            event_exclude=["dep"],
            tags=[TagRule("plan", equals="free")],
            last_active_within="30d",
        ),
        "rare, combined": Filter(**everybody, countries_include=["HC"], tags=[TagRule("plan", equals="gold")]),
    }


@dataclass(frozen=True)
class Figure:
    """What one filter took, and how good its answer was."""

    name: str
    milliseconds: list[float]
    cpu: float
    """Milliseconds of processor time an answer, of this process and the database's."""
    answer: Estimate
    truth: int

    @property
    def error(self) -> float:
        """Of the answer, in parts of the truth."""
        return abs(self.answer.devices - self.truth) / max(self.truth, 1)


@dataclass(slots=True)
class Slowest:
    """The statement that took longest so far."""

    seconds: float = 0.0
    query: str = ""
    arguments: tuple[Any, ...] = ()

    def note(self, record: asyncpg.connection.LoggedQuery) -> None:
        """Remember a statement if it took longer than those before."""
        if record.elapsed > self.seconds and record.query.lstrip().startswith(("with", "select")):
            self.seconds, self.query, self.arguments = record.elapsed, record.query, record.args


async def fill(connection: "asyncpg.Connection[asyncpg.Record]", devices: int) -> float:
    """An account with eight apps and so many devices; the seconds that took."""
    begun = time.perf_counter()
    await connection.execute("insert into account (name) values ('bench')")
    for number in range(APPS):
        await connection.execute(
            "insert into app (account_id, push_provider, name, vapid_public) values (1, 'firebase', $1, '')",
            f"app {number}",
        )
    for bit, code in enumerate(CODES):
        await connection.execute(
            "insert into event_definition (account_id, code, name, type, bit) values (1, $1, $1, 'CUSTOM', $2)",
            code,
            bit,
        )
    await connection.execute("alter table device disable trigger user")
    for first in range(0, devices, CHUNK):
        await connection.execute(FILL, first, min(first + CHUNK, devices) - 1, timeout=600)
    await connection.execute("alter table device enable trigger user")
    await connection.execute("vacuum analyze", timeout=600)
    return time.perf_counter() - begun


async def count_all(database: Database) -> float:
    """Let a worker's step count everything; the seconds that took."""
    reach, begun = ReachService(database=database), time.perf_counter()
    while await reach.settle():
        pass
    return time.perf_counter() - begun


async def measure(database: Database, connection: "asyncpg.Connection[asyncpg.Record]", rounds: int) -> list[Figure]:
    """Each filter several times, and the truth about it once."""
    audiences = AudienceService(database=database, events=EventService(database=database))
    async with database.acquire() as pooled:
        server = await pooled.fetchval("select pg_backend_pid()")
    figures = []
    for name, filter_ in filters(datetime.now(UTC)).items():
        taken, used = [], cpu_seconds(server) + time.process_time()
        for _ in range(rounds):
            begun = time.perf_counter()
            answer = await audiences.estimate(ACCOUNT, filter_)
            taken.append((time.perf_counter() - begun) * 1000)
        used = (cpu_seconds(server) + time.process_time() - used) / rounds * 1000
        figures.append(Figure(name, taken, used, answer, await truth(connection, audiences, filter_)))
    return figures


async def truth(connection: "asyncpg.Connection[asyncpg.Record]", audiences: AudienceService, filter_: Filter) -> int:
    """How many devices the filter means, by reading all of them."""
    statement = Statement("select count(*) from device d where d.app_id = any(:app_ids::bigint[]) and {conditions}")
    conditions = sendable(await audiences.conditions(ACCOUNT, filter_))
    app_ids = await audiences.resolve_apps(ACCOUNT, filter_)
    return int(await statement.where(conditions).fetchval(connection, app_ids=app_ids))


async def plan_of(connection: "asyncpg.Connection[asyncpg.Record]", slowest: Slowest) -> str:
    """How the database runs a statement, from running it again."""
    rows = await connection.fetch(f"explain (analyze, buffers, costs off) {slowest.query}", *slowest.arguments)
    return "\n".join(row[0][:160] for row in rows)


def show(figures: list[Figure], promised: bool) -> None:
    """A table for people."""
    head = ("filter", "median ms", "worst ms", "CPU-ms", "answer", "truth", "off by %", "margin", "exact")
    rows = [
        (
            figure.name,
            statistics.median(figure.milliseconds),
            max(figure.milliseconds),
            figure.cpu,
            figure.answer.devices,
            figure.truth,
            100 * figure.error,
            figure.answer.margin,
            "yes" if figure.answer.exact else "no",
        )
        for figure in figures
    ]
    show_table(head, rows)
    print(f"every answer within {PROMISED_MS:.0f} ms: {'yes' if promised else 'NO'}")


async def run(devices: int, rounds: int) -> bool:
    """Fill, measure and show; whether the promise held."""
    with embedded_server() as (_, dsn, _):
        await migrate(dsn)
        connection, database = await asyncpg.connect(dsn), await Database.connect(dsn, max_size=1)
        try:
            print(f"{devices:,} devices: filled in {await fill(connection, devices):.0f} s, ", end="")
            print(f"counted in {await count_all(database):.1f} s; ", end="")
            print(f"{await connection.fetchval('select count(*) from device_reach'):,} counts of reachable devices")
            slowest = Slowest()
            async with database.acquire() as pooled:
                pooled.add_query_logger(slowest.note)
            figures = await measure(database, connection, rounds)
            promised = all(statistics.median(figure.milliseconds) <= PROMISED_MS for figure in figures)
            show(figures, promised)
            print(f"the slowest statement took {slowest.seconds * 1000:.0f} ms; its plan:")
            with suppress(asyncpg.PostgresError):
                print(await plan_of(connection, slowest))
        finally:
            await database.close()
            await connection.close()
    worst = max(max(figure.milliseconds) for figure in figures)
    show_json("estimate", {"machine": machine(), "devices": devices, "worst_ms": round(worst, 1), "promised": promised})
    return promised


def main() -> int:
    """Run it; 1 if an answer took too long."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--devices", type=int, default=2_000_000)
    parser.add_argument("--rounds", type=int, default=9)
    options = parser.parse_args()
    return 0 if uvloop.run(run(options.devices, options.rounds)) else 1


if __name__ == "__main__":
    raise SystemExit(main())
