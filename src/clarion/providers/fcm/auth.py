"""The access token of one FCM credential: fetched once for everybody who waits, renewed in time (providers.md §2.2)."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from contextlib import suppress
from typing import Protocol

from clarion.foundation.clock import Clock
from clarion.providers.contract import CredentialRefused, Outcome, Verdict
from clarion.providers.fcm.assertion import Bearer, Refused, form, read_token_answer
from clarion.providers.fcm.service_account import ServiceAccount
from clarion.providers.http import HttpAnswer, HttpError
from clarion.providers.redaction import redact

TRIES = 3
FIRST_PAUSE = 1.0
"""Seconds before the second try; doubles."""
RENEW_BEFORE = 300.0
"""Seconds of life left at which a token is renewed."""
RENEWAL_PAUSE = 30.0
"""Seconds between attempts to renew a token that is still valid, after one failed."""
_FORM = (("content-type", "application/x-www-form-urlencoded"),)


class Http(Protocol):
    """What is needed of `HttpClient`."""

    async def request(
        self, method: str, url: str, *, headers: Iterable[tuple[str, str]] = (), body: bytes = b""
    ) -> HttpAnswer:
        """One exchange. Raises `HttpError` when no complete answer came, `ValueError` for an impossible address."""


class AccessToken:
    """Keeps one credential supplied with a valid access token. Single-flight: one fetch serves all who wait."""

    def __init__(
        self,
        account: ServiceAccount,
        *,
        http: Http,
        clock: Clock,
        pause: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._account = account
        self._http = http
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
        task = asyncio.get_running_loop().create_task(self._fetch(), name="fcm access token")
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

    async def _ask(self) -> Bearer | Refused:
        try:
            body = form(self._account, self._clock.now())
            answer = await self._http.request("POST", self._account.token_uri, headers=_FORM, body=body)
        except HttpError as error:
            return Refused(Verdict(Outcome.TRANSIENT, "token_unreachable", text=redact(str(error))), retry=True)
        except ValueError as error:
            return Refused(Verdict(Outcome.CREDENTIAL, "token_uri", text=redact(str(error))), retry=False)
        return read_token_answer(answer, self._clock.now())

    def _keep(self, bearer: Bearer) -> None:
        now = self._clock.monotonic()
        self._bearer = bearer
        self._expires = now + bearer.lifetime
        # A token that never lives longer than the margin is renewed at half of its life.
        self._renew = self._expires - (RENEW_BEFORE if bearer.lifetime > RENEW_BEFORE else bearer.lifetime / 2)
