"""Accounts, their members and keys: the data and the rules that need no database."""

import hashlib
import hmac
import re
import secrets
import unicodedata
from dataclasses import dataclass
from datetime import datetime

from clarion.foundation.errors import InvalidInput

KEY_PREFIX = "clk"
"""Begins every API key, so that secret scanners recognise one."""
OPERATOR = "operator"
"""The actor of what is done on the command line."""
NAME_LIMIT = 200
PASSWORD_MINIMUM, PASSWORD_LIMIT = 12, 1024

_KEY = re.compile(rf"{KEY_PREFIX}_([0-9a-f]{{16}})_([0-9a-f]{{48}})")
_EMAIL = re.compile(r"[^@\s]{1,64}@[^@\s]{1,189}")
_HIDDEN = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})


@dataclass(frozen=True, slots=True)
class Caller:
    """Who acts: an account, and in whose name."""

    account_id: int
    actor: str
    """`key:<public id>`, `member:<id>` or `operator`."""
    read_only: bool = False
    """Whether this caller may look but not change."""


@dataclass(frozen=True, slots=True)
class ApiKey:
    """An API key in parts: 64 bits to find it by, 192 random bits to prove it."""

    public_id: str
    secret: str

    @property
    def text(self) -> str:
        """What the caller sends."""
        return f"{KEY_PREFIX}_{self.public_id}_{self.secret}"

    @property
    def digest(self) -> bytes:
        """What is stored; a fast hash is right for a secret of this entropy."""
        return hashlib.sha256(self.secret.encode()).digest()

    def proves(self, digest: bytes) -> bool:
        """Whether this is the key that was stored, in constant time."""
        return hmac.compare_digest(self.digest, digest)

    def __repr__(self) -> str:
        return f"<ApiKey {self.public_id}>"


@dataclass(frozen=True, slots=True)
class AccountCreated:
    """What the operator is shown once. `password` is None when it was given, not generated."""

    account_id: int
    email: str
    api_key: str
    password: str | None

    def __repr__(self) -> str:
        return f"<AccountCreated {self.account_id}>"


@dataclass(frozen=True, slots=True)
class KeyRotated:
    """The new key, shown once; all earlier ones are void within 5 s."""

    account_id: int
    email: str
    api_key: str

    def __repr__(self) -> str:
        return f"<KeyRotated {self.account_id}>"


@dataclass(frozen=True, slots=True)
class AccountSummary:
    """An account as the operator's list shows it."""

    account_id: int
    email: str
    name: str
    created_at: datetime
    suspended: bool


@dataclass(frozen=True, slots=True)
class Member:
    """A person of an account."""

    id: int
    account_id: int
    email: str
    role: str


def new_key() -> ApiKey:
    """A fresh random key."""
    return ApiKey(secrets.token_hex(8), secrets.token_hex(24))


def parse_key(text: str) -> ApiKey | None:
    """The parts of a key; None for anything that cannot be one of ours."""
    match = _KEY.fullmatch(text)
    return ApiKey(match[1], match[2]) if match else None


def new_password() -> str:
    """A random password of 120 bits."""
    return secrets.token_urlsafe(15)


def checked_email(text: str) -> str:
    """The address in NFC; `InvalidInput` when it is none or holds characters that cannot be seen."""
    email = unicodedata.normalize("NFC", text.strip())
    if not _EMAIL.fullmatch(email) or has_hidden_characters(email):
        raise InvalidInput("email must be an e-mail address such as name@example.com")
    return email


def checked_name(text: str, field: str = "name") -> str:
    """A name in NFC without surrounding spaces; `InvalidInput` when empty, too long or not printable."""
    name = unicodedata.normalize("NFC", text).strip()
    if not name:
        raise InvalidInput(f"{field} is required")
    if len(name) > NAME_LIMIT:
        raise InvalidInput(f"{field} must have at most {NAME_LIMIT} characters")
    if any(unicodedata.category(character) in _HIDDEN - {"Cf"} for character in name):
        raise InvalidInput(f"{field} must hold printable characters only")
    return name


def checked_password(password: str) -> str:
    """The password as given; `InvalidInput` when it is shorter than 12 or longer than 1024 characters."""
    if not PASSWORD_MINIMUM <= len(password) <= PASSWORD_LIMIT:
        raise InvalidInput(f"password must have from {PASSWORD_MINIMUM} to {PASSWORD_LIMIT} characters")
    return password


def has_hidden_characters(text: str) -> bool:
    """Whether controls, bidirectional marks or zero-width characters could make two texts look alike."""
    return any(unicodedata.category(character) in _HIDDEN for character in text)
