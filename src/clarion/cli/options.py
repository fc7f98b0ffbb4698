"""Options that many commands share, and the settings they lead to."""

import difflib
import os
import stat
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter
from cyclopts.validators import Number

from clarion.cli.messages import say
from clarion.foundation.errors import ConfigurationError
from clarion.foundation.secrets import Secret
from clarion.foundation.telemetry import set_up_logs
from clarion.settings import Settings, known_variables, read_settings, unknown_variables

_PREFIX = "CLARION_"
HostOption = Annotated[str | None, Parameter(help="Address to listen on.")]
PortOption = Annotated[
    int | None, Parameter(help="Port to listen on; 0 takes a free one.", validator=Number(gte=0, lte=65535))
]


@Parameter(name="*")
@dataclass(frozen=True, slots=True)
class Where:
    """Which installation a command works on."""

    data_dir: Annotated[Path | None, Parameter(help="Folder of the embedded database and the master key.")] = None
    database_url: Annotated[str | None, Parameter(help="PostgreSQL to use instead of the embedded one.")] = None


def settings_for(where: Where | None, *, environment: Mapping[str, str] = os.environ, **flags: object) -> Settings:
    """The settings from environment and flags; sets up logs and reports variables that mean nothing.

    Raises `ConfigurationError` for the first wrong value.
    """
    _require_private_key_file(environment)
    settings = read_settings(environment, **_flags(where), **flags)
    set_up_logs(settings.log_level, settings.log_format)
    for name in unknown_variables(environment):
        say(f"clarion: {_unknown(name)}")
    return settings


def _flags(where: Where | None) -> dict[str, object]:
    if where is None:
        return {}
    url = Secret(where.database_url) if where.database_url else None
    return {"data_dir": where.data_dir, "database_url": url}


def _unknown(name: str) -> str:
    names = [known.removeprefix(_PREFIX) for known in known_variables()]
    close = difflib.get_close_matches(name.removeprefix(_PREFIX), names, n=1)
    hint = f"; did you mean {_PREFIX}{close[0]}?" if close else ""
    return f"the variable {name} is unknown and has no effect{hint}"


def _require_private_key_file(environment: Mapping[str, str]) -> None:
    name = environment.get("CLARION_MASTER_KEY_FILE")
    if name and Path(name).is_file():
        require_private(Path(name))


def require_private(path: Path) -> None:
    """`ConfigurationError` when everybody on the machine may read a file that holds a key."""
    if path.stat().st_mode & (stat.S_IROTH | stat.S_IWOTH):
        raise ConfigurationError(f"the master key file {path} is open to everybody; close it with: chmod 600 {path}")
