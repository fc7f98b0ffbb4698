"""Token keys of developer teams, and what APNs makes of the provider tokens that they sign."""

import binascii
import secrets
import string
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import msgspec
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature

from clarion.simulator.encoding import decode_base64url

LIFETIME = 3600
SKEW = 60
UPDATE_PERIOD = 1200
"""Seconds within which Apple allows no second new token of a key."""
REMEMBERED = 10_000
ENVIRONMENTS = ("production", "sandbox")
_TEN = string.ascii_uppercase + string.digits


class Key(msgspec.Struct):
    """A token key as Apple knows it: the public half, as PEM."""

    team_id: str
    key_id: str
    public_key: str
    topics: tuple[str, ...] = ()
    """What it may be used for; empty = every app of the team."""
    environments: tuple[str, ...] = ENVIRONMENTS
    revoked: bool = False


class Refused(Exception):
    """A request is refused; the text is Apple's reason."""


class _Header(msgspec.Struct):
    alg: str = ""
    kid: str = ""


class _Claims(msgspec.Struct):
    iss: str = ""
    iat: int = 0


class Signed(NamedTuple):
    """A provider token whose signature is good."""

    key: Key
    issued_at: int


@dataclass(slots=True)
class _Present:
    """The token of a key that was presented first most lately, by environment."""

    since: float
    known: set[str]


class Keys:
    """All token keys of the simulator, and the provider tokens that it has seen."""

    def __init__(self, *, clock: Callable[[], float], file: Path | None = None) -> None:
        self._clock = clock
        self._file = file
        self._keys = load_keys(file) if file else {}
        self._signed: dict[str, Signed] = {}
        self._present: dict[tuple[str, str, str], _Present] = {}

    def create(
        self, team_id: str = "", *, topics: tuple[str, ...] = (), environments: tuple[str, ...] = ENVIRONMENTS
    ) -> tuple[Key, str]:
        """A fresh key, with the text of the .p8 file that Apple would let its owner download."""
        private = ec.generate_private_key(ec.SECP256R1())
        public = private.public_key().public_bytes(
            serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
        )
        key = Key(team_id or ten_characters(), ten_characters(), public.decode(), topics, environments)
        self._keys[key.key_id] = key
        self._save()
        pem = private.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        return key, pem.decode()

    def known(self) -> list[Key]:
        """All keys, oldest first."""
        return list(self._keys.values())

    def change(self, key_id: str, *, revoked: bool) -> bool:
        """Revoke a key, or undo that; false if there is none."""
        key = self._keys.get(key_id)
        if key is None:
            return False
        key.revoked = revoked
        self._save()
        return True

    def provider_tokens(self, key_id: str) -> int:
        """How many different tokens of a key were presented, refused ones of good signature included."""
        return sum(signed.key.key_id == key_id for signed in self._signed.values())

    def forget_tokens(self) -> None:
        """As if no token had ever been presented."""
        self._signed.clear()
        self._present.clear()

    def check(self, authorization: str, environment: str) -> Key:
        """The key behind an `authorization` header. Raises `Refused`."""
        if not authorization:
            raise Refused("MissingProviderToken")
        scheme, _, text = authorization.partition(" ")
        signed = self._read(text) if scheme.lower() == "bearer" else None
        now = self._clock()
        if signed is None or signed.key.revoked or signed.issued_at > now + SKEW:
            raise Refused("InvalidProviderToken")
        if signed.issued_at < now - LIFETIME:
            raise Refused("ExpiredProviderToken")
        if environment not in signed.key.environments:
            raise Refused("BadEnvironmentKeyIdInToken")
        self._count_update(signed.key, environment, text)
        return signed.key

    def _count_update(self, key: Key, environment: str, text: str) -> None:
        now = self._clock()
        place = (key.team_id, key.key_id, environment)
        present = self._present.get(place)
        if present is None:
            self._present[place] = _Present(now, {text})
        elif text not in present.known:
            if now - present.since < UPDATE_PERIOD:
                raise Refused("TooManyProviderTokenUpdates")
            present.since = now
            present.known.add(text)

    def _read(self, text: str) -> Signed | None:
        known = self._signed.get(text)
        if known is None:
            known = self._verify(text)
            if known is not None and len(self._signed) < REMEMBERED:
                self._signed[text] = known
        return known

    def _verify(self, text: str) -> Signed | None:
        parts = text.split(".")
        if len(parts) != 3:
            return None
        try:
            first, second, signature = (decode_base64url(part) for part in parts)
            header = msgspec.json.decode(first, type=_Header)
            claims = msgspec.json.decode(second, type=_Claims)
        except (binascii.Error, msgspec.DecodeError, ValueError):
            return None
        key = self._keys.get(header.kid)
        if header.alg != "ES256" or key is None or key.team_id != claims.iss:
            return None
        return Signed(key, claims.iat) if is_signed(key, f"{parts[0]}.{parts[1]}".encode(), signature) else None

    def _save(self) -> None:
        if self._file is not None:
            self._file.write_bytes(msgspec.json.encode(list(self._keys.values())))


def ten_characters() -> str:
    """A key id or team id."""
    return "".join(secrets.choice(_TEN) for _ in range(10))


def load_keys(file: Path) -> dict[str, Key]:
    """The keys of an earlier start, by id."""
    if not file.exists():
        return {}
    return {key.key_id: key for key in msgspec.json.decode(file.read_bytes(), type=list[Key])}


def is_signed(key: Key, content: bytes, signature: bytes) -> bool:
    """Whether the signature (ES256: `r‖s`, 64 bytes, RFC 7518 §3.4) is the key's."""
    if len(signature) != 64:
        return False
    public = serialization.load_pem_public_key(key.public_key.encode())
    assert isinstance(public, ec.EllipticCurvePublicKey)  # noqa: S101 – narrows the type only
    der = encode_dss_signature(int.from_bytes(signature[:32], "big"), int.from_bytes(signature[32:], "big"))
    try:
        public.verify(der, content, ec.ECDSA(hashes.SHA256()))
    except InvalidSignature:
        return False
    return True
