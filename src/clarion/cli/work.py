"""`clarion work`: only the dispatch of messages, for installations on many machines."""

from clarion.cli.options import Where, settings_for
from clarion.cli.running import prepared, supervise
from clarion.cli.supervisor import Role


def work(*, where: Where | None = None) -> int:
    """Plan sends and dispatch messages; the schema must be up to date (`clarion migrate`)."""
    settings = settings_for(where)
    with prepared(settings, [Role("work", settings.work_processes)], migrating=False) as ready:
        return supervise(ready)
