"""Sends the messages of webhooks: leases them, posts each with its signature, and writes down what came of it.

A killed worker's messages are sent again when their leases have run out: at least once, recognisable by the event's id.
"""

import asyncio
import contextlib
import time

import structlog

from clarion.features.webhooks.model import Attempted, Due, encode, signature
from clarion.features.webhooks.queue import WebhookQueue
from clarion.foundation.clock import Clock
from clarion.foundation.errors import Unavailable
from clarion.providers.guarded import GuardedHttp, Refused
from clarion.providers.http import HttpAnswer, HttpError

log = structlog.get_logger("clarion.webhooks")

PARALLEL = 128
"""Messages of one process under way at once."""
_EXCERPT = 200
"""Characters of an answer that are kept."""


class WebhookSender:
    """One process's share of sending."""

    def __init__(self, *, queue: WebhookQueue, http: GuardedHttp, clock: Clock) -> None:
        self._queue = queue
        self._http = http
        self._clock = clock
        self._under_way: set[asyncio.Task[None]] = set()
        self.changed = asyncio.Event()
        """Set when an attempt has ended: another message may be due now."""

    async def step(self) -> None:
        """Begin what is due and fits."""
        room = PARALLEL - len(self._under_way)
        for message in await self._queue.claim(room) if room else ():
            task = asyncio.get_running_loop().create_task(self._deliver(message))
            self._under_way.add(task)
            task.add_done_callback(self._ended)

    def _ended(self, task: "asyncio.Task[None]") -> None:
        self._under_way.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            log.error("webhook_not_settled", exc_info=error)  # its lease runs out, and it is sent again
        self.changed.set()

    async def _deliver(self, message: Due) -> None:
        attempted = await self._attempt(message)
        if attempted.error is not None:
            log.info("webhook_failed", webhook_id=message.webhook_id, message=message.id, attempt=message.attempt)
        with contextlib.suppress(Unavailable):  # the lease runs out, and the message is sent again
            await self._queue.settle(message, attempted)

    async def _attempt(self, message: Due) -> Attempted:
        if not message.secrets:
            return Attempted(None, "the stored secret cannot be opened; replace it")
        body = encode(message)
        headers = [
            ("content-type", "application/json"),
            ("accept-encoding", "identity"),
            ("clarion-event", message.type),
            ("clarion-event-id", str(message.event_id)),
            ("clarion-signature", signature(message.secrets, body, at=self._clock.now())),
        ]
        started = time.perf_counter()
        try:
            answer = await self._http.post(message.url, headers=headers, body=body)
        except (HttpError, Refused, ValueError) as error:
            return Attempted(None, str(error) if isinstance(error, Refused) else _why(error))
        return _judged(answer, ms=round((time.perf_counter() - started) * 1000))

    async def aclose(self) -> None:
        """Wait for what is under way, which ends by its own time limits, and close connections."""
        if self._under_way:
            await asyncio.wait(self._under_way)
        await self._http.aclose()


def _why(error: Exception) -> str:
    return "no answer in time" if "deadline" in str(error) or "in time" in str(error) else "no connection"


def _judged(answer: HttpAnswer, *, ms: int) -> Attempted:
    if 200 <= answer.status < 300:
        return Attempted(answer.status, None, ms)
    text = answer.body.decode("utf-8", "replace")[:_EXCERPT]
    shown = "".join(character if character.isprintable() else " " for character in text).strip()
    return Attempted(answer.status, f"answered {answer.status}: {shown}".rstrip(": "), ms, _retry_after(answer))


def _retry_after(answer: HttpAnswer) -> float:
    values = [value for name, value in answer.headers if name == "retry-after" and value.isascii() and value.isdigit()]
    return float(values[0][:9]) if values else 0.0
