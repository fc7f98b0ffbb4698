"""The access token of one Huawei app (providers.md §7.1)."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Any
from urllib.parse import urlencode

from clarion.foundation.clock import Clock
from clarion.providers import access
from clarion.providers.access import Bearer, Http, Refused, read_bearer
from clarion.providers.answers import json_object, retry_after, text_of
from clarion.providers.contract import Outcome, Verdict
from clarion.providers.http import HttpAnswer, HttpError
from clarion.providers.redaction import redact, redact_body

PATH = "/oauth2/v3/token"
_FORM = (("content-type", "application/x-www-form-urlencoded"),)
_RETRIED_STATUSES = frozenset({408, 429, 500, 502, 503, 504})


def form(app_id: str, app_secret: str) -> bytes:
    """The body of the request for a token; the secret may hold `+`, `/` and `=`, so everything is encoded."""
    fields = {"grant_type": "client_credentials", "client_id": app_id, "client_secret": app_secret}
    return urlencode(fields).encode()


def _code(fields: dict[str, Any]) -> str:
    """`error` and `sub_error`, which are numbers or strings of digits."""
    parts = [str(fields[name]) for name in ("error", "sub_error") if isinstance(fields.get(name), int | str)]
    return redact(".".join(parts))[:64]


def _outcome(status: int) -> Outcome:
    if status == 429:
        return Outcome.THROTTLED_CREDENTIAL
    return Outcome.CREDENTIAL if 300 <= status < 500 and status != 408 else Outcome.TRANSIENT


def read_token_answer(answer: HttpAnswer, now: datetime) -> Bearer | Refused:
    """What the token endpoint said: a refusal with 4xx is the credential's fault, everything else may pass."""
    fields = json_object(answer.body)
    bearer = read_bearer(fields) if answer.status == 200 else None
    if bearer is not None:
        return bearer
    said = redact(text_of(fields.get("error_description"))) or redact_body(answer.body)
    code = _code(fields) or f"HTTP_{answer.status}"
    wait = retry_after(answer.headers, now)
    return Refused(
        Verdict(_outcome(answer.status), code, retry_after=wait, text=said), retry=answer.status in _RETRIED_STATUSES
    )


class AccessToken(access.AccessToken):
    """Exchanges an app's id and secret for access tokens. A new one may void the older, so all share one."""

    def __init__(
        self,
        url: str,
        body: bytes,
        *,
        http: Http,
        clock: Clock,
        pause: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        super().__init__(self._exchange, name="huawei access token", clock=clock, pause=pause)
        self._url = url
        self._body = body
        self._http = http

    async def _exchange(self) -> Bearer | Refused:
        try:
            answer = await self._http.request("POST", self._url, headers=_FORM, body=self._body)
        except HttpError as error:
            return Refused(Verdict(Outcome.TRANSIENT, "token_unreachable", text=redact(str(error))), retry=True)
        except ValueError as error:
            return Refused(Verdict(Outcome.CREDENTIAL, "token_url", text=redact(str(error))), retry=False)
        return read_token_answer(answer, self._clock.now())
