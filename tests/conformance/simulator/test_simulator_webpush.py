"""The simulated push service is as strict as the real ones: headers, VAPID, encryption, topics (providers.md §9)."""

import json
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from clarion.features.apps.credentials import new_vapid_pair
from clarion.providers.webpush.encryption import Plain, encrypt
from clarion.providers.webpush.subscription import read_subscription
from clarion.providers.webpush.vapid import VapidKey
from clarion.simulator import Simulator

pytestmark = pytest.mark.anyio

SUBJECT = "mailto:push@example.com"
TEXT = json.dumps({"title": "Hi", "msg_id": "m-1"}).encode()


def new_key() -> VapidKey:
    return VapidKey(**new_vapid_pair().values)


class Caller:
    """An application server with a subscription of its own."""

    def __init__(self, sim: Simulator, http: httpx.AsyncClient, *, prefix: str = "") -> None:
        self.http = http
        self.key = new_key()
        self.origin = sim.url
        self.told = sim.webpush.subscribe(self.key.public, prefix=prefix)
        self.subscription = read_subscription(json.dumps(self.told), ())

    def authorization(self, *, key: VapidKey | None = None, ago: float = 0, **changes: str) -> str:
        now = datetime.now(UTC) - timedelta(seconds=ago)
        claims = {"origin": self.origin, "subject": SUBJECT, **changes}
        return (key or self.key).authorization(claims["origin"], subject=claims["subject"], now=now)

    async def post(self, headers: dict[str, str | None] | None = None, body: bytes | None = None) -> httpx.Response:
        """One message; a header of None is left out."""
        wanted: dict[str, str | None] = {
            "authorization": self.authorization(),
            "ttl": "60",
            "content-encoding": "aes128gcm",
            "content-type": "application/octet-stream",
            **(headers or {}),
        }
        sealed = encrypt(Plain(self.subscription.p256dh, self.subscription.auth, TEXT)) if body is None else body
        sent = {name: value for name, value in wanted.items() if value is not None}
        return await self.http.post(self.subscription.path, content=sealed, headers=sent)


def errno(answer: httpx.Response) -> tuple[int, Any]:
    return answer.status_code, answer.json()["errno"]


async def test_an_honest_message_is_taken_read_and_journalled(sim: Simulator, http: httpx.AsyncClient) -> None:
    caller = Caller(sim, http)
    answer = await caller.post({"urgency": "low", "topic": "weather"})
    assert answer.status_code == 201
    assert answer.headers["location"].startswith(f"{sim.url}/m/")
    assert answer.headers["ttl"] == "60"
    (message,) = sim.webpush.waiting(caller.subscription.path)
    assert (message.text, message.ttl, message.urgency, message.topic) == (TEXT, 60, "low", "weather")
    (entry,) = sim.journal.entries()
    assert (entry.provider, entry.token, entry.message_id, entry.accepted) == (
        "webpush",
        caller.subscription.path.rpartition("/")[2],
        "m-1",
        True,
    )


async def test_a_topic_replaces_the_message_that_waits(sim: Simulator, http: httpx.AsyncClient) -> None:
    caller = Caller(sim, http)
    for topic in ("a", "a", "b", None):
        assert (await caller.post({"topic": topic})).status_code == 201
    assert sorted(message.topic for message in sim.webpush.waiting(caller.subscription.path)) == ["", "a", "b"]


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        ({"ttl": None}, (400, 111)),
        ({"ttl": "-1"}, (400, 112)),
        ({"ttl": "soon"}, (400, 112)),
        ({"topic": "x" * 33}, (400, 113)),
        ({"topic": "a b"}, (400, 113)),
        ({"content-encoding": "aesgcm"}, (400, 110)),
        ({"crypto-key": "dh=abc"}, (400, 110)),
        ({"urgency": "now"}, (400, 111)),
        ({"authorization": None}, (401, 109)),
        ({"authorization": "WebPush abc"}, (401, 109)),
    ],
)
async def test_faulty_headers_are_refused(
    sim: Simulator, http: httpx.AsyncClient, headers: dict[str, str | None], expected: tuple[int, int]
) -> None:
    caller = Caller(sim, http)
    assert errno(await caller.post(headers)) == expected
    assert sim.webpush.waiting(caller.subscription.path) == []


@pytest.mark.parametrize(
    "authorize",
    [
        lambda caller: caller.authorization(key=new_key()),
        lambda caller: caller.authorization(ago=12 * 3600 + 5),
        lambda caller: caller.authorization(ago=-13 * 3600),
        lambda caller: caller.authorization(origin="https://updates.push.services.mozilla.com"),
        lambda caller: caller.authorization(origin=f"{caller.origin}/"),
        lambda caller: caller.authorization(subject="mailto: push@example.com"),
        lambda caller: caller.authorization(subject="mailto:push@localhost"),
        lambda caller: caller.authorization(subject="push@example.com"),
        lambda caller: caller.authorization().replace(",k=", "A,k="),
        lambda caller: caller.authorization().split(",k=")[0] + f",k={new_key().public}",
    ],
    ids=["key", "expired", "far", "audience", "slash", "space", "localhost", "scheme", "signature", "swapped key"],
)
async def test_a_token_that_authorizes_nothing_is_refused(
    sim: Simulator, http: httpx.AsyncClient, authorize: Callable[[Caller], str]
) -> None:
    caller = Caller(sim, http)
    assert errno(await caller.post({"authorization": authorize(caller)})) == (401, 109)
    assert (await caller.post()).status_code == 201


async def test_a_subscription_without_a_key_is_bound_to_the_first_that_sends(
    sim: Simulator, http: httpx.AsyncClient
) -> None:
    caller = Caller(sim, http)
    caller.subscription = read_subscription(json.dumps(sim.webpush.subscribe()), ())
    assert (await caller.post()).status_code == 201
    assert errno(await caller.post({"authorization": caller.authorization(key=new_key())})) == (401, 109)


async def test_what_its_browser_cannot_read_is_refused(sim: Simulator, http: httpx.AsyncClient) -> None:
    caller, other = Caller(sim, http), Caller(sim, http)
    foreign = encrypt(Plain(other.subscription.p256dh, other.subscription.auth, TEXT))
    sealed = encrypt(Plain(caller.subscription.p256dh, caller.subscription.auth, TEXT))
    for body in (foreign, b"", b"x" * 200, sealed[:-1], sealed[:18] + b"\x00\x20" + sealed[20:]):
        assert errno(await caller.post(body=body)) == (400, 110)
    assert errno(await caller.post(body=b"x" * 4097)) == (413, 104)


@pytest.mark.parametrize(
    ("prefix", "status"),
    [("gone", 410), ("unknown", 404), ("toolarge", 413), ("toomany", 429), ("forbidden", 403), ("unauthorized", 401)],
)
async def test_a_subscription_can_name_its_own_fate(
    sim: Simulator, http: httpx.AsyncClient, prefix: str, status: int
) -> None:
    assert (await Caller(sim, http, prefix=prefix).post()).status_code == status


async def test_scripts_and_subscriptions_over_the_control_interface(sim: Simulator, http: httpx.AsyncClient) -> None:
    caller = Caller(sim, http)
    made = (await http.post("/_sim/webpush/subscriptions", json={"prefix": "flaky1"})).json()
    caller.subscription = read_subscription(json.dumps(made), ())
    assert [(await caller.post()).status_code for _ in range(2)] == [503, 201]
    token = made["endpoint"].rpartition("/")[2]
    script = {"token": token, "actions": [{"error": "GONE"}]}
    assert (await http.post("/_sim/webpush/tokens", json=script)).status_code == 200
    assert (await caller.post()).status_code == 410
    assert (await http.post("/_sim/webpush/tokens", json={**script, "actions": [{"error": "NO"}]})).status_code == 400
    waiting = await http.get("/_sim/webpush/waiting", params={"token": token})
    assert [json.loads(text)["msg_id"] for text in waiting.json()] == ["m-1"]
    assert (await http.get("/_sim/webpush/waiting", params={"token": "nobody"})).status_code == 404


async def test_an_unknown_subscription_is_not_found(sim: Simulator, http: httpx.AsyncClient) -> None:
    caller = Caller(sim, http)
    caller.subscription = caller.subscription._replace(path=f"/push/{int(time.time())}")
    assert errno(await caller.post()) == (404, 102)
