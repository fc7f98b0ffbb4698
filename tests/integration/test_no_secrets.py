"""Nothing that Clarion prints or answers holds a secret or a device identifier (LP-1).

A real send with faults runs over every transport, with logs at DEBUG. Then everything that came out (log lines,
answers of the API, metrics) is searched for the canaries: tokens, endpoints, credentials, keys, push texts.
"""

import asyncio
import io
import json
import logging
import secrets
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import Any, cast

import httpx
import pytest
import structlog
from prometheus_client import CollectorRegistry

from clarion.api.app import create_app
from clarion.bootstrap import build_services
from clarion.db import Database
from clarion.db.readiness import check_ready
from clarion.foundation.secrets import Keeper
from clarion.foundation.telemetry import set_up_logs
from clarion.settings import Settings
from clarion.simulator import Action, Simulator
from clarion.worker.process import build_worker, run_worker

pytestmark = pytest.mark.anyio

TOPIC = "com.example.weather"
TEXT = "canary-text-of-a-push"


@pytest.fixture
def output() -> Iterator[io.StringIO]:
    """Everything that is logged, as an operator would keep it; logging is as before afterwards."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    stream = io.StringIO()
    set_up_logs("debug", "json", stream)
    logging.getLogger("httpx").setLevel(logging.WARNING)  # the test's own client
    try:
        yield stream
    finally:
        root.handlers[:] = handlers
        root.setLevel(level)
        logging.getLogger("httpx").setLevel(logging.NOTSET)
        structlog.reset_defaults()


@dataclass
class Installation:
    """A web process and a worker's surroundings, with what went in and what came out."""

    http: httpx.AsyncClient
    sim: Simulator
    database: Database
    canaries: dict[str, str] = field(default_factory=dict)
    answers: list[str] = field(default_factory=list)
    key: str = ""

    def hide(self, name: str, value: str) -> str:
        """A value that must not come out anywhere."""
        self.canaries[name] = value
        return value

    async def call(self, method: str, path: str, body: object = None, *, key: str | None = None) -> Any:
        """One call of any API, whose answer is searched later; the answer's value."""
        headers = {"authorization": f"Bearer {self.key if key is None else key}"}
        content = None if body is None else json.dumps(body)
        answer = await self.http.request(method, path, content=content, headers=headers)
        assert answer.status_code < 500, (method, path, answer.text)
        shown = path.partition("?")[0]
        self.answers.append(f"{method} {shown} {answer.status_code} {dict(answer.headers)} {answer.text}")
        return answer.json() if answer.content and "json" in answer.headers.get("content-type", "") else None

    async def until(self, sql: str) -> None:
        """Wait until a query's value is true."""
        async with asyncio.timeout(40):
            while not await self._value(sql):  # noqa: ASYNC110 - a database has no event to wait for
                await asyncio.sleep(0.05)

    async def _value(self, sql: str) -> Any:
        async with self.database.acquire() as conn:
            return await conn.fetchval(sql)

    def found(self, text: str) -> list[str]:
        """The canaries in a text, with some of the words around them."""
        return [f"{name}: …{text[max(0, text.index(c) - 120) : text.index(c)]}" for name, c in self.leaked(text)]

    def leaked(self, text: str) -> list[tuple[str, str]]:
        """Names and values of the canaries in a text."""
        return [(name, value) for name, value in self.canaries.items() if value in text]


@pytest.fixture
async def sim() -> AsyncIterator[Simulator]:
    async with Simulator() as simulator:
        yield simulator


@pytest.fixture
def settings(sim: Simulator) -> Settings:
    """Every provider is the simulator."""
    return Settings(
        instant_delay_sec=0,
        retry_base_sec=0.05,
        fcm_warmup_sec=0.0,
        fcm_url=sim.url,
        apns_url=sim.url,
        apns_sandbox_url=sim.url.replace("127.0.0.1", "localhost"),
        onesignal_url=sim.url,
        huawei_url=sim.url,
        huawei_token_url=sim.url,
        token_uri_allow=(f"{sim.url}/token",),
        webpush_hosts=(sim.url.removeprefix("https://"),),
        provider_ca_file=sim.ca_file,
    )


@asynccontextmanager
async def running(
    settings: Settings, database: Database, keeper: Keeper, sim: Simulator
) -> AsyncIterator[tuple[Installation, asyncio.Event]]:
    """The application and a worker; the event stops the worker."""
    services = build_services(settings, database=database, keeper=keeper)
    app = create_app(services, settings, readiness=partial(check_ready, database), registry=CollectorRegistry())
    worker, stop = build_worker(settings, services, database, keeper), asyncio.Event()
    transport = httpx.ASGITransport(cast("Any", app), raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://clarion.test") as http:
        installation = Installation(http, sim, database)
        created = await services.accounts.create(email="owner@example.com", name="Owner")
        installation.key = installation.hide("api key", created.api_key)
        async with app.management.lifespan(), asyncio.TaskGroup() as tasks:
            tasks.create_task(run_worker(worker, stop))
            try:
                yield installation, stop
            finally:
                stop.set()


def app_body(world: Installation) -> dict[str, Any]:
    """An app with a credential for every transport."""
    sim, hide = world.sim, world.hide
    firebase, apns = sim.service_account(project_id="weather-pt"), sim.apns.key(topic=TOPIC)
    onesignal, huawei = sim.onesignal.app(), sim.huawei.app()
    hide("service account key", firebase["private_key"].splitlines()[3])
    hide("apns key", apns["auth_key"].splitlines()[1])
    hide("onesignal key", onesignal["api_key"])
    hide("huawei secret", huawei["app_secret"])
    return {
        "name": "Weather",
        "push_provider": "firebase",
        "firebase_creds": firebase,
        "apns_creds": apns,
        "onesignal_creds": onesignal,
        "huawei_creds": huawei,
    }


async def register(world: Installation, sdk_id: str, transport: str, token: str) -> None:
    """Do what an SDK does; token and session are canaries."""
    number = len(world.canaries)
    session = world.hide(f"ic_token {number}", secrets.token_hex(16))
    ext_id = world.hide(f"ext_id {number}", f"customer-{secrets.token_hex(8)}")
    instances = f"/api/r/v2/apps/{sdk_id}/instances"
    made = await world.call("POST", instances, {"ic_token": session, "ext_id": ext_id}, key="")
    platform = "ios" if transport == "apns" else "browser" if transport == "webpush" else "android"
    info = {"transport_type": transport, "transport_token": token, "platform_type": platform, "lang": "en"}
    await world.call("PUT", f"{instances}/{made['id']}/info", info, key="")


def tokens_with_faults(world: Installation) -> list[tuple[str, str]]:
    """(transport, token): for each transport one good device, and some whose provider says their token back."""
    sim, found = world.sim, []
    for name, error in (("good", ""), ("dead", "UNREGISTERED"), ("mismatch", "SENDER_ID_MISMATCH")):
        token = world.hide(f"fcm {name}", f"{secrets.token_urlsafe(16)}:APA91b{secrets.token_urlsafe(40)}")
        if error:
            sim.fcm.on_token(token, error)
        found.append(("fcm.data", token))
    short = world.hide("fcm short", f"canary-{secrets.token_hex(16)}")
    sim.fcm.on_token(short, Action(status=418, body=f"who is {short}?"), Action())
    echoed = world.hide("fcm echoed", secrets.token_urlsafe(60))
    sim.fcm.on_token(echoed, Action(status=451, body=f'{{"error": {{"message": "no {echoed}"}}}}'))
    found += [("fcm", short), ("fcm", echoed)]
    hexadecimal = world.hide("apns token", secrets.token_hex(32))
    sim.apns.on_token(hexadecimal, Action(status=418, body=f"unknown {hexadecimal}"))
    bad = world.hide("apns bad token", "0badc0de" + secrets.token_hex(28))
    found += [("apns", hexadecimal), ("apns", bad)]
    gone = f"deaddead-{secrets.token_hex(2)}-4000-8000-{secrets.token_hex(6)}"
    subscription = world.hide("onesignal subscription", gone)
    huawei = world.hide("huawei token", secrets.token_urlsafe(48))
    sim.huawei.on_token(huawei, Action(status=418, body=f"unknown {huawei}"))
    return [*found, ("onesignal", subscription), ("huawei", huawei)]


def browser(world: Installation) -> str:
    """A subscription whose push service answers with its endpoint."""
    subscription: dict[str, Any] = world.sim.webpush.subscribe()
    identity = world.hide("endpoint", subscription["endpoint"].rpartition("/")[2])
    world.hide("auth secret", subscription["keys"]["auth"])
    world.sim.webpush.on_token(identity, Action(status=418, body=f"what is {subscription['endpoint']}?"))
    return json.dumps(subscription)


async def wrong_calls(world: Installation, app: int) -> None:
    """Calls that are refused, with secrets in every wrong place."""
    secret = world.hide("mistyped secret", f"hunter2-{secrets.token_hex(12)}")
    creds = f"/api/b/v2/apps/{app}/creds"
    await world.call("PUT", creds, {"push_provider": "apns", "apns_creds": {"topic": TOPIC, "auth_key": secret}})
    await world.call("PUT", creds, {"push_provider": "firebase", "firebase_creds": {"private_key": secret}})
    await world.call("PUT", creds, {"push_provider": "huawei", "huawei_creds": {"app_secret": [secret]}})
    await world.call("PUT", creds, {"push_provider": "onesignal", "onesignal_creds": secret})
    await world.call("GET", "/api/b/v2/apps", key=f"clk_{secret}")
    await world.call("GET", f"/api/postback/?clid={secret}&event=reg", key="")


async def read_everything(world: Installation, app: int) -> None:
    """All that an owner and an operator can read, but for the device query, which is there to show devices."""
    for path in (
        "/api/b/v2/apps",
        "/api/v1/credentials",
        "/api/v1/sends",
        "/api/v1/statistics",
        "/metrics",
    ):
        await world.call("GET", path)
    for provider in ("fcm", "apns", "webpush", "onesignal", "huawei"):
        await world.call("POST", f"/api/v1/apps/{app}/credentials/{provider}/check")
    async with world.database.acquire() as conn:
        sends = [row["id"] for row in await conn.fetch("select id from send")]
        devices = [row["id"] for row in await conn.fetch("select id from device")]
    for send in sends:
        await world.call("GET", f"/api/v1/sends/{send}/deliveries")
    for device in devices:
        await world.call("GET", f"/api/v1/devices/{device}/story")


async def test_nothing_that_comes_out_holds_a_secret(
    settings: Settings, database: Database, keeper: Keeper, sim: Simulator, output: io.StringIO
) -> None:
    async with running(settings, database, keeper, sim) as (world, stop):
        app = (await world.call("POST", "/api/b/v2/apps", app_body(world)))["id"]
        sdk_id = (await world.call("GET", f"/api/b/v2/apps/{app}"))["pushexpress_id"]
        for transport, token in [*tokens_with_faults(world), ("webpush", browser(world))]:
            await register(world, sdk_id, transport, token)
        words = {"language": "en", "title": "Hi", "text": world.hide("text", TEXT)}
        push = {"default_lang": "en", "translations": [words]}
        await world.call("POST", "/api/b/v2/send/instant", {"name": "Now", "filters": {"all_apps": True}, "push": push})
        await world.until("select count(*) >= 8 from delivery where state <> 1")
        sim.fcm.accounts.expire_tokens()
        sim.disconnect()
        await world.call("POST", "/api/b/v2/send/instant", {"name": "2", "filters": {"all_apps": True}, "push": push})
        await world.until("select count(distinct send_id) = 2 and count(*) >= 16 from delivery where state <> 1")
        await wrong_calls(world, app)
        await read_everything(world, app)
        stop.set()
    logged = output.getvalue()
    assert '"level": "debug"' in logged or '"level": "info"' in logged
    assert "unknown_answer" in logged, "the faults were met"
    assert world.found(logged) == []
    for name in [name for name in world.canaries if name.startswith("ext_id")]:
        del world.canaries[name]  # by which owners know their devices: the story of a device names it
    assert any("/story 200 " in answer for answer in world.answers)
    assert any("/deliveries 200 " in answer for answer in world.answers)
    assert [found for answer in world.answers for found in world.found(answer)] == []


async def test_the_search_finds_what_is_there(database: Database, sim: Simulator) -> None:
    async with httpx.AsyncClient() as http:
        world = Installation(http, sim, database)
        world.hide("token", "abc")
        assert world.leaked("xabcx") == [("token", "abc")]
        assert world.leaked("nothing") == []
