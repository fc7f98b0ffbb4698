"""PostgreSQL's programs get the password in their environment, never in their arguments."""

import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from clarion.cli.local import Local
from clarion.cli.pgtools import PostgresTools, last_line
from clarion.foundation.errors import ConfigurationError
from clarion.foundation.secrets import Secret
from clarion.settings import Settings


def local(url: str) -> Local:
    return Local(replace(Settings(), database_url=Secret(url)), None)


@pytest.mark.parametrize(
    ("url", "address"),
    [
        ("postgresql://clarion:s%40cret@db:5433/clarion?sslmode=require", "postgresql://clarion@db:5433/clarion?sslmode=require"),
        ("postgresql://clarion:secret@/clarion?host=%2Frun", "postgresql://clarion@/clarion?host=%2Frun"),
        ("postgresql://db/clarion", "postgresql://db/clarion"),
    ],
)  # fmt: skip
def test_the_address_has_no_password(url: str, address: str) -> None:
    assert PostgresTools(local(url)).address == address


def test_the_password_goes_into_the_environment_decoded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program = tmp_path / "pg_show"
    program.write_text(f"#!{sys.executable}\nimport os, sys\nprint(os.environ['PGPASSWORD'], sys.argv[1:])\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    tools = PostgresTools(local("postgresql://clarion:s%40cret@db/clarion"))
    shown, _ = tools.start("pg_show", tools.address, stdout=subprocess.PIPE).communicate(timeout=30)
    assert shown.decode().strip() == "s@cret ['postgresql://clarion@db/clarion']"


def test_a_program_that_is_missing_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    with pytest.raises(ConfigurationError, match="pg_missing was not found"):
        PostgresTools(local("postgresql://db/x")).run("pg_missing")


def test_the_telling_line_of_complaints() -> None:
    assert last_line(b"psql:1: ERROR:  relation exists\nLINE 1: ...\nHINT:  do\n") == "psql:1: ERROR:  relation exists"
    assert last_line(b"") == "it gave no reason"
