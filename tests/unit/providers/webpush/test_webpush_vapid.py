"""VAPID tokens: what they say, who signed them, and when they are signed anew."""

import base64
import json
from datetime import UTC, datetime, timedelta

import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from clarion.providers.webpush.vapid import VapidKey, VapidToken

NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
ORIGIN = "https://updates.push.services.mozilla.com"
SUBJECT = "mailto:push@example.com"


def text(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def raw(part: str) -> bytes:
    return base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))


def pair() -> tuple[str, str, ec.EllipticCurvePublicKey]:
    key = ec.generate_private_key(ec.SECP256R1())
    public = text(key.public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint))
    return public, text(key.private_numbers().private_value.to_bytes(32, "big")), key.public_key()


def parts(authorization: str) -> tuple[dict[str, object], dict[str, object], bytes, bytes, str]:
    token, _, key = authorization.removeprefix("vapid t=").partition(",k=")
    head, claims, signature = token.split(".")
    return json.loads(raw(head)), json.loads(raw(claims)), f"{head}.{claims}".encode(), raw(signature), key


def test_a_token_names_the_push_service_and_is_signed_by_the_apps_key() -> None:
    public, private, verifier = pair()
    authorization = VapidKey(public, private).authorization(ORIGIN, subject=SUBJECT, now=NOW)
    head, claims, signed, signature, key = parts(authorization)
    assert head == {"typ": "JWT", "alg": "ES256"}
    assert claims == {"aud": ORIGIN, "exp": int(NOW.timestamp()) + 12 * 3600, "sub": SUBJECT}
    assert list(claims) == sorted(claims)
    assert key == public
    assert len(signature) == 64
    der = encode_dss_signature(int.from_bytes(signature[:32], "big"), int.from_bytes(signature[32:], "big"))
    verifier.verify(der, signed, ec.ECDSA(hashes.SHA256()))
    with pytest.raises(InvalidSignature):
        verifier.verify(der, signed + b"x", ec.ECDSA(hashes.SHA256()))


def test_a_token_is_used_for_six_hours_then_replaced_and_at_once_when_refused() -> None:
    public, private, _ = pair()
    token = VapidToken(VapidKey(public, private), ORIGIN, subject=SUBJECT)
    first = token.authorization(NOW)
    assert token.authorization(NOW + timedelta(hours=5, minutes=59)) == first
    second = token.authorization(NOW + timedelta(hours=6))
    assert parts(second)[1]["exp"] == int((NOW + timedelta(hours=18)).timestamp())
    token.renew()
    assert token.authorization(NOW + timedelta(hours=6)) != second


def test_a_clock_that_went_back_gets_a_token_of_its_own_time() -> None:
    public, private, _ = pair()
    token = VapidToken(VapidKey(public, private), ORIGIN, subject=SUBJECT)
    token.authorization(NOW)
    earlier = NOW - timedelta(days=2)
    assert parts(token.authorization(earlier))[1]["exp"] == int((earlier + timedelta(hours=12)).timestamp())


def test_halves_of_different_pairs_are_refused_and_the_private_one_is_never_shown() -> None:
    public, private, _ = pair()
    with pytest.raises(ValueError, match="belong together"):
        VapidKey(pair()[0], private)
    assert private not in repr(VapidKey(public, private))
