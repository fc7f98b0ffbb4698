"""Calls that create something may carry `Idempotency-Key`: repeated, they are answered as before and do nothing.

This holds for every route that answers 201. The whole call is one transaction with the kept answer, so that a process
that dies at any moment leaves either both or nothing (reliability.md ID-5).
"""

import json
from collections.abc import Callable
from typing import Any

from litestar.types import ASGIApp, Message, Receive, Scope, Send

from clarion.api.binding import ApiRequest
from clarion.api.decoding import parse
from clarion.features.idempotency import IdempotencyService, StoredAnswer
from clarion.features.idempotency.model import HEADER, REPLAYED_HEADER, checked_key
from clarion.foundation.errors import InvalidInput

_CREATED = 201
_FAILED = 400
_NAME = HEADER.lower().encode()


def idempotency(answers: IdempotencyService) -> Callable[[ASGIApp], ASGIApp]:
    """Middleware behind authentication. It raises what `IdempotencyService.once` raises, and `InvalidInput` for a key
    that is malformed. (Made of functions for the reason given in `auth`.)
    """

    def wrap(app: ASGIApp) -> ASGIApp:
        async def repeatable(scope: Scope, receive: Receive, send: Send) -> None:
            key = _key(scope)
            if key is None:
                await app(scope, receive, send)
                return
            answer = _Answer()
            request = await _identity(scope, receive)
            async with answers.once(scope["user"], key, request=request) as claim:
                if claim.stored is None:
                    await app(scope, receive, answer.take)
                    if answer.status < _FAILED:
                        claim.keep(StoredAnswer(answer.status, answer.body))
            if claim.stored is None:
                await answer.give(send)
            else:
                await _replay(claim.stored, send)

        return repeatable

    return wrap


def _key(scope: Scope) -> str | None:
    """The key of a call that creates something; None when it has none, or creates nothing."""
    values = [value for name, value in scope["headers"] if name == _NAME]
    if not values or getattr(scope["route_handler"], "status_code", None) != _CREATED:
        return None
    if len(values) > 1:
        raise InvalidInput(f"{HEADER} stands more than once in the request")
    return checked_key(values[0].decode("latin-1").strip())


async def _identity(scope: Scope, receive: Receive) -> str:
    """What makes two calls one request: method, address and what the body means. The route reads the body again."""
    request = ApiRequest(scope, receive)
    address = f"{scope['path'].rstrip('/')}?{scope['query_string'].decode('latin-1')}"
    return f"{request.method} {address}\n{_meaning(await request.body())}"


def _meaning(body: bytes) -> str:
    try:
        return json.dumps(parse(body), sort_keys=True)
    except InvalidInput:
        return body.decode("latin-1")


class _Answer:
    """An answer that is held back until its effect is committed."""

    def __init__(self) -> None:
        self.status = 0
        self._messages: list[Message] = []

    @property
    def body(self) -> bytes:
        """All of it."""
        parts: list[Any] = [message["body"] for message in self._messages if message["type"] == "http.response.body"]
        return b"".join(parts)

    async def take(self, message: Message) -> None:
        """In place of the connection's `send`."""
        if message["type"] == "http.response.start":
            self.status = message["status"]
        self._messages.append(message)

    async def give(self, send: Send) -> None:
        """Send it at last."""
        for message in self._messages:
            await send(message)


async def _replay(stored: StoredAnswer, send: Send) -> None:
    headers = [
        (b"content-type", b"application/json"),
        (b"content-length", b"%d" % len(stored.body)),
        (REPLAYED_HEADER.lower().encode(), b"true"),
    ]
    await send({"type": "http.response.start", "status": stored.status, "headers": headers})
    await send({"type": "http.response.body", "body": stored.body, "more_body": False})
