"""Reads one uploaded key or certificate, in a process of its own with hard limits (reliability.md CR-4).

Runs as a script: a JSON order on standard input, a JSON result on standard output. Parsers of PKCS#12 and PEM are
written in C and take cost parameters from the file, so this process may burn 2 s of CPU and 256 MiB and then dies; it
can open neither files nor connections. It imports nothing of Clarion, to start quickly.
"""

import base64
import binascii
import contextlib
import datetime
import hashlib
import json
import resource
import sys
from typing import Any

_CPU_SECONDS = 2
_MEMORY_BYTES = 256 << 20
_INPUT_BYTES = 192 << 10  # 64 KiB of upload, escaped

resource.setrlimit(resource.RLIMIT_CPU, (_CPU_SECONDS, _CPU_SECONDS))
resource.setrlimit(resource.RLIMIT_AS, (_MEMORY_BYTES, _MEMORY_BYTES))
resource.setrlimit(resource.RLIMIT_CORE, (0, 0))

from cryptography import x509  # noqa: E402 - only under the limits
from cryptography.exceptions import UnsupportedAlgorithm  # noqa: E402
from cryptography.hazmat.primitives import serialization  # noqa: E402
from cryptography.hazmat.primitives.asymmetric import ec, rsa  # noqa: E402
from cryptography.hazmat.primitives.serialization import pkcs12  # noqa: E402

_SMALLEST_RSA = 2048
_APPLE = "1.2.840.113635.100.6.3."
_SANDBOX_OID, _PRODUCTION_OID = _APPLE + "1", _APPLE + "2"


class Unusable(Exception):
    """What is wrong with the upload, in words for its owner."""


def read_rsa(text: str, password: str) -> dict[str, Any]:
    """A service account's key: unencrypted RSA of at least 2048 bits."""
    key = _private_key(text, "")
    if not isinstance(key, rsa.RSAPrivateKey):
        raise Unusable("is not an RSA key")
    if key.key_size < _SMALLEST_RSA:
        raise Unusable(f"is an RSA key of {key.key_size} bits; at least {_SMALLEST_RSA} are needed")
    return {"fingerprint": _key_fingerprint(key)}


def read_p8(text: str, password: str) -> dict[str, Any]:
    """An APNs token key: unencrypted EC on P-256."""
    key = _private_key(text, "")
    if not isinstance(key, ec.EllipticCurvePrivateKey):
        raise Unusable("is not an elliptic-curve key; use the .p8 file from Apple")
    if not isinstance(key.curve, ec.SECP256R1):
        raise Unusable(f"is a key on the curve {key.curve.name}; APNs needs P-256")
    return {"fingerprint": _key_fingerprint(key)}


def read_certificate(text: str, password: str) -> dict[str, Any]:
    """An APNs client certificate with its key: PEM text, or base64 of a PKCS#12 file."""
    key, leaf, chain = _from_pem(text, password) if "-----BEGIN" in text else _from_pkcs12(text, password)
    if _public_bytes(key.public_key()) != _public_bytes(leaf.public_key()):
        raise Unusable("holds a key that does not belong to the certificate")
    if leaf.not_valid_after_utc < datetime.datetime.now(datetime.UTC):
        raise Unusable(f"expired on {leaf.not_valid_after_utc:%Y-%m-%d}; make a new one in Apple's developer account")
    return {
        "fingerprint": hashlib.sha256(leaf.public_bytes(serialization.Encoding.DER)).hexdigest()[:32],
        "certificate": "".join(_pem(certificate) for certificate in (leaf, *chain)),
        "private_key": key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        ).decode(),
        "topic": _user_id(leaf),
        "environments": _environments(leaf),
        "expires_at": leaf.not_valid_after_utc.isoformat(),
    }


def _private_key(text: str, password: str) -> Any:
    try:
        return serialization.load_pem_private_key(text.encode(), password.encode() or None)
    except TypeError:
        raise Unusable("is encrypted; remove its passphrase first" if not password else "is not encrypted") from None
    except (ValueError, UnsupportedAlgorithm):
        raise Unusable("is not a readable PEM private key; it goes from BEGIN to END with all lines between") from None


def _from_pem(text: str, password: str) -> tuple[Any, x509.Certificate, list[x509.Certificate]]:
    try:
        leaf, *chain = x509.load_pem_x509_certificates(text.encode())
    except ValueError:
        raise Unusable("holds no readable PEM certificate") from None
    if "PRIVATE KEY-----" not in text:
        raise Unusable("holds no private key; append the PEM of the key to the certificate")
    begin = text.rindex("-----BEGIN", 0, text.index("PRIVATE KEY-----"))
    end = text.index("PRIVATE KEY-----", text.index("-----END", begin)) + len("PRIVATE KEY-----")
    block = text[begin:end] + "\n"
    try:
        key = serialization.load_pem_private_key(block.encode(), password.encode() or None)
    except TypeError:
        if not password:
            raise Unusable("holds an encrypted key; send its password too") from None
        key = _private_key(block, "")
    except (ValueError, UnsupportedAlgorithm):
        raise Unusable("holds a private key that is not readable, or the password is wrong") from None
    return key, leaf, chain


def _from_pkcs12(text: str, password: str) -> tuple[Any, x509.Certificate, list[x509.Certificate]]:
    try:
        data = base64.b64decode("".join(text.split()), validate=True)
    except (binascii.Error, ValueError):
        raise Unusable("must be PEM text or the base64 of a .p12 file") from None
    try:
        key, leaf, chain = pkcs12.load_key_and_certificates(data, password.encode() or None)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        raise Unusable("is not a readable .p12 file, or the password is wrong") from None
    if key is None or leaf is None:
        raise Unusable("must hold a certificate and its private key")
    return key, leaf, chain


def _environments(leaf: x509.Certificate) -> list[str]:
    """The environments that Apple's extensions name; both when there is none of them."""
    found = {extension.oid.dotted_string for extension in leaf.extensions}
    named = {"sandbox": _SANDBOX_OID in found, "production": _PRODUCTION_OID in found}
    return [name for name, present in named.items() if present] or list(named)


def _user_id(leaf: x509.Certificate) -> str:
    values = leaf.subject.get_attributes_for_oid(x509.oid.NameOID.USER_ID)
    return str(values[0].value) if values else ""


def _pem(certificate: x509.Certificate) -> str:
    return certificate.public_bytes(serialization.Encoding.PEM).decode()


def _public_bytes(key: Any) -> bytes:
    encoded: bytes = key.public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
    return encoded


def _key_fingerprint(key: Any) -> str:
    return hashlib.sha256(_public_bytes(key.public_key())).hexdigest()[:32]


_READERS = {"rsa": read_rsa, "p8": read_p8, "certificate": read_certificate}


def main() -> None:
    """Serve the one order on standard input."""
    with contextlib.suppress(ValueError):  # a lower hard limit is fine too
        resource.setrlimit(resource.RLIMIT_NOFILE, (3, 3))
    order = json.loads(sys.stdin.buffer.read(_INPUT_BYTES))
    try:
        result = _READERS[order["kind"]](order["text"], order["password"])
    except Unusable as fault:
        result = {"fault": str(fault)}
    sys.stdout.write(json.dumps(result))


if __name__ == "__main__":
    main()
