"""`clarion restore`: makes an installation out of a backup, with sending on hold."""

import asyncio
import shutil
import subprocess
from pathlib import Path

from clarion.bootstrap import open_installation
from clarion.cli.local import KEY_FILE, Local, local_installation
from clarion.cli.messages import say
from clarion.cli.options import Where, settings_for
from clarion.cli.pgtools import PostgresTools, last_line, require_success
from clarion.db.installation import SQL
from clarion.db.migrator import connect, migrate
from clarion.foundation.errors import ConfigurationError
from clarion.settings import Settings


def restore(file: Path, /, *, where: Where | None = None) -> None:
    """Fill an empty database from FILE. Nothing is sent until `clarion resume`.

    The master key of the backed-up installation must be in place: as CLARION_MASTER_KEY, or as `master.key` in the
    data directory.

    Parameters
    ----------
    file: Path
        A file that `clarion backup` wrote.
    """
    settings = settings_for(where)
    if not file.is_file():
        raise ConfigurationError(f"{file} does not exist")
    _require_master_key(settings)
    with local_installation(settings) as local:
        asyncio.run(_require_empty(local.dsn))
        _fill(PostgresTools(local), file)
        asyncio.run(_finish(local))
    say("restored; sending is on hold: check the installation, then run: clarion resume")


def _require_master_key(settings: Settings) -> None:
    if settings.master_key is None and not (settings.data_dir / KEY_FILE).exists():
        raise ConfigurationError(
            "the master key of the backed-up installation is needed: set CLARION_MASTER_KEY, "
            f"or put the file {KEY_FILE} into {settings.data_dir}"
        )


async def _require_empty(dsn: str) -> None:
    connection = await connect(dsn)
    try:
        if await connection.fetchval("select to_regclass('public.installation') is not null"):
            raise ConfigurationError(
                "the database is in use already; restore into a new --data-dir or an empty database"
            )
    finally:
        await connection.close()


def _fill(tools: PostgresTools, file: Path) -> None:
    """All or nothing: the rows and the hold on sending are committed together."""
    reading = tools.start("pg_restore", "--no-owner", "--no-privileges", "--file=-", file, stdout=subprocess.PIPE)
    writing = tools.start(
        "psql",
        *("--no-psqlrc", "--quiet", "--single-transaction", "--set=ON_ERROR_STOP=1", "--file=-", tools.address),
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
    )
    try:
        _copy(reading, writing)
    except BaseException:
        writing.kill()
        writing.wait()
        raise
    finally:
        reading.kill()
        reading.wait()
    require_success(writing, "psql")


def _copy(reading: "subprocess.Popen[bytes]", writing: "subprocess.Popen[bytes]") -> None:
    source, target = reading.stdout, writing.stdin
    if source is None or target is None:
        raise ValueError("the programs must be connected by pipes")
    try:
        shutil.copyfileobj(source, target)
        _, complaints = reading.communicate()
        if reading.returncode != 0:
            raise ConfigurationError(f"the backup cannot be read: {last_line(complaints)}")
        target.write(f"\n{SQL.set_hold.text};\n".encode())
        target.flush()
    except BrokenPipeError:
        require_success(writing, "psql")


async def _finish(local: Local) -> None:
    """Bring an older backup's schema up to date and prove that the master key fits."""
    await migrate(local.dsn)
    async with open_installation(local.settings, connections=1):
        pass
