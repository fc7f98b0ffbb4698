"""The embedded database after kills at the worst moments."""

import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import asyncpg
import pytest
from tests.integration.db.embedded_contenders import FORK, Arena, query, servers_of


def wait_until(condition: Callable[[], object], *, seconds: float = 30) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "the condition was never met"
        time.sleep(0.002)


def kill_server(arena: Arena) -> None:
    os.kill(arena.server_pid(), signal.SIGKILL)


def test_committed_rows_survive_a_kill_of_the_server(own_arena: Arena) -> None:
    contender = own_arena.contend()
    dsn = contender.started().dsn
    query(dsn, "create table kept as select 42 as answer")
    kill_server(own_arena)

    assert contender.ensure_running()
    assert not contender.ensure_running()

    assert query(dsn, "select answer from kept") == 42
    contender.stop()
    assert servers_of(own_arena.database) == []


def test_committed_rows_survive_a_kill_of_everything(own_arena: Arena) -> None:
    contender = own_arena.contend()
    query(contender.started().dsn, "create table kept as select 42 as answer")
    contender.kill()
    for pid in servers_of(own_arena.database):
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)

    started = own_arena.contend().started()

    assert started.owned
    assert query(started.dsn, "select answer from kept") == 42


def test_a_start_waits_for_busy_processes_of_a_killed_server(arena: Arena) -> None:
    contender = arena.contend()
    dsn = contender.started().dsn
    with busy_backend(arena, dsn):
        kill_server(arena)
        assert contender.ensure_running()

    assert query(dsn, "select 1") == 1


@contextmanager
def busy_backend(arena: Arena, dsn: str) -> Iterator[None]:
    """A process of the server that computes and so does not notice for a moment that the server has died."""
    before = set(servers_of(arena.database))
    client = FORK.Process(target=_compute, args=(dsn,), daemon=True)
    client.start()
    wait_until(lambda: set(servers_of(arena.database)) - before)
    try:
        yield
    finally:
        client.join()


def _compute(dsn: str) -> None:
    with suppress(asyncpg.PostgresError, asyncpg.InterfaceError, OSError):
        query(dsn, "select count(*) from generate_series(1, 10000000) as a where a % 3 = 1")


@pytest.fixture
def number_of(request: pytest.FixtureRequest, arena: Arena) -> Iterator[int]:
    """The number of a process of the database's owner that is no server: a zombie or a living one."""
    owner = arena.database.stat()
    command = ["true"] if request.param == "zombie" else ["sleep", "600"]
    switch = {"user": owner.st_uid, "group": owner.st_gid, "extra_groups": []} if os.geteuid() == 0 else {}
    with subprocess.Popen(command, **switch) as process:
        if request.param == "zombie":
            wait_until(lambda: b") Z " in Path(f"/proc/{process.pid}/stat").read_bytes())
        yield process.pid
        assert process.poll() == (0 if request.param == "zombie" else None), "the foreign process was signalled"
        process.kill()


@pytest.mark.parametrize("number_of", ["zombie", "foreign"], indirect=True)
def test_a_process_with_the_number_of_a_dead_server_is_no_server(arena: Arena, number_of: int) -> None:
    leave_traces_of_a_killed_server(arena, number_of)

    started = arena.contend().started()

    assert started.owned
    assert query(started.dsn, "select 1") == 1


@pytest.mark.parametrize("number_of", ["zombie", "foreign"], indirect=True)
def test_a_stop_after_the_server_died_touches_no_other_process(arena: Arena, number_of: int) -> None:
    contender = arena.contend()
    contender.started()
    kill_server(arena)
    wait_until(lambda: not servers_of(arena.database))
    put_number(arena, number_of)

    contender.stop()

    assert not (arena.database / "postmaster.pid").exists()
    assert list((arena.home / "run").iterdir()) == []


def leave_traces_of_a_killed_server(arena: Arena, number: int) -> None:
    contender = arena.contend()
    contender.started()
    contender.kill()
    kill_server(arena)
    wait_until(lambda: not servers_of(arena.database))
    put_number(arena, number)


def put_number(arena: Arena, number: int) -> None:
    for marker in (arena.database / "postmaster.pid", arena.home / "run" / ".s.PGSQL.5432.lock"):
        _, *rest = marker.read_text().splitlines()
        marker.write_text("\n".join([str(number), *rest, ""]))


@pytest.mark.parametrize("stage", ["database.new-*", "database.new-*/postgresql.conf"])
def test_a_creation_that_was_killed_is_begun_again(empty_arena: Arena, stage: str) -> None:
    killed = empty_arena.contend()
    wait_until(lambda: list(empty_arena.home.glob(stage)))
    killed.kill()
    assert not empty_arena.database.exists()

    started = empty_arena.contend().started()

    assert started.owned
    assert query(started.dsn, "select 1") == 1


def test_a_start_that_was_killed_is_completed_by_the_next(arena: Arena) -> None:
    killed = arena.contend()
    wait_until((arena.home / "run" / "startup.log").exists)
    killed.kill()

    heir = arena.contend()
    assert query(heir.started().dsn, "select 1") == 1
    assert len({pid for pid in servers_of(arena.database) if parent_of(pid) not in servers_of(arena.database)}) == 1

    heir.stop()
    assert servers_of(arena.database) == []


def parent_of(pid: int) -> int:
    return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])


def test_what_a_killed_creation_left_is_removed(arena: Arena) -> None:
    unfinished = arena.home / "database.new-abc"
    (unfinished / "base").mkdir(parents=True)
    if arena.uid is not None:
        for folder in (unfinished, unfinished / "base"):
            os.chown(folder, arena.uid, -1)

    arena.contend().started()

    assert not unfinished.exists()
