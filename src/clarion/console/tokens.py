"""Tokens against cross-site requests, bound to the browser's cookie.

The token is derived from the cookie, so nothing is stored. Every page shows it under another random mask, so that it
cannot be guessed from the sizes of compressed pages.
"""

import base64
import binascii
import hashlib
import hmac
import secrets

_LENGTH = 32


def form_token(cookie: str) -> str:
    """A fresh form of the token that belongs to a cookie."""
    mask = secrets.token_bytes(_LENGTH)
    return base64.urlsafe_b64encode(mask + _mixed(_secret(cookie), mask)).decode()


def is_form_token(token: str, cookie: str) -> bool:
    """Whether a form was made for the browser that holds the cookie."""
    try:
        raw = base64.b64decode(token.encode("ascii", "replace"), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError):
        return False
    if len(raw) != 2 * _LENGTH:
        return False
    return hmac.compare_digest(_mixed(raw[_LENGTH:], raw[:_LENGTH]), _secret(cookie))


def _secret(cookie: str) -> bytes:
    return hashlib.sha256(b"clarion form " + cookie.encode()).digest()


def _mixed(left: bytes, right: bytes) -> bytes:
    return bytes(a ^ b for a, b in zip(left, right, strict=True))
