"""Web push: what encryption costs and where it runs best, and the sender with it, beside pywebpush.

Encryption alone in one thread, in two threads, and in the encrypting process that the product uses; for the last two
also how late an event loop is that has to go on meanwhile. Then the whole sender against the simulator's fast mode.
Rounds alternate. pywebpush only encrypts and signs here; it is given no network at all.

Usage: webpush.py [--count N] [--rounds N]
"""

import argparse
import asyncio
import base64
import json
import os
import secrets
import statistics
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import uvloop
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from py_vapid import Vapid02
from pywebpush import WebPusher

from _report import machine, show_json, show_table
from clarion.features.apps.credentials import new_vapid_pair
from clarion.foundation.clock import SystemClock
from clarion.providers.contract import Content, Credential, Outcome
from clarion.providers.http2 import Http2Transport
from clarion.providers.transport import Answer, Request
from clarion.providers.webpush.encryption import Plain
from clarion.providers.webpush.sealing import ProcessSealer
from clarion.providers.webpush.sealing_process import encrypt_all
from clarion.providers.webpush.sender import BATCH, WebPushSender
from clarion.providers.webpush.settings import WebPushSettings

HERE = Path(__file__).parent
TEXT = json.dumps({"title": "Good morning", "body": "Sun all day, 24 degrees. " * 8, "msg_id": "7" * 60}).encode()
SUBMITTED = 1000
CHUNK = 256
TICK = 0.001


def subscription(origin: str) -> dict[str, Any]:
    """A browser's subscription with keys of its own."""
    public = ec.generate_private_key(ec.SECP256R1()).public_key()
    point = public.public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
    keys = {"p256dh": _text(point), "auth": _text(os.urandom(16))}
    return {"endpoint": f"{origin}/push/{secrets.token_hex(16)}", "keys": keys}


def _text(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def batches(count: int) -> list[list[Plain]]:
    """Messages to encrypt, for one browser each batch."""
    made = []
    for _ in range(-(-count // BATCH)):
        public = ec.generate_private_key(ec.SECP256R1()).public_key()
        point = public.public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
        made.append([Plain(point, os.urandom(16), TEXT)] * BATCH)
    return made


async def with_lateness(work: Callable[[], Awaitable[object]]) -> tuple[float, float]:
    """Seconds that the work took, and how late the loop's 99th of 100 ticks of 1 ms was, in milliseconds."""
    late: list[float] = []
    done = asyncio.Event()

    async def tick() -> None:
        while not done.is_set():
            begun = time.perf_counter()
            await asyncio.sleep(TICK)
            late.append(time.perf_counter() - begun - TICK)

    ticking = asyncio.create_task(tick())
    begun = time.perf_counter()
    await work()
    seconds = time.perf_counter() - begun
    done.set()
    await ticking
    return seconds, statistics.quantiles(late, n=100)[98] * 1000


async def in_threads(work: list[list[Plain]], threads: int) -> tuple[float, float]:
    """Encrypt in a pool of threads beside a running loop."""
    loop = asyncio.get_running_loop()
    with ThreadPoolExecutor(threads) as pool:
        return await with_lateness(
            lambda: asyncio.gather(*(loop.run_in_executor(pool, encrypt_all, batch) for batch in work))
        )


async def in_process(work: list[list[Plain]]) -> tuple[float, float]:
    """Encrypt in the product's encrypting process beside a running loop."""
    sealer = ProcessSealer()
    await sealer.seal(work[0])
    try:
        return await with_lateness(lambda: asyncio.gather(*(sealer.seal(batch) for batch in work)))
    finally:
        await sealer.aclose()


class Sending:
    """The whole sender: rendered, encrypted, sent over HTTP/2 and TLS, verdicts read."""

    def __init__(self, count: int, *, url: str, ca_file: str) -> None:
        tokens = [json.dumps(subscription(url)) for _ in range(200)]
        self._tokens = [tokens[number % len(tokens)] for number in range(count)]
        self._left = count
        self._next = 0
        self._done = asyncio.Event()
        self.sealer = ProcessSealer()
        base = WebPushSettings(hosts=(urlsplit(url).netloc,))
        self.sender = WebPushSender(
            Credential(1, 1, "webpush", 1, "bench", new_vapid_pair().values),
            settings=replace(base, channel=replace(base.channel, ca_file=ca_file)),
            transport=Http2Transport(),
            sealer=self.sealer,
            clock=SystemClock(),
            sink=self._take,
        )
        self._prepared = self.sender.prepare(
            Content("Good morning", "Sun all day. " * 16), transport="webpush", ttl=600
        )

    def _take(self, answers: list[Answer]) -> None:
        assert {self.sender.verdict(answer).outcome for answer in answers} == {Outcome.OK}
        self._left -= len(answers)
        if not self._left:
            self._done.set()
        self._feed()

    def _feed(self) -> None:
        while self._next < len(self._tokens) and self.sender.pending + CHUNK <= SUBMITTED:
            chunk = self._tokens[self._next : self._next + CHUNK]
            made = [self._prepared.request(token, b"7" * 60, b"0" * 32, None) for token in chunk]
            self._next += len(chunk)
            self.sender.submit([request for request in made if isinstance(request, Request)])

    async def run(self) -> float:
        """Seconds for all messages."""
        await self.sealer.seal([Plain(b"", b"", b"")])
        begun = time.perf_counter()
        self._feed()
        await self._done.wait()
        seconds = time.perf_counter() - begun
        await self.sender.aclose(grace=5)
        await self.sealer.aclose()
        return seconds


@contextmanager
def stand_in() -> Iterator[tuple[str, str]]:
    """Address and CA file of a simulator in fast mode, in a process of its own."""
    command = [sys.executable, str(HERE / "_standin.py")]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        ready = json.loads(process.stdout.readline())
        try:
            yield ready["url"], ready["ca_file"]
        finally:
            process.stdin.close()


def pywebpush_alone(count: int) -> float:
    """Seconds in which pywebpush encrypts and signs so many messages, as its `send` does."""
    browser = subscription("https://updates.push.services.mozilla.com")
    vapid = Vapid02()
    vapid.generate_keys()
    begun = time.perf_counter()
    for _ in range(count):
        WebPusher(browser).encode(TEXT)
        vapid.sign({"aud": "https://updates.push.services.mozilla.com", "sub": "mailto:bench@example.com"})
    return time.perf_counter() - begun


def one_round(count: int, url: str, ca_file: str) -> dict[str, tuple[float, float | None]]:
    """Messages per second, and the loop's lateness in milliseconds where there is a loop."""
    work = batches(count)
    total = len(work) * BATCH
    begun = time.perf_counter()
    for batch in work:
        encrypt_all(batch)
    alone = time.perf_counter() - begun
    found: dict[str, tuple[float, float | None]] = {"one thread, nothing else": (total / alone, None)}
    ways = {"1 thread": lambda: in_threads(work, 1), "2 threads": lambda: in_threads(work, 2)}
    for name, way in {**ways, "a process": lambda: in_process(work)}.items():
        seconds, late = uvloop.run(way())
        found[f"{name} beside a loop"] = total / seconds, late

    async def send() -> float:
        return await Sending(total, url=url, ca_file=ca_file).run()

    found["whole sender"] = total / uvloop.run(send()), None
    few = max(1, count // 4)
    found["pywebpush (encrypt and sign)"] = few / pywebpush_alone(few), None
    return found


def main() -> None:
    """Run all rounds and report their medians."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=10_000)
    parser.add_argument("--rounds", type=int, default=3)
    arguments = parser.parse_args()
    print(machine())
    with stand_in() as (url, ca_file):
        rounds = [one_round(arguments.count, url, ca_file) for _ in range(arguments.rounds)]
    rows = []
    for name in rounds[0]:
        late = [one[name][1] for one in rounds]
        lateness = statistics.median(value for value in late if value is not None) if None not in late else None
        rows.append((name, statistics.median(one[name][0] for one in rounds), "" if lateness is None else lateness))
    show_table(("", "messages/s", "loop late, ms (p99)"), rows)
    show_json("webpush", {name: {"per_second": speed, "late_ms": late} for name, speed, late in rows})


if __name__ == "__main__":
    main()
