"""`clarion serve`: a whole installation on one machine."""

from clarion.cli.options import HostOption, PortOption, Where, settings_for
from clarion.cli.running import announce, prepared, supervise
from clarion.cli.supervisor import Role


def serve(*, host: HostOption = None, port: PortOption = None, where: Where | None = None) -> int:
    """Run everything on this machine: migrations, API, console and dispatch.

    Without a database URL an embedded PostgreSQL runs in the data directory and stops again with the command. The first
    SIGTERM or Ctrl-C finishes what is under way (at most 30 seconds), a second one stops at once.
    """
    settings = settings_for(where, host=host, port=port)
    roles = [Role("web", settings.web_processes), Role("work", settings.work_processes)]
    with prepared(settings, roles, migrating=True) as ready:
        return supervise(ready, lambda: announce(ready.settings))
