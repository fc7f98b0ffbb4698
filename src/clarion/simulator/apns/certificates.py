"""Client certificates for APNs, made at run time and signed by the simulator's own authority."""

import base64
import datetime
from collections.abc import Collection
from dataclasses import dataclass

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import pkcs12
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from clarion.simulator.apns.keys import Refused
from clarion.simulator.certificate import BACKDATED, LIFETIME, Identity

_OIDS = {
    "sandbox": x509.ObjectIdentifier("1.2.840.113635.100.6.3.1"),
    "production": x509.ObjectIdentifier("1.2.840.113635.100.6.3.2"),
}
_NULL = b"\x05\x00"


@dataclass(frozen=True, slots=True)
class Client:
    """What a client certificate says about its owner."""

    serial: int
    topic: str
    environments: frozenset[str]


def issue_client(authority: Identity, topic: str, environments: Collection[str]) -> Identity:
    """A certificate for pushes to one app."""
    key = ec.generate_private_key(ec.SECP256R1())
    now = datetime.datetime.now(datetime.UTC)
    subject = x509.Name(
        [
            x509.NameAttribute(NameOID.USER_ID, topic),
            x509.NameAttribute(NameOID.COMMON_NAME, f"Apple Push Services: {topic}"[:64]),
        ]
    )
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(authority.certificate.subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - BACKDATED)
        .not_valid_after(now + LIFETIME)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.CLIENT_AUTH]), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(authority.key.public_key()), critical=False)
    )
    for environment in environments:
        builder = builder.add_extension(x509.UnrecognizedExtension(_OIDS[environment], _NULL), critical=False)
    return Identity(key, builder.sign(authority.key, hashes.SHA256()))


def as_pkcs12(identity: Identity, authority: Identity, password: str) -> str:
    """Base64 of the .p12 file with certificate, chain and key."""
    protection = serialization.BestAvailableEncryption(password.encode()) if password else serialization.NoEncryption()
    data = pkcs12.serialize_key_and_certificates(
        b"push", identity.key, identity.certificate, [authority.certificate], protection
    )
    return base64.b64encode(data).decode()


def client_of(certificate: bytes) -> Client:
    """The owner of a DER certificate that TLS has verified. Raises `Refused` if it is none for pushes."""
    leaf = x509.load_der_x509_certificate(certificate)
    oids = {extension.oid for extension in leaf.extensions}
    environments = frozenset(name for name, oid in _OIDS.items() if oid in oids)
    topics = leaf.subject.get_attributes_for_oid(NameOID.USER_ID)
    if not topics or not environments:
        raise Refused("BadCertificate")
    return Client(leaf.serial_number, str(topics[0].value), environments)
