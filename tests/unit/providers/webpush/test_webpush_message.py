"""What is rendered for a browser, and which subscriptions are sent to."""

import asyncio
import base64
import json
from collections.abc import Sequence

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from hypothesis import given
from hypothesis import strategies as st

from clarion.features.apps.credentials import new_vapid_pair
from clarion.foundation.clock import SystemClock
from clarion.providers.contract import Content, Credential, CredentialRefused, Outcome, Verdict
from clarion.providers.http2 import Http2Transport
from clarion.providers.options import NO_OPTIONS
from clarion.providers.transport import Answer, Request, Sink
from clarion.providers.webpush.encryption import Plain
from clarion.providers.webpush.message import Message, label_of
from clarion.providers.webpush.payload import render
from clarion.providers.webpush.sealing import SealingFailed
from clarion.providers.webpush.sender import WebPushSender
from clarion.providers.webpush.settings import WebPushSettings

pytestmark = pytest.mark.anyio

KEY = ec.generate_private_key(ec.SECP256R1()).public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
UUID = b"0123456789abcdef" * 2


class BrokenSealer:
    """Never encrypts anything."""

    async def seal(self, batch: Sequence[Plain]) -> list[bytes]:
        raise SealingFailed("no process")

    async def aclose(self) -> None:
        """Nothing to close."""


def token(endpoint: str, auth: str = "QUFBQUFBQUFBQUFBQUFBQQ") -> str:
    return json.dumps({"endpoint": endpoint, "keys": {"p256dh": base64.b64encode(KEY).decode(), "auth": auth}})


def sender(sink: Sink = lambda answers: None, **values: str) -> WebPushSender:
    return WebPushSender(
        Credential(1, 1, "webpush", 1, "f", {**new_vapid_pair().values, **values}),
        settings=WebPushSettings(),
        transport=Http2Transport(),
        sealer=BrokenSealer(),
        clock=SystemClock(),
        sink=sink,
    )


def made(endpoint: str, content: Content | None = None, **keys: str) -> Request | Verdict:
    prepared = sender().prepare(content or Content("Hi", "There"), transport="webpush", ttl=60)
    return prepared.request(token(endpoint, **keys), b"m-1", UUID, "tag")


@given(st.builds(Content, *[st.text(st.characters(codec="utf-8"), max_size=20)] * 5))
def test_what_a_worker_parses_is_what_was_written_and_nothing_empty(content: Content) -> None:
    written = json.loads(render(content).text(b"id-1"))
    values = zip(
        ("title", "body", "image", "icon", "url"),
        (content.title, content.text, content.image, content.icon, content.link),
        strict=True,
    )
    assert written == {name: value for name, value in values if value} | {"msg_id": "id-1"}


@pytest.mark.parametrize(("ttl", "said"), [(-5, 0), (0, 0), (60, 60), (9_999_999, 2_419_200)])
def test_time_to_live_stays_in_range(ttl: int, said: int) -> None:
    assert label_of(NO_OPTIONS, ttl=ttl).ttl == str(said)


def test_a_message_carries_its_topic_and_the_subscriptions_address() -> None:
    message = made("https://updates.push.services.mozilla.com:443/wpush/v2/abc?x=1")
    assert isinstance(message, Message)
    assert message.origin == "https://updates.push.services.mozilla.com"
    assert (message.path, message.own, message.label.ttl) == (b"/wpush/v2/abc?x=1", (UUID,), "60")
    assert message.head.own == ("topic",)


@pytest.mark.parametrize(
    "endpoint",
    [
        "https://127.0.0.1/push/1",
        "https://127.0.0.1:9000/push/1",
        "http://fcm.googleapis.com/fcm/send/1",
        "https://fcm.googleapis.com/v1/projects/x/messages:send",
        "https://fcm.googleapis.com@evil.example/fcm/send/1",
        "https://updates.push.services.mozilla.com.evil.example/wpush/v2/1",
        "https://169.254.169.254/latest/meta-data",
    ],
)
def test_an_address_that_is_no_push_service_is_refused_when_sending_too(endpoint: str) -> None:
    refused = made(endpoint)
    assert isinstance(refused, Verdict)
    assert (refused.outcome, refused.code) == (Outcome.TOKEN_GUARDED, "endpoint_refused")


def test_a_message_that_no_body_can_hold_is_the_messages_fault() -> None:
    fits = Content("", "x" * (3993 - len('{"body":"","msg_id":"m-1"}')))
    endpoint = "https://web.push.apple.com/abc"
    assert isinstance(made(endpoint, fits), Message)
    refused = made(endpoint, Content("", fits.text + "x"))
    assert isinstance(refused, Verdict)
    assert refused.outcome is Outcome.MESSAGE


@pytest.mark.parametrize(
    "text",
    ["", "{}", "[]", "null", '{"endpoint":7}', "\ud800", token("https://web.push.apple.com/a", "QQ")],
)
def test_what_is_no_subscription_is_not_sent(text: str) -> None:
    refused = sender().prepare(Content("Hi", "There"), transport="webpush", ttl=60).request(text, b"m", UUID, 1)
    assert isinstance(refused, Verdict)
    assert refused.outcome is Outcome.TOKEN_GUARDED


@pytest.mark.parametrize("values", [{"private_key": "AA"}, {"public_key": "!"}, {"private_key": ""}])
def test_an_unusable_pair_is_refused_before_anything_is_sent(values: dict[str, str]) -> None:
    with pytest.raises(CredentialRefused) as caught:
        sender(**values)
    assert caught.value.verdict.outcome is Outcome.CREDENTIAL


async def test_messages_wait_when_nothing_can_be_encrypted() -> None:
    answers: asyncio.Queue[list[Answer]] = asyncio.Queue()
    way = sender(answers.put_nowait)
    prepared = way.prepare(Content("Hi", "There"), transport="webpush", ttl=60)
    requests = [prepared.request(token("https://web.push.apple.com/a"), b"m", UUID, number) for number in range(3)]
    way.submit([request for request in requests if isinstance(request, Request)])
    async with asyncio.timeout(5):
        heard = await answers.get()
    assert [way.verdict(answer).outcome for answer in heard] == [Outcome.UNSENT] * 3
    assert way.pending == 0
    await way.aclose(grace=0)
