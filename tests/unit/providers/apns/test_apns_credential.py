"""Stored APNs credentials: both forms, what is unusable, and the file that a certificate is read from."""

import os
import stat
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from tests.unit.providers.apns.token_keys import pem_of, values

from clarion.providers.apns.certificate_file import readable
from clarion.providers.apns.credential import ClientCertificate, TokenKey, read_credential
from clarion.providers.apns.settings import Environment
from clarion.simulator.apns.certificates import issue_client
from clarion.simulator.certificate import make_authority

RSA = rsa.generate_private_key(65537, 2048).private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()


def certificate_values(*environments: str) -> dict[str, str]:
    made = issue_client(make_authority(), "com.example.weather", environments)
    return {
        "topic": "com.example.weather",
        "environment": "production",
        "certificate": made.certificate_pem().decode(),
        "private_key": pem_of(made.key),
    }


def test_a_token_key_may_serve_both_environments() -> None:
    found = read_credential(values(environment="sandbox"))
    assert isinstance(found.identity, TokenKey)
    assert (found.identity.team_id, found.identity.key_id) == ("TEAM567890", "KEY4567890")
    assert (found.topic, found.environment) == ("com.example.weather", Environment.SANDBOX)
    assert found.serves(Environment.PRODUCTION)


@pytest.mark.parametrize(
    ("named", "serves_sandbox"),
    [(["production"], False), (["production", "sandbox"], True), ([], True)],
    ids=["production", "universal", "no extension"],
)
def test_a_certificate_serves_the_environments_it_names(named: list[str], serves_sandbox: bool) -> None:
    found = read_credential(certificate_values(*named))
    assert isinstance(found.identity, ClientCertificate)
    assert found.serves(Environment.SANDBOX) is serves_sandbox
    assert found.identity.pem.count(b"-----BEGIN") == 2


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"topic": ""}, "topic is missing"),
        ({"topic": "a b"}, "topic"),
        ({"environment": "moon"}, "environment"),
        ({"team_id": "short"}, "team_id"),
        ({"auth_key_id": "short"}, "auth_key_id"),
        ({"auth_key": "nonsense"}, "auth_key"),
        ({"auth_key": RSA}, "P-256"),
        ({"auth_key": pem_of(ec.generate_private_key(ec.SECP384R1()))}, "P-256"),
        ({"certificate": "nonsense", "private_key": "x"}, "certificate"),
    ],
)
def test_what_cannot_be_used_is_named(changes: dict[str, str], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        read_credential(values(**changes))


def test_secrets_do_not_show_in_the_credentials_text() -> None:
    assert "PRIVATE" not in repr(read_credential(values()))
    assert "PRIVATE" not in repr(read_credential(certificate_values("production")))


def test_a_certificate_is_readable_in_the_block_only() -> None:
    with readable(b"secret") as path:
        assert Path(path).read_bytes() == b"secret"
        assert Path(path).read_bytes() == b"secret"
    assert not Path(path).exists()


def test_without_memory_files_a_private_file_is_used_and_deleted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(os, "memfd_create", raising=False)
    with readable(b"secret") as path:
        assert Path(path).read_bytes() == b"secret"
        assert stat.S_IMODE(Path(path).stat().st_mode) == 0o600
    assert not Path(path).exists()
