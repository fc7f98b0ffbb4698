"""Messages per second on the whole dispatch path, beside what others achieve with the sending alone.

    python bench/dispatch.py [--devices 100000] [--rounds 3] [--json]
    python bench/dispatch.py --devices 200000 --memory
    python bench/dispatch.py --profile worker.prof

Promise (design.md §8): at least 3 × a bare loop of pyreqwest and 20 × aioapns in the same run, on two cores shared with
the load side; memory of the worker flat and at most 150 MB.

The whole path: the embedded PostgreSQL with its ordinary settings, one worker process as `clarion serve` starts it, and
the provider simulator's fast mode in a process of its own, over HTTP/2 and TLS. Time runs from the first lease of a
slice until the send is complete; every device must have a delivery "sent", and the stand-in must have accepted as many
messages as there are devices. The peers only send: no selection, no record. pyreqwest talks to the same fast stand-in,
firebase-admin to the same process (it speaks HTTP/1.1, which is answered there after a check), aioapns to granian.
Each round measures the bare loop, the whole path and the bare loop again; ratios are taken within a round.
"""

import argparse
import asyncio
import json
import pstats
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from statistics import mean, median
from typing import Any

import asyncpg
import uvloop

from _installation import Tenant, Watch, embedded_server, environment_of, settings_for, tenant
from _processes import Child, ChildFailed, busy_seconds, child, cpu_seconds, memory_mb
from _report import machine, show_json, show_table
from _standin import PROJECT

SLOWEST = 500
"""Messages per second; a send that is slower is given up."""
LOOK_SECONDS = 0.05
MEMORY_EVERY = 1.0
BARE_MESSAGES = 20_000
PEER_MESSAGES = 3_000
WORKER = ("-m", "clarion.cli.child", "work", "0")
PROMISED_BARE, PROMISED_AIOAPNS, PROMISED_MB = 3.0, 20.0, 150.0
Result = dict[str, Any]
"""A peer's figures, see `_peers.Result`."""


class Wrong(Exception):
    """A send did not do what it should have done: its speed means nothing."""


@dataclass(frozen=True)
class Options:
    """What was asked for."""

    devices: int
    rounds: int
    peers: bool
    max_unrecorded: int
    profile: Path | None


@dataclass(frozen=True)
class Dispatch:
    """One send on the whole path. CPU in µs a message, memory in MiB."""

    messages: int
    seconds: float
    steady: float
    """Messages per second between the first and the last tenth: without start and end."""
    worker_us: float
    database_us: float
    standin_us: float
    others: float
    """Cores that processes outside of the benchmark kept busy meanwhile."""
    peak_mb: float
    memory: list[tuple[float, float]] = field(default_factory=list)
    """(seconds since the first lease, resident MiB)."""

    @property
    def per_second(self) -> float:
        """Messages per second."""
        return self.messages / self.seconds


@dataclass(frozen=True)
class Round:
    """The whole path with the bare loop before and after it."""

    dispatch: Dispatch
    bare: list[Result]
    load: float

    @property
    def ratio(self) -> float | None:
        """Whole path ÷ the mean of the bare loops beside it."""
        speeds = [float(result["per_second"]) for result in self.bare]
        return self.dispatch.per_second / mean(speeds) if speeds else None


@dataclass(frozen=True)
class Report:
    """Everything that was measured."""

    rounds: list[Round]
    peers: list[Result]
    fill_seconds: float

    @property
    def per_second(self) -> float:
        """Messages per second on the whole path: the median of the rounds."""
        return median(each.dispatch.per_second for each in self.rounds)

    @property
    def bare_ratio(self) -> float | None:
        """Median of the rounds' ratios."""
        ratios = [each.ratio for each in self.rounds if each.ratio is not None]
        return median(ratios) if ratios else None


@dataclass(frozen=True)
class Costs:
    """CPU seconds so far."""

    worker: float
    database: float
    standin: float
    machine: float
    own: float
    """Of this process."""
    at: float
    """When that was."""

    def others_until(self, later: "Costs") -> float:
        """Cores that were busy with something else than the benchmark in between."""
        names = ("worker", "database", "standin", "own")
        ours: float = sum(getattr(later, name) - getattr(self, name) for name in names)
        return max(0.0, (later.machine - self.machine - ours) / (later.at - self.at))


class Bench:
    """The running parts."""

    def __init__(self, options: Options, folder: Path, *, standin: Child, hello: dict[str, Any]) -> None:
        self._options = options
        self._folder = folder
        self._standin = standin
        self._hello = hello

    async def run(self, dsn: str, database_pid: int) -> Report:
        """All rounds, then the peers."""
        settings = settings_for(dsn, self._hello, max_unrecorded=self._options.max_unrecorded)
        async with tenant(settings, self._hello) as owner:
            fill = await owner.add_devices(self._options.devices)
            rounds = []
            for number in range(self._options.rounds):
                before = [self._bare()] if self._options.peers else []
                dispatch = await self._dispatch(owner, environment_of(settings), database_pid, number=number)
                after = [self._bare()] if self._options.peers else []
                rounds.append(Round(dispatch, before + after, machine()["load_1m"]))
        return Report(rounds, self._others() if self._options.peers else [], fill)

    async def _dispatch(
        self, owner: Tenant, environment: dict[str, str], database_pid: int, *, number: int
    ) -> Dispatch:
        profile = self._options.profile
        command = ("-m", "cProfile", "-o", str(profile.resolve()), *WORKER) if profile else WORKER
        connection = await asyncpg.connect(environment["CLARION_DATABASE_URL"])
        try:
            with child(command, self._folder / "worker.log", environment=environment) as worker:
                await asyncio.sleep(2)  # its start is not part of a send
                worker.check()
                pids = (worker.pid, database_pid, self._standin.pid)
                return await self._watched(owner, Watch(connection), pids, worker=worker, name=f"round {number}")
        finally:
            await connection.close()

    async def _watched(
        self, owner: Tenant, watch: Watch, pids: tuple[int, int, int], *, worker: Child, name: str
    ) -> Dispatch:
        accepted = self._standin.ask("accepted")
        costs = costs_of(pids)
        scheduler_id = await owner.send(name)
        begun, memory = await self._until_complete(watch, scheduler_id, worker)
        seconds = time.perf_counter() - begun
        spent, count = costs_of(pids), self._options.devices
        recorded, taken = await watch.sent(scheduler_id), self._standin.ask("accepted") - accepted
        if recorded != count or taken != count:
            raise Wrong(f"{count} devices, but {recorded} deliveries sent and {taken} messages accepted")
        return Dispatch(
            messages=count,
            seconds=seconds,
            steady=round(await watch.steady_rate(scheduler_id), 1),
            worker_us=(spent.worker - costs.worker) / count * 1e6,
            database_us=(spent.database - costs.database) / count * 1e6,
            standin_us=(spent.standin - costs.standin) / count * 1e6,
            others=round(costs.others_until(spent), 2),
            peak_mb=memory_mb(worker.pid, "VmHWM"),
            memory=memory,
        )

    async def _until_complete(
        self, watch: Watch, scheduler_id: int, worker: Child
    ) -> tuple[float, list[tuple[float, float]]]:
        """When the first lease was seen, and the worker's memory over time."""
        limit = 30 + self._options.devices / SLOWEST
        async with asyncio.timeout(limit):
            while not await watch.begun(scheduler_id):
                await asyncio.sleep(0.01)
                worker.check()
            begun = time.perf_counter()
            memory: list[tuple[float, float]] = []
            while not await watch.finished(scheduler_id):
                passed = time.perf_counter() - begun
                if passed >= len(memory) * MEMORY_EVERY:
                    memory.append((round(passed, 1), round(memory_mb(worker.pid), 1)))
                await asyncio.sleep(LOOK_SECONDS)
                worker.check()
        return begun, memory

    def _bare(self) -> Result:
        used, answered = cpu_seconds(self._standin.pid), self._standin.ask("accepted")
        result = self._peer("pyreqwest", {"count": BARE_MESSAGES, "project": PROJECT, **self._address()})
        used, answered = cpu_seconds(self._standin.pid) - used, self._standin.ask("accepted") - answered
        return result | {"standin_us": used / answered * 1e6}

    def _others(self) -> list[Result]:
        firebase = self._peer(
            "firebase", {"count": PEER_MESSAGES, "account": self._hello["account"], **self._address()}
        )
        with child(("_apns_echo.py", str(self._folder)), self._folder / "apns.log") as echo:
            where = echo.line()
            address = {"url": f"https://127.0.0.1:{where['port']}", "ca_file": where["ca_file"]}
            return [self._peer("aioapns", {"count": PEER_MESSAGES, **address}), firebase]

    def _peer(self, name: str, task: dict[str, Any]) -> Result:
        with child((f"_peer_{name}.py",), self._folder / f"{name}.log") as peer:
            result: Result = peer.ask(json.dumps(task), seconds=90)
        return result

    def _address(self) -> dict[str, str]:
        return {"url": self._hello["url"], "ca_file": self._hello["ca_file"]}


def costs_of(pids: tuple[int, int, int]) -> Costs:
    """What worker, database and stand-in have used."""
    worker, database, standin = (cpu_seconds(pid) for pid in pids)
    return Costs(worker, database, standin, busy_seconds(), time.process_time(), time.perf_counter())


def show(report: Report) -> None:
    """The table, and the promises beside what was measured."""
    rows: list[list[object]] = []
    for number, each in enumerate(report.rounds, 1):
        one = each.dispatch
        title = f"whole path, round {number} (steady {one.steady:,.0f})"
        rows += [of_peer(bare) for bare in each.bare]
        rows.append([title, one.per_second, one.worker_us, one.database_us, one.standin_us, one.others])
    rows += [of_peer(peer) for peer in report.peers]
    head = ["", "messages/s", "client CPU-µs", "PostgreSQL", "stand-in", "others, cores"]
    show_table(head, rows)
    if report.bare_ratio is not None:
        ratios = ", ".join(f"{each.ratio:.2f}" for each in report.rounds if each.ratio is not None)
        print(f"whole path ÷ bare loop: {report.bare_ratio:.2f} (rounds: {ratios}; promise {PROMISED_BARE:g})")
    for peer in report.peers:
        promise = f" (promise {PROMISED_AIOAPNS:g})" if peer["name"] == "aioapns" else ""
        print(f"whole path ÷ {peer['name']}: {report.per_second / peer['per_second']:.1f}{promise}")
    peak = max(each.dispatch.peak_mb for each in report.rounds)
    print(f"worker's peak memory: {peak:.0f} MB (promise {PROMISED_MB:g})")


def of_peer(peer: Result) -> list[object]:
    """A peer's line in the table."""
    title = f"{peer['name']} ({peer['setting']})"
    return [title, peer["per_second"], peer["cpu_us"], "", peer.get("standin_us", ""), ""]


def show_memory(report: Report) -> None:
    """Resident memory of the worker over time."""
    for number, each in enumerate(report.rounds, 1):
        print(f"round {number}, seconds since the first lease: resident MB of the worker")
        print("  " + "  ".join(f"{seconds:g}: {mb:g}" for seconds, mb in each.dispatch.memory))


def show_profile(file: Path, messages: int) -> None:
    """The functions that take most time of their own, in µs a message (the profiler's own cost is in them)."""
    stats = pstats.Stats(str(file)).stats  # type: ignore[attr-defined]
    ordered = sorted(stats.items(), key=lambda item: item[1][2], reverse=True)[:40]
    rows = [
        [f"{Path(path).name}:{line} {name}", own / messages * 1e6, total / messages * 1e6, calls / messages]
        for (path, line, name), (_, calls, own, total, _) in ordered
    ]
    show_table(["function", "own µs", "with callees µs", "calls a message"], rows)


def values_of(report: Report, options: Options) -> dict[str, Any]:
    """Everything for programs."""
    aioapns = next((peer["per_second"] for peer in report.peers if peer["name"] == "aioapns"), None)
    return {
        "machine": machine(),
        "devices": options.devices,
        "per_second": round(report.per_second, 1),
        "ratio_pyreqwest": report.bare_ratio,
        "ratio_aioapns": report.per_second / aioapns if aioapns else None,
        "peak_mb": max(each.dispatch.peak_mb for each in report.rounds),
        **asdict(report),
    }


@contextmanager
def parts(options: Options) -> Iterator[tuple[Bench, str, int]]:
    """Database and stand-in, running; the database's address and process id."""
    with embedded_server() as (folder, dsn, pid), child(("_standin.py",), folder / "standin.log") as standin:
        yield Bench(options, folder, standin=standin, hello=standin.line()), dsn, pid


def parse() -> tuple[Options, argparse.Namespace]:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--devices", type=int, default=100_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--max-unrecorded", type=int, default=1500, help="CLARION_MAX_UNRECORDED of the worker")
    parser.add_argument("--memory", action="store_true", help="only the whole path, once, with memory over time")
    parser.add_argument("--profile", type=Path, help="only the whole path, once, profiled into this file")
    parser.add_argument("--json", action="store_true", help="only the line for programs")
    given = parser.parse_args()
    alone = given.memory or given.profile is not None
    rounds = 1 if alone else given.rounds
    return Options(given.devices, rounds, not alone, given.max_unrecorded, given.profile), given


def main() -> int:
    """Run it; 1 if messages were lost or doubled, or a process failed."""
    options, given = parse()
    if not given.json:
        print(f"{machine()}")
    with parts(options) as (bench, dsn, pid):
        try:
            report = uvloop.run(bench.run(dsn, pid))
        except (Wrong, ChildFailed) as error:
            print(f"failed: {error}", file=sys.stderr)
            return 1
    if not given.json:
        show(report)
    if given.memory and not given.json:
        show_memory(report)
    if options.profile is not None:
        show_profile(options.profile, options.devices)
    show_json("dispatch", values_of(report, options))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
