"""`clarion web`: only the API and the console, for installations on many machines."""

from clarion.cli.options import HostOption, PortOption, Where, settings_for
from clarion.cli.running import announce, prepared, supervise
from clarion.cli.supervisor import Role


def web(*, host: HostOption = None, port: PortOption = None, where: Where | None = None) -> int:
    """Serve the API and the console; the schema must be up to date (`clarion migrate`)."""
    settings = settings_for(where, host=host, port=port)
    with prepared(settings, [Role("web", settings.web_processes)], migrating=False) as ready:
        return supervise(ready, lambda: announce(ready.settings))
