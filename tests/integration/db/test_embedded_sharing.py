"""Several Clarion processes on one embedded database: the first starts it, the last stops it."""

import os
import signal

from tests.integration.db.embedded_contenders import Arena, query, servers_of


def test_the_second_process_joins_and_the_last_one_out_stops_the_server(arena: Arena) -> None:
    first, second = arena.contend(), None
    started = first.started()
    second = arena.contend()
    joined = second.started()
    assert (started.owned, joined.owned) == (True, False)
    assert joined.dsn == started.dsn

    first.stop()
    assert query(joined.dsn, "select 1") == 1

    second.stop()
    assert servers_of(arena.database) == []


def test_a_command_beside_a_running_process_does_not_stop_the_server(arena: Arena) -> None:
    serving = arena.contend()
    dsn = serving.started().dsn
    command = arena.contend()
    command.started()

    command.stop()

    assert query(dsn, "select 1") == 1
    assert not serving.ensure_running()


def test_a_killed_process_no_longer_counts(arena: Arena) -> None:
    killed, last = arena.contend(), arena.contend()
    killed.started()
    last.started()

    killed.kill()
    last.stop()

    assert servers_of(arena.database) == []


def test_processes_that_start_at_the_same_time_make_one_database(empty_arena: Arena) -> None:
    contenders = [empty_arena.contend() for _ in range(3)]
    started = [contender.started() for contender in contenders]

    assert sorted(one.owned for one in started) == [False, False, True]
    assert len({one.dsn for one in started}) == 1
    assert query(started[0].dsn, "select 1") == 1


def test_a_start_that_meets_the_last_stop_has_a_running_server(arena: Arena) -> None:
    leaving = arena.contend()
    leaving.started()
    for _ in range(3):
        coming = arena.contend()
        leaving.stop()
        assert query(coming.started().dsn, "select 1") == 1
        leaving = coming


def test_a_server_whose_processes_were_killed_is_taken_over_and_stopped(arena: Arena) -> None:
    killed = arena.contend()
    killed.started()
    pid = arena.server_pid()
    killed.kill()

    heir = arena.contend()
    started = heir.started()
    assert not started.owned
    assert arena.server_pid() == pid
    assert query(started.dsn, "select 1") == 1

    heir.stop()
    assert servers_of(arena.database) == []


def test_ctrl_c_on_clarion_does_not_reach_the_server(arena: Arena) -> None:
    contender = arena.contend()
    dsn = contender.started().dsn

    assert os.getsid(arena.server_pid()) != os.getsid(contender.pid)
    os.killpg(contender.pid, signal.SIGINT)

    assert query(dsn, "select 1") == 1
    assert not contender.ensure_running()
