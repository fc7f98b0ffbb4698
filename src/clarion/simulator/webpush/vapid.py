"""What a push service checks in an application's VAPID header (RFC 8292, and Mozilla's and Apple's additions)."""

import base64
import binascii
import re
from collections.abc import Callable
from typing import Any

import msgspec
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature

LONGEST_LIFE = 86_400
KNOWN_LIMIT = 10_000
_HEADER = re.compile(r"vapid t=([A-Za-z0-9_-]+)\.([A-Za-z0-9_-]+)\.([A-Za-z0-9_-]+), ?k=([A-Za-z0-9_-]{87})")
_CURVE = ec.SECP256R1()
_LOCAL = re.compile(r"mailto:(\s|.*@localhost$)|https://localhost\b")


class Refused(Exception):
    """The header does not authorize; says why."""


class Authorizations:
    """Checks Authorization headers; a signature is verified once."""

    def __init__(self, *, clock: Callable[[], float], audience: Callable[[], str]) -> None:
        self._clock = clock
        self._audience = audience
        self._known: dict[str, tuple[str, int]] = {}
        self.checked = 0
        """Different tokens seen so far."""

    def key_of(self, header: str) -> str:
        """The public key that signed for this push service. Raises `Refused`."""
        if header not in self._known:
            if len(self._known) >= KNOWN_LIMIT:
                self._known.clear()
            self._known[header] = self._check(header)
            self.checked += 1
        key, expires = self._known[header]
        if expires <= self._clock():
            raise Refused("the token has expired")
        return key

    def _check(self, header: str) -> tuple[str, int]:
        found = _HEADER.fullmatch(header)
        if found is None:
            raise Refused("no VAPID header of the form vapid t=…,k=…")
        head, claims, signature, key = found.groups()
        try:
            _verify(_bytes(key), f"{head}.{claims}".encode(), _bytes(signature))
            expires = self._check_claims(msgspec.json.decode(_bytes(head)), msgspec.json.decode(_bytes(claims)))
        except (ValueError, InvalidSignature, msgspec.DecodeError, binascii.Error, AttributeError) as error:
            raise Refused("the token cannot be verified") from error
        return key, expires

    def _check_claims(self, head: dict[str, Any], claims: dict[str, Any]) -> int:
        expires, subject = claims.get("exp"), claims.get("sub")
        if head.get("alg") != "ES256":
            raise Refused("the algorithm must be ES256")
        if claims.get("aud") != self._audience():
            raise Refused(f"the audience is not {self._audience()}")
        if type(expires) is not int or expires > self._clock() + LONGEST_LIFE:
            raise Refused("exp must be a whole number within the next 24 hours")
        if type(subject) is not str or not subject.startswith(("mailto:", "https://")) or _LOCAL.match(subject):
            raise Refused("sub must be a mailto: or https: address")
        return expires


def _verify(key: bytes, signed: bytes, signature: bytes) -> None:
    if len(signature) != 64:
        raise ValueError("the signature must have 64 bytes")
    number = encode_dss_signature(int.from_bytes(signature[:32], "big"), int.from_bytes(signature[32:], "big"))
    ec.EllipticCurvePublicKey.from_encoded_point(_CURVE, key).verify(number, signed, ec.ECDSA(hashes.SHA256()))


def _bytes(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
