"""Time-based one-time passwords (RFC 6238: SHA-1, 30 seconds, six digits) and the codes that replace them once."""

import base64
import hmac
import secrets
import struct
from datetime import datetime
from urllib.parse import quote, urlencode

STEP_SECONDS = 30
DIGITS = 6
DRIFT = 1
"""Steps by which a phone's clock may differ."""
SECRET_BYTES = 20
RECOVERY_CODES = 10
_RECOVERY_ALPHABET = "abcdefghjkmnpqrstuvwxyz23456789"
_RECOVERY_GROUPS, _RECOVERY_GROUP = 3, 4
ISSUER = "Clarion"


def new_secret() -> bytes:
    """A random secret of the length that the algorithm wants."""
    return secrets.token_bytes(SECRET_BYTES)


def code_at(secret: bytes, step: int) -> str:
    """The code of one step of 30 seconds since 1970 (RFC 4226 §5.3)."""
    digest = hmac.digest(secret, struct.pack(">Q", step), "sha1")
    offset = digest[-1] & 0xF
    number: int = struct.unpack(">I", digest[offset : offset + 4])[0] & 0x7FFF_FFFF
    return f"{number % 10**DIGITS:0{DIGITS}d}"


def matching_step(secret: bytes, code: str, *, now: datetime, after: int) -> int | None:
    """The step later than `after` whose code this is; a code that was used once is therefore none."""
    present = int(now.timestamp()) // STEP_SECONDS
    for step in range(present - DRIFT, present + DRIFT + 1):
        if step > after and hmac.compare_digest(code_at(secret, step).encode(), code.encode()):
            return step
    return None


def provisioning_uri(secret: bytes, *, email: str) -> str:
    """What an authenticator app reads from the QR code."""
    values = {"secret": as_text(secret), "issuer": ISSUER, "digits": DIGITS, "period": STEP_SECONDS}
    return f"otpauth://totp/{quote(f'{ISSUER}:{email}')}?{urlencode(values)}"


def as_text(secret: bytes) -> str:
    """The secret for typing in."""
    return base64.b32encode(secret).decode()


def new_recovery_codes() -> list[str]:
    """Codes of 59 random bits, each for one sign-in without the phone."""
    return ["-".join(_group() for _ in range(_RECOVERY_GROUPS)) for _ in range(RECOVERY_CODES)]


def _group() -> str:
    return "".join(secrets.choice(_RECOVERY_ALPHABET) for _ in range(_RECOVERY_GROUP))


def tidy_code(text: str) -> str:
    """A code as it is kept, however it was typed."""
    compact = "".join(character for character in text.lower() if character.isascii() and character.isalnum())
    if compact.isdigit() and len(compact) == DIGITS:
        return compact
    parts = range(0, len(compact), _RECOVERY_GROUP)
    return "-".join(compact[start : start + _RECOVERY_GROUP] for start in parts)
