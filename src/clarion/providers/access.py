"""The access token of one credential: fetched once for everybody who waits, renewed in time.

What is asked and how the answer reads is the provider's own (providers.md §2.2, §7.1).
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Protocol

from clarion.foundation.clock import Clock
from clarion.providers.answers import text_of
from clarion.providers.contract import CredentialRefused, Verdict
from clarion.providers.http import HttpAnswer

TRIES = 3
FIRST_PAUSE = 1.0
"""Seconds before the second try; doubles."""
RENEW_BEFORE = 300.0
"""Seconds of life left at which a token is renewed."""
RENEWAL_PAUSE = 30.0
"""Seconds between attempts to renew a token that is still valid, after one failed."""
_LONGEST_TOKEN_LIFE = 86_400.0


class Http(Protocol):
    """What is needed of `HttpClient`."""

    async def request(
        self, method: str, url: str, *, headers: Iterable[tuple[str, str]] = (), body: bytes = b""
    ) -> HttpAnswer:
        """One exchange. Raises `HttpError` when no complete answer came, `ValueError` for an impossible address."""


@dataclass(frozen=True, slots=True)
class Bearer:
    """An access token as it goes into the header, and how long it lives from its receipt, in seconds."""

    authorization: str
    lifetime: float

    def __repr__(self) -> str:
        return f"<Bearer for {self.lifetime:g} s>"


@dataclass(frozen=True, slots=True)
class Refused:
    """The token endpoint gave no token."""

    verdict: Verdict
    retry: bool
    """Whether the same question may be answered soon."""


def _lifetime(value: object) -> float:
    """Seconds from a number or a string of digits; 0 for everything else."""
    if isinstance(value, str) and value.isascii() and value.isdigit():
        value = int(value[:9])
    if isinstance(value, bool) or not isinstance(value, int | float):
        return 0.0
    return min(float(value), _LONGEST_TOKEN_LIFE)


def read_bearer(fields: Mapping[str, object]) -> Bearer | None:
    """The token in the fields of a token endpoint's answer; None when there is no usable one (RFC 6749 §5.1)."""
    token, lifetime = text_of(fields.get("access_token")), _lifetime(fields.get("expires_in"))
    usable = token.isascii() and token.isprintable() and " " not in token
    return Bearer(f"Bearer {token}", lifetime) if token and usable and lifetime > 0 else None


class AccessToken:
    """Keeps one credential supplied with a valid access token. Single-flight: one fetch serves all who wait."""

    def __init__(
        self,
        ask: Callable[[], Awaitable[Bearer | Refused]],
        *,
        name: str,
        clock: Clock,
        pause: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        """`ask` puts the question to the token endpoint once; `name` is the task's."""
        self._ask = ask
        self._name = name
        self._clock = clock
        self._pause = pause
        self._bearer: Bearer | None = None
        self._expires = self._renew = 0.0
        self._fetching: asyncio.Task[None] | None = None

    def current(self) -> Bearer | None:
        """The token that may be used now; starts its renewal when that is due. None: call `fetch`."""
        now = self._clock.monotonic()
        if self._bearer is None or now >= self._expires:
            return None
        if now >= self._renew and self._fetching is None:
            self._renew = now + RENEWAL_PAUSE
            self._start()
        return self._bearer

    async def fetch(self) -> Bearer:
        """The valid token, waiting for one where there is none. Raises `CredentialRefused`."""
        while (bearer := self.current()) is None:
            await asyncio.shield(self._fetching or self._start())
        return bearer

    def forget(self, refused: Bearer) -> None:
        """The provider refused this token: it is never used again. Does nothing once it has been replaced."""
        if self._bearer is refused:
            self._bearer = None

    async def aclose(self) -> None:
        """Give up a fetch under way."""
        if self._fetching is not None:
            self._fetching.cancel()
            with suppress(asyncio.CancelledError, CredentialRefused):
                await self._fetching

    def _start(self) -> asyncio.Task[None]:
        task = asyncio.get_running_loop().create_task(self._fetch(), name=self._name)
        task.add_done_callback(self._settle)
        self._fetching = task
        return task

    def _settle(self, task: asyncio.Task[None]) -> None:
        self._fetching = None
        if not task.cancelled():
            # Whoever waits gets the exception; where nobody does, the present token is valid and this marks it as seen.
            task.exception()

    async def _fetch(self) -> None:
        pause = FIRST_PAUSE
        for last in (*[False] * (TRIES - 1), True):
            found = await self._ask()
            if isinstance(found, Bearer):
                self._keep(found)
                return
            if last or not found.retry:
                raise CredentialRefused(found.verdict)
            await self._pause(pause)
            pause *= 2

    def _keep(self, bearer: Bearer) -> None:
        now = self._clock.monotonic()
        self._bearer = bearer
        self._expires = now + bearer.lifetime
        # A token that never lives longer than the margin is renewed at half of its life.
        self._renew = self._expires - (RENEW_BEFORE if bearer.lifetime > RENEW_BEFORE else bearer.lifetime / 2)
