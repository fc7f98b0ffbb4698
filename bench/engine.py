"""Promise: the HTTP/2 engine alone reaches at least 0.4 of h2load in the same run (2 cores, shared by both sides).

Everyone sends FCM-shaped POSTs over TLS to the same stand-in: h2load (C), the engine on asyncio's and on uvloop's TLS,
and the fallback transport. Rounds alternate, so that a noisy machine hits all alike; the ratio is taken per round.

Usage: engine.py [--count N] [--rounds N] [--connections N] [--streams N] [--json FILE]
Needs h2load (Debian: nghttp2-client). Ends with status 1 when the promise is not kept.
"""

import argparse
import asyncio
import json
import os
import re
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

import uvloop

from clarion.providers.http import PyreqwestTransport
from clarion.providers.http2 import Http2Transport
from clarion.providers.transport import Answer, ChannelOptions, Head, Request
from clarion.simulator.certificate import issue_server, make_authority

PROMISE = 0.4
HERE = Path(__file__).parent
PATH = "/v1/projects/bench/messages:send"
BODY = b'{"message":{"token":"%032d","data":{"px.msg_id":"%d","px.title":"Hello","px.body":"World"}}}'
HEADERS = (("authorization", "Bearer " + "x" * 200), ("content-type", "application/json"))
SUBMITTED = 1500
"""In the caller's hands at any time, as in the product (`CLARION_MAX_UNRECORDED`)."""
CLIENTS = ("engine/asyncio", "engine/uvloop", "fallback")


@dataclass(frozen=True)
class Load:
    """What each client has to send."""

    origin: str
    ca_file: str
    count: int
    connections: int
    streams: int


@dataclass(frozen=True)
class Result:
    """One client, one round."""

    client: str
    per_second: float
    cpu_us_each: float | None = None


class Caller:
    """Keeps a channel supplied from its sink, in the batches in which answers come."""

    def __init__(self, load: Load) -> None:
        self._head = Head(PATH, HEADERS)
        self._left = iter(range(load.count))
        self._unanswered = load.count
        self.statuses: Counter[str] = Counter()
        self.done = asyncio.Event()

    def batch(self, size: int) -> list[Request]:
        head = self._head
        return [Request(head, BODY % (n, n), n) for _, n in zip(range(size), self._left, strict=False)]

    def take(self, answers: list[Answer]) -> None:
        for answer in answers:
            self.statuses[str(answer.status or answer.detail)] += 1
        self._unanswered -= len(answers)
        if not self._unanswered:
            self.done.set()
        self.channel.submit(self.batch(len(answers)))

    async def run(self, transport: Http2Transport | PyreqwestTransport, load: Load) -> None:
        options = ChannelOptions(connections=load.connections, streams=load.streams, ca_file=load.ca_file)
        self.channel = transport.open(load.origin, self.take, options)
        self.channel.submit(self.batch(SUBMITTED))
        await asyncio.wait_for(self.done.wait(), 300)
        await self.channel.aclose(grace=1)


def _cpu_seconds() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


async def _measure(client: str, load: Load) -> Result:
    transport = PyreqwestTransport() if client == "fallback" else Http2Transport()
    caller = Caller(load)
    cpu, begun = _cpu_seconds(), time.perf_counter()
    await caller.run(transport, load)
    seconds = time.perf_counter() - begun
    if caller.statuses != {"200": load.count}:
        raise SystemExit(f"{client}: {dict(caller.statuses)}")
    return Result(client, load.count / seconds, (_cpu_seconds() - cpu) / load.count * 1e6)


def run_client(client: str, load: Load) -> None:
    """The child process: measure one client, print the result as JSON."""
    run = uvloop.run if client.endswith("uvloop") else asyncio.run
    print(json.dumps(asdict(run(_measure(client, load)))))


def measure_ours(client: str, load: Load) -> Result:
    """One client of ours in a process of its own."""
    command = [sys.executable, __file__, "--client", client, json.dumps(asdict(load))]
    return Result(**json.loads(subprocess.check_output(command, text=True)))


def measure_h2load(program: str, load: Load, body: Path) -> Result:
    """h2load with as many requests, connections and streams."""
    headers = [part for name, value in HEADERS for part in ("-H", f"{name}: {value}")]
    sizes = ["-n", str(load.count), "-c", str(load.connections), "-m", str(load.streams)]
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    text = subprocess.check_output([program, *sizes, *headers, "-d", str(body), load.origin + PATH], text=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    found = re.search(r"finished in .*?, ([\d.]+) req/s", text)
    if not found or f"{load.count} 2xx" not in text:
        raise SystemExit(f"h2load failed:\n{text}")
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return Result("h2load", float(found[1]), cpu / load.count * 1e6)


@contextmanager
def stand_in(folder: Path) -> Iterator[tuple[str, str]]:
    """Origin and CA file of a stand-in process."""
    authority, ca_file, bundle = make_authority(), folder / "authority.pem", folder / "server.pem"
    ca_file.write_bytes(authority.certificate_pem())
    bundle.write_bytes(issue_server(authority).bundle_pem())
    command = [sys.executable, str(HERE / "stand_in.py"), "0", str(bundle)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            yield f"https://localhost:{int(process.stdout.readline())}", str(ca_file)
        finally:
            process.terminate()


def one_round(program: str, load: Load, body: Path) -> list[Result]:
    """Everyone once; the fallback with fewer requests, as it takes so much longer."""
    few = Load(load.origin, load.ca_file, max(1000, load.count // 20), load.connections, load.streams)
    ours = [measure_ours(client, few if client == "fallback" else load) for client in CLIENTS]
    return [measure_h2load(program, load, body), *ours]


def summarise(rounds: list[list[Result]]) -> list[dict[str, object]]:
    """Medians over the rounds."""
    rows: list[dict[str, object]] = []
    for results in zip(*rounds, strict=True):
        ratios = [result.per_second / each[0].per_second for result, each in zip(results, rounds, strict=True)]
        cpu = statistics.median(result.cpu_us_each or 0 for result in results)
        rows.append(
            {
                "client": results[0].client,
                "per_second": round(statistics.median(result.per_second for result in results)),
                "cpu_us_each": round(cpu, 1),
                "of_h2load": round(statistics.median(ratios), 2),
            }
        )
    return rows


def report(rows: list[dict[str, object]], path: Path | None) -> bool:
    """Print the table and the JSON; True when the promise is kept."""
    print(f"{'client':<16}{'requests/s':>12}{'CPU µs each':>13}{'of h2load':>11}")
    for row in rows:
        print(f"{row['client']:<16}{row['per_second']:>12,}{row['cpu_us_each']:>13}{row['of_h2load']:>11}")
    best = max(float(str(row["of_h2load"])) for row in rows if str(row["client"]).startswith("engine/"))
    summary = {"promise": PROMISE, "reached": best, "cores": os.cpu_count(), "clients": rows}
    print(json.dumps(summary))
    if path:
        path.write_text(json.dumps(summary, indent=2) + "\n")
    return best >= PROMISE


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--count", type=int, default=200_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--connections", type=int, default=4)
    parser.add_argument("--streams", type=int, default=100)
    parser.add_argument("--json", type=Path)
    return parser.parse_args()


def main() -> None:
    arguments = parse_arguments()
    program = shutil.which("h2load")
    if program is None:
        raise SystemExit("h2load is missing: apt-get install nghttp2-client")
    with tempfile.TemporaryDirectory() as name, stand_in(Path(name)) as (origin, ca_file):
        body = Path(name) / "body"
        body.write_bytes(BODY % (1, 1))
        load = Load(origin, ca_file, arguments.count, arguments.connections, arguments.streams)
        rows = summarise([one_round(program, load, body) for _ in range(arguments.rounds)])
    if not report(rows, arguments.json):
        raise SystemExit(f"the engine is below {PROMISE} of h2load")


if __name__ == "__main__":
    if sys.argv[1:2] == ["--client"]:
        run_client(sys.argv[2], Load(**json.loads(sys.argv[3])))
    else:
        main()
