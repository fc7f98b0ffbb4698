"""Voluntary application server identification: a signed token per push service (RFC 8292)."""

import base64
import json
from datetime import datetime, timedelta

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature

LIFETIME = timedelta(hours=12)
"""Push services refuse tokens that live longer than 24 h."""
RENEWAL = timedelta(hours=6)
_CURVE = ec.SECP256R1()
_HEADER = {"typ": "JWT", "alg": "ES256"}


class VapidKey:
    """An app's key pair. Browsers subscribe to its public half, so it stays the same for the app's life."""

    def __init__(self, public_key: str, private_key: str) -> None:
        """From base64url without padding: 65 and 32 bytes. `ValueError` unless they are one pair."""
        number = int.from_bytes(base64.urlsafe_b64decode(private_key + "=" * (-len(private_key) % 4)), "big")
        self._key = ec.derive_private_key(number, _CURVE)
        self.public = public_key
        raw = base64.urlsafe_b64decode(public_key + "=" * (-len(public_key) % 4))
        if ec.EllipticCurvePublicKey.from_encoded_point(_CURVE, raw) != self._key.public_key():
            raise ValueError("the two halves of the VAPID pair do not belong together")

    def __repr__(self) -> str:
        return f"<VapidKey {self.public}>"

    def authorization(self, origin: str, *, subject: str, now: datetime) -> str:
        """The Authorization header for one push service, valid for 12 hours. Claims are sorted (providers.md §5.2)."""
        claims = {"aud": origin, "exp": int((now + LIFETIME).timestamp()), "sub": subject}
        signed = f"{_part(_HEADER)}.{_part(claims)}"
        r, s = decode_dss_signature(self._key.sign(signed.encode(), ec.ECDSA(hashes.SHA256())))
        signature = _text(r.to_bytes(32, "big") + s.to_bytes(32, "big"))
        return f"vapid t={signed}.{signature},k={self.public}"


class VapidToken:
    """The token for one push service, signed anew every six hours."""

    def __init__(self, key: VapidKey, origin: str, *, subject: str) -> None:
        self._key = key
        self._origin = origin
        self._subject = subject
        self._signed_at: datetime | None = None
        self._authorization = ""

    def authorization(self, now: datetime) -> str:
        """The Authorization header to use now."""
        if self._signed_at is None or not self._signed_at <= now < self._signed_at + RENEWAL:
            self._authorization = self._key.authorization(self._origin, subject=self._subject, now=now)
            self._signed_at = now
        return self._authorization

    def renew(self) -> None:
        """The push service refused the present token: sign another one for the next request."""
        self._signed_at = None


def _part(content: dict[str, object] | dict[str, str]) -> str:
    return _text(json.dumps(content, separators=(",", ":")).encode())


def _text(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()
