"""A browser's push subscription, as stored: JSON text with endpoint and keys (providers.md §5.1). Pure."""

import base64
import binascii
from typing import NamedTuple
from urllib.parse import urlsplit

import msgspec

from clarion.providers.webpush.encryption import POINT_SIZE, SECRET_SIZE


class Subscription(NamedTuple):
    """Where a message goes and for whom it is encrypted. The path is a secret: whoever knows it can reach the user."""

    origin: str
    path: str
    endpoint: str
    p256dh: bytes
    auth: bytes


class _Keys(msgspec.Struct):
    p256dh: str
    auth: str


class _Stored(msgspec.Struct):
    endpoint: str
    keys: _Keys


_decoder = msgspec.json.Decoder(_Stored)


def read_subscription(token: str) -> Subscription:
    """The subscription in a device's token. `ValueError` when it cannot be one."""
    try:
        stored = _decoder.decode(token)
        parts = urlsplit(stored.endpoint)
        p256dh, auth = _decoded(stored.keys.p256dh), _decoded(stored.keys.auth)
    except (msgspec.MsgspecError, binascii.Error, RecursionError) as error:
        raise ValueError("the token is not a push subscription") from error
    if len(p256dh) != POINT_SIZE or len(auth) != SECRET_SIZE or not parts.hostname:
        raise ValueError("the subscription's keys have the wrong length")
    path = f"{parts.path or '/'}?{parts.query}" if parts.query else parts.path or "/"
    return Subscription(_origin(parts.scheme, parts.netloc.lower()), path, stored.endpoint, p256dh, auth)


def _origin(scheme: str, authority: str) -> str:
    """Scheme, host and port, without a port that goes without saying (RFC 6454 §6.2)."""
    return f"{scheme}://{authority.removesuffix(':443') if scheme == 'https' else authority}"


def _decoded(text: str) -> bytes:
    """Base64 or base64url, with or without padding."""
    compact = text.rstrip("=").replace("-", "+").replace("_", "/")
    return base64.b64decode(compact + "=" * (-len(compact) % 4), validate=True)
