"""Web push: what encryption costs and where it runs best, and the sender with it, beside pywebpush.

Encryption alone in one thread, in two threads, and in the encrypting process that the product uses; for the last two
also how late an event loop is that has to go on meanwhile. Then the whole sender against the simulator's fast mode.
Rounds alternate. pywebpush only encrypts and signs here; it is given no network at all.

Promise: per CPU second of all its processes, the whole sender sends at least 0.8 of what encryption alone encrypts.

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
from collections.abc import Awaitable, Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import uvloop
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from py_vapid import Vapid02
from pywebpush import WebPusher

from _processes import cpu_seconds
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
PROMISED = 0.8
ALONE, WHOLE, PEER = "one thread, nothing else", "whole sender", "pywebpush (encrypt and sign)"


@dataclass(frozen=True)
class Figure:
    """What one way reached."""

    per_second: float
    late_ms: float | None = None
    """How late the loop's 99th of 100 ticks was, where there was a loop."""
    cpu_us: float | None = None
    """CPU-µs a message, of this process and of the encrypting one; starting that one is not counted."""


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

    async def run(self) -> Figure:
        """Send all messages."""
        await self.sealer.seal([Plain(b"", b"", b"")])
        assert self.sealer.pid is not None
        count, used = len(self._tokens), cpu_seconds(self.sealer.pid) + time.process_time()
        begun = time.perf_counter()
        self._feed()
        await self._done.wait()
        seconds = time.perf_counter() - begun
        used = cpu_seconds(self.sealer.pid) + time.process_time() - used
        await self.sender.aclose(grace=5)
        await self.sealer.aclose()
        return Figure(count / seconds, cpu_us=used / count * 1e6)


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


def alone(count: int, work: Callable[[], object]) -> Figure:
    """What this process reaches with nothing else to do."""
    begun, used = time.perf_counter(), time.process_time()
    work()
    return Figure(count / (time.perf_counter() - begun), cpu_us=(time.process_time() - used) / count * 1e6)


def pywebpush_alone(count: int) -> None:
    """Encrypt and sign so many messages with pywebpush, as its `send` does."""
    browser = subscription("https://updates.push.services.mozilla.com")
    vapid = Vapid02()
    vapid.generate_keys()
    for _ in range(count):
        WebPusher(browser).encode(TEXT)
        vapid.sign({"aud": "https://updates.push.services.mozilla.com", "sub": "mailto:bench@example.com"})


def one_round(count: int, url: str, ca_file: str) -> dict[str, Figure]:
    """Every way once."""
    work = batches(count)
    total = len(work) * BATCH

    async def send() -> Figure:
        return await Sending(total, url=url, ca_file=ca_file).run()

    found = {ALONE: alone(total, lambda: [encrypt_all(batch) for batch in work])}
    ways = {"1 thread": lambda: in_threads(work, 1), "2 threads": lambda: in_threads(work, 2)}
    for name, way in {**ways, "a process": lambda: in_process(work)}.items():
        seconds, late = uvloop.run(way())
        found[f"{name} beside a loop"] = Figure(total / seconds, late)
    found[WHOLE] = uvloop.run(send())
    few = max(1, count // 4)
    found[PEER] = alone(few, lambda: pywebpush_alone(few))
    return found


def per_core(one: dict[str, Figure], other: str) -> float:
    """Messages a CPU second of the whole sender ÷ those of another way."""
    whole, beside = one[WHOLE].cpu_us, one[other].cpu_us
    assert whole is not None
    assert beside is not None
    return beside / whole


def middle(values: Iterable[float | None]) -> float | str:
    """The median; empty where nothing was measured."""
    known = [value for value in values if value is not None]
    return statistics.median(known) if known else ""


def report(rounds: list[dict[str, Figure]]) -> bool:
    """Print everything; True when the promise is kept."""
    rows = [
        (
            name,
            middle(one[name].per_second for one in rounds),
            middle(one[name].cpu_us for one in rounds),
            middle(one[name].late_ms for one in rounds),
        )
        for name in rounds[0]
    ]
    show_table(("", "messages/s", "CPU µs each", "loop late, ms (p99)"), rows)
    of_encryption, of_peer = (statistics.median(per_core(one, other) for one in rounds) for other in (ALONE, PEER))
    print(f"whole sender ÷ encryption alone, per CPU second: {of_encryption:.2f} (promise {PROMISED:g})")
    print(f"whole sender ÷ pywebpush, per CPU second: {of_peer:.2f}")
    values = {name: {"per_second": speed, "cpu_us": cpu, "late_ms": late} for name, speed, cpu, late in rows}
    show_json("webpush", {"of_encryption": of_encryption, "of_pywebpush": of_peer, **values})
    return of_encryption >= PROMISED


def main() -> int:
    """Run all rounds and report their medians; 1 when the promise is broken."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--count", type=int, default=20_000)
    parser.add_argument("--rounds", type=int, default=3)
    arguments = parser.parse_args()
    print(machine())
    with stand_in() as (url, ca_file):
        rounds = [one_round(arguments.count, url, ca_file) for _ in range(arguments.rounds)]
    return 0 if report(rounds) else 1


if __name__ == "__main__":
    sys.exit(main())
