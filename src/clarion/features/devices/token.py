"""Push tokens as devices tell them: which are malformed, which are well-formed but never sent to (decisions.md 12).

The rules of web push endpoints stand in `providers/webpush/endpoints.py`, those of subscriptions in providers.md §5.1.
Pure.
"""

import base64
import binascii
import re
import time
from collections.abc import Sequence

import msgspec
from cryptography.hazmat.primitives.asymmetric import ec

from clarion.features.devices.model import Token, TokenState
from clarion.foundation.errors import InvalidInput
from clarion.providers.webpush.endpoints import endpoint_fault

_APNS = re.compile(r"([0-9a-f]{2}){32,100}")


class _Keys(msgspec.Struct):
    p256dh: str
    auth: str


class _Subscription(msgspec.Struct):
    endpoint: str
    keys: _Keys
    expiration_time: float | None = msgspec.field(default=None, name="expirationTime")


class _Plain(msgspec.Struct):
    endpoint: str
    keys: _Keys


_decoder = msgspec.json.Decoder(_Subscription)


def token_of(text: str | None, *, transport: str, webpush_hosts: Sequence[str]) -> Token | None:
    """The token of an info call; None if none was told. `InvalidInput` for a malformed web push subscription.

    `webpush_hosts` are the operator's additional `host[:port]` values.
    """
    if not text:
        return None
    if transport == "webpush":
        text, reason = _checked_subscription(text, webpush_hosts)
    elif transport == "apns":
        text = text.lower()
        reason = None if _APNS.fullmatch(text) else "the token is not an APNs device token"
    else:
        reason = None
    return Token(text, TokenState.UNUSABLE if reason else TokenState.VALID, reason)


def _checked_subscription(text: str, hosts: Sequence[str]) -> tuple[str, str | None]:
    """A well-formed subscription in one form, so that equal ones are equal texts, and why it is never sent to."""
    try:
        subscription = _decoder.decode(text)
    except (msgspec.MsgspecError, UnicodeError, RecursionError):
        raise InvalidInput("transport_token is not a PushSubscription in JSON") from None
    _check_key(subscription.keys.p256dh)
    if len(_decoded("auth", subscription.keys.auth)) != 16:
        raise InvalidInput("transport_token: keys.auth must be 16 bytes")
    if subscription.expiration_time is not None and subscription.expiration_time / 1000 < time.time():
        reason: str | None = "the subscription has expired"
    else:
        reason = endpoint_fault(subscription.endpoint, hosts)
    return msgspec.json.encode(_Plain(subscription.endpoint, subscription.keys)).decode(), reason


def _check_key(text: str) -> None:
    raw = _decoded("p256dh", text)
    try:
        if len(raw) != 65:
            raise ValueError
        ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), raw)
    except ValueError:
        raise InvalidInput("transport_token: keys.p256dh is not an uncompressed P-256 point") from None


def _decoded(name: str, text: str) -> bytes:
    """Base64 or base64url, with or without padding."""
    compact = text.rstrip("=").replace("-", "+").replace("_", "/")
    try:
        return base64.b64decode(compact + "=" * (-len(compact) % 4), validate=True)
    except (binascii.Error, ValueError):
        raise InvalidInput(f"transport_token: keys.{name} is not base64url") from None
