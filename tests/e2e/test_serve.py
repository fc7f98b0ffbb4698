"""`clarion serve`: one command is a whole installation, and it survives what happens to processes."""

import json
import os
import re
import signal
import socket
import subprocess
import time
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.conftest import Server
from tests.e2e.conftest import STOP_SECONDS, Clarion, Running

Call = Callable[..., tuple[int, Any]]


def child_of(running: Running, role: str) -> int:
    """The process of a role."""
    return next(pid for pid, command in running.children().items() if f"child {role}" in command)


def database_runs(folder: Path) -> bool:
    """Whether the embedded database of this folder has processes."""
    listing = subprocess.run(["ps", "-eo", "args"], capture_output=True, text=True, check=True)
    return str(folder) in "\n".join(line for line in listing.stdout.splitlines() if "postgres" in line)


def test_from_nothing_to_an_authorised_call_and_a_clean_end(clarion: Clarion, call: Call) -> None:
    serving = clarion.start("serve")
    address = serving.address()
    assert call(f"{address}/readyz")[0] == 200
    created = clarion.ok("account", "create", "owner@example.com", "--name", "Owner")
    account = json.loads(created)
    assert set(account) == {"account_id", "email", "api_key", "password"}
    assert created.count("\n") == 1
    assert call(f"{address}/api/b/v2/apps", key=account["api_key"]) == (200, [])
    assert call(f"{address}/api/b/v2/apps", key="clk_wrong")[0] == 401
    assert serving.stop() == 0
    assert not database_runs(clarion.folder)


def test_accounts_and_keys_from_the_command_line(clarion: Clarion) -> None:
    first = json.loads(clarion.ok("account", "create", "a@example.com", "--password-stdin", stdin="a long password\n"))
    assert set(first) == {"account_id", "email", "api_key"}
    again = clarion.run("account", "create", "a@example.com")
    assert (again.returncode, again.stdout, again.stderr.count("\n")) == (1, "", 1)
    rotated = json.loads(clarion.ok("key", "rotate", "a@example.com"))
    assert rotated["api_key"] != first["api_key"]
    listed = [json.loads(line) for line in clarion.ok("account", "list").splitlines()]
    assert [(entry["email"], entry["name"]) for entry in listed] == [("a@example.com", "a@example.com")]
    assert clarion.run("key", "rotate", "nobody@example.com").returncode == 1
    assert not database_runs(clarion.folder)


def test_the_metrics_of_all_processes_are_on_one_page(clarion: Clarion, call: Call) -> None:
    """Workers have no address of their own; a worker that died is not counted among those that live."""
    serving = clarion.start("serve")
    address = serving.address()

    def capacity() -> float | None:
        page = urllib.request.urlopen(f"{address}/metrics").read().decode()  # noqa: S310 - our own server
        assert "clarion_slices" in page
        found = re.search(r"^clarion_window_capacity (\S+)$", page, re.MULTILINE)
        return float(found[1]) if found else None

    serving.until(lambda: capacity() is not None)
    before = capacity()
    os.kill(child_of(serving, "work"), signal.SIGKILL)
    serving.until(lambda: "process ended unexpectedly" in serving.text)
    serving.until(lambda: capacity() == before)
    assert serving.stop() == 0


def test_a_worker_alone_answers_its_metrics_where_it_is_told(clarion: Clarion) -> None:
    serving = clarion.start("serve")
    serving.address()
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    clarion.environment["CLARION_METRICS_PORT"] = str(port)
    working = clarion.start("work")

    def shown() -> bool:
        try:
            page = urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics").read().decode()
        except OSError:
            return False
        return "clarion_window_capacity" in page

    working.until(shown)
    assert working.stop() == 0
    assert serving.stop() == 0


def test_processes_that_are_killed_come_back(clarion: Clarion, call: Call) -> None:
    serving = clarion.start("serve")
    address = serving.address()
    for role in ("web", "work"):
        victim = child_of(serving, role)
        os.kill(victim, signal.SIGKILL)
        serving.until(lambda role=role, victim=victim: any(
            f"child {role}" in command and pid != victim for pid, command in serving.children().items()
        ))  # fmt: skip
    serving.until(lambda: answers(call, f"{address}/readyz"))
    assert serving.text.count("process ended unexpectedly") == 2
    assert serving.stop() == 0


def answers(call: Call, url: str) -> bool:
    """Whether a call is answered with 200 now."""
    try:
        return call(url)[0] == 200
    except OSError:
        return False


def test_after_a_kill_of_everything_the_next_start_goes_on(clarion: Clarion, call: Call) -> None:
    killed = clarion.start("serve")
    killed.address()
    key = json.loads(clarion.ok("account", "create", "owner@example.com"))["api_key"]
    for pid in (killed.process.pid, *killed.children()):
        os.kill(pid, signal.SIGKILL)
    killed.process.wait()
    serving = clarion.start("serve")
    assert call(f"{serving.address()}/api/b/v2/apps", key=key) == (200, [])
    assert serving.stop() == 0
    assert not database_runs(clarion.folder)


def test_processes_end_when_only_the_supervisor_is_killed(clarion: Clarion) -> None:
    killed = clarion.start("serve")
    killed.address()
    children = list(killed.children())
    killed.process.kill()
    killed.process.wait()
    deadline = time.monotonic() + 30
    while any(Path(f"/proc/{pid}/cmdline").exists() and Path(f"/proc/{pid}/cmdline").read_bytes() for pid in children):
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_a_second_signal_stops_at_once(clarion: Clarion) -> None:
    serving = clarion.start("serve")
    serving.address()
    begun = time.monotonic()
    serving.process.send_signal(signal.SIGTERM)
    assert serving.stop() in {0, 1}
    assert time.monotonic() - begun < 10


def test_a_request_under_way_is_answered_before_the_end(clarion: Clarion, call: Call) -> None:
    serving = clarion.start("serve")
    address = serving.address()
    key = json.loads(clarion.ok("account", "create", "owner@example.com"))["api_key"]
    host, port = address.removeprefix("http://").split(":")
    head = f"POST /api/b/v2/apps HTTP/1.1\r\nhost: x\r\ncontent-length: 2\r\nauthorization: Bearer {key}\r\n\r\n"
    with socket.create_connection((host, int(port)), timeout=20) as slow:
        slow.sendall(head.encode() + b"{")
        assert answers(call, f"{address}/healthz")  # so the server has had time to begin with the first one
        serving.process.send_signal(signal.SIGTERM)
        serving.until(lambda: not answers(call, f"{address}/healthz"))
        slow.sendall(b"}")
        assert slow.recv(100).startswith(b"HTTP/1.1 400")
    assert serving.process.wait(STOP_SECONDS) == 0


def test_no_secret_is_in_the_arguments_and_no_core_is_written(clarion: Clarion) -> None:
    serving = clarion.start("serve")
    serving.address()
    secrets = [(clarion.folder / "clarion-data" / "master.key").read_text().strip()]
    secrets += [file.read_text().strip() for file in clarion.folder.rglob("password")]
    assert len(secrets) == 2
    for pid in (serving.process.pid, *serving.children()):
        command = Path(f"/proc/{pid}/cmdline").read_text()
        assert not any(secret in command for secret in secrets)
        limits = Path(f"/proc/{pid}/limits").read_text().splitlines()
        assert next(line for line in limits if line.startswith("Max core file size")).split()[4:6] == ["0", "0"]
    assert not any(secret in serving.text for secret in secrets)


@pytest.mark.parametrize(
    ("arguments", "environment", "status", "words"),
    [
        (["serve", "--port", "70000"], {}, 2, "--port"),
        (["nonsense"], {}, 2, "nonsense"),
        (["account", "create"], {}, 2, "EMAIL"),
        (["serve"], {"CLARION_PORT": "many"}, 1, "CLARION_PORT: must be a whole number from 0 to 65535"),
        (["serve"], {"CLARION_DATABASE_URL": "postgresql://127.0.0.1:1/x"}, 1, "the database cannot be reached"),
        (["migrate"], {"CLARION_DATABASE_URL": "mysql://x"}, 1, "database"),
        (["restore", "missing.dump"], {}, 1, "missing.dump does not exist"),
    ],
)
def test_mistakes_are_told_in_one_line(
    clarion: Clarion, arguments: list[str], environment: dict[str, str], status: int, words: str
) -> None:
    clarion.environment |= environment
    done = clarion.run(*arguments)
    assert (done.returncode, done.stdout) == (status, "")
    assert words in done.stderr
    assert done.stderr.count("\n") == 1


def test_an_embedded_database_that_is_killed_comes_back(clarion: Clarion, call: Call) -> None:
    serving = clarion.start("serve")
    address = serving.address()
    key = json.loads(clarion.ok("account", "create", "owner@example.com"))["api_key"]
    pid_file = next(clarion.folder.rglob("postmaster.pid"))
    os.kill(int(pid_file.read_text().split()[0]), signal.SIGKILL)
    serving.until(lambda: "the database had ended and was started again" in serving.text)
    serving.until(lambda: answers(call, f"{address}/readyz"))
    assert call(f"{address}/api/b/v2/apps", key=key) == (200, [])
    assert serving.stop() == 0
    assert not database_runs(clarion.folder)


def test_two_installations_do_not_share_a_port(clarion: Clarion) -> None:
    serving = clarion.start("serve")
    port = serving.address().rpartition(":")[2]
    second = clarion.run("serve", "--data-dir", "other", "--port", port)
    assert second.returncode == 1
    assert f"port {port}" in second.stderr
    assert serving.stop() == 0


def test_web_and_work_need_a_database_a_key_and_a_schema(clarion: Clarion, dsn_without_schema: str) -> None:
    clarion.environment |= {"CLARION_DATABASE_URL": dsn_without_schema}
    for role in ("web", "work"):
        clarion.environment.pop("CLARION_MASTER_KEY", None)
        pending = clarion.run(role)
        assert (pending.returncode, pending.stderr.count("\n")) == (1, 1)
        assert "run: clarion migrate" in pending.stderr
    assert clarion.run("migrate", "--check").returncode == 1
    clarion.ok("migrate")
    clarion.ok("migrate", "--check")
    assert "CLARION_MASTER_KEY is not set" in clarion.run("web").stderr
    clarion.environment |= {"CLARION_MASTER_KEY": "cd" * 32}
    web, work = clarion.start("web"), clarion.start("work")
    web.address()
    work.until(lambda: len(work.children()) == 1)
    assert [web.stop(), work.stop()] == [0, 0]


@pytest.fixture
def dsn_without_schema(postgres: Server) -> Iterator[str]:
    """An empty database."""
    postgres.run("create database clarion_empty")
    yield postgres.database("clarion_empty")
    postgres.run("drop database clarion_empty with (force)")
