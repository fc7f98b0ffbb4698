"""Secrets at rest and keyed hashes.

The master key (from the operator) wraps one random root key per installation, kept in the table `installation`;
every other key is derived from the root key, so changing the master key rewrites one row (docs/adr/0004).
"""

import base64
import hashlib
import hmac
import os

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from clarion.foundation.errors import ConfigurationError

_VERSION = b"\x01"
_SALT, _NONCE, _KEY = 16, 12, 32


class Secret(str):
    """A string that never shows itself: `repr` and format give `***`. Use `reveal` at the one place of use."""

    __slots__ = ()

    def __repr__(self) -> str:
        return "'***'"

    def __str__(self) -> str:
        return "***"

    def __format__(self, spec: str) -> str:
        return "***"

    def reveal(self) -> str:
        """The plain text."""
        return str.__getitem__(self, slice(None))


def parse_master_key(text: str) -> bytes:
    """Decode a master key: 32 bytes as base64, base64url or hex. `ConfigurationError` otherwise."""
    compact = text.strip()
    if len(compact) == 2 * _KEY:
        try:
            return bytes.fromhex(compact)
        except ValueError:
            pass
    try:
        raw = base64.urlsafe_b64decode(compact.replace("+", "-").replace("/", "_") + "=" * (-len(compact) % 4))
    except ValueError:
        raw = b""
    if len(raw) != _KEY:
        message = "CLARION_MASTER_KEY must be 32 random bytes as base64 or hex (make one with: openssl rand -base64 32)"
        raise ConfigurationError(message)
    return raw


def generate_master_key() -> str:
    """A new master key as text."""
    return base64.urlsafe_b64encode(os.urandom(_KEY)).decode()


def _derive(key: bytes, purpose: bytes, length: int = _KEY) -> bytes:
    """HKDF-Expand (RFC 5869) with one block; the input keys are uniformly random already."""
    return hmac.new(key, purpose + b"\x01", hashlib.sha256).digest()[:length]


def wrap_root_key(root: bytes, master: bytes) -> bytes:
    """Encrypt the root key under the master key."""
    nonce = os.urandom(_NONCE)
    return nonce + AESGCM(_derive(master, b"clarion wrap")).encrypt(nonce, root, b"clarion root key")


def unwrap_root_key(blob: bytes, master: bytes) -> bytes:
    """Decrypt the root key. `ConfigurationError` when the master key is not the one that wrapped it."""
    try:
        return AESGCM(_derive(master, b"clarion wrap")).decrypt(blob[:_NONCE], blob[_NONCE:], b"clarion root key")
    except InvalidTag:
        message = "CLARION_MASTER_KEY is not the key this database was made with; set the original key"
        raise ConfigurationError(message) from None


class Keeper:
    """Seals and opens secrets, and makes keyed hashes, all under the installation's root key."""

    def __init__(self, root: bytes) -> None:
        self._seal = _derive(root, b"clarion seal")
        self._hash = _derive(root, b"clarion lookup hash")
        self.message_key = _derive(root, b"clarion msg_id")
        """Keys the MAC inside `msg_id`."""

    def seal(self, plain: str | bytes, context: str) -> bytes:
        """Encrypt under a key of its own; `context` names account, owner and field and must match on opening."""
        data = plain.encode() if isinstance(plain, str) else plain
        salt, nonce = os.urandom(_SALT), os.urandom(_NONCE)
        return _VERSION + salt + nonce + AESGCM(_derive(self._seal, salt)).encrypt(nonce, data, context.encode())

    def open(self, blob: bytes, context: str) -> bytes:
        """Decrypt; `ConfigurationError` if the blob was tampered with or moved from another record."""
        salt, nonce = blob[1 : 1 + _SALT], blob[1 + _SALT : 1 + _SALT + _NONCE]
        try:
            return AESGCM(_derive(self._seal, salt)).decrypt(nonce, blob[1 + _SALT + _NONCE :], context.encode())
        except InvalidTag:
            raise ConfigurationError(f"a stored secret does not open ({context.split(':')[0]})") from None

    def lookup_hash(self, text: str, purpose: str) -> bytes:
        """A 32-byte keyed hash to find a secret by, without storing it readably."""
        return hmac.new(self._hash, f"{purpose}\0{text}".encode(), hashlib.sha256).digest()
