"""Nothing that Clarion prints or answers holds a secret or a device identifier (LP-1).

A real send with faults runs over every transport, with logs at DEBUG, beside an auto-push, a webhook and repeated
calls. Then everything that came out (log lines, answers of the API, metrics, messages to webhooks, pages of the
console) is searched for the canaries: tokens, endpoints, credentials, keys, passwords, push texts.
"""

import asyncio
import io
import json
import logging
import re
import secrets
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import partial
from itertools import product
from typing import Any, cast

import httpx
import pytest
import structlog
from prometheus_client import CollectorRegistry

from clarion.api.app import create_app
from clarion.bootstrap import build_services
from clarion.console.app import console_app
from clarion.console.pages import ROUTES
from clarion.console.tokens import form_token
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
ORIGIN, EMAIL = "http://clarion.test", "owner@example.com"
PASSWORD = f"canary-{secrets.token_hex(12)}"
NOBODY = "127.0.0.1:1"
"""Where no webhook is taken."""
SETTLED = (
    "from delivery join send on send.id = send_id join scheduler on scheduler.id = scheduler_id "
    "where delivery.state <> 1"
)
OWN = re.compile(r"ext_id|text|webhook address")
"""What owners put in themselves and are shown again: never in logs, but on their own pages."""


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
    pages: list[str] = field(default_factory=list)
    """The console's pages, as far as they show a browser anything."""
    key: str = ""

    def hide(self, name: str, value: str) -> str:
        """A value that must not come out anywhere."""
        self.canaries[name] = value
        return value

    async def call(
        self,
        method: str,
        path: str,
        body: object = None,
        *,
        key: str | None = None,
        repeat: str = "",
        told: bool = True,
    ) -> Any:
        """One call of any API, whose answer is searched later; the answer's value.

        `repeat` is an idempotency key; an answer that is there to show a new secret is not `told`.
        """
        headers = {"authorization": f"Bearer {self.key if key is None else key}"}
        if repeat:
            headers["idempotency-key"] = repeat
        content = None if body is None else json.dumps(body)
        answer = await self.http.request(method, path, content=content, headers=headers)
        assert answer.status_code < 500, (method, path, answer.text)
        if told:
            shown = path.partition("?")[0]
            self.answers.append(f"{method} {shown} {answer.status_code} {dict(answer.headers)} {answer.text}")
        return answer.json() if answer.content and "json" in answer.headers.get("content-type", "") else None

    async def page(self, path: str, **form: Any) -> httpx.Response:
        """Open a page of the console, or send it a form."""
        if form:
            form["data"] = {**form.get("data", {}), "form_token": form_token(self.http.cookies.get("clarion") or "")}
            answer = await self.http.post(f"/console{path}", headers={"origin": ORIGIN}, **form)
        else:
            answer = await self.http.get(f"/console{path}")
        assert answer.status_code < 500, (path, answer.text)
        self.pages.append(f"{path} {answer.status_code} {answer.text}")
        return answer

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
        webhook_hosts=(NOBODY,),
        provider_ca_file=sim.ca_file,
    )


@asynccontextmanager
async def running(
    settings: Settings, database: Database, keeper: Keeper, sim: Simulator
) -> AsyncIterator[tuple[Installation, asyncio.Event]]:
    """The application and a worker; the event stops the worker."""
    services = build_services(settings, database=database, keeper=keeper)
    console = console_app(services, settings)
    ready = partial(check_ready, database)
    app = create_app(services, settings, readiness=ready, registry=CollectorRegistry(), console=console)
    worker, stop = build_worker(settings, services, database, keeper), asyncio.Event()
    transport = httpx.ASGITransport(cast("Any", app), raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url=ORIGIN) as http:
        installation = Installation(http, sim, database)
        installation.hide("password", PASSWORD)
        created = await services.accounts.create(email=EMAIL, name="Owner", password=PASSWORD)
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


async def listen(world: Installation) -> None:
    """A webhook that is told everything and takes nothing, and the secret of postbacks."""
    address = world.hide("webhook address", f"https://{NOBODY}/{secrets.token_hex(16)}")
    events = ["send.started", "send.finished", "delivery.failed", "token.dropped", "credential.paused"]
    made = await world.call("POST", "/api/v1/webhooks", {"url": address, "events": events}, told=False)
    world.hide("webhook secret", made["secret"])
    renewed = await world.call("POST", f"/api/v1/webhooks/{made['id']}/secret", told=False)
    world.hide("second webhook secret", renewed["secret"])
    postbacks = await world.call("POST", "/api/v1/postbacks/secret", told=False)
    world.hide("postback secret", postbacks["secret"])


async def answer_installs(world: Installation) -> None:
    """An auto-push to everybody who comes from now on."""
    words = {"language": "en", "title": "Welcome", "text": TEXT}
    push = await world.call("POST", "/api/b/v2/pushes", {"default_lang": "en", "translations": [words]}, told=False)
    body = {"name": "Welcome", "all_apps": True, "event_include": ["install"]}
    made = await world.call("POST", "/api/b/v2/sched/conversion", body)
    await world.call("PUT", f"/api/b/v2/sched/conversion/{made['id']}/pushes", {"push_ids": [push["id"]]})


async def repeat_calls(world: Installation) -> None:
    """Creations with credentials that are repeated, rightly and wrongly."""
    body = app_body(world) | {"name": "Twice"}
    first = await world.call("POST", "/api/b/v2/apps", body, repeat="one")
    assert await world.call("POST", "/api/b/v2/apps", body, repeat="one") == first
    await world.call("POST", "/api/b/v2/apps", body | {"name": "Other"}, repeat="one")


async def visit(world: Installation, app: int) -> None:
    """Sign in, open every page, and get forms with secrets wrong."""
    await world.page("/sign-in")
    await world.page("/sign-in", data={"email": "nobody@example.com", "password": PASSWORD})
    await world.page("/sign-in", data={"email": EMAIL, "password": PASSWORD})
    world.hide("session", world.http.cookies["clarion"])
    secret = world.hide("mistyped in a form", f"hunter3-{secrets.token_hex(12)}")
    creds = f"/apps/{app}/credentials"
    for transport in ("onesignal", "huawei"):
        await world.page(f"{creds}/{transport}", data={"app_id": "a b", "secret": secret})
    key = {"topic": TOPIC, "kind": "key", "team_id": "TEAM123456", "key_id": "KEYID12345"}
    await world.page(f"{creds}/apns", data=key, files={"file": ("key.p8", secret.encode())})
    certificate = {"topic": TOPIC, "kind": "certificate", "password": secret}
    await world.page(f"{creds}/apns", data=certificate, files={"file": ("key.p12", secret.encode())})
    service_account = json.dumps({"type": "service_account", "private_key": secret}).encode()
    await world.page(f"{creds}/firebase", data={}, files={"file": ("key.json", service_account)})
    for path in await pages(world):
        answer = await world.page(path)
        assert answer.status_code in (200, 303, 307), (path, answer.status_code)


async def pages(world: Installation) -> list[str]:
    """Every page that shows something of this account, but for exports, which are there to tell everything."""
    found = {"app_id": "app", "device_id": "device", "push_id": "push", "scheduler_id": "scheduler"}
    found |= {"webhook_id": "webhook", "event_id": "event_definition"}
    ids: dict[str, list[Any]] = {"transport": ["firebase", "apns", "onesignal", "huawei"]}
    async with world.database.acquire() as conn:
        for name, table in found.items():
            ids[name] = [row["id"] for row in await conn.fetch(f"select id from {table} order by id limit 12")]
    paths: list[str] = []
    for path in (path for handler in ROUTES if "GET" in handler.http_methods for path in handler.paths):
        choices = product(*(ids.get(name, []) for name in re.findall(r"{(\w+):", path)))
        paths += [re.sub(r"{[^}]+}", "{}", path).format(*choice) for choice in choices]
    return [path for path in paths if not path.startswith(("/sign-in", "/welcome")) and not path.endswith("/export")]


async def read_everything(world: Installation, app: int) -> None:
    """All that an owner and an operator can read, but for the device query, which is there to show devices."""
    for path in (
        "/api/b/v2/apps",
        "/api/v1/credentials",
        "/api/v1/sends",
        "/api/v1/statistics",
        "/api/v1/schedulers",
        "/api/v1/webhooks",
        "/api/v1/postbacks",
        "/api/v1/events",
        "/api/v1/audit",
        "/metrics",
    ):
        await world.call("GET", path)
    for provider in ("fcm", "apns", "webpush", "onesignal", "huawei"):
        await world.call("POST", f"/api/v1/apps/{app}/credentials/{provider}/check")
    async with world.database.acquire() as conn:
        sends = [row["id"] for row in await conn.fetch("select id from send")]
        devices = [row["id"] for row in await conn.fetch("select id from device")]
        webhooks = [row["id"] for row in await conn.fetch("select id from webhook")]
    for webhook in webhooks:
        await world.call("GET", f"/api/v1/webhooks/{webhook}/deliveries")
    for send in sends:
        await world.call("GET", f"/api/v1/sends/{send}/deliveries")
    for device in devices:
        await world.call("GET", f"/api/v1/devices/{device}/story")


async def test_nothing_that_comes_out_holds_a_secret(
    settings: Settings, database: Database, keeper: Keeper, sim: Simulator, output: io.StringIO
) -> None:
    async with running(settings, database, keeper, sim) as (world, stop):
        await listen(world)
        app = (await world.call("POST", "/api/b/v2/apps", app_body(world)))["id"]
        await answer_installs(world)
        sdk_id = (await world.call("GET", f"/api/b/v2/apps/{app}"))["pushexpress_id"]
        for transport, token in [*tokens_with_faults(world), ("webpush", browser(world))]:
            await register(world, sdk_id, transport, token)
        words = {"language": "en", "title": "Hi", "text": world.hide("text", TEXT)}
        push = {"default_lang": "en", "translations": [words]}
        await world.call("POST", "/api/b/v2/send/instant", {"name": "Now", "filters": {"all_apps": True}, "push": push})
        await world.until(f"select count(*) >= 8 {SETTLED} and type = 'onesend'")
        sim.fcm.accounts.expire_tokens()
        sim.disconnect()
        await world.call("POST", "/api/b/v2/send/instant", {"name": "2", "filters": {"all_apps": True}, "push": push})
        await world.until(f"select count(distinct send_id) = 2 and count(*) >= 16 {SETTLED} and type = 'onesend'")
        await world.until(f"select count(*) >= 8 {SETTLED} and type = 'conversion'")
        await wrong_calls(world, app)
        await repeat_calls(world)
        await read_everything(world, app)
        await visit(world, app)
        stop.set()
    logged = output.getvalue()
    assert '"level": "debug"' in logged or '"level": "info"' in logged
    assert "unknown_answer" in logged, "the faults were met"
    assert world.found(logged) == []
    assert any("/story 200 " in answer for answer in world.answers)
    assert any("/deliveries 200 " in answer for answer in world.answers)
    assert any('"event":"token.dropped"' in answer for answer in world.answers), "webhooks were told"
    assert any(re.match("/devices/[0-9]+ 200 ", page) for page in world.pages), "the browser was signed in"
    secret = {name: value for name, value in world.canaries.items() if not OWN.match(name)}
    world.canaries = secret | {"text": TEXT}
    assert [found for answer in world.answers for found in world.found(answer)] == []
    world.canaries = secret
    assert [found for page in world.pages for found in world.found(page)] == []


async def test_the_search_finds_what_is_there(database: Database, sim: Simulator) -> None:
    async with httpx.AsyncClient() as http:
        world = Installation(http, sim, database)
        world.hide("token", "abc")
        assert world.leaked("xabcx") == [("token", "abc")]
        assert world.leaked("nothing") == []
