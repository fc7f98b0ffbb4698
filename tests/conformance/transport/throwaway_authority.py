"""Certificates made at run time: an authority, and leaves that are good, expired, or for another host."""

import datetime
import ipaddress
import ssl
from dataclasses import dataclass
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID


def _name(text: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])


def _builder(
    subject: str, issuer: str, key: ec.EllipticCurvePublicKey, *, days_left: int = 2
) -> x509.CertificateBuilder:
    now = datetime.datetime.now(datetime.UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(_name(subject))
        .issuer_name(_name(issuer))
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=5))
        .not_valid_after(now + datetime.timedelta(days=days_left))
    )


@dataclass(frozen=True)
class Leaf:
    """PEM files of one certificate; `chain` holds certificate and key."""

    certificate: Path
    key: Path
    chain: Path


class Authority:
    """Signs leaves into a folder."""

    def __init__(self, folder: Path, name: str = "test authority") -> None:
        self._folder = folder
        self._name = name
        self._key = ec.generate_private_key(ec.SECP256R1())
        builder = _builder(name, name, self._key.public_key())
        builder = builder.add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        self.file = folder / f"{name.replace(' ', '-')}.pem"
        self.file.write_bytes(builder.sign(self._key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM))

    def leaf(self, name: str, *, host: str = "localhost", expired: bool = False) -> Leaf:
        """A certificate for `host` (and the loopback address if that is localhost)."""
        key = ec.generate_private_key(ec.SECP256R1())
        names: list[x509.GeneralName] = [x509.DNSName(host)]
        if host == "localhost":
            names.append(x509.IPAddress(ipaddress.ip_address("127.0.0.1")))
        builder = _builder(name, self._name, key.public_key(), days_left=-1 if expired else 2)
        builder = builder.add_extension(x509.SubjectAlternativeName(names), critical=False)
        builder = builder.add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        certificate = builder.sign(self._key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)
        return self._store(name, certificate, key)

    def _store(self, name: str, certificate: bytes, key: ec.EllipticCurvePrivateKey) -> Leaf:
        pem = key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        leaf = Leaf(*(self._folder / f"{name}.{kind}.pem" for kind in ("certificate", "key", "chain")))
        leaf.certificate.write_bytes(certificate)
        leaf.key.write_bytes(pem)
        leaf.chain.write_bytes(certificate + pem)
        return leaf

    def server_context(self, leaf: Leaf, *, alpn: tuple[str, ...] = ("h2",), clients: bool = False) -> ssl.SSLContext:
        """The server's side of TLS; `clients`: demand a certificate of this authority."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(leaf.certificate, leaf.key)
        if alpn:
            context.set_alpn_protocols(list(alpn))
        if clients:
            context.load_verify_locations(self.file)
            context.verify_mode = ssl.CERT_REQUIRED
        return context
