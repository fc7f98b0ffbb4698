"""The access token of one FCM credential (providers.md §2.2)."""

import asyncio
from collections.abc import Awaitable, Callable

from clarion.foundation.clock import Clock
from clarion.providers import access
from clarion.providers.access import Bearer, Http, Refused
from clarion.providers.contract import Outcome, Verdict
from clarion.providers.fcm.assertion import form, read_token_answer
from clarion.providers.fcm.service_account import ServiceAccount
from clarion.providers.http import HttpError
from clarion.providers.redaction import redact

_FORM = (("content-type", "application/x-www-form-urlencoded"),)


class AccessToken(access.AccessToken):
    """Exchanges a service account's assertions for access tokens."""

    def __init__(
        self,
        account: ServiceAccount,
        *,
        http: Http,
        clock: Clock,
        pause: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        super().__init__(self._exchange, name="fcm access token", clock=clock, pause=pause)
        self._account = account
        self._http = http

    async def _exchange(self) -> Bearer | Refused:
        try:
            body = form(self._account, self._clock.now())
            answer = await self._http.request("POST", self._account.token_uri, headers=_FORM, body=body)
        except HttpError as error:
            return Refused(Verdict(Outcome.TRANSIENT, "token_unreachable", text=redact(str(error))), retry=True)
        except ValueError as error:
            return Refused(Verdict(Outcome.CREDENTIAL, "token_uri", text=redact(str(error))), retry=False)
        return read_token_answer(answer, self._clock.now())
