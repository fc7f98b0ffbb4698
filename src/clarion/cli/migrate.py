"""`clarion migrate`: brings the schema up to date, or says whether it is."""

import asyncio
from typing import Annotated

from cyclopts import Parameter

from clarion.cli.local import local_installation
from clarion.cli.messages import say
from clarion.cli.options import Where, settings_for
from clarion.db import migrator


def migrate(*, check: Annotated[bool, Parameter(negative="")] = False, where: Where | None = None) -> int:
    """Bring the database schema up to date. Safe to repeat and to run beside older processes.

    Parameters
    ----------
    check: bool
        Change nothing; exit with status 1 when migrations are pending.
    """
    with local_installation(settings_for(where)) as local:
        return asyncio.run(_check(local.dsn) if check else _apply(local.dsn))


async def _check(dsn: str) -> int:
    pending = await migrator.pending(dsn)
    for name in pending:
        say(f"pending: {name}")
    say(f"{len(pending)} migrations are pending" if pending else "the schema is up to date")
    return 1 if pending else 0


async def _apply(dsn: str) -> int:
    for name in await migrator.migrate(dsn):
        say(f"applied: {name}")
    say("the schema is up to date")
    return 0
