"""Every page of the console with very many devices and two months of sendings: server time and bytes.

Fills an account as estimate.py does and gives it a past (`_past.py`), signs its owner in, and opens every address that
the console's route table knows, in this process through ASGI: no network, no server in between, everything else as
in production, compression included. An address of the table that has no example here fails the run.

Promises: every page within 100 ms; a first view, its styles, scripts and pictures included, under 150 kB; nothing on a
page makes a browser ask another host.

Usage: pages.py [--devices N] [--rounds N]
"""

import argparse
import re
import secrets
import statistics
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

import asyncpg
import httpx
import uvloop
from litestar import Litestar
from prometheus_client import CollectorRegistry

import estimate
from _installation import embedded_server
from _past import Sample, choose_sample, fill_past
from _processes import cpu_seconds
from _report import machine, show_json, show_table
from clarion.api.front import Front
from clarion.api.metrics import RequestMetrics
from clarion.bootstrap import Installation, open_installation
from clarion.console.app import console_app
from clarion.console.pages import ROUTES
from clarion.db.migrator import migrate
from clarion.features.accounts import Member
from clarion.features.accounts.sessions import Browser
from clarion.foundation.secrets import Secret, generate_master_key
from clarion.foundation.telemetry import set_up_logs
from clarion.settings import Settings

PROMISED_MS = 100.0
PROMISED_BYTES = 150_000
ORIGIN = "http://127.0.0.1"
OWNER = "person1@example.com"
YEAR = "from=2025-12-01&to=2026-11-20"
ASKED_FOR = re.compile(r"""<(?:link|script|img|source|iframe)\b[^>]*?\b(?:src|href)="([^"]+)\"""")
IN_STYLES = re.compile(r"""url\(["']?([^"')]+)""")
SIGNED_OUT = frozenset({"/welcome/{purpose:str}/{token:str}", "/sign-in/code"})
"""Addresses that somebody who is signed in does not come to."""


@dataclass(frozen=True)
class Figure:
    """What opening one address several times took."""

    path: str
    milliseconds: list[float]
    cpu: float
    """Milliseconds of processor time an answer, of this process and the database's."""
    page_bytes: int

    @property
    def median(self) -> float:
        """In milliseconds."""
        return statistics.median(self.milliseconds)

    @property
    def p95(self) -> float:
        """In milliseconds."""
        return sorted(self.milliseconds)[int(0.95 * (len(self.milliseconds) - 1))]


@dataclass(frozen=True)
class FirstView:
    """What a browser that has nothing yet transfers for a page."""

    path: str
    bytes: int
    foreign: frozenset[str]
    """Addresses on other hosts that it would ask."""


def addresses(sample: Sample) -> Mapping[str, list[str]]:
    """For every address of the route table, with which values and questions it is opened."""
    dimensions = ("day", "app", "push", "country", "language", "platform")
    aspects = ("push", "language", "country", "app", "platform")
    return {
        "/": ["/"],
        "/sign-in": ["/sign-in"],
        "/overview": ["/overview"],
        "/analytics": ["/analytics", *(f"/analytics?by={by}&{YEAR}" for by in dimensions)],
        "/analytics/table.csv": [f"/analytics/table.csv?by={by}&{YEAR}" for by in ("day", "push")],
        "/apps": ["/apps", "/apps?q=7"],
        "/apps/{app_id:int}": ["/apps/1", "/apps/8"],
        "/apps/{app_id:int}/edit": ["/apps/1/edit"],
        "/apps/{app_id:int}/credentials/{transport:str}": ["/apps/1/credentials/firebase"],
        "/apps/new": ["/apps/new"],
        "/apps/new/{transport:str}": ["/apps/new/firebase"],
        "/app-groups": ["/app-groups"],
        "/app-groups/new": ["/app-groups/new"],
        "/app-groups/{group_id:int}": ["/app-groups/1"],
        "/sendings": ["/sendings", "/sendings?q=ing+99", "/sendings?state=done&before=400", "/sendings?q=none"],
        "/sendings/new": ["/sendings/new"],
        "/sendings/{scheduler_id:int}": ["/sendings/1000", *(f"/sendings/900?by={by}" for by in aspects)],
        "/sendings/{scheduler_id:int}/edit": ["/sendings/1030/edit"],
        "/sendings/{scheduler_id:int}/test": ["/sendings/1030/test"],
        "/sendings/{scheduler_id:int}/recipients": [
            "/sendings/992/recipients",
            "/sendings/992/recipients?state=failed",
            "/sendings/900/recipients",
        ],
        "/sendings/{scheduler_id:int}/results.csv": ["/sendings/900/results.csv"],
        "/pushes": ["/pushes"],
        "/pushes/new": ["/pushes/new"],
        "/pushes/{push_id:int}/edit": ["/pushes/1030/edit"],
        "/devices": [
            "/devices",
            "/devices?countries=AA&event=reg&no_event=dep",
            "/devices?audiences=seg-77",
            "/devices?app=8&languages=pt&platforms=ios",
            "/devices?q=user-1000",
            f"/devices?q={sample.device_id}",
            "/devices?q=nobody-has-this",
        ],
        "/devices/{device_id:int}": [f"/devices/{sample.device_id}"],
        "/devices/{device_id:int}/export": [f"/devices/{sample.device_id}/export"],
        "/audiences": ["/audiences", "/audiences?q=seg-19"],
        "/audiences/filters": ["/audiences/filters"],
        "/audience-groups": ["/audience-groups"],
        "/audience-groups/new": ["/audience-groups/new"],
        "/audience-groups/{group_id:int}": ["/audience-groups/1"],
        "/events": ["/events"],
        "/events/new": ["/events/new"],
        "/events/{event_id:int}": ["/events/4"],
        "/events/protection": ["/events/protection"],
        "/team": ["/team"],
        "/keys": ["/keys"],
        "/webhooks": ["/webhooks"],
        "/webhooks/new": ["/webhooks/new"],
        "/webhooks/{webhook_id:int}": ["/webhooks/1"],
        "/webhooks/{webhook_id:int}/edit": ["/webhooks/1/edit"],
        "/audit": ["/audit", "/audit?action=push.create"],
        "/account": ["/account"],
        "/profile": ["/profile"],
        "/profile/second-factor": ["/profile/second-factor"],
        "/system": ["/system"],
    }


def known() -> set[str]:
    """Addresses of the route table that can be opened."""
    return {path for route in ROUTES if "GET" in route.http_methods for path in route.paths} - SIGNED_OUT


async def sign_in(installation: Installation) -> httpx.AsyncClient:
    """A browser of the account's owner, on the console of this process."""
    async with installation.database.acquire() as connection:
        member_id = await connection.fetchval("select id from member where email = $1", OWNER)
    services, settings = installation.services, installation.settings
    cookie = await services.sessions.begin(
        Member(member_id, estimate.ACCOUNT, OWNER, "owner"), Browser("127.0.0.1", "bench"), confirmed=True
    )
    console = console_app(services, settings)
    metrics = RequestMetrics(CollectorRegistry())
    front: Any = Front(management=Litestar(openapi_config=None), device=console, console=console, metrics=metrics)
    client = httpx.AsyncClient(transport=httpx.ASGITransport(front), base_url=ORIGIN)
    client.cookies.set("clarion", cookie, domain="127.0.0.1", path="/")
    return client


async def measure(client: httpx.AsyncClient, paths: list[str], *, rounds: int, server: int) -> list[Figure]:
    """Open each address so many times, the first time (what is loaded once) not counted."""
    figures = []
    for path in paths:
        answer = await _open(client, path)
        taken, used = [], cpu_seconds(server) + time.process_time()
        for _ in range(rounds):
            begun = time.perf_counter()
            answer = await _open(client, path)
            taken.append((time.perf_counter() - begun) * 1000)
        used = (cpu_seconds(server) + time.process_time() - used) / rounds * 1000
        figures.append(Figure(path, taken, used, answer.num_bytes_downloaded))
    return figures


async def _open(client: httpx.AsyncClient, path: str) -> httpx.Response:
    answer = await client.get(f"/console{path}")
    if answer.status_code not in (200, 303):
        raise RuntimeError(f"{path}: {answer.status_code} {answer.text[:300]}")
    return answer


async def first_view(client: httpx.AsyncClient, path: str) -> FirstView:
    """Everything that a page makes a browser load, itself included."""
    page = await _open(client, path)
    wanted, seen, foreign, total = list(_asked_for(page)), set[str](), set[str](), page.num_bytes_downloaded
    while wanted:
        address = wanted.pop()
        if address in seen or address.startswith("data:"):
            continue
        seen.add(address)
        if httpx.URL(ORIGIN).join(address).host != httpx.URL(ORIGIN).host:
            foreign.add(address)
            continue
        part = await client.get(address)
        part.raise_for_status()
        total += part.num_bytes_downloaded
        wanted += _asked_for(part)
    return FirstView(path, total, frozenset(foreign))


def _asked_for(answer: httpx.Response) -> Iterator[str]:
    kind = answer.headers.get("content-type", "")
    pattern = ASKED_FOR if "html" in kind else IN_STYLES if "css" in kind else None
    if pattern is not None:
        yield from (str(answer.url.join(found)) for found in pattern.findall(answer.text))


def show(figures: list[Figure], views: list[FirstView]) -> None:
    """Tables for people, the slowest pages first."""
    rows = [
        (each.path, each.median, each.p95, each.cpu, each.page_bytes, "SLOW" if each.median > PROMISED_MS else "")
        for each in sorted(figures, key=lambda each: -each.median)
    ]
    show_table(("address", "median ms", "p95 ms", "CPU-ms", "bytes", ""), rows)
    largest = max(views, key=lambda view: view.bytes)
    print(f"the largest first view is {largest.path}: {largest.bytes:,} bytes compressed")
    print(f"addresses on other hosts: {sorted({each for view in views for each in view.foreign}) or 'none'}")


async def count_everything(installation: Installation) -> None:
    """Let the steps of a worker count what pages show."""
    services = installation.services
    await estimate.count_all(installation.database)
    while await services.totals.roll():
        pass
    await services.growth.note()
    while await services.growth.count_cohorts():
        pass


def settings_for(dsn: str) -> Settings:
    """The usual settings on this database."""
    return replace(Settings(), database_url=Secret(dsn), master_key=Secret(generate_master_key()))


async def prepare(connection: "asyncpg.Connection[asyncpg.Record]", installation: Installation) -> Sample:
    """The account's past, counted; the device whose story is told."""
    sample = await choose_sample(connection)
    sealed = installation.keeper.seal(secrets.token_hex(8), f"ic_token:{sample.app_id}:{sample.device_id}")
    print(f"two months in {await fill_past(connection, sealed, sample):.0f} s")
    await count_everything(installation)
    await connection.execute("vacuum analyze", timeout=600)
    return sample


async def look(installation: Installation, sample: Sample, *, rounds: int, server: int) -> bool:
    """Open everything, show it; whether the promises held."""
    examples = addresses(sample)
    if examples.keys() != known():
        raise RuntimeError(f"addresses without an example, or gone: {sorted(examples.keys() ^ known())}")
    paths = [path for some in examples.values() for path in some]
    client = await sign_in(installation)
    try:
        figures = await measure(client, paths, rounds=rounds, server=server)
        files = ("csv", "export")
        views = [await first_view(client, path) for path in paths if not any(word in path for word in files)]
    finally:
        await client.aclose()
    show(figures, views)
    slow = [each.path for each in figures if each.median > PROMISED_MS]
    print(f"every page within {PROMISED_MS:.0f} ms: {'yes' if not slow else f'NO: {slow}'}")
    promised = not slow and all(view.bytes < PROMISED_BYTES and not view.foreign for view in views)
    worst = round(max(each.median for each in figures), 1)
    show_json("pages", {"machine": machine(), "pages": len(figures), "slowest_ms": worst, "promised": promised})
    return promised


async def run(devices: int, rounds: int) -> bool:
    """Fill, measure and show; whether the promises held."""
    with embedded_server() as (_, dsn, server):
        await migrate(dsn)
        connection = await asyncpg.connect(dsn)
        try:
            print(f"{devices:,} devices: filled in {await estimate.fill(connection, devices):.0f} s, ", end="")
            async with open_installation(settings_for(dsn), connections=3) as installation:
                sample = await prepare(connection, installation)
                return await look(installation, sample, rounds=rounds, server=server)
        finally:
            await connection.close()


def main() -> int:
    """Run it; 1 if a promise is not held."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--devices", type=int, default=2_000_000)
    parser.add_argument("--rounds", type=int, default=20)
    options = parser.parse_args()
    set_up_logs("warning")
    return 0 if uvloop.run(run(options.devices, options.rounds)) else 1


if __name__ == "__main__":
    raise SystemExit(main())
