"""Uploaded credentials: good ones in every form, and a corpus of bad ones (CR-4). Runs the real key reader."""

import base64
import json
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    KeySerializationEncryption,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    pkcs12,
)
from cryptography.x509.oid import NameOID

from clarion.features.apps.credentials import CredentialChecker, new_vapid_pair
from clarion.features.apps.forms import ApnsForm, FirebaseForm, HuaweiForm, OnesignalForm
from clarion.foundation.errors import InvalidInput

pytestmark = pytest.mark.anyio

GOOGLE = "https://oauth2.googleapis.com/token"
SANDBOX, PRODUCTION = "1.2.840.113635.100.6.3.1", "1.2.840.113635.100.6.3.2"


@pytest.fixture
def checker() -> CredentialChecker:
    return CredentialChecker(token_uri_allow=["http://127.0.0.1:9/token"])


def pem(key: Any, encryption: KeySerializationEncryption | None = None) -> str:
    encoded: bytes = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, encryption or NoEncryption())
    return encoded.decode()


def public_pem(key: ec.EllipticCurvePrivateKey) -> str:
    return key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()


@cache
def rsa_key(bits: int = 2048) -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(public_exponent=65537, key_size=bits)


@cache
def ec_key(curve: type[ec.EllipticCurve] = ec.SECP256R1) -> ec.EllipticCurvePrivateKey:
    return ec.generate_private_key(curve())


def firebase(**changes: str) -> FirebaseForm:
    fields = {
        "type": "service_account",
        "project_id": "weather-pt",
        "private_key_id": "abc123",
        "private_key": pem(rsa_key()),
        "client_email": "push@weather-pt.iam.gserviceaccount.com",
        "client_id": "1",
        "token_uri": GOOGLE,
    }
    return FirebaseForm(**{**fields, **changes})


def apns(**changes: str) -> ApnsForm:
    fields = {
        "topic": "com.example.app",
        "team_id": "ABCDE12345",
        "auth_key": pem(ec_key()),
        "auth_key_id": "KEYID12345",
    }
    return ApnsForm(**{**fields, **changes})


def certificate(
    *, oids: tuple[str, ...] = (PRODUCTION,), days: int = 30, uid: str | None = "com.example.app"
) -> x509.Certificate:
    attributes = [x509.NameAttribute(NameOID.COMMON_NAME, "Apple Push Services")]
    if uid:
        attributes.append(x509.NameAttribute(NameOID.USER_ID, uid))
    name, now = x509.Name(attributes), datetime.now(UTC)
    builder = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(rsa_key().public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=60))
        .not_valid_after(now + timedelta(days=days))
    )
    for oid in oids:
        builder = builder.add_extension(
            x509.UnrecognizedExtension(x509.ObjectIdentifier(oid), b"\x05\x00"), critical=False
        )
    return builder.sign(rsa_key(), hashes.SHA256())


def pem_of(leaf: x509.Certificate) -> str:
    return leaf.public_bytes(Encoding.PEM).decode()


def p12(leaf: x509.Certificate | None, password: str = "", key: Any = None) -> str:
    encryption = BestAvailableEncryption(password.encode()) if password else NoEncryption()
    data = pkcs12.serialize_key_and_certificates(b"push", key or rsa_key(), leaf, None, encryption)
    return base64.b64encode(data).decode()


def by_certificate(text: str, **changes: str) -> ApnsForm:
    return ApnsForm(**{"topic": "com.example.app", "certificate": text, **changes})


async def test_a_service_account_is_kept_without_its_unused_addresses(checker: CredentialChecker) -> None:
    form = firebase(auth_uri="https://evil.example", client_x509_cert_url="https://evil.example")
    checked = await checker.check(form)
    assert (checked.provider, checked.label) == ("fcm", "weather-pt")
    assert checked.values["private_key"] == pem(rsa_key())
    assert "evil" not in json.dumps(checked.values)
    assert len(checked.fingerprint) == 32
    assert "BEGIN" not in repr(checked) + repr(form)


async def test_an_operators_token_address_is_allowed_literally(checker: CredentialChecker) -> None:
    checked = await checker.check(firebase(token_uri="http://127.0.0.1:9/token"))
    assert checked.values["token_uri"] == "http://127.0.0.1:9/token"


@pytest.mark.parametrize(
    "uri",
    [
        "https://OAUTH2.googleapis.com/token",
        "https://oauth2.googleapis.com/token/",
        "https://oauth2.googleapis.com/token/../x",
        "https://oauth2.googleapis.com./token",
        "https://user@oauth2.googleapis.com/token",
        "https://oauth2.googleapis.com:443/token",
        "https://oauth2.googleapis.com/token?x",
        " https://oauth2.googleapis.com/token",
        "https://127.0.0.1/token",
        "http://127.0.0.1:9/token#",
        "file:///etc/passwd",
    ],
)
async def test_any_other_token_address_is_refused(checker: CredentialChecker, uri: str) -> None:
    with pytest.raises(InvalidInput, match="token_uri is not an allowed address"):
        await checker.check(firebase(token_uri=uri))


@pytest.mark.parametrize(
    ("change", "text"),
    [
        ({"type": "authorized_user"}, "type must be service_account: send the key file that Firebase makes"),
        ({"type": ""}, "type must be service_account: .*google-services.json is another file"),
        ({"project_id": ""}, "project_id is required"),
        ({"universe_domain": "evil.example"}, "universe_domain must be googleapis.com"),
        ({"project_id": "../x"}, "project_id must be"),
        ({"project_id": "a?b=c/d"}, "project_id must be"),
        ({"project_id": "weather-pt\n"}, "project_id must be"),
        ({"client_email": "a b@c"}, "client_email must be"),
        ({"client_email": "nobody"}, "client_email must be"),
        ({"private_key_id": "a\r\nb"}, "private_key_id must be"),
        ({"private_key": "x"}, "private_key is not a readable PEM private key"),
        ({"private_key": "x" * 70_000}, "private_key must be ASCII text of at most 65536"),
        ({"private_key": "\u00e4"}, "private_key must be ASCII text"),
        ({"private_key": "-----BEGIN PRIVATE KEY-----\0-----END PRIVATE KEY-----"}, "private_key must be ASCII text"),
    ],
)
async def test_a_bad_service_account_is_refused_in_words(
    checker: CredentialChecker, change: dict[str, str], text: str
) -> None:
    with pytest.raises(InvalidInput, match=f"firebase_creds.{text}"):
        await checker.check(firebase(**change))


@pytest.mark.parametrize(
    ("key", "text"),
    [
        (lambda: pem(rsa_key(1024)), "is an RSA key of 1024 bits; at least 2048 are needed"),
        (lambda: pem(ec_key()), "is not an RSA key"),
        (lambda: pem(rsa_key(), BestAvailableEncryption(b"x")), "is encrypted; remove its passphrase first"),
        (
            lambda: pem_of(certificate()),
            "is not a readable PEM private key; it goes from BEGIN to END with all lines between",
        ),
        (
            lambda: pem(rsa_key())[:-200],
            "is not a readable PEM private key; it goes from BEGIN to END with all lines between",
        ),
    ],
)
async def test_a_wrong_private_key_is_named(checker: CredentialChecker, key: Callable[[], str], text: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        await checker.check(firebase(private_key=key()))
    assert str(caught.value) == f"firebase_creds.private_key {text}"


@pytest.mark.parametrize("name", ["auth_key", "key", "private_key", "p8"])
async def test_a_token_key_is_read_under_every_name(checker: CredentialChecker, name: str) -> None:
    form = apns(**{"auth_key": "", name: pem(ec_key()), "auth_key_id": "", "key_id": "KEYID12345"})
    checked = await checker.check(form)
    assert checked.values == {
        "topic": "com.example.app",
        "environment": "production",
        "team_id": "ABCDE12345",
        "auth_key": pem(ec_key()),
        "auth_key_id": "KEYID12345",
    }


@pytest.mark.parametrize(
    ("change", "text"),
    [
        ({"topic": ""}, "topic is required"),
        ({"topic": "a b"}, "topic must be"),
        ({"topic": "a\r\nx: y"}, "topic must be"),
        ({"team_id": ""}, "team_id is required"),
        ({"team_id": "short"}, "team_id must be"),
        ({"auth_key_id": ""}, "auth_key_id is required"),
        ({"auth_key_id": "KEYID1234\n"}, "auth_key_id must be"),
        ({"auth_key": ""}, "auth_key is required"),
        ({"environment": "staging"}, "environment must be production or sandbox"),
        ({"auth_key": "nonsense"}, "auth_key is not a readable PEM"),
    ],
)
async def test_a_bad_token_credential_is_refused_in_words(
    checker: CredentialChecker, change: dict[str, str], text: str
) -> None:
    with pytest.raises(InvalidInput, match=f"apns_creds.{text}"):
        await checker.check(apns(**change))


@pytest.mark.parametrize(
    ("key", "text"),
    [
        (lambda: pem(rsa_key()), "is not an elliptic-curve key"),
        (lambda: pem(ed25519.Ed25519PrivateKey.generate()), "is not an elliptic-curve key"),
        (lambda: pem(ec_key(ec.SECP384R1)), "is a key on the curve secp384r1; APNs needs P-256"),
        (lambda: pem(ec_key(), BestAvailableEncryption(b"x")), "is encrypted"),
        (
            lambda: ec_key().public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode(),
            "is not a readable",
        ),
    ],
)
async def test_a_wrong_token_key_is_named(checker: CredentialChecker, key: Callable[[], str], text: str) -> None:
    with pytest.raises(InvalidInput, match=f"apns_creds.auth_key {text}"):
        await checker.check(apns(auth_key=key()))


@pytest.mark.parametrize(
    ("text", "password"),
    [
        (lambda: p12(certificate()), ""),
        (lambda: p12(certificate(), "sésame"), "sésame"),
        (lambda: pem_of(certificate()) + pem(rsa_key()), ""),
        (lambda: pem(rsa_key()) + pem_of(certificate()), ""),
        (lambda: pem_of(certificate()) + pem(rsa_key(), BestAvailableEncryption(b"sesame")), "sesame"),
    ],
)
async def test_a_certificate_is_read_in_every_form(
    checker: CredentialChecker, text: Callable[[], str], password: str
) -> None:
    checked = await checker.check(by_certificate(text(), password=password))
    assert checked.values["environment"] == "production"
    assert checked.values["certificate"].startswith("-----BEGIN CERTIFICATE-----")
    assert checked.values["private_key"] == pem(rsa_key())
    assert "password" not in checked.values


async def test_a_certificates_own_topic_is_the_default(checker: CredentialChecker) -> None:
    checked = await checker.check(by_certificate(p12(certificate(uid="com.example.other")), topic=""))
    assert checked.values["topic"] == checked.label == "com.example.other"
    with pytest.raises(InvalidInput, match="topic is required"):
        await checker.check(by_certificate(p12(certificate(uid=None)), topic=""))


@pytest.mark.parametrize(
    ("text", "form", "fault"),
    [
        (lambda: p12(certificate(days=-1)), {}, "expired on 20"),
        (lambda: p12(certificate(), "right"), {"password": "wrong"}, "or the password is wrong"),
        (lambda: p12(certificate(), "right"), {}, "or the password is wrong"),
        (lambda: p12(None), {}, "must hold a certificate and its private key"),
        (lambda: pem_of(certificate()) + pem(ec_key()), {}, "holds a key that does not belong to the certificate"),
        (lambda: pem_of(certificate()), {}, "holds no private key"),
        (lambda: pem(rsa_key()), {}, "holds no readable PEM certificate"),
        (lambda: pem_of(certificate()) + pem(rsa_key(), BestAvailableEncryption(b"x")), {}, "send its password too"),
        (
            lambda: pem_of(certificate()) + "-----BEGIN PRIVATE KEY-----\nAA==\n-----END PRIVATE KEY-----",
            {},
            "not readable",
        ),
        (lambda: pem_of(certificate()) + "-----END PRIVATE KEY-----", {}, "private key"),
        (lambda: "!!!", {}, "must be PEM text or the base64"),
        (lambda: base64.b64encode(b"junk").decode(), {}, "is not a readable .p12 file"),
        (
            lambda: p12(certificate(oids=(SANDBOX,))),
            {},
            "is one for sandbox, but apns_creds.environment says production",
        ),
        (lambda: p12(certificate()), {"environment": "sandbox"}, "is one for production, but"),
    ],
)
async def test_a_bad_certificate_is_refused_in_words(
    checker: CredentialChecker, text: Callable[[], str], form: dict[str, str], fault: str
) -> None:
    with pytest.raises(InvalidInput) as caught:
        await checker.check(by_certificate(text(), **form))
    assert str(caught.value).startswith("apns_creds.certificate ")
    assert fault in str(caught.value)


async def test_a_certificate_of_another_app_is_refused(checker: CredentialChecker) -> None:
    """A topic below the certificate's own, such as one for calls, is covered by it."""
    text = p12(certificate(uid="com.example.app"))
    with pytest.raises(InvalidInput) as caught:
        await checker.check(by_certificate(text, topic="com.example.application"))
    said = "apns_creds.topic is com.example.application, but the certificate is one for com.example.app"
    assert str(caught.value) == said
    assert (await checker.check(by_certificate(text, topic="com.example.app.voip"))).label == "com.example.app.voip"


async def test_a_certificate_tells_when_it_runs_out(checker: CredentialChecker) -> None:
    checked = await checker.check(by_certificate(p12(certificate(days=30))))
    assert checked.expires_at is not None
    assert timedelta(days=29) < checked.expires_at - datetime.now(UTC) <= timedelta(days=30)
    assert (await checker.check(apns())).expires_at is None


@pytest.mark.parametrize("oids", [(), (SANDBOX, PRODUCTION)])
async def test_a_universal_certificate_serves_both_environments(
    checker: CredentialChecker, oids: tuple[str, ...]
) -> None:
    text = p12(certificate(oids=oids))
    for environment in ("production", "sandbox"):
        checked = await checker.check(by_certificate(text, environment=environment))
        assert checked.values["environment"] == environment


async def test_a_file_made_to_burn_time_is_given_up(checker: CredentialChecker) -> None:
    """A .p12 that ends with its MAC, whose iterations become a thousand million instead of 2048."""
    data = base64.b64decode(p12(certificate(), "x"))
    mac, iterations = data[-67:-4], data[-4:]
    assert (mac[:2].hex(), iterations.hex()) == ("3041", "02020800")
    size = int.from_bytes(data[2:4], "big") + 2
    grown = data[:2] + size.to_bytes(2, "big") + data[4:-67] + b"\x30\x43" + mac[2:] + bytes.fromhex("02043b9aca00")
    began = time.monotonic()
    with pytest.raises(InvalidInput, match="takes too much time or memory to read"):
        await checker.check(by_certificate(base64.b64encode(grown).decode(), password="x"))
    assert time.monotonic() - began < 10


@pytest.mark.parametrize(
    ("form", "text"),
    [
        (OnesignalForm(), "onesignal_creds.app_id is required"),
        (OnesignalForm(app_id="x", api_key="k"), "onesignal_creds.app_id must be a UUID"),
        (OnesignalForm(app_id="0b0c5d1e-0000-4a4a-9a9a-7f6f5f4f3f2f"), "onesignal_creds.api_key is required"),
        (HuaweiForm(app_id="1"), "huawei_creds.app_secret is required"),
        (HuaweiForm(app_id="../1", app_secret="s"), "huawei_creds.app_id must be"),
        (HuaweiForm(app_id="1", app_secret="a\nb"), "huawei_creds.app_secret must be"),
    ],
)
async def test_a_bad_pair_of_id_and_secret_is_refused(checker: CredentialChecker, form: Any, text: str) -> None:
    with pytest.raises(InvalidInput, match=text):
        await checker.check(form)


def test_vapid_pairs_are_valid_and_never_the_same() -> None:
    first, second = new_vapid_pair(), new_vapid_pair()
    assert first.values != second.values
    private = int.from_bytes(base64.urlsafe_b64decode(first.values["private_key"] + "="), "big")
    public = ec.derive_private_key(private, ec.SECP256R1()).public_key()
    point = public.public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
    assert base64.urlsafe_b64decode(first.values["public_key"] + "=") == point
