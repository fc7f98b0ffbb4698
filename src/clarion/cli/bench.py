"""`clarion bench`: runs the benchmarks of a checkout; each is one file in `bench/`."""

import subprocess
import sys
from pathlib import Path

from clarion.cli.messages import say
from clarion.foundation.errors import ConfigurationError

FOLDER = Path(__file__).resolve().parents[3] / "bench"


def bench(*names: str) -> int:
    """Run the named benchmarks, or list them. Results go to standard output.

    Parameters
    ----------
    names: str
        Names of files in `bench/` without `.py`; `all` for all of them.
    """
    known = _known()
    if not names:
        for name in known:
            say(name)
        return 0
    chosen = list(known) if names == ("all",) else list(names)
    if unknown := [name for name in chosen if name not in known]:
        raise ConfigurationError(f"there is no benchmark {unknown[0]}; there are: {', '.join(known)}")
    return max(_run(known[name]) for name in chosen)


def _known() -> dict[str, Path]:
    files = sorted(FOLDER.glob("*.py")) if FOLDER.is_dir() else []
    found = {file.stem: file for file in files if not file.stem.startswith("_")}
    if not found:
        raise ConfigurationError("benchmarks are part of a source checkout; this installation has none")
    return found


def _run(file: Path) -> int:
    return 1 if subprocess.run([sys.executable, file], check=False).returncode else 0  # noqa: S603 - our own file
