"""Message encryption for web push: aes128gcm in exactly one record (RFC 8291, RFC 8188). Pure but for randomness."""

import hmac
import os
from typing import NamedTuple

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

RECORD_SIZE = 4096
"""Bytes of a body that every push service must take (RFC 8030 §7.2)."""
OVERHEAD = 103
"""Bytes of header (86), delimiter (1) and tag (16)."""
PLAINTEXT_LIMIT = RECORD_SIZE - OVERHEAD
POINT_SIZE = 65
SECRET_SIZE = 16

_CURVE = ec.SECP256R1()
_CEK_INFO = b"Content-Encoding: aes128gcm\x00\x01"
_NONCE_INFO = b"Content-Encoding: nonce\x00\x01"
_SALT_SIZE = 16
_HEADER_REST = RECORD_SIZE.to_bytes(4, "big") + bytes([POINT_SIZE])


class Plain(NamedTuple):
    """One message before encryption, with the public half of its reader's key and the shared secret."""

    p256dh: bytes
    auth: bytes
    text: bytes


def encrypt(message: Plain) -> bytes:
    """The body of one message, under a key pair and salt of its own.

    `ValueError`: the reader's key is no point of P-256, or the text has more than 3993 bytes.
    """
    return encrypt_with(message, key=ec.generate_private_key(_CURVE), salt=os.urandom(_SALT_SIZE))


def encrypt_with(message: Plain, *, key: ec.EllipticCurvePrivateKey, salt: bytes) -> bytes:
    """The body of one message under a given ephemeral key and salt; neither may ever be used again."""
    if len(message.text) > PLAINTEXT_LIMIT:
        raise ValueError(f"the message has more than {PLAINTEXT_LIMIT} bytes")
    reader = ec.EllipticCurvePublicKey.from_encoded_point(_CURVE, message.p256dh)
    own = key.public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
    secret = _digest(message.auth, key.exchange(ec.ECDH(), reader))
    material = _digest(secret, b"".join((b"WebPush: info\x00", message.p256dh, own, b"\x01")))
    master = _digest(salt, material)
    nonce = _digest(master, _NONCE_INFO)[:12]
    sealed = AESGCM(_digest(master, _CEK_INFO)[:16]).encrypt(nonce, message.text + b"\x02", None)
    return b"".join((salt, _HEADER_REST, own, sealed))


def _digest(key: bytes, data: bytes) -> bytes:
    return hmac.digest(key, data, "sha256")
