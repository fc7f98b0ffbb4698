"""The simulated browsers: key pairs, decryption (RFC 8291), and the messages that wait for them."""

import base64
import hmac
import os
import secrets
from collections import OrderedDict
from typing import NamedTuple

import msgspec
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

WAITING_LIMIT = 20
"""Messages that are kept for one browser."""
BODY_LIMIT = 4096
_HEADER = 86
_CURVE = ec.SECP256R1()


class Undecipherable(Exception):
    """The browser cannot read the message; says why."""


class Waiting(NamedTuple):
    """A message as its browser will get it."""

    text: bytes
    ttl: int
    urgency: str
    topic: str


class Browser:
    """One subscription: what it tells the application, and what was sent to it."""

    def __init__(self, identity: str, *, server_key: str) -> None:
        self.identity = identity
        self.server_key = server_key
        """The application's VAPID key that the subscription is bound to; empty = the first one that sends."""
        self._key = ec.generate_private_key(_CURVE)
        self._public = self._key.public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
        self._auth = os.urandom(16)
        self._waiting: OrderedDict[str, Waiting] = OrderedDict()

    def keys(self) -> dict[str, str]:
        """The public half of the subscription's keys, as `PushSubscription.toJSON()` tells them."""
        return {"p256dh": _text(self._public), "auth": _text(self._auth)}

    @property
    def waiting(self) -> list[Waiting]:
        """Messages kept for the browser, oldest first; of those with the same topic the last one only."""
        return list(self._waiting.values())

    def keep(self, message: Waiting) -> None:
        """Keep a message in place of the one with the same topic (RFC 8030 §5.4)."""
        self._waiting.pop(message.topic, None)
        self._waiting[message.topic or secrets.token_hex(8)] = message
        if len(self._waiting) > WAITING_LIMIT:
            self._waiting.popitem(last=False)

    def decrypt(self, body: bytes) -> bytes:
        """The plain text of a body in aes128gcm with exactly one record. Raises `Undecipherable`."""
        size, key_size = int.from_bytes(body[16:20], "big"), body[20] if len(body) > 20 else 0
        if key_size != 65 or len(body) < _HEADER + 18 or len(body) - _HEADER > size:
            raise Undecipherable("not one record of aes128gcm with a key of 65 bytes")
        try:
            sender = ec.EllipticCurvePublicKey.from_encoded_point(_CURVE, body[21:_HEADER])
            padded = self._open(body[:16], sender, body[21:_HEADER], body[_HEADER:])
        except (ValueError, InvalidTag) as error:
            raise Undecipherable("the body cannot be decrypted") from error
        marked = padded.rstrip(b"\x00")
        if not marked.endswith(b"\x02"):
            raise Undecipherable("the record is not marked as the last one")
        return marked[:-1]

    def _open(self, salt: bytes, sender: ec.EllipticCurvePublicKey, sender_key: bytes, sealed: bytes) -> bytes:
        secret = _hmac(self._auth, self._key.exchange(ec.ECDH(), sender))
        master = _hmac(salt, _hmac(secret, b"WebPush: info\x00" + self._public + sender_key + b"\x01"))
        key = _hmac(master, b"Content-Encoding: aes128gcm\x00\x01")[:16]
        return AESGCM(key).decrypt(_hmac(master, b"Content-Encoding: nonce\x00\x01")[:12], sealed, None)


def message_id(text: bytes) -> str:
    """Clarion's message id in a plain text; empty if there is none."""
    try:
        content = msgspec.json.decode(text)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return ""
    found = content.get("msg_id", "") if type(content) is dict else ""
    return found if type(found) is str else ""


def _hmac(key: bytes, data: bytes) -> bytes:
    return hmac.digest(key, data, "sha256")


def _text(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()
