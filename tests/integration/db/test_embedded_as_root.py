"""The embedded database when root runs Clarion: PostgreSQL runs as somebody else. Collected only for root."""

import json
import os
import pwd
import shutil
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.integration.db.embedded_contenders import Arena, new_folder, query

from clarion.db.embedded import EmbeddedDatabaseError, system_user
from clarion.db.embedded.binaries import installed_bin_folders
from clarion.db.embedded.system_user import user_for_new_database

NOBODY = pwd.getpwnam("nobody").pw_uid


@pytest.fixture
def place() -> Iterator[Arena]:
    """A place that everybody can reach, with a folder `closed` in it that only root can enter."""
    arena = Arena(new_folder(None), None)
    (arena.folder / "closed").mkdir(mode=0o700)
    try:
        yield arena
    finally:
        arena.close()


def test_the_server_runs_as_an_unprivileged_user_who_is_noted(place: Arena) -> None:
    place.contend().started()

    user = user_for_new_database()
    assert Path(f"/proc/{place.server_pid()}").stat().st_uid == user.uid != 0
    assert json.loads((place.data_dir / "postgresql.json").read_text()) == {"folder": "postgresql", "user": user.name}
    assert place.home.stat().st_uid == 0, "the server's user must not be able to replace what root reads and writes"


def test_without_a_user_postgres_the_server_runs_as_nobody(place: Arena, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(system_user, "CANDIDATES_FOR_ROOT", ("no-such-user", "nobody"))

    place.contend().started()

    assert Path(f"/proc/{place.server_pid()}").stat().st_uid == NOBODY
    assert json.loads((place.data_dir / "postgresql.json").read_text())["user"] == "nobody"


@pytest.fixture
def private_umask() -> Iterator[None]:
    """New folders are closed to others unless their maker says otherwise."""
    before = os.umask(0o077)
    yield
    os.umask(before)


@pytest.mark.usefixtures("private_umask")
def test_a_closed_data_directory_keeps_its_mode_and_the_files_go_elsewhere(place: Arena) -> None:
    data_dir = place.folder / "closed" / "data"
    maker = place.contend(data_dir)
    query(maker.started().dsn, "create table kept as select 42 as answer")
    maker.stop()

    home = Path(json.loads((data_dir / "postgresql.json").read_text())["folder"])
    assert home.parent == place.folder / "shared"
    assert (home / "data-directory").read_text().strip() == str(data_dir)
    assert stat.S_IMODE(data_dir.parent.stat().st_mode) == 0o700
    assert query(place.contend(data_dir).started().dsn, "select answer from kept") == 42


def test_two_closed_data_directories_have_separate_databases(place: Arena) -> None:
    one, other = (place.contend(place.folder / "closed" / name).started() for name in ("one", "other"))
    query(one.dsn, "create table only_here ()")

    assert query(other.dsn, "select to_regclass('only_here')") is None


def test_no_reachable_folder_stops_with_the_closed_one_and_both_ways_out(place: Arena) -> None:
    closed = place.folder / "closed"

    with pytest.raises(EmbeddedDatabaseError) as caught:
        place.contend(closed / "data", shared_folder=closed / "shared").started()

    assert f"cannot enter {closed}, " in str(caught.value)
    assert "--data-dir" in str(caught.value)
    assert "ordinary user" in str(caught.value)
    assert stat.S_IMODE(closed.stat().st_mode) == 0o700


def test_a_database_moved_into_a_closed_folder_names_that_folder(place: Arena) -> None:
    maker = place.contend()
    maker.started()
    maker.stop()
    moved = place.folder / "closed" / "data"
    place.data_dir.rename(moved)

    with pytest.raises(EmbeddedDatabaseError, match=rf"cannot enter {moved.parent}; .*--data-dir.*ordinary user"):
        place.contend(moved).started()


def test_noted_files_that_are_gone_are_not_replaced_by_an_empty_database(place: Arena) -> None:
    data_dir = place.folder / "closed" / "data"
    maker = place.contend(data_dir)
    maker.started()
    maker.stop()
    shutil.rmtree(place.folder / "shared")

    with pytest.raises(EmbeddedDatabaseError, match="does not exist; put that folder back"):
        place.contend(data_dir).started()


def test_a_note_that_cannot_be_read_is_named(place: Arena) -> None:
    place.data_dir.mkdir()
    (place.data_dir / "postgresql.json").write_text("{}")

    with pytest.raises(EmbeddedDatabaseError, match=r"postgresql\.json cannot be read"):
        place.contend().started()


def test_programs_in_a_closed_folder_are_copied_to_where_the_user_can_run_them(place: Arena) -> None:
    wheel = installed_bin_folders()[0].parent.parent
    closed = place.folder / "closed"
    for tree in (wheel, wheel.with_name(f"{wheel.name}.libs")):
        shutil.copytree(tree, closed / tree.name, symlinks=True)
    bin_folder = closed / wheel.name / installed_bin_folders()[0].parent.name / "bin"

    maker = place.contend(bin_folders=[bin_folder])
    first = maker.started()
    assert first.bin_folder.is_relative_to(place.folder / "shared")
    assert query(first.dsn, "select 1") == 1
    maker.stop()

    assert place.contend(bin_folders=[bin_folder]).started().bin_folder == first.bin_folder


def test_somebody_elses_data_directory_is_refused_with_the_owners_name(place: Arena) -> None:
    maker = place.contend()
    maker.started()
    maker.stop()

    with pytest.raises(EmbeddedDatabaseError, match="belongs to the user root; run Clarion as that user, or choose"):
        place.contend(uid=NOBODY).started()


def test_a_database_that_belongs_to_root_is_refused(place: Arena) -> None:
    maker = place.contend()
    maker.started()
    maker.stop()
    os.chown(place.database, 0, 0)

    with pytest.raises(EmbeddedDatabaseError, match=r"belongs to root.*chown -R"):
        place.contend().started()


def test_root_joins_an_ordinary_users_database_and_leaves_it_usable_for_them(place: Arena) -> None:
    os.chown(place.folder, NOBODY, -1)
    theirs = place.contend(uid=NOBODY)
    theirs.started()
    joined = place.contend()
    assert not joined.started().owned
    joined.stop()
    theirs.stop()
    for name in ("postgresql.lock", "postgresql.users"):
        (place.data_dir / name).unlink()

    roots = place.contend()
    roots.started()
    assert Path(f"/proc/{place.server_pid()}").stat().st_uid == NOBODY
    roots.stop()

    assert query(place.contend(uid=NOBODY).started().dsn, "select 1") == 1
