"""The FCM sender over a stand-in channel: heads, renewal of the token, late refusals, unusable tokens."""

import asyncio
import json
from collections.abc import Iterable, Sequence

import pytest
from tests.unit.providers.fcm.service_accounts import document

from clarion.foundation.clock import SystemClock
from clarion.providers.contract import Content, Credential, CredentialRefused, Outcome, Verdict
from clarion.providers.fcm.sender import FcmSender
from clarion.providers.fcm.settings import FcmSettings
from clarion.providers.http import HttpAnswer
from clarion.providers.transport import Answer, ChannelOptions, Request, Sink

pytestmark = pytest.mark.anyio

UUID = b"0" * 32


class StandInChannel:
    """Keeps what is submitted until the test answers it."""

    def __init__(self, sink: Sink) -> None:
        self._sink = sink
        self.waiting: list[Request] = []
        self.closed = False

    def submit(self, requests: Sequence[Request]) -> None:
        self.waiting += requests

    def withdraw(self) -> list[Request]:
        taken, self.waiting = self.waiting, []
        return taken

    def answer(self, status: int, count: int) -> None:
        """Answer the oldest requests."""
        taken, self.waiting = self.waiting[:count], self.waiting[count:]
        self._sink([Answer(request.tag, status) for request in taken])

    @property
    def pending(self) -> int:
        return len(self.waiting)

    async def aclose(self, *, grace: float = 20.0) -> None:
        self.closed = True


class Network:
    """A transport with one channel, and a token endpoint that numbers its tokens."""

    def __init__(self) -> None:
        self.calls = 0
        self.origin = ""
        self.options = ChannelOptions()
        self.channel = StandInChannel(lambda answers: None)

    def open(self, origin: str, sink: Sink, options: ChannelOptions) -> StandInChannel:
        self.origin, self.options, self.channel = origin, options, StandInChannel(sink)
        return self.channel

    async def request(
        self, method: str, url: str, *, headers: Iterable[tuple[str, str]] = (), body: bytes = b""
    ) -> HttpAnswer:
        self.calls += 1
        await asyncio.sleep(0)
        return HttpAnswer(200, (), json.dumps({"access_token": f"token-{self.calls}", "expires_in": 3600}).encode())


def credential(**changes: str) -> Credential:
    return Credential(app_id=1, account_id=1, provider="fcm", version=1, fingerprint="f", values=document(**changes))


def sender_on(network: Network, settings: FcmSettings | None = None, **changes: str) -> FcmSender:
    """A sender that, like dispatch, reports every refused token."""

    def sink(answers: list[Answer]) -> None:
        for answer in answers:
            if sender.verdict(answer).outcome is Outcome.AUTH:
                sender.refresh()

    sender = FcmSender(
        credential(**changes),
        settings=settings or FcmSettings(),
        transport=network,
        http=network,
        clock=SystemClock(),
        sink=sink,
    )
    return sender


def requests_of(sender: FcmSender, count: int) -> list[Request]:
    prepared = sender.prepare(Content("Hi", "There"), transport="fcm.data", ttl=60)
    made = [prepared.request(f"device-{number}", b"m", UUID, number) for number in range(count)]
    return [request for request in made if isinstance(request, Request)]


async def test_request_goes_to_the_projects_path_with_bearer_and_content_type() -> None:
    network = Network()
    sender = sender_on(network, project_id="example.com:legacy-1")
    await sender.ready()
    (request,) = requests_of(sender, 1)
    assert network.origin == "https://fcm.googleapis.com"
    assert network.options.request_timeout == 15.0
    assert (request.head.method, request.head.path) == ("POST", "/v1/projects/example.com%3Alegacy-1/messages:send")
    assert request.head.headers == (("authorization", "Bearer token-1"), ("content-type", "application/json"))
    assert json.loads(request.body)["message"]["token"] == "device-0"


async def test_base_address_may_have_a_path() -> None:
    network = Network()
    sender = sender_on(network, FcmSettings(url="https://relay.example:8443/google/"))
    await sender.ready()
    (request,) = requests_of(sender, 1)
    assert network.origin == "https://relay.example:8443"
    assert request.head.path == "/google/v1/projects/acceptance-one/messages:send"


async def test_requests_of_one_token_share_one_head() -> None:
    sender = sender_on(Network())
    await sender.ready()
    first, second = requests_of(sender, 2)
    await sender.ready()
    (third,) = requests_of(sender, 1)
    assert first.head is second.head is third.head


async def test_nothing_is_rendered_without_an_access_token() -> None:
    with pytest.raises(RuntimeError):
        requests_of(sender_on(Network()), 1)


async def test_refused_token_is_renewed_once_however_many_requests_carried_it() -> None:
    network = Network()
    sender = sender_on(network)
    await sender.ready()
    sender.submit(requests_of(sender, 100))
    network.channel.answer(401, 10)
    await sender.ready()
    network.channel.answer(401, 50)
    await sender.ready()
    network.channel.answer(401, 40)
    await sender.ready()
    assert network.calls == 2


async def test_successor_that_is_refused_too_is_replaced() -> None:
    network = Network()
    sender = sender_on(network)
    await sender.ready()
    sender.submit(requests_of(sender, 10))
    network.channel.answer(401, 10)
    await sender.ready()
    sender.submit(requests_of(sender, 10))
    network.channel.answer(401, 1)
    await sender.ready()
    assert network.calls == 3


async def test_successor_that_is_refused_among_late_refusals_is_replaced() -> None:
    network = Network()
    sender = sender_on(network)
    await sender.ready()
    sender.submit(requests_of(sender, 10))
    network.channel.answer(401, 5)
    await sender.ready()
    sender.submit(requests_of(sender, 5))
    network.channel.answer(401, 5)
    await sender.ready()
    assert network.calls == 2
    network.channel.answer(401, 1)
    await sender.ready()
    assert network.calls == 3


async def test_request_made_before_a_renewal_leaves_with_the_new_token() -> None:
    network = Network()
    sender = sender_on(network)
    await sender.ready()
    early, held = requests_of(sender, 2)
    sender.submit([early])
    network.channel.answer(401, 1)
    await sender.ready()
    sender.submit([held])
    (sent,) = network.channel.waiting
    assert sent.head.headers[0] == ("authorization", "Bearer token-2")


@pytest.mark.parametrize("token", ["", "a b", 'a"b', "a\\b", "ü", "a\n", "x" * 4097, "a\x00"])
async def test_token_that_cannot_be_one_is_not_sent(token: str) -> None:
    sender = sender_on(Network())
    await sender.ready()
    made = sender.prepare(Content("Hi", "There"), transport="fcm", ttl=60).request(token, b"m", UUID, 1)
    assert isinstance(made, Verdict)
    assert (made.outcome, made.code) == (Outcome.TOKEN_GUARDED, "MALFORMED_TOKEN")


@pytest.mark.parametrize(
    "changes",
    [
        {"token_uri": "https://collect.example/token"},
        {"token_uri": "https://oauth2.googleapis.com/token/"},
        {"token_uri": "https://OAUTH2.googleapis.com/token"},
        {"token_uri": "https://x@oauth2.googleapis.com/token"},
        {"private_key": "nonsense"},
        {"project_id": "../other"},
    ],
)
async def test_unusable_service_account_is_refused_before_anything_is_sent(changes: dict[str, str]) -> None:
    network = Network()
    with pytest.raises(CredentialRefused) as caught:
        sender_on(network, None, **changes)
    assert caught.value.verdict.outcome is Outcome.CREDENTIAL
    assert network.origin == ""


async def test_operator_may_allow_another_token_address() -> None:
    network = Network()
    settings = FcmSettings(token_uri_allow=("https://127.0.0.1:1/token",))
    await sender_on(network, settings, token_uri="https://127.0.0.1:1/token").ready()
    assert network.calls == 1


async def test_withdraw_pending_and_close_pass_through() -> None:
    network = Network()
    sender = sender_on(network)
    await sender.ready()
    sender.submit(requests_of(sender, 3))
    assert sender.pending == 3
    assert [request.tag for request in sender.withdraw()] == [0, 1, 2]
    await sender.aclose()
    assert network.channel.closed
