"""Provider tokens: the JWT that stands for a token key, shared by everybody who uses that key (providers.md §3.2).

ECDSA is randomised, so two processes that sign "the same" token make two different ones, which Apple counts as an
update and allows once in 20 minutes. Hence whoever needs a token takes the one in the store, and only puts one there
when that is too old.

Apple document: *Establishing a token-based connection to APNs*.
"""

import asyncio
import hashlib
from base64 import urlsafe_b64encode
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Protocol

import msgspec
from cryptography.hazmat.primitives.asymmetric.ec import ECDSA
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from clarion.foundation.clock import Clock
from clarion.foundation.errors import Unavailable
from clarion.providers.apns.credential import TokenKey
from clarion.providers.apns.settings import Environment
from clarion.providers.contract import CredentialRefused, Outcome, Verdict

LIFETIME = timedelta(minutes=60)
"""Apple accepts a token for so long after its issue."""
RENEW_AFTER = timedelta(minutes=45)
KEEP = timedelta(minutes=20)
"""A token is never replaced earlier, whatever Apple says about it."""
SKEW = timedelta(minutes=1)
"""How far ahead another machine's clock may be."""


@dataclass(frozen=True, slots=True)
class ProviderToken:
    """A signed token and when it was issued, in whole seconds."""

    text: str = field(repr=False)
    issued_at: datetime


class JwtStore(Protocol):
    """Where all processes find the present token of a key."""

    async def agree(self, key: bytes, offer: ProviderToken, *, after: datetime) -> ProviderToken:
        """The token that everybody uses: the stored one, or `offer`, which is stored then.

        A stored token is replaced if it was issued at or before `after`, or more than `SKEW` later than `offer`.
        Raises `Unavailable`.
        """


class LocalJwtStore:
    """A store for one process that nothing outlives."""

    def __init__(self) -> None:
        self._tokens: dict[bytes, ProviderToken] = {}

    async def agree(self, key: bytes, offer: ProviderToken, *, after: datetime) -> ProviderToken:
        """See `JwtStore.agree`."""
        stored = self._tokens.get(key)
        if stored is None or not after < stored.issued_at <= offer.issued_at + SKEW:
            stored = self._tokens[key] = offer
        return stored


def cache_key(key: TokenKey, environment: Environment) -> bytes:
    """What a token is shared by. The key itself is part of it: a wrong key under known ids takes no other's token."""
    public = key.key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    parts = (public, key.team_id.encode(), key.key_id.encode(), environment.encode())
    return hashlib.sha256(b"\0".join(parts)).digest()


def _part(data: bytes) -> bytes:
    return urlsafe_b64encode(data).rstrip(b"=")


def sign(key: TokenKey, now: datetime) -> ProviderToken:
    """A token issued now: ES256, its signature in the raw form `r‖s` of 64 bytes (RFC 7518 §3.4)."""
    issued_at = now.replace(microsecond=0)
    head = _part(msgspec.json.encode({"alg": "ES256", "kid": key.key_id}))
    claims = _part(msgspec.json.encode({"iss": key.team_id, "iat": int(issued_at.timestamp())}))
    signed = head + b"." + claims
    numbers = decode_dss_signature(key.key.sign(signed, ECDSA(SHA256())))
    signature = _part(b"".join(number.to_bytes(32, "big") for number in numbers))
    return ProviderToken((signed + b"." + signature).decode(), issued_at)


class TokenSource:
    """Keeps one key supplied with the token that is shared for an environment."""

    def __init__(self, key: TokenKey, environment: Environment, *, store: JwtStore, clock: Clock) -> None:
        self._key = key
        self._cache_key = cache_key(key, environment)
        self._store = store
        self._clock = clock
        self._token: ProviderToken | None = None
        self._refused: datetime | None = None
        """Issue time of the last token that Apple called expired."""
        self._turn = asyncio.Lock()

    def current(self) -> ProviderToken | None:
        """The token that may be used now; None: call `fetch`."""
        token = self._token
        return token if token is not None and -SKEW <= self._clock.now() - token.issued_at < RENEW_AFTER else None

    async def fetch(self) -> ProviderToken:
        """The token that everybody uses. Raises `CredentialRefused` while the store cannot be asked."""
        async with self._turn:
            return self.current() or await self._agree()

    async def _agree(self) -> ProviderToken:
        now = self._clock.now()
        after = now - RENEW_AFTER
        if self._refused is not None:
            after = max(after, self._refused)
        try:
            token = await self._store.agree(self._cache_key, sign(self._key, now), after=after)
        except Unavailable as error:
            if self._token is None or now - self._token.issued_at >= LIFETIME:
                raise CredentialRefused(Verdict(Outcome.TRANSIENT, "token_store", text=str(error))) from error
            token = self._token
        self._token = token
        return token

    def age(self, token: ProviderToken) -> timedelta:
        """How long ago a token was issued, by our clock."""
        return self._clock.now() - token.issued_at

    def refuse(self, token: ProviderToken) -> None:
        """Apple calls the token expired: it is not used again. Younger tokens than `KEEP` are kept all the same."""
        if token is self._token and self.age(token) >= KEEP:
            self._refused, self._token = token.issued_at, None
