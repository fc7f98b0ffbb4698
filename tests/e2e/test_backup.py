"""A backup is a whole installation, and what is restored from it sends nothing before it is told to."""

import json
import shutil
from pathlib import Path

import asyncpg
import pytest
from tests.conftest import Server
from tests.e2e.conftest import Clarion

from clarion.db.embedded import EmbeddedPostgres


@pytest.fixture
def saved(clarion: Clarion) -> Path:
    """A backup of an installation with one account."""
    clarion.ok("account", "create", "owner@example.com")
    clarion.ok("backup", "saved.dump")
    return clarion.folder / "saved.dump"


def restored_folder(clarion: Clarion) -> str:
    """A new data directory with the old master key in it."""
    folder = clarion.folder / "restored"
    folder.mkdir(mode=0o711)
    shutil.copy(clarion.folder / "clarion-data" / "master.key", folder)
    return str(folder)


def test_a_restored_installation_is_complete_and_on_hold_until_resumed(clarion: Clarion, saved: Path) -> None:
    folder = restored_folder(clarion)
    clarion.ok("restore", str(saved), "--data-dir", folder)
    accounts = clarion.ok("account", "list", "--data-dir", folder)
    assert [json.loads(line)["email"] for line in accounts.splitlines()] == ["owner@example.com"]
    findings = clarion.run("doctor", "--data-dir", folder)
    assert findings.returncode == 1
    assert "FAIL  sending: on hold since" in findings.stdout
    assert "ok    master key: opens the stored secrets" in findings.stdout
    assert "sending goes on" in clarion.run("resume", "--data-dir", folder).stderr
    assert "not on hold" in clarion.run("resume", "--data-dir", folder).stderr
    assert "ok    sending: not on hold" in clarion.run("doctor", "--data-dir", folder).stdout


def test_the_backup_is_closed_to_others_and_holds_no_master_key(clarion: Clarion, saved: Path) -> None:
    assert saved.stat().st_mode & 0o777 == 0o600
    assert (clarion.folder / "clarion-data" / "master.key").read_text().strip().encode() not in saved.read_bytes()
    assert [file.name for file in clarion.folder.glob("*saved*")] == ["saved.dump"]


def test_without_the_old_master_key_nothing_is_restored(clarion: Clarion, saved: Path) -> None:
    done = clarion.run("restore", str(saved), "--data-dir", "restored")
    assert done.returncode == 1
    assert "master.key" in done.stderr
    assert not (clarion.folder / "restored").exists()


def test_an_installation_in_use_is_not_overwritten(clarion: Clarion, saved: Path) -> None:
    done = clarion.run("restore", str(saved))
    assert done.returncode == 1
    assert "the database is in use" in done.stderr


def test_a_damaged_backup_leaves_the_database_empty(clarion: Clarion, saved: Path) -> None:
    damaged = clarion.folder / "damaged.dump"
    damaged.write_bytes(saved.read_bytes()[:-2000])
    folder = restored_folder(clarion)
    done = clarion.run("restore", str(damaged), "--data-dir", folder)
    assert (done.returncode, done.stderr.count("\n")) == (1, 1)
    clarion.ok("restore", str(saved), "--data-dir", folder)


@pytest.mark.anyio
async def test_dropping_what_was_missed_leaves_nothing_to_send(clarion: Clarion, saved: Path) -> None:
    folder = restored_folder(clarion)
    clarion.ok("restore", str(saved), "--data-dir", folder)
    with EmbeddedPostgres.start(Path(folder)) as embedded:
        connection = await asyncpg.connect(embedded.dsn)
        try:
            await connection.execute(OPEN_WORK)
            assert (
                "1 unfinished sends, 1 schedulers"
                in clarion.run("resume", "--drop-missed", "--data-dir", folder).stderr
            )
            assert await connection.fetchval("select expires_at <= now() from send")
            states = await connection.fetch(
                "select name, state, next_due_at is null as over from scheduler order by name"
            )
        finally:
            await connection.close()
    assert [tuple(row) for row in states] == [("later", "active", False), ("missed", "done", True)]


OPEN_WORK = """
insert into scheduler (account_id, type, name, timing, filter, next_due_at) values
    (1, 'onesend', 'missed', '{}', '{}', now() - interval '1 minute'),
    (1, 'onesend', 'later', '{}', '{}', now() + interval '1 day');
insert into send (account_id, scheduler_id, occurrence, day, push_ids, cutoff_at, due_at, expires_at)
select account_id, id, now(), current_date, '{}', now(), now(), now() + interval '1 day'
from scheduler where name = 'missed';
"""


def test_another_postgresql_is_backed_up_and_restored_too(clarion: Clarion, postgres: Server) -> None:
    names = ["clarion_backup_from", "clarion_backup_to"]
    for name in names:
        postgres.run(f"create database {name}")
    try:
        clarion.environment |= {"CLARION_MASTER_KEY": "ab" * 32}
        here, there = (postgres.database(name) for name in names)
        clarion.ok("account", "create", "owner@example.com", "--database-url", here)
        clarion.ok("backup", "saved.dump", "--database-url", here)
        clarion.ok("restore", "saved.dump", "--database-url", there)
        assert "owner@example.com" in clarion.ok("account", "list", "--database-url", there)
        assert not (clarion.folder / "clarion-data").exists()
    finally:
        for name in names:
            postgres.run(f"drop database {name} with (force)")
