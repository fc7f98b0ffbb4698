"""Which web push endpoints we post to (reliability.md SS-1, SS-4 to SS-6)."""

import base64
import json

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from hypothesis import given
from hypothesis import strategies as st

from clarion.features.devices.model import TokenState
from clarion.features.devices.token import endpoint_fault, token_of
from clarion.foundation.errors import InvalidInput

ACCEPTED = [
    "https://fcm.googleapis.com/fcm/send/abc:APA91",
    "https://fcm.googleapis.com/wp/abc",
    "https://fcm.googleapis.com:443/wp/abc",
    "https://FCM.googleapis.com/wp/abc",
    "https://updates.push.services.mozilla.com/wpush/v2/gAAAA",
    "https://web.push.apple.com/QGz",
    "https://api.push.apple.com/x",
    "https://wns2-par02p.notify.windows.com/w/?token=BQYAAA",
    "https://push.example.org/x",
    "https://127.0.0.1:9443/x",
    "https://[::1]:9443/x",
]
OPERATOR_HOSTS = ("push.example.org", "127.0.0.1:9443", "[::1]:9443")

REFUSED = [
    "http://fcm.googleapis.com/wp/abc",
    "ftp://fcm.googleapis.com/wp/abc",
    "https://fcm.googleapis.com/v1/projects/x/messages:send",
    "https://fcm.googleapis.com/",
    "https://fcm.googleapis.com:8443/wp/abc",
    "https://fcm.googleapis.com:0443/wp/abc",
    "https://fcm.googleapis.com/fcm/send/../../v1/projects/x/messages:send",
    "https://fcm.googleapis.com/wp/%2e%2e/v1/x",
    "https://fcm.googleapis.com/wp/abc/.%2E",
    "https://fcm.googleapis.com./wp/abc",
    "https://fcm.googleapis.com.evil.example/wp/abc",
    "https://evil.example/fcm.googleapis.com/wp/abc",
    "https://evilpush.apple.com.example/x",
    "https://evil-push.apple.com/x",
    "https://push.apple.com/x",
    "https://notify.windows.com/x",
    "https://.push.apple.com/x",
    "https://user@web.push.apple.com/x",
    "https://web.push.apple.com@evil.example/x",
    "https://user:password@web.push.apple.com/x",
    "https://web.push.apple.com/x#fragment",
    "https://web.push.apple.com/x#",
    "https://127.0.0.1/x",
    "https://127.0.0.1:9444/x",
    "https://127.1:9443/x",
    "https://2130706433:9443/x",
    "https://0x7f000001:9443/x",
    "https://0177.0.0.1:9443/x",
    "https://[::ffff:127.0.0.1]:9443/x",
    "https://169.254.169.254/latest/meta-data",
    "https://[fd00::1]/x",
    "https://localhost/x",
    "https://push.example.org:8443/x",
    "https://push.example.org./x",
    "https://xn--pple-43d.push.example/x",
]
NO_ADDRESS = [
    "",
    "abc",
    "//web.push.apple.com/x",
    "https:",
    "https:///x",
    "https://web.push.apple.com/a b",
    "https://web.push.apple.com/a\tb",
    "https://web.push.apple.com/a\nb",
    "https://web.push.apple.com\\@evil.example/x",
    "https://wéb.push.apple.com/x",
    "https://web。push。apple。com/x",
    "https://web.push.apple.com:0x50/x",
    "https://web.push.apple.com:65536/x",
    "https://[::1/x",
    "https://web.push.apple.com/" + "x" * 2048,
]


@pytest.mark.parametrize("endpoint", ACCEPTED)
def test_known_services_and_the_operator_s_hosts_are_accepted(endpoint: str) -> None:
    assert endpoint_fault(endpoint, OPERATOR_HOSTS) is None


@pytest.mark.parametrize("endpoint", REFUSED)
def test_other_addresses_are_never_posted_to(endpoint: str) -> None:
    assert endpoint_fault(endpoint, OPERATOR_HOSTS)


@pytest.mark.parametrize("endpoint", NO_ADDRESS)
def test_what_is_no_address_is_malformed(endpoint: str) -> None:
    with pytest.raises(InvalidInput):
        endpoint_fault(endpoint, OPERATOR_HOSTS)


@given(st.text(max_size=60))
def test_any_text_after_the_scheme_is_refused_or_malformed(text: str) -> None:
    try:
        fault = endpoint_fault(f"https://{text}", ())
    except InvalidInput:
        return
    assert fault


def _subscription(*, key: bytes | None = None, auth: bytes = b"a" * 16, padded: bool = False, **more: object) -> str:
    point = ec.generate_private_key(ec.SECP256R1()).public_key()
    raw = key if key is not None else point.public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
    encode = base64.b64encode if padded else base64.urlsafe_b64encode
    p256dh, secret = encode(raw).decode(), encode(auth).decode()
    keys = {"p256dh": p256dh if padded else p256dh.rstrip("="), "auth": secret if padded else secret.rstrip("=")}
    return json.dumps({"endpoint": "https://web.push.apple.com/x", "keys": keys, **more})


@pytest.mark.parametrize("padded", [False, True])
def test_keys_may_be_base64_or_base64url(padded: bool) -> None:
    token = token_of(_subscription(padded=padded), transport="webpush", webpush_hosts=())
    assert token is not None
    assert token.state == TokenState.VALID


def test_a_subscription_that_has_expired_is_not_sent_to() -> None:
    token = token_of(_subscription(expirationTime=1000), transport="webpush", webpush_hosts=())
    assert token is not None
    assert token.state == TokenState.UNUSABLE


@pytest.mark.parametrize(
    "text",
    [
        _subscription(key=b"\x04" + b"\x01" * 64),
        _subscription(key=b"\x02" + b"\x01" * 32),
        _subscription(key=b""),
        _subscription(auth=b"a" * 15),
        _subscription(auth=b"a" * 17),
        _subscription(keys={"p256dh": "!!!", "auth": "YWFh"}),
        _subscription(keys=None),
        _subscription(endpoint=None),
    ],
    ids=["off the curve", "compressed", "no key", "short auth", "long auth", "no base64", "no keys", "no endpoint"],
)
def test_wrong_keys_are_malformed(text: str) -> None:
    with pytest.raises(InvalidInput):
        token_of(text, transport="webpush", webpush_hosts=())


@pytest.mark.parametrize("text", [None, ""])
def test_no_token_is_no_token(text: str | None) -> None:
    assert token_of(text, transport="webpush", webpush_hosts=()) is None
