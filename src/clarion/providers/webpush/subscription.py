"""A browser's push subscription, as stored: JSON text with endpoint and keys (providers.md §5.1). Pure."""

import binascii
from typing import NamedTuple

import msgspec

from clarion.providers.webpush.encryption import POINT_SIZE, SECRET_SIZE
from clarion.providers.webpush.endpoints import read_endpoint


class Subscription(NamedTuple):
    """Where a message goes and for whom it is encrypted. The path is a secret: whoever knows it can reach the user."""

    origin: str
    path: str
    p256dh: bytes
    auth: bytes
    fault: str | None
    """Why nothing is ever posted there; None = all is well."""


class _Keys(msgspec.Struct):
    p256dh: str
    auth: str


class _Stored(msgspec.Struct):
    endpoint: str
    keys: _Keys


_decoder = msgspec.json.Decoder(_Stored)
_FROM_URL = bytes.maketrans(b"-_", b"+/")


def read_subscription(token: str, hosts: tuple[str, ...]) -> Subscription:
    """The subscription in a device's token; `hosts` as for `endpoint_fault`.

    Raises: ValueError, InvalidInput when it cannot be one.
    """
    try:
        stored = _decoder.decode(token)
        p256dh, auth = _decoded(stored.keys.p256dh), _decoded(stored.keys.auth)
    except (msgspec.MsgspecError, binascii.Error, RecursionError) as error:
        raise ValueError("the token is not a push subscription") from error
    if len(p256dh) != POINT_SIZE or len(auth) != SECRET_SIZE:
        raise ValueError("the subscription's keys have the wrong length")
    authority, path, fault = read_endpoint(stored.endpoint, hosts)
    # A port that goes without saying is no part of an origin (RFC 6454 §6.2).
    return Subscription(f"https://{authority.removesuffix(':443')}", path, p256dh, auth, fault)


def _decoded(text: str) -> bytes:
    """Base64 or base64url, with or without padding; the length tells whether anything was wrong with it."""
    return binascii.a2b_base64(text.encode().translate(_FROM_URL) + b"==")
