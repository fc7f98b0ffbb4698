"""`clarion simulate`: the provider simulator alone."""

import asyncio
import contextlib
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from clarion.cli.messages import emit, say
from clarion.cli.options import PortOption
from clarion.foundation.errors import ConfigurationError
from clarion.foundation.telemetry import set_up_logs
from clarion.simulator import SimulatorAddress, serve


def simulate(
    *,
    port: PortOption = None,
    fast: Annotated[bool, Parameter(negative="")] = False,
    directory: Path | None = None,
) -> None:
    """Run the provider simulator until Ctrl-C; its address is printed as one JSON object.

    Parameters
    ----------
    fast: bool
        Answer without checking, for measurements.
    directory: Path
        Folder of the certificate and the journal of requests; temporary if not given.
    """
    set_up_logs("info")
    with _folder(directory) as folder, contextlib.suppress(KeyboardInterrupt):
        try:
            asyncio.run(serve(port or 0, fast=fast, directory=folder, ready=_announce))
        except OSError as error:
            raise ConfigurationError(f"the simulator cannot listen on port {port or 0}: {error.strerror}") from None


@contextmanager
def _folder(given: Path | None) -> Iterator[Path]:
    if given is not None:
        yield given
        return
    with tempfile.TemporaryDirectory(prefix="clarion-simulator-") as folder:
        yield Path(folder)


def _announce(address: SimulatorAddress) -> None:
    emit(address)
    say(f"the provider simulator listens at {address.url}")
