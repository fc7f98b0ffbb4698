"""`clarion work`: only the dispatch of messages, for installations on many machines."""

from clarion.cli.metrics_port import metrics_served
from clarion.cli.options import Where, settings_for
from clarion.cli.running import prepared, supervise
from clarion.cli.supervisor import Role


def work(*, where: Where | None = None) -> int:
    """Plan sends and dispatch messages; the schema must be up to date (`clarion migrate`)."""
    settings = settings_for(where)
    roles = [Role("work", settings.work_processes)]
    with (
        prepared(settings, roles, migrating=False) as ready,
        metrics_served(ready.metrics, host=settings.host, port=settings.metrics_port),
    ):
        return supervise(ready)
