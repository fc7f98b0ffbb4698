"""The access token of a service account: assertion, single flight, renewal, retries, refusals (providers.md §2.2)."""

import asyncio
import base64
import json
from collections.abc import Callable, Iterable
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qs

import pytest
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import BestAvailableEncryption, Encoding, NoEncryption, PrivateFormat
from tests.unit.providers.fcm.service_accounts import document, private_key

from clarion.providers.contract import CredentialRefused, Outcome
from clarion.providers.fcm.assertion import AUDIENCE, GRANT, SCOPE, assertion
from clarion.providers.fcm.auth import AccessToken
from clarion.providers.fcm.service_account import read_service_account
from clarion.providers.http import HttpAnswer, HttpError
from clarion.providers.transport import Failure

pytestmark = pytest.mark.anyio

NOW = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)
Reply = HttpAnswer | HttpError


class HandClock:
    """Time that moves only by hand."""

    def __init__(self) -> None:
        self.seconds = 1000.0

    def now(self) -> datetime:
        return NOW + timedelta(seconds=self.seconds - 1000)

    def monotonic(self) -> float:
        return self.seconds


class TokenEndpoint:
    """Answers in order, the last one for ever; `gate` holds answers back."""

    def __init__(self, *replies: Reply) -> None:
        self.replies = list(replies)
        self.bodies: list[bytes] = []
        self.urls: list[str] = []
        self.gate = asyncio.Event()
        self.gate.set()

    async def request(
        self, method: str, url: str, *, headers: Iterable[tuple[str, str]] = (), body: bytes = b""
    ) -> HttpAnswer:
        assert (method, dict(headers)) == ("POST", {"content-type": "application/x-www-form-urlencoded"})
        self.bodies.append(body)
        self.urls.append(url)
        await self.gate.wait()
        reply = self.replies.pop(0) if len(self.replies) > 1 else self.replies[0]
        if isinstance(reply, HttpError):
            raise reply
        return reply

    @property
    def calls(self) -> int:
        return len(self.bodies)


def reply(status: int, content: object, *headers: tuple[str, str]) -> HttpAnswer:
    return HttpAnswer(status, headers, json.dumps(content).encode())


def token(name: str = "t1", expires_in: object = 3600) -> HttpAnswer:
    return reply(200, {"access_token": name, "expires_in": expires_in, "token_type": "Bearer"})


class Bench:
    """An access token with its surroundings."""

    def __init__(self, *replies: Reply) -> None:
        self.clock = HandClock()
        self.endpoint = TokenEndpoint(*replies)
        self.pauses: list[float] = []
        self.token = AccessToken(
            read_service_account(document()), http=self.endpoint, clock=self.clock, pause=self._pause
        )

    async def _pause(self, seconds: float) -> None:
        self.pauses.append(seconds)

    async def authorization(self) -> str:
        return (await self.token.fetch()).authorization

    async def until(self, condition: Callable[[], bool]) -> None:
        async with asyncio.timeout(5):
            while not condition():  # noqa: ASYNC110 - the condition is plain state of the endpoint
                await asyncio.sleep(0)


def decoded(part: str) -> dict[str, Any]:
    value: dict[str, Any] = json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))
    return value


def test_assertion_is_signed_and_claims_what_google_wants() -> None:
    head, claims, signature = assertion(read_service_account(document()), NOW).split(".")
    assert decoded(head) == {"alg": "RS256", "typ": "JWT", "kid": "kid-1"}
    issued = int(NOW.timestamp())
    assert decoded(claims) == {
        "iss": "push@acceptance-one.iam.gserviceaccount.com",
        "scope": SCOPE,
        "aud": AUDIENCE,
        "iat": issued,
        "exp": issued + 3600,
    }
    raw = base64.urlsafe_b64decode(signature + "=" * (-len(signature) % 4))
    private_key().public_key().verify(raw, f"{head}.{claims}".encode(), PKCS1v15(), SHA256())


async def test_token_is_asked_for_at_the_credentials_address_with_a_form() -> None:
    bench = Bench(token("abc"))
    assert await bench.authorization() == "Bearer abc"
    assert bench.endpoint.urls == ["https://oauth2.googleapis.com/token"]
    form = parse_qs(bench.endpoint.bodies[0].decode())
    assert form["grant_type"] == [GRANT]
    assert len(form["assertion"][0].split(".")) == 3


async def test_a_thousand_waiters_cost_one_call() -> None:
    bench = Bench(token())
    bench.endpoint.gate.clear()
    waiting = [asyncio.create_task(bench.authorization()) for _ in range(1000)]
    await bench.until(lambda: bench.endpoint.calls == 1)
    bench.endpoint.gate.set()
    assert set(await asyncio.gather(*waiting)) == {"Bearer t1"}
    assert bench.endpoint.calls == 1


async def test_a_waiter_that_gives_up_does_not_end_the_fetch_for_the_others() -> None:
    bench = Bench(token())
    bench.endpoint.gate.clear()
    impatient, patient = (asyncio.create_task(bench.authorization()) for _ in range(2))
    await bench.until(lambda: bench.endpoint.calls == 1)
    impatient.cancel()
    bench.endpoint.gate.set()
    assert await patient == "Bearer t1"


async def test_token_is_reused_until_five_minutes_before_its_end_and_then_renewed_beside_the_work() -> None:
    bench = Bench(token("old"), token("new"))
    await bench.authorization()
    bench.clock.seconds += 3299
    assert await bench.authorization() == "Bearer old"
    assert bench.endpoint.calls == 1
    bench.clock.seconds += 2
    bench.endpoint.gate.clear()
    assert [await bench.authorization() for _ in range(3)] == ["Bearer old"] * 3
    await bench.until(lambda: bench.endpoint.calls == 2)
    bench.endpoint.gate.set()
    await bench.until(lambda: getattr(bench.token.current(), "authorization", "") == "Bearer new")
    assert bench.endpoint.calls == 2


async def test_an_expired_token_is_never_used() -> None:
    bench = Bench(token("old"), token("new"))
    await bench.authorization()
    bench.clock.seconds += 3600
    assert bench.token.current() is None
    assert await bench.authorization() == "Bearer new"


async def test_failed_renewal_leaves_the_valid_token_and_is_not_repeated_at_once() -> None:
    bench = Bench(token("old"), reply(400, {"error": "invalid_grant"}))
    await bench.authorization()
    bench.clock.seconds += 3400
    assert await bench.authorization() == "Bearer old"
    await bench.until(lambda: bench.endpoint.calls == 2)
    for _ in range(20):
        assert await bench.authorization() == "Bearer old"
        await asyncio.sleep(0)
    assert bench.endpoint.calls == 2
    bench.clock.seconds += 31
    await bench.authorization()
    await bench.until(lambda: bench.endpoint.calls == 3)


async def test_short_lived_token_is_not_renewed_with_every_use() -> None:
    bench = Bench(token("short", 60))
    for _ in range(20):
        await bench.authorization()
        bench.clock.seconds += 1
    assert bench.endpoint.calls == 1


async def test_a_refused_token_is_replaced_but_its_successor_is_not() -> None:
    bench = Bench(token("one"), token("two"))
    first = await bench.token.fetch()
    bench.token.forget(first)
    assert await bench.authorization() == "Bearer two"
    bench.token.forget(first)
    assert await bench.authorization() == "Bearer two"
    assert bench.endpoint.calls == 2


@pytest.mark.parametrize("expires_in", [3600, "3600", 3600.0])
async def test_lifetime_may_be_a_number_or_digits(expires_in: object) -> None:
    bench = Bench(token("t", expires_in))
    assert (await bench.token.fetch()).lifetime == 3600


@pytest.mark.parametrize(
    "failure",
    [
        reply(408, {}),
        reply(429, {}),
        reply(500, {}),
        reply(503, "text"),
        reply(504, {}),
        reply(400, {"error": "internal_failure"}),
        reply(400, {"error": "server_error"}),
        reply(403, {"error": "temporarily_unavailable"}),
        HttpError(Failure.UNSENT, "connect: refused"),
    ],
)
async def test_passing_failure_is_tried_three_times_with_growing_pauses(failure: Reply) -> None:
    bench = Bench(failure, failure, token())
    assert await bench.authorization() == "Bearer t1"
    assert (bench.endpoint.calls, bench.pauses) == (3, [1.0, 2.0])


@pytest.mark.parametrize(
    ("failure", "outcome", "calls"),
    [
        (reply(503, {}), Outcome.TRANSIENT, 3),
        (reply(503, {}, ("retry-after", "20")), Outcome.THROTTLED_CREDENTIAL, 3),
        (reply(429, {}), Outcome.THROTTLED_CREDENTIAL, 3),
        (HttpError(Failure.AMBIGUOUS, "deadline"), Outcome.TRANSIENT, 3),
        (reply(502, {}), Outcome.TRANSIENT, 1),
        (reply(200, {"access_token": "", "expires_in": 3600}), Outcome.TRANSIENT, 1),
        (reply(200, {"access_token": "a b", "expires_in": 3600}), Outcome.TRANSIENT, 1),
        (reply(200, {"access_token": "a", "expires_in": -1}), Outcome.TRANSIENT, 1),
        (reply(200, {"access_token": "a", "expires_in": True}), Outcome.TRANSIENT, 1),
        (reply(200, []), Outcome.TRANSIENT, 1),
        (reply(302, {}), Outcome.CREDENTIAL, 1),
        (reply(400, {"error": "invalid_grant"}), Outcome.CREDENTIAL, 1),
        (reply(401, {"error": "invalid_client"}), Outcome.CREDENTIAL, 1),
        (reply(401, {"error": "unauthorized_client"}), Outcome.CREDENTIAL, 1),
        (reply(400, {"error": "invalid_scope"}), Outcome.CREDENTIAL, 1),
        (reply(404, "nothing here"), Outcome.CREDENTIAL, 1),
    ],
)
async def test_lasting_failure_becomes_a_verdict(failure: Reply, outcome: Outcome, calls: int) -> None:
    bench = Bench(failure)
    with pytest.raises(CredentialRefused) as caught:
        await bench.token.fetch()
    assert caught.value.verdict.outcome is outcome
    assert bench.endpoint.calls == calls


async def test_refusal_reaches_every_waiter_and_the_next_one_asks_again() -> None:
    bench = Bench(reply(400, {"error": "invalid_grant"}), token())
    waiting = [asyncio.create_task(bench.authorization()) for _ in range(10)]
    refused = await asyncio.gather(*waiting, return_exceptions=True)
    assert all(isinstance(error, CredentialRefused) for error in refused)
    assert await bench.authorization() == "Bearer t1"
    assert bench.endpoint.calls == 2


async def test_refusal_names_the_cause_and_the_clock() -> None:
    answer = reply(
        400,
        {"error": "invalid_grant", "error_description": "Invalid JWT Signature."},
        ("date", "Sat, 21 Nov 2026 12:10:00 GMT"),
    )
    with pytest.raises(CredentialRefused) as caught:
        await Bench(answer).token.fetch()
    verdict = caught.value.verdict
    assert verdict.code == "invalid_grant"
    assert verdict.text == (
        "Invalid JWT Signature. (also check this server's clock: it shows 2026-11-21 12:00:00 UTC, "
        "600 s behind the token server)"
    )


async def test_closing_ends_a_fetch_under_way() -> None:
    bench = Bench(token())
    bench.endpoint.gate.clear()
    waiter = asyncio.create_task(bench.authorization())
    await bench.until(lambda: bench.endpoint.calls == 1)
    await bench.token.aclose()
    with pytest.raises(asyncio.CancelledError):
        await waiter


def pem_of(key: Any, encryption: Any) -> str:
    return str(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, encryption).decode())


def test_service_account_is_refused_with_the_name_of_the_faulty_field() -> None:
    faults = {
        "project_id": ("project_id", ["", "UPPER-case", "a b", "../../x", "x" * 64]),
        "client_email": ("client_email", [""]),
        "token_uri": ("token_uri", [""]),
        "type": ("type", ["authorized_user"]),
        "universe_domain": ("universe_domain", ["example.com"]),
        "private_key": ("private_key", ["", "nonsense", pem_of(private_key(), BestAvailableEncryption(b"x"))]),
    }
    for name, (named, values) in faults.items():
        for value in values:
            with pytest.raises(ValueError, match=named):
                read_service_account(document(**{name: value}))


def test_weak_key_is_refused() -> None:
    weak = pem_of(generate_private_key(65537, 1024), NoEncryption())  # noqa: S505 - meant to be weak
    with pytest.raises(ValueError, match="2048 bits"):
        read_service_account(document(private_key=weak))


def test_private_key_does_not_show() -> None:
    assert "PRIVATE" not in repr(read_service_account(document()))
