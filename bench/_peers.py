"""What all peers share: the content, how a run is measured, and the conversation with the benchmark.

A peer is a process: its task comes as a line of JSON on standard input, its result leaves as one on standard output.
Each sends `count` messages with the same content as Clarion's and does nothing else: no database, no selection, no
record.
"""

import json
import resource
import sys
import time
from collections.abc import Awaitable, Callable
from dataclasses import asdict, dataclass
from typing import Any

import uvloop

from clarion.providers.contract import Content

CONTENT = Content(
    title="Good morning",
    text="Sun all day, 24 degrees. Tap to see the forecast of the week.",
    image="https://img.example.com/weather/sun.png",
    link="weather/today",
)
TTL = 86_400
Task = dict[str, Any]


@dataclass(frozen=True)
class Result:
    """What a peer achieved."""

    name: str
    messages: int
    per_second: float
    cpu_us: float
    """CPU-µs of this process a message."""
    setting: str


def token(number: int) -> str:
    """An FCM registration token of the usual length (142 characters)."""
    return f"bench-{number:016d}:APA91b" + "A" * 113


def mark() -> tuple[float, float]:
    """Wall clock and CPU time of this process."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    return time.perf_counter(), used.ru_utime + used.ru_stime


def measured(name: str, messages: int, setting: str, begun: tuple[float, float]) -> Result:
    """The result of a loop that began at that mark."""
    elapsed, cpu = (now - before for now, before in zip(mark(), begun, strict=True))
    return Result(name, messages, messages / elapsed, cpu / messages * 1e6, setting)


def take_part(peer: Callable[[Task], Awaitable[Result]]) -> None:
    """Read the task, run the peer, write its result."""
    result = uvloop.run(_awaited(peer(json.loads(sys.stdin.readline()))))
    print(json.dumps(asdict(result)), flush=True)


async def _awaited(result: Awaitable[Result]) -> Result:
    return await result
