"""One of Clarion's senders alone: rendered, handed over in chunks, verdicts read; no limiter, no record.

The task names the `provider`, the stand-in's address and the credential's `values`.
"""

import asyncio

from _peers import CONTENT, TTL, Result, Task, mark, measured, take_part, token
from clarion.foundation.clock import SystemClock
from clarion.providers.apns.settings import ApnsSettings
from clarion.providers.contract import Credential, Outcome, Prepared
from clarion.providers.fcm.settings import FcmSettings
from clarion.providers.http import HttpClient, HttpOptions
from clarion.providers.http2 import Http2Transport
from clarion.providers.registry import Outside, open_sender
from clarion.providers.transport import Answer, ChannelOptions, Request

SUBMITTED = 1500
"""In the caller's hands at any time, as in the product (`CLARION_MAX_UNRECORDED`)."""
CHUNK = 256
TRANSPORTS = {"fcm": "fcm.data", "apns": "apns"}


class Run:
    """Sends all messages of a task."""

    def __init__(self, task: Task) -> None:
        self._provider: str = task["provider"]
        self._left = iter(range(task["count"]))
        self._unanswered: int = task["count"]
        self._free = 0
        self._done = asyncio.Event()
        channel = ChannelOptions(ca_file=task["ca_file"], connections=4, first_alone=self._provider == "apns")
        self._http = HttpClient(HttpOptions(ca_file=task["ca_file"]))
        outside = Outside(
            transport=Http2Transport(),
            http=self._http,
            clock=SystemClock(),
            fcm=FcmSettings(url=task["url"], token_uri_allow=(f"{task['url']}/token",), channel=channel),
            apns=ApnsSettings(url=task["url"], sandbox_url=task["url"], channel=channel),
        )
        credential = Credential(1, 1, self._provider, 1, "bench", task["values"])
        self._sender = open_sender(credential, outside=outside, sink=self._take)

    def _take(self, answers: list[Answer]) -> None:
        verdict = self._sender.verdict
        for answer in answers:
            found = verdict(answer)
            assert found.outcome is Outcome.OK, found
        self._unanswered -= len(answers)
        self._free += len(answers)
        if not self._unanswered:
            self._done.set()
        while self._free >= CHUNK:
            self._free -= CHUNK
            self._submit(CHUNK)

    def _submit(self, count: int) -> None:
        prepared: Prepared = self._prepared
        make, apns = prepared.request, self._provider == "apns"
        numbers = [number for _, number in zip(range(count), self._left, strict=False)]
        made = [
            make(
                f"{n:064x}" if apns else token(n),
                b"739000.1.1.%019d.0123456789abcdef" % n,
                b"%032x" % n,
                n,
            )
            for n in numbers
        ]
        if made:
            self._sender.submit([request for request in made if isinstance(request, Request)])

    async def run(self) -> None:
        """Send everything; returns when all is answered."""
        await self._sender.ready()
        self._prepared = self._sender.prepare(CONTENT, transport=TRANSPORTS[self._provider], ttl=TTL)
        self._submit(SUBMITTED)
        await asyncio.wait_for(self._done.wait(), 300)

    async def aclose(self) -> None:
        """Close connections."""
        await self._sender.aclose(grace=1)
        await self._http.aclose()


async def peer(task: Task) -> Result:
    """Send the task's messages."""
    run, begun = Run(task), mark()
    await run.run()
    result = measured(f"Clarion's {task['provider']} sender", task["count"], f"{SUBMITTED} in flight", begun)
    await run.aclose()
    return result


if __name__ == "__main__":
    take_part(peer)
