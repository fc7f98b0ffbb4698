"""A certificate authority made at run time, and the certificates it issues for loopback servers."""

import datetime
import ipaddress
import ssl
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

LOOPBACK_NAMES = ("localhost", "127.0.0.1", "::1")
BACKDATED = datetime.timedelta(days=1)
LIFETIME = datetime.timedelta(days=365)


@dataclass(frozen=True, slots=True)
class Identity:
    """A private key with its certificate."""

    key: ec.EllipticCurvePrivateKey
    certificate: x509.Certificate

    def certificate_pem(self) -> bytes:
        """The certificate alone."""
        return self.certificate.public_bytes(serialization.Encoding.PEM)

    def bundle_pem(self) -> bytes:
        """Certificate and unencrypted key, as `ssl.SSLContext.load_cert_chain` reads them."""
        key = self.key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        return self.certificate_pem() + key


def make_authority(name: str = "Clarion provider simulator") -> Identity:
    """A fresh, self-signed certificate authority."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = _name(name)
    builder = _builder(subject, subject, key.public_key()).add_extension(
        x509.BasicConstraints(ca=True, path_length=0), critical=True
    )
    builder = builder.add_extension(
        x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False
    ).add_extension(_key_usage(signs_certificates=True), critical=True)
    return Identity(key, builder.sign(key, hashes.SHA256()))


def load_authority(bundle: Path) -> Identity:
    """The authority of an earlier start; `ValueError` if the file is not what `Identity.bundle_pem` writes."""
    content = bundle.read_bytes()
    key = serialization.load_pem_private_key(content, None)
    if not isinstance(key, ec.EllipticCurvePrivateKey):
        raise ValueError(f"{bundle} holds no elliptic-curve key")
    return Identity(key, x509.load_pem_x509_certificate(content))


def issue_server(authority: Identity, *, names: Sequence[str] = LOOPBACK_NAMES, expired: bool = False) -> Identity:
    """A server certificate for these host names and addresses."""
    key = ec.generate_private_key(ec.SECP256R1())
    builder = _builder(_name(names[0]), authority.certificate.subject, key.public_key(), expired=expired)
    issuer_key = x509.AuthorityKeyIdentifier.from_issuer_public_key(authority.key.public_key())
    for extension, critical in (
        (x509.BasicConstraints(ca=False, path_length=None), True),
        (x509.SubjectAlternativeName([_alternative(name) for name in names]), False),
        (x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), False),
        (_key_usage(signs_certificates=False), True),
        (issuer_key, False),
    ):
        builder = builder.add_extension(extension, critical=critical)
    return Identity(key, builder.sign(authority.key, hashes.SHA256()))


def server_context(bundle: Path, *, clients: Path) -> ssl.SSLContext:
    """A TLS server context that offers HTTP/2 and HTTP/1.1, and takes certificates of clients signed by `clients`."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.load_cert_chain(bundle)
    context.load_verify_locations(clients)
    context.verify_mode = ssl.CERT_OPTIONAL
    context.set_alpn_protocols(["h2", "http/1.1"])
    return context


def _name(text: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])


def _alternative(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        return x509.DNSName(name)


def _builder(
    subject: x509.Name, issuer: x509.Name, public_key: ec.EllipticCurvePublicKey, *, expired: bool = False
) -> x509.CertificateBuilder:
    now = datetime.datetime.now(datetime.UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(public_key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - 2 * BACKDATED)
        .not_valid_after(now - BACKDATED if expired else now + LIFETIME)
    )


def _key_usage(*, signs_certificates: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not signs_certificates,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=signs_certificates,
        crl_sign=signs_certificates,
        encipher_only=False,
        decipher_only=False,
    )
