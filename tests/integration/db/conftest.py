"""Places with and without an embedded database, for root and for an ordinary user."""

import os
import pwd
import subprocess
from collections.abc import Iterator, Sequence

import pytest
from tests.integration.db.embedded_contenders import Arena, new_folder

from clarion.db.embedded.binaries import installed_bin_folders
from clarion.db.embedded.system_user import user_by_id

collect_ignore = [] if os.geteuid() == 0 else ["test_embedded_as_root.py"]


def _uids() -> Sequence[int | None]:
    """Whom to be: ourselves; and where we are root an ordinary user too, if that user can run some PostgreSQL."""
    if os.geteuid() != 0:
        return [None]
    nobody = user_by_id(pwd.getpwnam("nobody").pw_uid)
    usable = any(nobody.can_execute(folder / "postgres") for folder in installed_bin_folders())
    return [None, nobody.uid] if usable else [None]


@pytest.fixture(scope="session", params=_uids(), ids=lambda uid: "oneself" if uid is None else "ordinary-user")
def _made_once(request: pytest.FixtureRequest) -> Iterator[Arena]:
    """An arena with a database in it that has been started and stopped once."""
    arena = Arena(new_folder(request.param), request.param)
    try:
        maker = arena.contend()
        maker.started()
        maker.stop()
        yield arena
    finally:
        arena.close()


@pytest.fixture
def arena(_made_once: Arena) -> Iterator[Arena]:
    """A database that does not run, shared by tests: for those that change neither its files nor their place."""
    try:
        yield _made_once
    finally:
        _made_once.end_processes()


@pytest.fixture
def empty_arena(_made_once: Arena) -> Iterator[Arena]:
    """A place without a database."""
    arena = Arena(new_folder(_made_once.uid), _made_once.uid)
    try:
        yield arena
    finally:
        arena.close()


@pytest.fixture
def own_arena(empty_arena: Arena, _made_once: Arena) -> Arena:
    """A database of the test's own that does not run."""
    subprocess.run(["cp", "-a", _made_once.data_dir, empty_arena.data_dir], check=True)
    return empty_arena
