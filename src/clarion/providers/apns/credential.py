"""What an app uploads for APNs: a token key (.p8), or a client certificate with its key (providers.md §3.2, §3.3)."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, EllipticCurvePrivateKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from clarion.providers.apns.settings import Environment

_TEN = re.compile(r"[A-Za-z0-9]{10}").fullmatch
_TOPIC = re.compile(r"[A-Za-z0-9][A-Za-z0-9.-]{0,199}").fullmatch
# Apple's extensions that name the environments of a certificate; with both, or none, it serves either.
_ENVIRONMENT_OIDS = {
    x509.ObjectIdentifier("1.2.840.113635.100.6.3.1"): Environment.SANDBOX,
    x509.ObjectIdentifier("1.2.840.113635.100.6.3.2"): Environment.PRODUCTION,
}


@dataclass(frozen=True, slots=True)
class TokenKey:
    """A key that signs provider tokens."""

    team_id: str
    key_id: str
    key: EllipticCurvePrivateKey = field(repr=False)


@dataclass(frozen=True, slots=True)
class ClientCertificate:
    """A certificate, with its chain and key, for mutual TLS."""

    pem: bytes = field(repr=False)
    """Leaf first, then the chain, then the key."""
    environments: frozenset[Environment]


@dataclass(frozen=True, slots=True)
class ApnsCredential:
    """One app at Apple."""

    topic: str
    environment: Environment
    identity: TokenKey | ClientCertificate

    def serves(self, environment: Environment) -> bool:
        """Whether the credential may be good in an environment. Whether a token key is, only Apple knows."""
        return isinstance(self.identity, TokenKey) or environment in self.identity.environments


def _text(values: Mapping[str, object], name: str) -> str:
    value = values.get(name)
    if not isinstance(value, str) or not value:
        raise ValueError(f"{name} is missing")
    return value


def _token_key(values: Mapping[str, object]) -> TokenKey:
    team_id, key_id, pem = (_text(values, name) for name in ("team_id", "auth_key_id", "auth_key"))
    for name, value in (("team_id", team_id), ("auth_key_id", key_id)):
        if not _TEN(value):
            raise ValueError(f"{name} must be 10 letters and digits")
    try:
        key = load_pem_private_key(pem.encode(), password=None)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        raise ValueError("auth_key is not an unencrypted PEM key") from None
    if not isinstance(key, EllipticCurvePrivateKey) or not isinstance(key.curve, SECP256R1):
        raise ValueError("auth_key must be an elliptic-curve key on P-256")
    return TokenKey(team_id, key_id, key)


def _certificate(values: Mapping[str, object]) -> ClientCertificate:
    chain, key = _text(values, "certificate"), _text(values, "private_key")
    try:
        leaf = x509.load_pem_x509_certificate(chain.encode())
        extensions = {extension.oid for extension in leaf.extensions}
    except ValueError:
        raise ValueError("certificate is not a readable PEM certificate") from None
    named = frozenset(environment for oid, environment in _ENVIRONMENT_OIDS.items() if oid in extensions)
    return ClientCertificate(f"{chain.rstrip()}\n{key.strip()}\n".encode(), named or frozenset(Environment))


def read_credential(values: Mapping[str, object]) -> ApnsCredential:
    """The credential in its stored fields. `ValueError` names the first field that is unusable."""
    topic = _text(values, "topic")
    if not _TOPIC(topic):
        raise ValueError("topic is not a bundle id")
    try:
        environment = Environment(_text(values, "environment"))
    except ValueError:
        raise ValueError("environment must be production or sandbox") from None
    identity = _certificate(values) if values.get("certificate") else _token_key(values)
    return ApnsCredential(topic, environment, identity)
