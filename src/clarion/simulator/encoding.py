"""Encodings that several providers use."""

import base64


def decode_base64url(text: str) -> bytes:
    """Base64url without padding (RFC 7515 §2). Raises `binascii.Error`, or `ValueError` for what is not ASCII."""
    return base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
