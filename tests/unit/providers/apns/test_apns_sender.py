"""The APNs sender over a stand-in channel: paths, headers, tokens, and what is taken back."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

import pytest
from tests.unit.providers.apns.token_keys import values

from clarion.foundation.errors import Unavailable
from clarion.providers.apns.auth import LocalJwtStore, ProviderToken
from clarion.providers.apns.sender import ApnsSender
from clarion.providers.apns.settings import ApnsSettings
from clarion.providers.contract import Content, Credential, CredentialRefused, Outcome, Verdict
from clarion.providers.options import Options
from clarion.providers.transport import Answer, ChannelOptions, Failure, Request, Sink

pytestmark = pytest.mark.anyio

NOW = datetime(2026, 11, 22, tzinfo=UTC)
UUID = b"0123456789abcdef0123456789abcdef"
DASHED = "01234567-89ab-cdef-0123-456789abcdef"
TOKEN = "ab" * 32


class StillClock:
    """A clock that stands still."""

    def now(self) -> datetime:
        return NOW

    def monotonic(self) -> float:
        return 0.0


class StandInChannel:
    """Keeps what is submitted until the test answers it."""

    def __init__(self, origin: str, sink: Sink, options: ChannelOptions) -> None:
        self.origin = origin
        self.options = options
        self._sink = sink
        self.waiting: list[Request] = []
        self.closed = False
        self.asked_to_close = asyncio.Event()

    def submit(self, requests: Sequence[Request]) -> None:
        self.waiting += requests

    def withdraw(self) -> list[Request]:
        taken, self.waiting = self.waiting, []
        return taken

    def answer(self, status: int, body: bytes = b"") -> None:
        """Answer everything that waits."""
        taken, self.waiting = self.waiting, []
        self._sink([Answer(request.tag, status, body) for request in taken])

    @property
    def pending(self) -> int:
        return len(self.waiting)

    async def aclose(self, *, grace: float = 20.0) -> None:
        self.asked_to_close.set()
        if grace:
            await asyncio.sleep(0)
        self.closed = True
        taken, self.waiting = self.waiting, []
        self._sink([Answer(request.tag, 0, failure=Failure.UNSENT, detail="closed") for request in taken])


@dataclass
class Network:
    """A transport that keeps its channels."""

    channels: list[StandInChannel] = field(default_factory=list)

    def open(self, origin: str, sink: Sink, options: ChannelOptions) -> StandInChannel:
        channel = StandInChannel(origin, sink, options)
        self.channels.append(channel)
        return channel


class Gone(LocalJwtStore):
    """A store that cannot be reached."""

    async def agree(self, key: bytes, offer: ProviderToken, *, after: datetime) -> ProviderToken:
        raise Unavailable("the database cannot be reached")


@dataclass
class Fixture:
    """A sender, its network, and what it reported."""

    sender: ApnsSender
    network: Network
    reported: list[Answer]

    @property
    def home(self) -> StandInChannel:
        return self.network.channels[0]

    def request(self, token: str = TOKEN, *, route: str = "apns", ttl: int = 60, tag: object = "tag") -> Request:
        made = self.sender.prepare(Content("Hi", "There"), transport=route, ttl=ttl).request(token, b"m-1", UUID, tag)
        assert isinstance(made, Request)
        return made

    def verdicts(self) -> list[Verdict]:
        return [self.sender.verdict(answer) for answer in self.reported]


def make(settings: ApnsSettings | None = None, store: LocalJwtStore | None = None, **changes: str) -> Fixture:
    network, reported = Network(), list[Answer]()
    sender = ApnsSender(
        Credential(1, 1, "apns", 1, "f", values(**changes)),
        settings=settings or ApnsSettings(),
        transport=network,
        store=store or LocalJwtStore(),
        clock=StillClock(),
        sink=reported.extend,
    )
    return Fixture(sender, network, reported)


def headers_of(sent: Request) -> dict[str, str]:
    """All headers of a request."""
    own = zip(sent.head.own, map(bytes.decode, sent.own), strict=True)
    return dict([*sent.head.headers, *own])


async def test_a_notification_has_path_topic_and_identity() -> None:
    one = make()
    await one.sender.ready()
    one.sender.submit([one.request("AB" * 32)])
    (sent,) = one.home.waiting
    assert one.home.origin == "https://api.push.apple.com"
    assert (sent.head.method, sent.path) == ("POST", f"/3/device/{TOKEN}".encode())
    headers = headers_of(sent)
    assert headers.pop("authorization").startswith("bearer ey")
    assert headers == {
        "apns-topic": "com.example.weather",
        "apns-push-type": "alert",
        "apns-priority": "10",
        "apns-expiration": str(int(NOW.timestamp()) + 60),
        "apns-id": DASHED,
        "apns-collapse-id": DASHED,
    }
    assert b'"px.msg_id":"m-1"' in sent.body


async def test_a_message_without_time_left_is_tried_once_and_never_carries_a_past_date() -> None:
    one = make()
    await one.sender.ready()
    one.sender.submit([one.request(ttl=0)])
    assert headers_of(one.home.waiting[0])["apns-expiration"] == "0"


@pytest.mark.parametrize(
    ("options", "push_type", "priority"),
    [
        (Options(), "alert", "10"),
        (Options(priority="normal"), "alert", "5"),
        (Options(silent=True), "background", "5"),
        (Options(silent=True, priority="high"), "background", "5"),
    ],
)
async def test_push_type_and_priority_follow_the_options(options: Options, push_type: str, priority: str) -> None:
    """Apple refuses a background notification with priority 10 (providers.md §3.4)."""
    one = make()
    await one.sender.ready()
    prepared = one.sender.prepare(Content("Hi", "There", options=options), transport="apns", ttl=60)
    made = prepared.request(TOKEN, b"m", UUID, "tag")
    assert isinstance(made, Request)
    one.sender.submit([made])
    headers = headers_of(one.home.waiting[0])
    assert (headers["apns-push-type"], headers["apns-priority"]) == (push_type, priority)


async def test_a_chosen_collapse_key_stands_in_for_the_uuid() -> None:
    content = Content("Hi", "There", options=Options(collapse_key="weather"))
    one = make()
    await one.sender.ready()
    made = one.sender.prepare(content, transport="apns", ttl=60).request(TOKEN, b"m", UUID, "tag")
    assert isinstance(made, Request)
    one.sender.submit([made])
    headers = headers_of(one.home.waiting[0])
    assert (headers["apns-id"], headers["apns-collapse-id"]) == (DASHED, "weather")


async def test_pushes_of_different_styles_share_connections_and_heads_are_made_anew_within_bounds() -> None:
    """Every second of time to live has a head of its own; they must not add up."""
    one = make()
    await one.sender.ready()
    one.sender.submit([one.request(ttl=ttl) for ttl in range(1, 200)])
    begun = int(NOW.timestamp())
    assert [headers_of(sent)["apns-expiration"] for sent in one.home.waiting] == [
        str(begun + ttl) for ttl in range(1, 200)
    ]
    assert len(one.network.channels) == 1


async def test_the_first_request_of_a_connection_goes_alone_and_connections_open_slowly() -> None:
    options = make().home.options
    assert (options.first_alone, options.open_interval, options.request_timeout) == (True, 1.0, 20.0)


async def test_the_environment_chooses_the_host_and_an_operator_may_add_a_path() -> None:
    assert make(environment="sandbox").home.origin == "https://api.sandbox.push.apple.com"
    relayed = make(ApnsSettings(url="https://relay.example:8443/apple/"))
    await relayed.sender.ready()
    relayed.sender.submit([relayed.request()])
    assert relayed.home.origin == "https://relay.example:8443"
    assert relayed.home.waiting[0].path == f"/apple/3/device/{TOKEN}".encode()


@pytest.mark.parametrize("token", ["", "ab" * 31, "ab" * 101, "a" * 65, "xy" * 32, "ab" * 32 + "\n", "../" + "ab" * 32])
async def test_a_token_that_cannot_be_one_is_not_sent(token: str) -> None:
    prepared = make().sender.prepare(Content("Hi", "There"), transport="apns", ttl=60)
    made = prepared.request(token, b"m", UUID, 1)
    assert isinstance(made, Verdict)
    assert (made.outcome, made.code) == (Outcome.TOKEN_GUARDED, "MALFORMED_TOKEN")


async def test_no_other_channel_is_opened_before_it_is_needed() -> None:
    one = make()
    await one.sender.ready()
    one.request()
    assert len(one.network.channels) == 1
    one.request(route="apns:sandbox")
    assert [channel.origin for channel in one.network.channels[1:]] == ["https://api.sandbox.push.apple.com"]


async def test_the_id_of_an_accepted_notification_is_known_without_its_headers() -> None:
    one = make()
    await one.sender.ready()
    one.sender.submit([one.request()])
    one.home.answer(200)
    assert [(verdict.outcome, verdict.provider_id) for verdict in one.verdicts()] == [(Outcome.OK, DASHED)]
    assert [answer.tag for answer in one.reported] == ["tag"]


async def test_what_is_taken_back_carries_its_owners_tag_and_can_be_sent_again() -> None:
    one = make()
    await one.sender.ready()
    one.sender.submit([one.request(tag=number) for number in range(3)])
    assert one.sender.pending == 3
    taken = one.sender.withdraw()
    assert [request.tag for request in taken] == [0, 1, 2]
    assert one.sender.pending == 0
    one.sender.submit(taken)
    one.home.answer(200)
    assert [answer.tag for answer in one.reported] == [0, 1, 2]


async def test_a_bad_token_that_is_tried_elsewhere_counts_as_pending_until_its_last_answer() -> None:
    one = make()
    await one.sender.ready()
    one.sender.submit([one.request()])
    one.home.answer(400, b'{"reason":"BadDeviceToken"}')
    assert (one.sender.pending, one.reported) == (1, [])
    await one.sender.ready()
    assert one.sender.withdraw()[0].tag == "tag"
    assert one.sender.pending == 0


async def test_bad_tokens_beyond_the_tries_allowed_wait_for_their_result() -> None:
    one = make()
    await one.sender.ready()
    one.sender.submit([one.request(tag=number) for number in range(150)])
    one.home.answer(400, b'{"reason":"BadDeviceToken"}')
    assert (one.sender.pending, one.reported) == (150, [])
    assert len(one.sender.withdraw()) == 150


async def test_closing_leaves_bad_tokens_that_wait_for_another_attempt() -> None:
    one = make()
    await one.sender.ready()
    one.sender.submit([one.request(tag=number) for number in range(150)])
    one.home.answer(400, b'{"reason":"BadDeviceToken"}')
    await one.sender.aclose(grace=0)
    assert len(one.reported) == 150
    assert {verdict.outcome for verdict in one.verdicts()} == {Outcome.UNSENT}
    assert all(channel.closed for channel in one.network.channels)


async def test_while_closing_nothing_is_tried_again() -> None:
    one = make()
    await one.sender.ready()
    one.sender.submit([one.request()])
    closing = asyncio.create_task(one.sender.aclose(grace=1))
    await one.home.asked_to_close.wait()
    one.home.answer(400, b'{"reason":"BadDeviceToken"}')
    await closing
    assert [verdict.outcome for verdict in one.verdicts()] == [Outcome.UNSENT]
    assert len(one.network.channels) == 1


async def test_two_replacements_of_a_connection_are_a_second_apart() -> None:
    one = make()
    await one.sender.ready()
    for expected in (2, 2):
        one.sender.submit([one.request()])
        one.network.channels[-1].answer(503, b'{"reason":"Shutdown"}')
        assert len(one.network.channels) == expected
        one.network.channels[-1].answer(503, b'{"reason":"Shutdown"}')
    assert [verdict.outcome for verdict in one.verdicts()] == [Outcome.TRANSIENT, Outcome.TRANSIENT]


async def test_without_a_provider_token_nothing_can_be_sent_for_now() -> None:
    one = make(store=Gone())
    with pytest.raises(CredentialRefused) as caught:
        await one.sender.ready()
    assert caught.value.verdict.outcome is Outcome.TRANSIENT


@pytest.mark.parametrize("changes", [{"auth_key": "nonsense"}, {"topic": "a\nb"}, {"certificate": "x"}])
async def test_an_unusable_credential_is_refused_before_anything_is_opened(changes: dict[str, str]) -> None:
    with pytest.raises(CredentialRefused) as caught:
        make(**changes)
    assert caught.value.verdict.outcome is Outcome.CREDENTIAL
