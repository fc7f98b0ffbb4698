"""Push tokens as devices tell them: which are malformed, which are well-formed but never sent to (decisions.md 12).

The rules of web push endpoints are reliability.md SS-1 and SS-6, those of subscriptions providers.md §5.1. Pure.
"""

import base64
import binascii
import re
import time
from collections.abc import Sequence
from urllib.parse import urlsplit

import msgspec
from cryptography.hazmat.primitives.asymmetric import ec

from clarion.features.devices.model import Token, TokenState
from clarion.foundation.errors import InvalidInput

ENDPOINT_LIMIT = 2048
_HOSTS = frozenset({"fcm.googleapis.com"})
_HOST_SUFFIXES = (".push.services.mozilla.com", ".push.apple.com", ".notify.windows.com")
_FCM_PATHS = ("/fcm/send/", "/wp/")
_URL_TEXT = re.compile(r"[\x21-\x7e]+")
_HOST = re.compile(r"[a-z0-9]([a-z0-9.-]*[a-z0-9])?|\[[0-9a-f:.]+\]")
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


def endpoint_fault(endpoint: str, hosts: Sequence[str]) -> str | None:
    """Why we never post to this web push endpoint; None = we do. `InvalidInput` if it is no address at all."""
    if len(endpoint) > ENDPOINT_LIMIT or not _URL_TEXT.fullmatch(endpoint) or "\\" in endpoint:
        raise InvalidInput("transport_token: endpoint is not an address")
    try:
        parts = urlsplit(endpoint)
        port = parts.port
    except ValueError:
        raise InvalidInput("transport_token: endpoint is not an address") from None
    if not parts.scheme or not parts.hostname:
        raise InvalidInput("transport_token: endpoint is not an absolute address")
    if parts.scheme != "https":
        return "the endpoint is not https"
    if "@" in parts.netloc or "#" in endpoint:
        return "the endpoint has user information or a fragment"
    return _host_fault(parts.netloc.lower(), port=port, path=parts.path, extra=hosts)


def _host_fault(netloc: str, *, port: int | None, path: str, extra: Sequence[str]) -> str | None:
    host = netloc.rpartition(":")[0] if port is not None else netloc
    if not _HOST.fullmatch(host):
        return "the endpoint's host is malformed"
    named = {f"{host}:{443 if port is None else port}"} | ({host} if port in {None, 443} else set())
    if named & {entry.lower() for entry in extra}:
        return None
    if port not in {None, 443}:
        return "the endpoint's port is not 443"
    if host not in _HOSTS and not host.endswith(_HOST_SUFFIXES):
        return "the endpoint's host is not an accepted push service"
    if host == "fcm.googleapis.com" and not path.startswith(_FCM_PATHS):
        return "the endpoint's path is not one of its push service"
    return None
