"""The simulated APNs refuses what the real one refuses (providers.md §3)."""

import base64
import json
import ssl
import time
import uuid
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.hazmat.primitives.serialization import pkcs12

from clarion.simulator import Simulator
from clarion.simulator.faults import Action

pytestmark = pytest.mark.anyio

TOPIC = "com.example.weather"
TOKEN = "a" * 64
PAYLOAD = {"aps": {"alert": "Hi"}, "px.msg_id": "m-1"}


def part(content: object) -> str:
    raw = content if isinstance(content, bytes) else json.dumps(content).encode()
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def jwt(values: dict[str, str], *, iat: int | None = None, **header: str) -> str:
    """A provider token as Apple's document describes it, with some of its header changed."""
    head = {"alg": "ES256", "kid": values["auth_key_id"]} | header
    claims = {"iss": values["team_id"], "iat": int(time.time()) if iat is None else iat}
    signed = f"{part(head)}.{part(claims)}"
    key = serialization.load_pem_private_key(values["auth_key"].encode(), None)
    assert isinstance(key, ec.EllipticCurvePrivateKey)
    r, s = decode_dss_signature(key.sign(signed.encode(), ec.ECDSA(hashes.SHA256())))
    return f"{signed}.{part(r.to_bytes(32, 'big') + s.to_bytes(32, 'big'))}"


@dataclass
class Apple:
    """A simulator, a key, and a client that sends one notification at a time."""

    sim: Simulator
    http: httpx.AsyncClient
    values: dict[str, str]
    jwt: str

    async def send(
        self,
        token: str = TOKEN,
        *,
        body: bytes | None = None,
        bearer: str | None = None,
        method: str = "POST",
        path: str | None = None,
        drop: str = "",
        **headers: str,
    ) -> httpx.Response:
        bearer = self.jwt if bearer is None else bearer
        sent = {"apns-topic": TOPIC, "apns-push-type": "alert", "apns-priority": "10"}
        sent |= {f"apns-{name.replace('_', '-')}": value for name, value in headers.items()}
        sent.pop(f"apns-{drop}", None)
        if bearer:
            sent["authorization"] = f"bearer {bearer}"
        content = json.dumps(PAYLOAD).encode() if body is None else body
        return await self.http.request(method, path or f"/3/device/{token}", content=content, headers=sent)

    async def reason(self, token: str = TOKEN, **changes: object) -> tuple[int, str]:
        answer = await self.send(token, **changes)  # type: ignore[arg-type]
        return answer.status_code, answer.json()["reason"] if answer.content else ""


def client(sim: Simulator, *, sandbox: bool = False, certificate: Path | None = None) -> httpx.AsyncClient:
    context = ssl.create_default_context(cafile=sim.ca_file)
    if certificate:
        context.load_cert_chain(certificate)
    url = sim.url.replace("127.0.0.1", "localhost") if sandbox else sim.url
    return httpx.AsyncClient(base_url=url, verify=context, http1=False, http2=True)


@pytest.fixture
async def apple(sim: Simulator) -> AsyncIterator[Apple]:
    values = sim.apns.key(topic=TOPIC)
    async with client(sim) as http:
        yield Apple(sim, http, values, jwt(values))


async def test_a_notification_is_accepted_echoed_and_journalled(apple: Apple) -> None:
    apns_id = str(uuid.uuid4())
    answer = await apple.send(id=apns_id)
    assert (answer.status_code, answer.content) == (200, b"")
    assert answer.headers["apns-id"] == apns_id
    assert "apns-unique-id" not in answer.headers
    (entry,) = apple.sim.journal.entries()
    assert (entry.provider, entry.token, entry.message_id, entry.project) == ("apns", TOKEN, "m-1", TOPIC)
    assert entry.accepted


async def test_without_an_id_apple_makes_one(apple: Apple) -> None:
    assert uuid.UUID((await apple.send()).headers["apns-id"])


async def test_localhost_is_the_sandbox_and_tells_a_unique_id(sim: Simulator) -> None:
    values = sim.apns.key(topic=TOPIC)
    async with client(sim, sandbox=True) as http:
        answer = await Apple(sim, http, values, jwt(values)).send()
    assert uuid.UUID(answer.headers["apns-unique-id"])
    assert [entry.project for entry in sim.journal.entries()] == [f"sandbox:{TOPIC}"]


async def test_http_1_is_not_spoken(sim: Simulator) -> None:
    context = ssl.create_default_context(cafile=sim.ca_file)
    async with httpx.AsyncClient(base_url=sim.url, verify=context) as http:
        assert (await http.post(f"/3/device/{TOKEN}")).status_code == 505


@pytest.mark.parametrize(
    ("changes", "status", "reason"),
    [
        ({"drop": "push-type"}, 400, "InvalidPushType"),
        ({"push_type": "shout"}, 400, "InvalidPushType"),
        ({"push_type": "background"}, 400, "BadPriority"),
        ({"priority": "7"}, 400, "BadPriority"),
        ({"drop": "topic"}, 400, "MissingTopic"),
        ({"topic": "not a topic"}, 400, "BadTopic"),
        ({"push_type": "voip"}, 400, "BadTopic"),
        ({"topic": "com.example.other"}, 400, "TopicDisallowed"),
        ({"id": "1"}, 400, "BadMessageId"),
        ({"expiration": "-1"}, 400, "BadExpirationDate"),
        ({"expiration": "soon"}, 400, "BadExpirationDate"),
        ({"collapse_id": "x" * 65}, 400, "BadCollapseId"),
        ({"body": b""}, 400, "PayloadEmpty"),
        ({"body": b"{}"}, 400, "PayloadEmpty"),
        ({"body": b'{"aps":'}, 400, "PayloadEmpty"),
        ({"body": b'{"aps":{"alert":"' + b"x" * 4090 + b'"}}'}, 413, "PayloadTooLarge"),
        ({"token": "A" * 64}, 400, "BadDeviceToken"),
        ({"token": "a" * 62}, 400, "BadDeviceToken"),
        ({"token": "a" * 65}, 400, "BadDeviceToken"),
        ({"token": ""}, 400, "MissingDeviceToken"),
        ({"path": "/3/devices/1"}, 404, "BadPath"),
        ({"method": "PUT"}, 405, "MethodNotAllowed"),
        ({"bearer": ""}, 403, "MissingProviderToken"),
        ({"bearer": "a.b.c"}, 403, "InvalidProviderToken"),
    ],
)
async def test_what_breaks_a_rule_is_refused(
    apple: Apple, changes: dict[str, object], status: int, reason: str
) -> None:
    assert await apple.reason(**changes) == (status, reason)  # type: ignore[arg-type]
    assert apple.sim.journal.accepted == 0
    assert apple.sim.journal.counts() == {reason: 1}


@pytest.mark.parametrize(
    "changes",
    [
        {"push_type": "background", "priority": "5"},
        {"priority": "1"},
        {"expiration": "0"},
        {"collapse_id": "x" * 64},
        {"token": "a" * 200},
        {"push_type": "voip", "topic": f"{TOPIC}.voip", "body": b'{"aps":{},"x":"' + b"x" * 5000 + b'"}'},
    ],
)
async def test_what_keeps_the_rules_is_accepted(apple: Apple, changes: dict[str, object]) -> None:
    assert (await apple.send(**changes)).status_code == 200  # type: ignore[arg-type]


async def test_headers_that_come_twice_are_refused(apple: Apple) -> None:
    headers = [("apns-topic", TOPIC), ("apns-topic", TOPIC), ("authorization", f"bearer {apple.jwt}")]
    answer = await apple.http.post(f"/3/device/{TOKEN}", content=b"{}", headers=headers)
    assert answer.json() == {"reason": "DuplicateHeaders"}


@pytest.mark.parametrize(
    ("changed", "reason"),
    [
        (lambda values: jwt(values, iat=int(time.time()) - 3700), "ExpiredProviderToken"),
        (lambda values: jwt(values, iat=int(time.time()) + 3600), "InvalidProviderToken"),
        (lambda values: jwt(values, alg="HS256"), "InvalidProviderToken"),
        (lambda values: jwt(values, kid="X" * 10), "InvalidProviderToken"),
        (lambda values: jwt(values | {"team_id": "X" * 10}), "InvalidProviderToken"),
        (lambda values: jwt(values)[:-4] + "AAAA", "InvalidProviderToken"),
        (lambda values: jwt(values).rpartition(".")[0] + "." + part(b"der"), "InvalidProviderToken"),
    ],
    ids=["old", "future", "algorithm", "key id", "team", "signature", "length of signature"],
)
async def test_a_wrong_provider_token_is_refused(
    apple: Apple, changed: Callable[[dict[str, str]], str], reason: str
) -> None:
    assert await apple.reason(bearer=changed(apple.values)) == (403, reason)


async def test_a_signature_by_another_key_is_refused(apple: Apple) -> None:
    other = apple.sim.apns.key(topic=TOPIC)
    forged = jwt(apple.values | {"auth_key": other["auth_key"]})
    assert await apple.reason(bearer=forged) == (403, "InvalidProviderToken")


async def test_a_revoked_key_is_refused_until_restored(apple: Apple) -> None:
    assert apple.sim.apns.keys.change(apple.values["auth_key_id"], revoked=True)
    assert await apple.reason() == (403, "InvalidProviderToken")
    assert apple.sim.apns.keys.change(apple.values["auth_key_id"], revoked=False)
    assert (await apple.send()).status_code == 200


async def test_a_key_of_the_other_environment_is_refused(apple: Apple) -> None:
    values = apple.sim.apns.key(topic=TOPIC, environments=("sandbox",))
    assert await apple.reason(bearer=jwt(values)) == (403, "BadEnvironmentKeyIdInToken")


async def test_a_second_new_token_within_20_minutes_is_throttled_and_the_first_stays_good() -> None:
    now = time.time()
    async with Simulator(clock=lambda: now) as sim, client(sim) as http:
        values = sim.apns.key(topic=TOPIC)
        apple = Apple(sim, http, values, jwt(values))
        second = jwt(values)
        assert (await apple.send()).status_code == 200
        assert await apple.reason(bearer=second) == (429, "TooManyProviderTokenUpdates")
        assert (await apple.send()).status_code == 200
        now += 1200
        assert (await apple.send(bearer=second)).status_code == 200


async def test_a_connection_keeps_key_team_and_topic(apple: Apple) -> None:
    team = apple.values["team_id"]
    assert (await apple.send()).status_code == 200
    same_team = apple.sim.apns.key(topic=TOPIC, team_id=team)
    assert await apple.reason(bearer=jwt(same_team)) == (403, "UnrelatedKeyIdInToken")
    assert await apple.reason(bearer=jwt(apple.sim.apns.key(topic=TOPIC))) == (403, "InvalidProviderToken")
    async with client(apple.sim) as http:
        values = apple.sim.apns.key(topic=TOPIC, topics=())
        other = Apple(apple.sim, http, values, jwt(values))
        assert (await other.send()).status_code == 200
        assert await other.reason(topic="com.example.other") == (400, "TopicDisallowed")


@pytest.mark.parametrize(
    ("prefix", "status", "reason"),
    [
        ("deadbeef", 410, "Unregistered"),
        ("deadd00d", 410, "ExpiredToken"),
        ("0badc0de", 400, "BadDeviceToken"),
        ("0ddba115", 400, "DeviceTokenNotForTopic"),
        ("00000429", 429, "TooManyRequests"),
        ("00000500", 500, "InternalServerError"),
        ("00000503", 503, "ServiceUnavailable"),
        ("5a9db0c5", 400, "BadDeviceToken"),
    ],
)
async def test_tokens_may_name_their_outcome(apple: Apple, prefix: str, status: int, reason: str) -> None:
    assert await apple.reason(prefix + TOKEN[8:]) == (status, reason)
    assert apple.sim.journal.counts() == {reason: 1}


async def test_a_dead_token_comes_with_the_moment_of_its_death_in_milliseconds(apple: Apple) -> None:
    answer = await apple.send("deadbeef" + TOKEN[8:])
    assert abs(answer.json()["timestamp"] / 1000 - time.time()) < 60


async def test_scripted_tokens_follow_their_script_and_stay_at_its_end(apple: Apple) -> None:
    apple.sim.apns.on_token(TOKEN, "Shutdown", "Unregistered")
    assert [(await apple.send()).status_code for _ in range(3)] == [503, 410, 410]
    apple.sim.apns.on_token(TOKEN)
    assert (await apple.send()).status_code == 200


async def test_an_unknown_reason_cannot_be_scripted(sim: Simulator) -> None:
    with pytest.raises(ValueError, match="BadWeather"):
        sim.apns.on_token(TOKEN, "BadWeather")


async def test_a_certificate_stands_for_its_topic_in_its_environment(sim: Simulator, tmp_path: Path) -> None:
    file = tmp_path / "client.pem"
    file.write_text(sim.apns.certificate(topic=TOPIC, form="pem")["certificate"])
    async with client(sim, certificate=file) as http:
        apple = Apple(sim, http, {}, "")
        assert (await apple.send()).status_code == 200
        assert await apple.reason(topic="com.example.other") == (400, "TopicDisallowed")
        assert await apple.reason(push_type="location", topic=f"{TOPIC}.location-query") == (400, "InvalidPushType")
        sim.apns.revoke_certificate(TOPIC)
        assert await apple.reason() == (403, "BadCertificate")


async def test_a_certificate_for_production_is_refused_in_the_sandbox(sim: Simulator, tmp_path: Path) -> None:
    file = tmp_path / "client.pem"
    file.write_text(sim.apns.certificate(topic=TOPIC, form="pem")["certificate"])
    async with client(sim, sandbox=True, certificate=file) as http:
        assert await Apple(sim, http, {}, "").reason() == (403, "BadCertificateEnvironment")


async def test_a_p12_opens_with_its_password_only(sim: Simulator) -> None:
    made = sim.apns.certificate(topic=TOPIC, password="secret")
    data = base64.b64decode(made["certificate"])
    assert pkcs12.load_key_and_certificates(data, b"secret")[1] is not None
    with pytest.raises(ValueError, match="password"):
        pkcs12.load_key_and_certificates(data, b"wrong")


async def test_a_simulator_can_be_steered_from_outside(sim: Simulator) -> None:
    async with client(sim) as http:
        made = await http.post("/_sim/apns/keys", json={"topic": TOPIC, "environment": "sandbox"})
        values = made.json()
        assert values["environment"] == "sandbox"
        apple = Apple(sim, http, values, jwt(values))
        await http.post("/_sim/apns/residence", json={"prefix": TOKEN[:8], "environment": "sandbox"})
        assert await apple.reason() == (400, "BadDeviceToken")
        other = "b" * 64
        await http.post("/_sim/apns/tokens", json={"token": other, "actions": [{"error": "ExpiredToken"}]})
        assert await apple.reason(other) == (410, "ExpiredToken")
        assert (await http.post("/_sim/apns/revoke", json={"key_id": values["auth_key_id"]})).json() == {"found": True}
        assert await apple.reason() == (403, "InvalidProviderToken")
        made = await http.post("/_sim/apns/certificates", json={"topic": TOPIC, "form": "pem"})
        assert "PRIVATE KEY" in made.json()["certificate"]
        assert (await http.post("/_sim/apns/other")).status_code == 404


async def test_keys_outlive_a_restart(tmp_path: Path) -> None:
    async with Simulator(directory=tmp_path) as sim:
        values = sim.apns.key(topic=TOPIC)
    async with Simulator(directory=tmp_path) as sim, client(sim) as http:
        assert (await Apple(sim, http, values, jwt(values)).send()).status_code == 200
    assert "PRIVATE" not in (tmp_path / "apns-accounts.json").read_text()


async def test_faults_strike_notifications_too(apple: Apple) -> None:
    apple.sim.faults.add(Action(status=502, body="gateway"))
    assert (await apple.send()).status_code == 502
